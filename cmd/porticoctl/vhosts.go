package main

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

func vhostCommands() map[string]command {
	return map[string]command{
		"add_vhost":    {"<vhost> [--description <description> --tags \"<tag1>,<tag2>,<...>\" --default-queue-type <quorum|classic|stream>]", "Creates a virtual host", 1, 1, addVhost},
		"delete_vhost": {"<vhost>", "Deletes a virtual host", 1, 1, deleteVhost},
		"trace_on":     {"", "Starts tracing a virtual host to the exchange amq.rabbitmq.trace", 0, 0, trace(true)},
		"trace_off":    {"", "Stops tracing a virtual host", 0, 0, trace(false)},
		"list_vhosts":  {"[<column> ...]", "Lists virtual hosts", 0, many, listVhosts},
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

// trace switches tracing. The API takes the rest of the virtual host with it.
func trace(on bool) func(*client, []string, io.Writer) error {
	doing, done := "Stopping", "disabled"
	if on {
		doing, done = "Starting", "enabled"
	}
	return func(c *client, _ []string, out io.Writer) error {
		c.sayf(out, "%s tracing for vhost %q ...", doing, c.opts.vhost)
		var v row
		if err := c.send(http.MethodGet, api("vhosts", c.opts.vhost), nil, &v); missing(err) {
			return noVhost(c.opts.vhost)
		} else if err != nil {
			return err
		}
		kind := v["default_queue_type"]
		if metadata, ok := v["metadata"].(row); ok {
			kind = metadata["default_queue_type"] // what was set, if anything was
		}
		change := row{"description": v["description"], "tags": v["tags"], "tracing": on}
		if kind != nil {
			change["default_queue_type"] = kind
		}
		if err := c.put(api("vhosts", c.opts.vhost), change); err != nil {
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
