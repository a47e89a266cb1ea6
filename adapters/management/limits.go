package management

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/portico-mq/portico/broker"
)

func limitResources() []resource {
	return []resource{
		{path: "/vhost-limits", get: listVhostLimits},
		{path: "/vhost-limits/{vhost}", get: listVhostLimits, access: visible},
		{path: "/vhost-limits/{vhost}/{limit}", put: putVhostLimit, delete: deleteVhostLimit, access: administrators},
		{path: "/user-limits", get: listUserLimits},
		{path: "/user-limits/{user}", get: listUserLimits},
		{path: "/user-limits/{user}/{limit}", put: putUserLimit, delete: deleteUserLimit, access: administrators},
	}
}

// checkLimit returns what is wrong with a limit, as RabbitMQ words it; "" when nothing is. value is a number or JSON.
func checkLimit(what string, known []broker.LimitName, name string, value any) string {
	n, isInteger := value.(int64)
	raw, isJSON := value.(json.RawMessage)
	if isJSON {
		isInteger = json.Unmarshal(raw, &n) == nil
	}
	text := fmt.Sprint(n)
	if isJSON {
		text = erlangTerm(raw)
	}
	switch {
	case !slices.Contains(known, broker.LimitName(name)):
		return fmt.Sprintf(`Unrecognised terms [{<<"%s">>,%s}] in %s`, name, text, what)
	case !isInteger:
		return fmt.Sprintf("%s should be a number, actually was %s", name, text)
	}
	return ""
}

func limitsObject(limits map[broker.LimitName]int64) map[broker.LimitName]int64 {
	if limits == nil {
		return map[broker.LimitName]int64{}
	}
	return limits
}

func listVhostLimits(c *call) {
	names := c.visibleVhosts()
	if name, ok := c.vars["vhost"]; ok {
		if !c.hasVhost() {
			return
		}
		names = []string{name}
	}
	items := []object{}
	for _, name := range names {
		if info, err := c.server.broker.NamespaceInfo(name); err == nil && info.Limits != nil {
			items = append(items, object{"vhost": name, "value": info.Limits})
		}
	}
	c.list(items, "vhost")
}

// valueBody reads the value of a limit or parameter; false when it was answered already.
func (c *call) valueBody() (json.RawMessage, bool) {
	var body struct{ Value json.RawMessage }
	if !c.decode(&body) {
		return nil, false
	}
	if body.Value == nil {
		c.missingKey("value")
		return nil, false
	}
	return body.Value, true
}

func putVhostLimit(c *call) {
	value, ok := c.valueBody()
	if !ok {
		return
	}
	if reason := checkLimit("limits", broker.NamespaceLimits, c.vars["limit"], value); reason != "" {
		c.badRequest("Validation failed\n\n" + reason + "\n")
		return
	}
	var n int64
	_ = json.Unmarshal(value, &n) // it was checked
	err := c.server.broker.ChangeNamespaceLimits(c.vars["vhost"], func(limits map[broker.LimitName]int64) map[broker.LimitName]int64 {
		if limits == nil {
			limits = map[broker.LimitName]int64{}
		}
		limits[broker.LimitName(c.vars["limit"])] = n
		return limits
	})
	c.changedIn(err)
}

// changedIn answers a change in a virtual host.
func (c *call) changedIn(err error) {
	switch {
	case err == nil:
		c.changed()
	case broker.IsKind(err, broker.KindNotFound):
		c.noVhost()
	default:
		c.failed(err)
	}
}

func deleteVhostLimit(c *call) {
	c.changedIn(c.server.broker.ChangeNamespaceLimits(c.vars["vhost"], func(limits map[broker.LimitName]int64) map[broker.LimitName]int64 {
		delete(limits, broker.LimitName(c.vars["limit"]))
		return limits
	}))
}

// listUserLimits shows those of all users to who monitors, and to others their own.
func listUserLimits(c *call) {
	only, one := c.vars["user"]
	if one {
		if _, err := c.server.broker.User(only); err != nil {
			c.failed(err)
			return
		}
	}
	items := []object{}
	for _, u := range c.server.broker.Users() {
		switch {
		case len(u.Limits) == 0, one && u.Name != only, !isMonitor(c.user) && u.Name != c.user.Name():
		default:
			items = append(items, object{"user": u.Name, "value": u.Limits})
		}
	}
	c.list(items, "user")
}

func putUserLimit(c *call) {
	value, ok := c.valueBody()
	if !ok {
		return
	}
	if reason := checkLimit("user-limits", broker.UserLimits, c.vars["limit"], value); reason != "" {
		c.badRequest(reason)
		return
	}
	var n int64
	_ = json.Unmarshal(value, &n) // it was checked
	c.changedOf(c.server.broker.SetUserLimit(c.vars["user"], broker.LimitName(c.vars["limit"]), n))
}

func deleteUserLimit(c *call) {
	c.changedOf(c.server.broker.ClearUserLimit(c.vars["user"], broker.LimitName(c.vars["limit"])))
}

// changedOf answers a change of a user.
func (c *call) changedOf(err error) {
	switch {
	case err == nil:
		c.changed()
	case broker.IsKind(err, broker.KindNotFound):
		c.write(http.StatusBadRequest, object{"error": "bad_request", "reason": []string{"no_such_user", c.vars["user"]}})
	default:
		c.failed(err)
	}
}

// erlangTerm prints a value of JSON as RabbitMQ prints it in its errors.
func erlangTerm(raw json.RawMessage) string {
	var v any
	decoder := json.NewDecoder(strings.NewReader(string(raw)))
	decoder.UseNumber()
	if decoder.Decode(&v) != nil {
		return string(raw)
	}
	return erlangValue(v)
}

func erlangValue(v any) string {
	switch v := v.(type) {
	case string:
		return `<<"` + v + `">>`
	case nil:
		return "null"
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = erlangValue(v[i])
		}
		return "[" + strings.Join(parts, ",") + "]"
	case map[string]any:
		parts := make([]string, 0, len(v))
		for name, value := range v {
			parts = append(parts, fmt.Sprintf(`<<"%s">> => %s`, name, erlangValue(value)))
		}
		slices.Sort(parts)
		return "#{" + strings.Join(parts, ",") + "}"
	default:
		return fmt.Sprint(v)
	}
}
