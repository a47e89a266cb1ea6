package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
)

func limitCommands() map[string]command {
	return map[string]command{
		"set_vhost_limits":   {"[--vhost <vhost>] <definition>", "Sets virtual host limits", 1, 1, setVhostLimits},
		"clear_vhost_limits": {"[--vhost <vhost>]", "Clears virtual host limits", 0, 0, clearVhostLimits},
		"list_vhost_limits":  {"[--vhost <vhost>] [--global]", "Displays configured virtual host limits", 0, 0, listVhostLimits},
		"set_user_limits":    {"<username> <definition>", "Sets user limits", 2, 2, setUserLimits},
		"clear_user_limits":  {"<username> <limit_type> | all", "Clears user connection/channel limits", 2, 2, clearUserLimits},
		"list_user_limits":   {"[--user <username>] [--global]", "Displays configured user limits", 0, 0, listUserLimits},
	}
}

func setVhostLimits(c *client, args []string, out io.Writer) error {
	c.sayf(out, `Setting vhost limits to "%s" for vhost "%s" ...`, args[0], c.opts.vhost)
	value, err := jsonOf(args[0])
	if err != nil {
		return err
	}
	return c.inVhost(func(vhost string) error {
		return c.put(api("parameters", "vhost-limits", vhost, "limits"), row{"value": value})
	})
}

func clearVhostLimits(c *client, _ []string, out io.Writer) error {
	c.sayf(out, `Clearing vhost "%s" limits ...`, c.opts.vhost)
	return unlessMissing(c.send(http.MethodDelete, api("parameters", "vhost-limits", c.opts.vhost, "limits"), nil, nil))
}

// listVhostLimits shows those of one virtual host as one line of JSON, and with --global a table of all.
func listVhostLimits(c *client, _ []string, out io.Writer) error {
	path := []string{"vhost-limits"}
	if c.opts.global {
		c.sayf(out, "Listing limits for all vhosts ...")
	} else {
		c.sayf(out, `Listing limits for vhost "%s" ...`, c.opts.vhost)
		path = append(path, c.opts.vhost)
	}
	return c.inVhost(func(string) error { return c.listLimits(out, "vhost", path) })
}

func (c *client) listLimits(out io.Writer, owner string, path []string) error {
	var rows []row
	if err := c.send(http.MethodGet, api(path...), nil, &rows); err != nil {
		return err
	}
	for _, r := range rows {
		r["value"] = compactJSON(r["value"])
	}
	if c.opts.global || c.opts.formatter != "" && c.opts.formatter != "table" {
		return c.show(out, []column{{owner, owner}, {"value", "limits"}}, rows)
	}
	line := ""
	if owner == "user" {
		line = "{}"
	}
	for _, r := range rows {
		line = cell(r["value"])
	}
	fmt.Fprintln(out, line)
	return nil
}

func setUserLimits(c *client, args []string, out io.Writer) error {
	c.sayf(out, `Setting user limits to "%s" for user "%s" ...`, args[1], args[0])
	value, err := jsonOf(args[1])
	if err != nil {
		return err
	}
	var limits map[string]json.RawMessage
	if json.Unmarshal(value, &limits) != nil {
		return &failure{code: exitUnavailable, text: "Error:\nlimits must be an object"}
	}
	if _, err := c.user(args[0]); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(limits)) {
		if err := c.put(api("user-limits", args[0], name), row{"value": limits[name]}); err != nil {
			return err
		}
	}
	return nil
}

func clearUserLimits(c *client, args []string, out io.Writer) error {
	names := []string{args[1]}
	if args[1] == "all" {
		c.sayf(out, `Clearing all limits for user "%s" ...`, args[0])
		names = []string{"max-connections", "max-channels"}
	} else {
		c.sayf(out, `Clearing "%s" limit for user "%s" ...`, args[1], args[0])
	}
	if _, err := c.user(args[0]); err != nil {
		return err
	}
	for _, name := range names {
		if err := c.send(http.MethodDelete, api("user-limits", args[0], name), nil, nil); err != nil {
			return err
		}
	}
	return nil
}

func listUserLimits(c *client, _ []string, out io.Writer) error {
	path := []string{"user-limits"}
	if c.opts.global {
		c.sayf(out, "Listing limits for all users ...")
	} else {
		name := c.opts.ofUser
		if name == "" {
			name = "guest"
		}
		c.sayf(out, `Listing limits for user "%s" ...`, name)
		path = append(path, name)
		if _, err := c.user(name); err != nil {
			return err
		}
	}
	return c.listLimits(out, "user", path)
}
