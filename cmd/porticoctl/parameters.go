package main

import (
	"io"
	"net/http"
)

func parameterCommands() map[string]command {
	return map[string]command{
		"set_parameter":          {"[--vhost <vhost>] <component_name> <name> <value>", "Sets a runtime parameter.", 3, 3, setParameter},
		"clear_parameter":        {"[--vhost <vhost>] <component_name> <name>", "Clears a runtime parameter.", 2, 2, clearParameter},
		"list_parameters":        {"[--vhost <vhost>]", "Lists runtime parameters for a virtual host", 0, 0, listParameters},
		"set_global_parameter":   {"<name> <value>", "Sets a runtime parameter.", 2, 2, setGlobalParameter},
		"clear_global_parameter": {"<name>", "Clears a global runtime parameter", 1, 1, clearGlobalParameter},
		"list_global_parameters": {"", "Lists global runtime parameters", 0, 0, listGlobalParameters},
	}
}

func setParameter(c *client, args []string, out io.Writer) error {
	c.sayf(out, `Setting runtime parameter "%s" for component "%s" to "%s" in vhost "%s" ...`, args[1], args[0], args[2], c.opts.vhost)
	value, err := jsonOf(args[2])
	if err != nil {
		return err
	}
	return c.inVhost(func(vhost string) error {
		return c.put(api("parameters", args[0], vhost, args[1]), row{"value": value})
	})
}

func clearParameter(c *client, args []string, out io.Writer) error {
	c.sayf(out, `Clearing runtime parameter "%s" for component "%s" on vhost "%s" ...`, args[1], args[0], c.opts.vhost)
	err := c.send(http.MethodDelete, api("parameters", args[0], c.opts.vhost, args[1]), nil, nil)
	if missing(err) {
		return noParameter()
	}
	return err
}

func listParameters(c *client, _ []string, out io.Writer) error {
	c.sayf(out, "Listing runtime parameters for vhost %q ...", c.opts.vhost)
	return c.inVhost(func(vhost string) error {
		var rows, of []row
		if err := c.send(http.MethodGet, api("parameters"), nil, &rows); err != nil {
			return err
		}
		if err := c.send(http.MethodGet, api("vhosts", vhost), nil, nil); err != nil {
			return err
		}
		for _, r := range rows {
			if r["vhost"] == vhost {
				r["value"] = compactJSON(r["value"])
				of = append(of, r)
			}
		}
		return c.show(out, columnsNamed("component", "name", "value"), of)
	})
}

func setGlobalParameter(c *client, args []string, out io.Writer) error {
	c.sayf(out, `Setting global runtime parameter "%s" to "%s" ...`, args[0], args[1])
	value, err := jsonOf(args[1])
	if err != nil {
		return err
	}
	return c.put(api("global-parameters", args[0]), row{"value": value})
}

func clearGlobalParameter(c *client, args []string, out io.Writer) error {
	c.sayf(out, `Clearing global runtime parameter "%s" ...`, args[0])
	err := c.send(http.MethodDelete, api("global-parameters", args[0]), nil, nil)
	if missing(err) {
		return noParameter()
	}
	return err
}

func listGlobalParameters(c *client, _ []string, out io.Writer) error {
	c.sayf(out, "Listing global runtime parameters ...")
	var rows []row
	if err := c.send(http.MethodGet, api("global-parameters"), nil, &rows); err != nil {
		return err
	}
	for _, r := range rows {
		r["value"] = compactJSON(r["value"])
	}
	return c.show(out, columnsNamed("name", "value"), rows)
}
