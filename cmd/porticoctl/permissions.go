package main

import (
	"fmt"
	"io"
	"net/http"
)

func permissionCommands() map[string]command {
	return map[string]command{
		"set_permissions":             {"[--vhost <vhost>] <username> <conf> <write> <read>", "Sets user permissions for a vhost", 4, 4, setPermissions},
		"clear_permissions":           {"[--vhost <vhost>] <username>", "Revokes user permissions for a vhost", 1, 1, clearPermissions},
		"list_permissions":            {"[--vhost <vhost>]", "Lists user permissions in a virtual host", 0, 0, listPermissions},
		"list_user_permissions":       {"<username>", "Lists permissions of a user across all virtual hosts", 1, 1, listUserPermissions},
		"set_topic_permissions":       {"[--vhost <vhost>] <username> <exchange> <write> <read>", "Sets user topic permissions for an exchange", 4, 4, setTopicPermissions},
		"clear_topic_permissions":     {"[--vhost <vhost>] <username> [<exchange>]", "Clears user topic permissions for a vhost or exchange", 1, 2, clearTopicPermissions},
		"list_topic_permissions":      {"[--vhost <vhost>]", "Lists topic permissions in a virtual host", 0, 0, listTopicPermissions},
		"list_user_topic_permissions": {"<username>", "Lists user topic permissions", 1, 1, listUserTopicPermissions},
	}
}

// userAndVhost tells which of both does not exist.
func (c *client) userAndVhost(user string) error {
	if err := c.send(http.MethodGet, api("users", user), nil, nil); missing(err) {
		return &failure{code: exitNoUser, text: fmt.Sprintf("Error:\nUser %s does not exist", user)}
	} else if err != nil {
		return err
	}
	if err := c.send(http.MethodGet, api("vhosts", c.opts.vhost), nil, nil); missing(err) {
		return &failure{code: exitUnavailable, text: fmt.Sprintf("Error:\nVirtual host %s does not exist", c.opts.vhost)}
	} else if err != nil {
		return err
	}
	return nil
}

func setPermissions(c *client, args []string, out io.Writer) error {
	c.sayf(out, "Setting permissions for user %q in vhost %q ...", args[0], c.opts.vhost)
	if err := c.userAndVhost(args[0]); err != nil {
		return err
	}
	return c.put(api("permissions", c.opts.vhost, args[0]), row{"configure": args[1], "write": args[2], "read": args[3]})
}

func clearPermissions(c *client, args []string, out io.Writer) error {
	c.sayf(out, "Clearing permissions for user %q in vhost %q ...", args[0], c.opts.vhost)
	if err := c.userAndVhost(args[0]); err != nil {
		return err
	}
	return unlessMissing(c.send(http.MethodDelete, api("permissions", c.opts.vhost, args[0]), nil, nil))
}

// unlessMissing is err, or nil when it says that what was to be removed is not there.
func unlessMissing(err error) error {
	if missing(err) {
		return nil
	}
	return err
}

var permissionColumns = []string{"configure", "write", "read"}

func listPermissions(c *client, _ []string, out io.Writer) error {
	c.sayf(out, "Listing permissions for vhost %q ...", c.opts.vhost)
	return c.inVhost(func(vhost string) error {
		return c.list(out, append(columnsNamed("user"), columnsNamed(permissionColumns...)...), "vhosts", vhost, "permissions")
	})
}

// list shows what a resource of the API lists.
func (c *client) list(out io.Writer, columns []column, segments ...string) error {
	var rows []row
	if err := c.send(http.MethodGet, api(segments...), nil, &rows); err != nil {
		return err
	}
	return c.show(out, columns, rows)
}

func listUserPermissions(c *client, args []string, out io.Writer) error {
	c.sayf(out, "Listing permissions for user %q ...", args[0])
	err := c.list(out, append(columnsNamed("vhost"), columnsNamed(permissionColumns...)...), "users", args[0], "permissions")
	return unlessNoUser(err, args[0])
}

func unlessNoUser(err error, name string) error {
	if missing(err) {
		return &failure{code: exitUnavailable, text: fmt.Sprintf("Error:\n{:no_such_user, %q}", name)}
	}
	return err
}

func setTopicPermissions(c *client, args []string, out io.Writer) error {
	c.sayf(out, "Setting topic permissions on %q for user %q in vhost %q ...", args[1], args[0], c.opts.vhost)
	if err := c.userAndVhost(args[0]); err != nil {
		return err
	}
	return c.put(api("topic-permissions", c.opts.vhost, args[0]), row{"exchange": args[1], "write": args[2], "read": args[3]})
}

func clearTopicPermissions(c *client, args []string, out io.Writer) error {
	path := []string{"topic-permissions", c.opts.vhost, args[0]}
	if len(args) > 1 {
		c.sayf(out, "Clearing topic permissions on %q for user %q in vhost %q ...", args[1], args[0], c.opts.vhost)
		path = append(path, args[1])
	} else {
		c.sayf(out, "Clearing topic permissions for user %q in vhost %q ...", args[0], c.opts.vhost)
	}
	if err := c.userAndVhost(args[0]); err != nil {
		return err
	}
	return unlessMissing(c.send(http.MethodDelete, api(path...), nil, nil))
}

func listTopicPermissions(c *client, _ []string, out io.Writer) error {
	c.sayf(out, "Listing topic permissions for vhost %q ...", c.opts.vhost)
	return c.inVhost(func(vhost string) error {
		return c.list(out, columnsNamed("user", "exchange", "write", "read"), "vhosts", vhost, "topic-permissions")
	})
}

func listUserTopicPermissions(c *client, args []string, out io.Writer) error {
	c.sayf(out, "Listing topic permissions for user %q ...", args[0])
	err := c.list(out, columnsNamed("vhost", "exchange", "write", "read"), "users", args[0], "topic-permissions")
	return unlessNoUser(err, args[0])
}
