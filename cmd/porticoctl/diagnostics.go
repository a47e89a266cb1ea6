package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Commands of rabbitmq-diagnostics and rabbitmq-queues, which health checks call. Words and codes are those of 3.10.8.

func diagnosticsCommands() map[string]command {
	alone := "Node " + node() + " seems to be the only one in a single node cluster, the check does not apply"
	return map[string]command{
		"server_version":          {"", "Displays the version of the server", 0, 0, serverVersion},
		"listeners":               {"", "Lists active listeners", 0, 0, listeners},
		"alarms":                  {"", "Lists resource alarms", 0, 0, listAlarms},
		"memory_breakdown":        {"", "Tells where the node's memory is", 0, 0, memoryBreakdown},
		"check_port_connectivity": {"", "Checks that every listener takes connections", 0, 0, checkConnectivity},
		"check_if_node_is_quorum_critical": {"", "Checks whether queues would lose their quorum without the node", 0, 0, passes(
			"Checking if node "+node()+" is critical for quorum of any quorum queues ...", alone, "node-is-quorum-critical")},
		"check_if_node_is_mirror_sync_critical": {"", "Checks whether mirrored queues would lose messages without the node", 0, 0, passes(
			"Checking if node "+node()+" is critical for data safety of any classic mirrored queues ...", alone, "node-is-mirror-sync-critical")},
		"list_deprecated_features":                  {"[<column> ...]", "Lists deprecated features", 0, many, listDeprecated},
		"check_if_any_deprecated_features_are_used": {"", "Checks that no deprecated feature is in use", 0, 0, checkDeprecated},
	}
}

// passes is a check that the API answers.
func passes(doing, said string, path ...string) func(*client, []string, io.Writer) error {
	return func(c *client, _ []string, out io.Writer) error {
		c.sayf(out, "%s", doing)
		return c.check(out, said, path...)
	}
}

func serverVersion(c *client, _ []string, out io.Writer) error {
	c.sayf(out, "Asking node %s for its RabbitMQ version...", node())
	var version string
	if err := c.send(http.MethodGet, api("version"), nil, &version); err != nil {
		return err
	}
	fmt.Fprintln(out, version)
	return nil
}

// purposes are what RabbitMQ says that its protocols are for.
var purposes = map[string]string{
	"amqp": "AMQP 0-9-1", "amqp/ssl": "AMQP 0-9-1 over TLS", "http": "HTTP API", "https": "HTTP API over TLS (HTTPS)",
	"http/prometheus": "Prometheus exporter API over HTTP", "stomp": "STOMP", "stomp/ssl": "STOMP over TLS",
}

func listeners(c *client, _ []string, out io.Writer) error {
	c.sayf(out, "Asking node %s to report its protocol listeners ...", node())
	o, _, err := c.nodeState()
	if err != nil {
		return err
	}
	if c.opts.formatter == "json" {
		list := []row{}
		for _, l := range o.Listeners {
			list = append(list, row{"interface": l.Address, "node": node(), "port": l.Port, "protocol": l.Protocol, "purpose": purposes[l.Protocol]})
		}
		return json.NewEncoder(out).Encode(row{"result": "ok", "node": node(), "listeners": list})
	}
	for _, l := range o.Listeners {
		fmt.Fprintf(out, "Interface: %s, port: %d, protocol: %s, purpose: %s\n", l.Address, l.Port, l.Protocol, purposes[l.Protocol])
	}
	return nil
}

func listAlarms(c *client, _ []string, out io.Writer) error {
	c.sayf(out, "Asking node %s to report any known resource alarms ...", node())
	_, n, err := c.nodeState()
	if err != nil {
		return err
	}
	if c.opts.formatter == "json" {
		return json.NewEncoder(out).Encode(row{"result": "ok", "node": node(), "alarms": n.alarms()})
	}
	for _, a := range n.alarms() {
		fmt.Fprintln(out, a)
	}
	if len(n.alarms()) == 0 {
		fmt.Fprintf(out, "Node %s reported no alarms, local or clusterwide\n", node())
	}
	return nil
}

// memoryPart is one part of the memory.
type memoryPart struct {
	name    string
	bytes   float64
	percent float64
}

func memoryBreakdown(c *client, _ []string, out io.Writer) error {
	c.sayf(out, "Reporting memory breakdown on node %s...", node())
	var answer struct{ Memory row }
	if err := c.send(http.MethodGet, api("nodes", node(), "memory"), nil, &answer); err != nil {
		return err
	}
	var parts []memoryPart
	sum := 0.0
	for name, v := range answer.Memory {
		if n, ok := v.(float64); ok {
			parts = append(parts, memoryPart{name: name, bytes: n})
			sum += n
		}
	}
	for i := range parts {
		parts[i].percent = float64(int(parts[i].bytes*10000/sum)) / 100
	}
	slices.SortFunc(parts, func(a, b memoryPart) int {
		if a.bytes != b.bytes {
			return int(b.bytes - a.bytes)
		}
		return strings.Compare(a.name, b.name)
	})
	if c.opts.formatter == "json" {
		object := row{}
		for _, p := range parts {
			object[p.name] = row{"bytes": int64(p.bytes), "percentage": p.percent}
		}
		return json.NewEncoder(out).Encode(object)
	}
	for _, p := range parts {
		fmt.Fprintf(out, "%s: %.4f gb (%s%%)\n", p.name, p.bytes/1e9, strconv.FormatFloat(p.percent, 'f', -1, 64))
	}
	return nil
}

// checkConnectivity connects to every listener, on the host of the management port.
func checkConnectivity(c *client, _ []string, out io.Writer) error {
	c.sayf(out, "Testing TCP connections to all active listeners on node %s ...", node())
	o, _, err := c.nodeState()
	if err != nil {
		return err
	}
	base, err := url.Parse(c.opts.url)
	if err != nil {
		return err
	}
	var good, bad []string
	dialer := net.Dialer{Timeout: c.http.Timeout}
	for _, l := range o.Listeners {
		host := base.Hostname()
		if ip := net.ParseIP(l.Address); ip != nil && !ip.IsUnspecified() {
			host = l.Address
		}
		port := strconv.Itoa(l.Port)
		conn, err := dialer.Dial("tcp", net.JoinHostPort(host, port))
		if err != nil {
			bad = append(bad, port)
			continue
		}
		_ = conn.Close() // it was opened, which is all that matters
		good = append(good, port)
	}
	slices.Sort(good)
	if len(bad) > 0 {
		return &failure{code: exitUnavailable, text: "Error:\nConnection to ports of the following listeners on node " + node() + " failed: " + strings.Join(bad, ", ")}
	}
	fmt.Fprintf(out, "Successfully connected to ports %s on node %s.\n", strings.Join(slices.Compact(good), ", "), node())
	return nil
}

var deprecatedColumns = []string{"name", "deprecation_phase", "provided_by", "desc", "doc_url", "state"}

func listDeprecated(c *client, args []string, out io.Writer) error {
	for _, name := range args {
		if !slices.Contains(deprecatedColumns, name) {
			return &failure{code: exitUsage, usage: true, text: fmt.Sprintf("Info key(s) %s are not supported", name)}
		}
	}
	if len(args) == 0 {
		args = []string{"name", "deprecation_phase"}
	}
	c.sayf(out, "Listing deprecated features ...")
	var features []row
	if err := c.send(http.MethodGet, api("deprecated-features"), nil, &features); err != nil {
		return err
	}
	return c.show(out, columnsNamed(args...), features)
}

func checkDeprecated(c *client, _ []string, out io.Writer) error {
	c.sayf(out, "Checking if any deprecated features are used ...")
	var features []struct{ Name string }
	if err := c.send(http.MethodGet, api("deprecated-features", "used"), nil, &features); err != nil {
		return err
	}
	if len(features) == 0 {
		fmt.Fprintf(out, "Cluster reported no deprecated features in use\n")
		return nil
	}
	var names []string
	for _, f := range features {
		names = append(names, f.Name)
	}
	return &failure{code: exitUnavailable, text: "Error:\nDeprecated features in use: " + strings.Join(names, ", ")}
}
