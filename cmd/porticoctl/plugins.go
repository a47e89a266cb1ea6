package main

import (
	"fmt"
	"io"
	"regexp"
	"strings"
)

// The commands of rabbitmq-plugins. What RabbitMQ's plugins do is built in: it is on, and cannot be switched off.

// plugins are those of RabbitMQ whose work Portico does.
var plugins = []string{
	"rabbitmq_auth_mechanism_ssl", "rabbitmq_consistent_hash_exchange", "rabbitmq_delayed_message_exchange", "rabbitmq_management",
	"rabbitmq_management_agent", "rabbitmq_prometheus", "rabbitmq_random_exchange", "rabbitmq_recent_history_exchange",
	"rabbitmq_stomp", "rabbitmq_web_stomp",
}

// pluginCommands are there when the program is called rabbitmq-plugins.
func pluginCommands() map[string]command {
	return map[string]command{
		"list":        {"[<pattern>] [-m] [-e] [-E] [-v]", "Lists plugins and their state", 0, 1, listPlugins},
		"enable":      {"<plugin> ...", "Enables plugins", 1, many, enablePlugins},
		"disable":     {"<plugin> ...", "Refused: plugins are built in", 1, many, disablePlugins},
		"is_enabled":  {"<plugin> ...", "Checks that plugins are enabled", 1, many, arePluginsEnabled},
		"directories": {"", "Refused: plugins are built in", 0, 0, refuse("directories", "plugins are built in")},
		"set":         {"<plugin> ...", "Refused: plugins are built in", 0, many, refuse("set", "plugins are built in")},
	}
}

func listPlugins(c *client, args []string, out io.Writer) error {
	pattern := ".*"
	if len(args) > 0 {
		pattern = args[0]
	}
	matches, err := regexp.Compile(pattern)
	if err != nil {
		return &failure{code: exitData, text: "Error: " + err.Error(), usage: true}
	}
	c.sayf(out, "Listing plugins with pattern \"%s\" ...", pattern)
	version := ""
	if o, _, err := c.nodeState(); err == nil {
		version = o.Version
	} else if !c.opts.minimal {
		return err
	}
	if !c.opts.minimal {
		fmt.Fprintf(out, " Configured: E = explicitly enabled; e = implicitly enabled\n | Status: * = running on %s\n |/\n", node())
	}
	width := 0
	for _, name := range plugins {
		width = max(width, len(name))
	}
	for _, name := range plugins {
		switch {
		case !matches.MatchString(name):
		case c.opts.minimal:
			fmt.Fprintln(out, name)
		default:
			fmt.Fprintf(out, "[E*] %-*s %s\n", width, name, version)
		}
	}
	return nil
}

// missingPlugins are those of the names that there are not.
func missingPlugins(names []string) []string {
	var missing []string
	for _, name := range names {
		found := false
		for _, known := range plugins {
			found = found || known == name
		}
		if !found {
			missing = append(missing, name)
		}
	}
	return missing
}

func enablePlugins(c *client, args []string, out io.Writer) error {
	c.sayf(out, "Enabling plugins on node %s:\n%s", node(), strings.Join(args, "\n"))
	if missing := missingPlugins(args); len(missing) > 0 {
		return &failure{code: exitSoftware, text: "Error:\n{:plugins_not_found, [:" + strings.Join(missing, ", :") + "]}"}
	}
	c.quietlyf(out, "Plugin configuration unchanged.")
	return nil
}

func disablePlugins(_ *client, args []string, _ io.Writer) error {
	if len(missingPlugins(args)) == len(args) {
		return nil // they are not enabled
	}
	return &failure{code: exitUnavailable, text: "Error: disable is not supported: plugins are built in; a listener is not opened when its address is off"}
}

func arePluginsEnabled(c *client, args []string, out io.Writer) error {
	if len(args) == 1 {
		c.sayf(out, "Asking node %s if plugin %s is enabled...", node(), args[0])
	} else {
		c.sayf(out, "Asking node %s if plugins %s are enabled...", node(), strings.Join(args, ", "))
	}
	missing := missingPlugins(args)
	switch {
	case len(missing) > 0:
		return &failure{code: exitUnavailable, text: fmt.Sprintf("Error:\nPlugin %s is not enabled on node %s", strings.Join(missing, ", "), node())}
	case len(args) == 1:
		c.quietlyf(out, "Plugin %s is enabled on node %s", args[0], node())
	default:
		c.quietlyf(out, "Plugins %s are enabled on node %s", strings.Join(args, ", "), node())
	}
	return nil
}
