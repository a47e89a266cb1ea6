package management

import (
	"encoding/base64"
	"net/http"

	"github.com/portico-mq/portico/broker"
)

func userResources() []resource {
	return []resource{
		{path: "/users", get: listUsers, access: administrators},
		{path: "/users/without-permissions", get: listUsersWithoutPermissions, access: administrators},
		{path: "/users/bulk-delete", post: deleteUsers, access: administrators},
		{path: "/users/{user}", get: getUser, put: putUser, delete: deleteUser, access: administrators},
		{path: "/auth/hash_password/{password}", get: hashPassword},
	}
}

// RabbitMQ's names of the ways of hashing.
const hashingPrefix = "rabbit_password_hashing_"

func userObject(u broker.User) object {
	limits := u.Limits
	if limits == nil {
		limits = map[broker.LimitName]int64{}
	}
	return object{
		"name": u.Name, "password_hash": u.PasswordHash, "hashing_algorithm": hashingPrefix + string(u.Hashing),
		"tags": listOf(u.Tags), "limits": limits,
	}
}

func listUsers(c *call) { c.listUsers(func(string) bool { return true }) }

func (c *call) listUsers(show func(name string) bool) {
	var items []object
	for _, u := range c.server.broker.Users() {
		if show(u.Name) {
			items = append(items, userObject(u))
		}
	}
	c.list(items, "name")
}

func listUsersWithoutPermissions(c *call) {
	has := map[string]bool{}
	for _, p := range c.server.broker.Permissions() {
		has[p.User] = true
	}
	c.listUsers(func(name string) bool { return !has[name] })
}

func getUser(c *call) {
	u, err := c.server.broker.User(c.vars["user"])
	if err != nil {
		c.failed(err)
		return
	}
	c.answer(userObject(u))
}

// userBody is a user as PUT and definitions have it.
type userBody struct {
	Name          string                     `json:"name"`
	Password      *string                    `json:"password"`
	PasswordHash  *string                    `json:"password_hash"`
	Hashing       string                     `json:"hashing_algorithm"`
	Tags          any                        `json:"tags"`
	Administrator *bool                      `json:"administrator"`
	Limits        map[broker.LimitName]int64 `json:"limits"`
}

// spec reads a user, in the words of rabbit_auth_backend_internal:put_user.
func (b *userBody) spec() (broker.UserSpec, error) {
	spec := broker.UserSpec{Limits: b.Limits}
	switch {
	case b.Tags == nil && b.Administrator == nil:
		return spec, invalid("tags_not_present")
	case b.Password != nil && b.PasswordHash != nil:
		return spec, invalid("both_password_and_password_hash_are_provided")
	case b.Password != nil:
		spec.Password = *b.Password
	case b.PasswordHash != nil:
		if _, err := base64.StdEncoding.DecodeString(*b.PasswordHash); err != nil {
			return spec, invalid("not_base64: " + *b.PasswordHash)
		}
		spec.PasswordHash = *b.PasswordHash
	}
	if b.Administrator != nil && *b.Administrator {
		spec.Tags = []string{"administrator"}
	}
	if b.Tags != nil {
		var err error
		if spec.Tags, err = readTags(b.Tags); err != nil {
			return spec, err
		}
	}
	for name, n := range b.Limits {
		if reason := checkLimit("user-limits", broker.UserLimits, string(name), n); reason != "" {
			return spec, invalid(reason)
		}
	}
	switch b.Hashing {
	case "":
	case hashingPrefix + "sha256", hashingPrefix + "sha512", hashingPrefix + "md5":
		spec.Hashing = broker.PasswordHashing(b.Hashing[len(hashingPrefix):])
	default:
		return spec, invalid("unknown hashing algorithm: " + b.Hashing)
	}
	return spec, nil
}

func putUser(c *call) {
	var body userBody
	if !c.decode(&body) {
		return
	}
	spec, err := body.spec()
	if err != nil {
		c.failed(err)
		return
	}
	created, err := c.server.broker.SaveUser(c.vars["user"], spec)
	if err != nil {
		c.failed(err)
		return
	}
	c.put(created)
}

func deleteUser(c *call) {
	if err := c.server.broker.DeleteUser(c.vars["user"]); err != nil {
		c.failed(err)
		return
	}
	c.changed()
}

// deleteUsers deletes all of a list, or, when one does not exist, none.
func deleteUsers(c *call) {
	var body struct{ Users []string }
	if !c.decode(&body) {
		return
	}
	for _, name := range body.Users {
		if _, err := c.server.broker.User(name); err != nil {
			c.write(http.StatusBadRequest, object{"error": "bad_request", "reason": []string{"no_such_user", name}})
			return
		}
	}
	for _, name := range body.Users {
		if err := c.server.broker.DeleteUser(name); err != nil && !broker.IsKind(err, broker.KindNotFound) {
			c.failed(err)
			return
		}
	}
	c.changed()
}

func hashPassword(c *call) {
	c.write(http.StatusOK, object{"ok": broker.HashPassword(c.vars["password"], broker.HashSHA256)})
}
