package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
)

// Commands about the cluster, which is one node.

func clusterCommands() map[string]command {
	return map[string]command{
		"cluster_status":               {"", "Displays the node and what it listens on", 0, 0, clusterStatus},
		"set_cluster_name":             {"<name>", "Sets the cluster name", 1, 1, setClusterName},
		"await_online_nodes":           {"<count>", "Waits for <count> nodes, of which there is one", 1, 1, awaitNodes},
		"list_feature_flags":           {"[<column> ...]", "Lists feature flags", 0, many, listFeatureFlags},
		"enable_feature_flag":          {"<flag>|all", "Enables a feature flag, or all", 1, 1, enableFeatureFlag},
		"list_node_auth_attempt_stats": {"", "Lists attempts to log in", 0, 0, listAttempts},
		"rotate_logs":                  {"", "Does nothing [deprecated]", 0, 0, rotateLogs},
	}
}

func setClusterName(c *client, args []string, out io.Writer) error {
	c.sayf(out, "Setting cluster name to %s ...", args[0])
	return c.put(api("cluster-name"), row{"name": args[0]})
}

func clusterStatus(c *client, _ []string, out io.Writer) error {
	c.sayf(out, "Cluster status of node %s ...", node())
	o, n, err := c.nodeState()
	if err != nil {
		return err
	}
	if c.opts.formatter == "json" {
		return json.NewEncoder(out).Encode(row{
			"cluster_name": o.Cluster, "disk_nodes": []string{node()}, "running_nodes": []string{node()}, "ram_nodes": []string{},
			"alarms": n.alarms(), "partitions": row{}, "feature_flags": []string{},
			"listeners":          row{node(): statusObject(o, n)["listeners"]},
			"versions":           row{node(): row{"rabbitmq_version": o.Version}},
			"maintenance_status": row{node(): "not under maintenance"},
		})
	}
	section := func(title string) { fmt.Fprintf(out, "\x1b[1m%s\x1b[0m\n\n", title) }
	section("Basics")
	fmt.Fprintf(out, "Cluster name: %s\n\n", o.Cluster)
	section("Disk Nodes")
	fmt.Fprintf(out, "%s\n\n", node())
	section("Running Nodes")
	fmt.Fprintf(out, "%s\n\n", node())
	section("Versions")
	fmt.Fprintf(out, "%s: RabbitMQ %s\n\n", node(), o.Version)
	section("Maintenance status")
	fmt.Fprintf(out, "Node: %s, status: not under maintenance\n\n", node())
	section("Alarms")
	for _, a := range n.alarms() {
		fmt.Fprintln(out, a)
	}
	if len(n.alarms()) == 0 {
		fmt.Fprintln(out, "(none)")
	}
	fmt.Fprintln(out)
	section("Network Partitions")
	fmt.Fprint(out, "(none)\n\n")
	section("Listeners")
	for _, l := range o.Listeners {
		fmt.Fprintf(out, "Node: %s, interface: %s, port: %d, protocol: %s\n", node(), l.Address, l.Port, l.Protocol)
	}
	return nil
}

// awaitNodes waits until the node is ready; more than one there will never be.
func awaitNodes(c *client, args []string, out io.Writer) error {
	n, err := strconv.Atoi(args[0])
	if err != nil || n < 1 {
		return &failure{code: exitData, usage: true, text: "Bad argument."}
	}
	if n > 1 {
		return &failure{code: exitUnavailable, text: "Error: there is one node only"}
	}
	c.sayf(out, "Will wait for at least 1 nodes to join the cluster of %s. Timeout: %d seconds.", node(), int(startupTimeout.Seconds()))
	return awaitStartup(c, nil, out)
}

var featureFlagColumns = []string{"name", "state", "stability", "provided_by", "desc", "doc_url"}

func listFeatureFlags(c *client, args []string, out io.Writer) error {
	for _, name := range args {
		if !slices.Contains(featureFlagColumns, name) {
			return &failure{code: exitUsage, usage: true, text: fmt.Sprintf("Info key(s) %s are not supported", name)}
		}
	}
	if len(args) == 0 {
		args = featureFlagColumns[:2]
	}
	c.sayf(out, "Listing feature flags ...")
	var flags []row
	if err := c.send(http.MethodGet, api("feature-flags"), nil, &flags); err != nil {
		return err
	}
	return c.show(out, columnsNamed(args...), flags)
}

func enableFeatureFlag(c *client, args []string, out io.Writer) error {
	if args[0] == "all" {
		c.sayf(out, "Enabling all feature flags ...")
		return c.send(http.MethodGet, api("feature-flags"), nil, nil) // which needs a node that runs
	}
	c.sayf(out, "Enabling feature flag %q ...", args[0])
	err := c.send(http.MethodPut, api("feature-flags", args[0], "enable"), row{}, nil)
	if isRefusal(err) {
		return &failure{code: exitUsage, text: "Error:\nThis feature flag is not supported by node " + node()}
	}
	return err
}

func listAttempts(c *client, _ []string, out io.Writer) error {
	c.sayf(out, "Listing authentication\n attempts for node %q ...", node())
	var attempts []row
	if err := c.send(http.MethodGet, api("auth", "attempts", node()), nil, &attempts); err != nil {
		return err
	}
	return c.show(out, columnsNamed("protocol", "auth_attempts", "auth_attempts_failed", "auth_attempts_succeeded"), attempts)
}

func rotateLogs(*client, []string, io.Writer) error {
	return &failure{code: exitUnavailable, text: "Error:\nThis command does not rotate logs anymore [deprecated]"}
}
