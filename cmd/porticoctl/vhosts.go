package main

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
)

func vhostCommands() map[string]command {
	return map[string]command{
		"add_vhost":      {"<vhost> [--description <description> --tags \"<tag1>,<tag2>,<...>\" --default-queue-type <quorum|classic|stream>]", "Creates a virtual host", 1, 1, addVhost},
		"delete_vhost":   {"<vhost>", "Deletes a virtual host", 1, 1, deleteVhost},
		"set_vhost_tags": {"<vhost> <tag> [...]", "Sets virtual host tags", 1, many, setVhostTags},
		"restart_vhost":  {"", "Tells that the virtual host runs: it does as long as the broker", 0, 0, restartVhost},
		"trace_on":       {"", "Starts tracing a virtual host to the exchange amq.rabbitmq.trace", 0, 0, trace(true)},
		"trace_off":      {"", "Stops tracing a virtual host", 0, 0, trace(false)},
		"list_vhosts":    {"[<column> ...]", "Lists virtual hosts", 0, many, listVhosts},
	}
}

func addVhost(c *client, args []string, out io.Writer) error {
	c.sayf(out, "Adding vhost %q ...", args[0])
	err := c.send(http.MethodGet, api("vhosts", args[0]), nil, nil)
	if err == nil { // one that is there stays as it is
		return nil
	}
	if !missing(err) {
		return err
	}
	return c.put(api("vhosts", args[0]), row{
		"description": c.opts.description, "tags": c.opts.tags, "default_queue_type": c.opts.defaultQueueType,
	})
}

// changeVhost changes some of what a virtual host is described by. The API takes all of it.
func (c *client) changeVhost(name string, change row) error {
	var v row
	if err := c.send(http.MethodGet, api("vhosts", name), nil, &v); missing(err) {
		return noVhost(name)
	} else if err != nil {
		return err
	}
	all := row{"description": v["description"], "tags": v["tags"]}
	if metadata, ok := v["metadata"].(row); ok && metadata["default_queue_type"] != nil {
		all["default_queue_type"] = metadata["default_queue_type"] // what was set, if anything was
	}
	maps.Copy(all, change)
	return c.put(api("vhosts", name), all)
}

func setVhostTags(c *client, args []string, out io.Writer) error {
	c.sayf(out, "Setting tags for virtual host %q to [%s] ...", args[0], strings.Join(args[1:], ", "))
	return c.changeVhost(args[0], row{"tags": args[1:]})
}

func restartVhost(c *client, _ []string, out io.Writer) error {
	c.sayf(out, "Trying to restart vhost '%s' on node '%s' ...", c.opts.vhost, node())
	if err := c.send(http.MethodGet, api("vhosts", c.opts.vhost), nil, nil); missing(err) {
		return noVhost(c.opts.vhost)
	} else if err != nil {
		return err
	}
	c.quietlyf(out, "Vhost '%s' is already running on node '%s'", c.opts.vhost, node())
	return nil
}

// trace switches tracing.
func trace(on bool) func(*client, []string, io.Writer) error {
	doing, done := "Stopping", "disabled"
	if on {
		doing, done = "Starting", "enabled"
	}
	return func(c *client, _ []string, out io.Writer) error {
		c.sayf(out, "%s tracing for vhost %q ...", doing, c.opts.vhost)
		if err := c.changeVhost(c.opts.vhost, row{"tracing": on}); err != nil {
			return err
		}
		c.quietlyf(out, "Trace %s for vhost %s", done, c.opts.vhost)
		return nil
	}
}

func deleteVhost(c *client, args []string, out io.Writer) error {
	c.sayf(out, "Deleting vhost %q ...", args[0])
	err := c.send(http.MethodDelete, api("vhosts", args[0]), nil, nil)
	if missing(err) {
		return noVhost(args[0])
	}
	return err
}

var vhostColumns = []string{"name", "description", "tags", "default_queue_type", "tracing", "cluster_state"}

func listVhosts(c *client, args []string, out io.Writer) error {
	var unknown []string
	for _, name := range args {
		if !slices.Contains(vhostColumns, name) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		return &failure{
			code: exitUsage, usage: true,
			text: fmt.Sprintf("Info key(s) %s are not supported", strings.Join(unknown, ",")),
		}
	}
	if len(args) == 0 {
		args = []string{"name"}
	}
	c.sayf(out, "Listing vhosts ...")
	var vhosts []row
	if err := c.send(http.MethodGet, api("vhosts"), nil, &vhosts); err != nil {
		return err
	}
	return c.show(out, columnsNamed(args...), vhosts)
}

// inVhost runs f and tells when there is no virtual host of the flag's name.
func (c *client) inVhost(f func(vhost string) error) error {
	err := f(c.opts.vhost)
	if !missing(err) {
		return err
	}
	if v := c.send(http.MethodGet, api("vhosts", c.opts.vhost), nil, nil); missing(v) {
		return noVhost(c.opts.vhost)
	}
	return err
}
