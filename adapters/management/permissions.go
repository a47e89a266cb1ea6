package management

import (
	"net/http"

	"github.com/portico-mq/portico/broker"
)

func permissionResources() []resource {
	return []resource{
		{path: "/permissions", get: listPermissions, access: administrators},
		{path: "/permissions/{vhost}/{user}", get: getPermission, put: putPermission, delete: deletePermission, access: administrators},
		{path: "/vhosts/{vhost}/permissions", get: listPermissions, access: administrators},
		{path: "/users/{user}/permissions", get: listPermissions, access: administrators},
		{path: "/topic-permissions", get: listTopicPermissions, access: administrators},
		{
			path: "/topic-permissions/{vhost}/{user}", access: administrators,
			get: getTopicPermissions, put: putTopicPermission, delete: deleteTopicPermissions,
		},
		{path: "/topic-permissions/{vhost}/{user}/{exchange}", delete: deleteTopicPermissions, access: administrators},
		{path: "/vhosts/{vhost}/topic-permissions", get: listTopicPermissions, access: administrators},
		{path: "/users/{user}/topic-permissions", get: listTopicPermissions, access: administrators},
	}
}

func permissionObject(p broker.UserPermission) object {
	return object{"user": p.User, "vhost": p.Namespace, "configure": p.Configure, "write": p.Write, "read": p.Read}
}

func topicPermissionObject(p broker.UserTopicPermission) object {
	return object{"user": p.User, "vhost": p.Namespace, "exchange": p.Exchange, "write": p.Write, "read": p.Read}
}

// named answers 404 when the path names a virtual host or user that does not exist.
func (c *call) named() bool {
	if _, ok := c.vars["vhost"]; ok && !c.hasVhost() {
		return false
	}
	name, ok := c.vars["user"]
	if !ok {
		return true
	}
	_, err := c.server.broker.User(name)
	if err != nil {
		c.failed(err)
	}
	return err == nil
}

// concerns reports whether what belongs to a user in a virtual host is what the path names.
func (c *call) concerns(user, vhost string) bool {
	wantUser, hasUser := c.vars["user"]
	wantVhost, hasVhost := c.vars["vhost"]
	return (!hasUser || user == wantUser) && (!hasVhost || vhost == wantVhost)
}

func (c *call) permissions() []object {
	var items []object
	for _, p := range c.server.broker.Permissions() {
		if c.concerns(p.User, p.Namespace) {
			items = append(items, permissionObject(p))
		}
	}
	return items
}

func (c *call) topicPermissions() []object {
	items := []object{}
	for _, p := range c.server.broker.TopicPermissions() {
		if c.concerns(p.User, p.Namespace) {
			items = append(items, topicPermissionObject(p))
		}
	}
	return items
}

func listPermissions(c *call) {
	if c.named() {
		c.list(c.permissions(), "vhost", "user")
	}
}

func listTopicPermissions(c *call) {
	if c.named() {
		c.list(c.topicPermissions(), "vhost", "user", "exchange")
	}
}

func getPermission(c *call) {
	items := c.permissions()
	if len(items) == 0 {
		c.notFound()
		return
	}
	c.answer(items[0])
}

func getTopicPermissions(c *call) {
	items := c.topicPermissions()
	if len(items) == 0 {
		c.notFound()
		return
	}
	c.list(items, "exchange")
}

// patterns are what PUT takes; RabbitMQ wants all of them.
type patterns struct {
	Exchange  *string `json:"exchange"`
	Configure *string `json:"configure"`
	Write     *string `json:"write"`
	Read      *string `json:"read"`
}

func putPermission(c *call) {
	var body patterns
	if !c.decode(&body) {
		return
	}
	switch {
	case body.Configure == nil:
		c.missingKey("configure")
	case body.Write == nil:
		c.missingKey("write")
	case body.Read == nil:
		c.missingKey("read")
	default:
		created := len(c.permissions()) == 0
		err := c.server.broker.SetPermission(c.vars["user"], c.vars["vhost"],
			broker.Permission{Configure: *body.Configure, Write: *body.Write, Read: *body.Read})
		c.putRight(created, err)
	}
}

func putTopicPermission(c *call) {
	var body patterns
	if !c.decode(&body) {
		return
	}
	switch {
	case body.Exchange == nil:
		c.missingKey("exchange")
	case body.Write == nil:
		c.missingKey("write")
	case body.Read == nil:
		c.missingKey("read")
	default:
		created := len(c.topicPermissions()) == 0
		err := c.server.broker.SetTopicPermission(c.vars["user"], c.vars["vhost"], *body.Exchange,
			broker.TopicPermission{Write: *body.Write, Read: *body.Read})
		c.putRight(created, err)
	}
}

// putRight answers the change of a permission.
func (c *call) putRight(created bool, err error) {
	switch {
	case err == nil:
		c.put(created)
	case broker.IsKind(err, broker.KindNotFound):
		c.badRequest("vhost_or_user_not_found")
	case broker.IsKind(err, broker.KindInvalid):
		c.write(http.StatusBadRequest, object{"error": "bad_request", "reason": invalidPattern(err)})
	default:
		c.failed(err)
	}
}

func deletePermission(c *call) {
	if len(c.permissions()) == 0 {
		c.notFound()
		return
	}
	if err := c.server.broker.ClearPermission(c.vars["user"], c.vars["vhost"]); err != nil {
		c.failed(err)
		return
	}
	c.changed()
}

func deleteTopicPermissions(c *call) {
	if len(c.topicPermissions()) == 0 {
		c.notFound()
		return
	}
	if err := c.server.broker.ClearTopicPermissions(c.vars["user"], c.vars["vhost"], c.vars["exchange"]); err != nil {
		c.failed(err)
		return
	}
	c.changed()
}
