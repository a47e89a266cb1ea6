package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

func nodeCommands() map[string]command {
	return map[string]command{
		"status":                  {"", "Displays status of a node", 0, 0, status},
		"ping":                    {"", "Checks that the node answers", 0, 0, ping},
		"await_startup":           {"", "Waits for the node to start", 0, 0, awaitStartup},
		"eval":                    {"<expression>", "Refused: there is no Erlang to evaluate in", 1, many, refuse("eval", "Portico does not run Erlang, so there is nothing to evaluate an expression in")},
		"node_health_check":       {"", "DEPRECATED. Checks that there are no alarms", 0, 0, nodeHealth},
		"check_running":           {"", "Checks that the node serves clients", 0, 0, checkRunning},
		"check_alarms":            {"", "Checks that there are no alarms", 0, 0, checkAlarms},
		"check_local_alarms":      {"", "Checks that there are no alarms on the node", 0, 0, checkLocalAlarms},
		"check_virtual_hosts":     {"", "Checks that all virtual hosts are open", 0, 0, checkVirtualHosts},
		"check_port_listener":     {"<port>", "Checks that the node listens on a port", 1, 1, checkPort},
		"check_protocol_listener": {"<protocol>", "Checks that the node serves a protocol", 1, 1, checkProtocol},
	}
}

// refuse is a command of rabbitmqctl that cannot be done here, and says why.
func refuse(name, reason string) func(*client, []string, io.Writer) error {
	return func(*client, []string, io.Writer) error {
		return &failure{code: exitUnavailable, text: fmt.Sprintf("Error: %s is not supported: %s", name, reason)}
	}
}

// quietlyf prints a result, unless the user wants quiet.
func (c *client) quietlyf(out io.Writer, format string, args ...any) {
	if !c.opts.quiet {
		fmt.Fprintf(out, format+"\n", args...)
	}
}

func ping(c *client, _ []string, out io.Writer) error {
	c.sayf(out, "Will ping %s. This only checks that the process answers. Timeout: %d ms.", node(), c.http.Timeout.Milliseconds())
	if err := c.send(http.MethodGet, "/health/live", nil, nil); err != nil {
		return err
	}
	fmt.Fprintln(out, "Ping succeeded")
	return nil
}

// startupTimeout is how long await_startup waits without --timeout, as rabbitmqctl does.
const startupTimeout = 5 * time.Minute

func awaitStartup(c *client, _ []string, _ io.Writer) error {
	limit := startupTimeout
	if c.opts.timeout > 0 {
		limit = time.Duration(c.opts.timeout) * time.Second
	}
	deadline := time.After(limit)
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for {
		err := c.send(http.MethodGet, "/health/ready", nil, nil)
		if err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-deadline:
			if isRefusal(err) {
				return &failure{code: exitUnavailable, text: "Error:\nrabbit_is_not_running"}
			}
			return err
		}
	}
}

// check asks for a health check; said is what is printed when it passes.
func (c *client) check(out io.Writer, said string, path ...string) error {
	err := c.send(http.MethodGet, api(append([]string{"health", "checks"}, path...)...), nil, nil)
	var r *refusal
	if errors.As(err, &r) && r.status == http.StatusServiceUnavailable {
		return &failure{code: exitSoftware, text: "Error:\n" + r.reason}
	}
	if err == nil {
		fmt.Fprintln(out, said)
	}
	return err
}

func nodeHealth(c *client, _ []string, out io.Writer) error {
	c.sayf(out, "This command is DEPRECATED and will be removed in a future version.\n"+
		"Use one of the options covered in https://www.rabbitmq.com/monitoring.html#health-checks instead.")
	c.sayf(out, "Timeout: %d seconds ...\nChecking health of node %s ...", int(c.http.Timeout.Seconds()), node())
	return c.check(out, "Health check passed", "alarms")
}

func checkAlarms(c *client, _ []string, out io.Writer) error {
	c.sayf(out, "Asking node %s to report any known resource alarms ...", node())
	return c.check(out, "Node "+node()+" reported no alarms, local or clusterwide", "alarms")
}

func checkLocalAlarms(c *client, _ []string, out io.Writer) error {
	c.sayf(out, "Asking node %s to report any local resource alarms ...", node())
	return c.check(out, "Node "+node()+" reported no local alarms", "local-alarms")
}

func checkVirtualHosts(c *client, _ []string, out io.Writer) error {
	c.sayf(out, "Checking if all vhosts are running on node %s ...", node())
	return c.check(out, "Node "+node()+" reported all vhosts as running", "virtual-hosts")
}

func checkPort(c *client, args []string, out io.Writer) error {
	c.sayf(out, "Asking node %s if there's an active listener on port %s ...", node(), args[0])
	err := c.check(out, "A listener for port "+args[0]+" is running on node "+node()+".", "port-listener", args[0])
	return c.noListener(err, "No listener for port %s is active on node %s. Found listeners that use the following ports: %s", args[0],
		func(l *listener) string { return strconv.Itoa(l.Port) })
}

func checkProtocol(c *client, args []string, out io.Writer) error {
	c.sayf(out, "Asking node %s if there's an active listener for protocol %s ...", node(), args[0])
	err := c.check(out, "A listener for protocol "+args[0]+" is running on node "+node()+".", "protocol-listener", args[0])
	return c.noListener(err, "Error:\nNo listener for protocol %s is active on node %s. Found listeners for the following protocols: %s", args[0],
		func(l *listener) string { return l.Protocol })
}

// noListener words the failure of a check for a listener, with what there is.
func (c *client) noListener(err error, text, wanted string, name func(*listener) string) error {
	var f *failure
	if !errors.As(err, &f) || f.code != exitSoftware {
		return err
	}
	o, _, err := c.nodeState()
	if err != nil {
		return err
	}
	var found []string
	for i := range o.Listeners {
		found = append(found, name(&o.Listeners[i]))
	}
	slices.Sort(found)
	return &failure{code: exitUnavailable, text: fmt.Sprintf(text, wanted, node(), strings.Join(slices.Compact(found), ", "))}
}

func checkRunning(c *client, _ []string, out io.Writer) error {
	c.sayf(out, "Checking if RabbitMQ is running on node %s ...", node())
	if err := c.send(http.MethodGet, "/health/ready", nil, nil); err != nil {
		return &failure{code: exitUnavailable, text: "Error:\nRabbitMQ on node " + node() + " is not running or has not fully booted yet (check with is_booting)"}
	}
	fmt.Fprintf(out, "RabbitMQ on node %s is fully booted and running\n", node())
	return nil
}

// nodeStatus is what status shows of the API's node.
type nodeStatus struct {
	PID        string `json:"os_pid"`
	Uptime     int64  `json:"uptime"` // in milliseconds
	Processors int    `json:"processors"`
	MemUsed    int64  `json:"mem_used"`
	MemLimit   int64  `json:"mem_limit"`
	DiskFree   int64  `json:"disk_free"`
	DiskLimit  int64  `json:"disk_free_limit"`
	FDUsed     int    `json:"fd_used"`
	FDTotal    int    `json:"fd_total"`
	MemAlarm   bool   `json:"mem_alarm"`
	DiskAlarm  bool   `json:"disk_free_alarm"`
	Dir        string `json:"db_dir"`
}

// overview is what status shows of the API's overview.
type overview struct {
	Version   string         `json:"rabbitmq_version"`
	Cluster   string         `json:"cluster_name"`
	Totals    map[string]int `json:"object_totals"`
	Listeners []listener     `json:"listeners"`
}

// listener is an address on which the node serves a protocol.
type listener struct {
	Protocol string `json:"protocol"`
	Address  string `json:"ip_address"`
	Port     int    `json:"port"`
}

// nodeState asks for what is known of the node.
func (c *client) nodeState() (*overview, *nodeStatus, error) {
	var o overview
	var nodes []nodeStatus
	if err := c.send(http.MethodGet, api("overview"), nil, &o); err != nil {
		return nil, nil, err
	}
	if err := c.send(http.MethodGet, api("nodes"), nil, &nodes); err != nil {
		return nil, nil, err
	}
	if len(nodes) == 0 {
		return nil, nil, errors.New("the server names no node")
	}
	return &o, &nodes[0], nil
}

func status(c *client, _ []string, out io.Writer) error {
	c.sayf(out, "Status of node %s ...", node())
	o, n, err := c.nodeState()
	if err != nil {
		return err
	}
	if c.opts.formatter == "json" {
		return json.NewEncoder(out).Encode(statusObject(o, n))
	}
	printStatus(out, o, n)
	return nil
}

func (n *nodeStatus) alarms() []string {
	list := []string{}
	if n.MemAlarm {
		list = append(list, "Memory alarm on node "+node())
	}
	if n.DiskAlarm {
		list = append(list, "Free disk space alarm on node "+node())
	}
	return list
}

func statusObject(o *overview, n *nodeStatus) row {
	listeners := []row{}
	for _, l := range o.Listeners {
		listeners = append(listeners, row{"node": node(), "protocol": l.Protocol, "interface": l.Address, "port": l.Port})
	}
	return row{
		"rabbitmq_version": o.Version, "pid": n.PID, "uptime": n.Uptime / 1000, "processes": row{}, "data_directory": n.Dir,
		"alarms": n.alarms(), "vm_memory_limit": n.MemLimit, "memory": row{"total": row{"rss": n.MemUsed}},
		"disk_free": n.DiskFree, "disk_free_limit": n.DiskLimit, "totals": o.Totals, "listeners": listeners,
		"file_descriptors": row{"total_used": n.FDUsed, "total_limit": n.FDTotal},
	}
}

func printStatus(out io.Writer, o *overview, n *nodeStatus) {
	section := func(title string) { fmt.Fprintf(out, "\x1b[1m%s\x1b[0m\n\n", title) }
	section("Runtime")
	fmt.Fprintf(out, "OS PID: %s\nUptime (seconds): %d\nRabbitMQ version: %s\nCluster name: %s\n\n", n.PID, n.Uptime/1000, o.Version, o.Cluster)
	section("Data directory")
	fmt.Fprintf(out, "Node data directory: %s\n\n", n.Dir)
	section("Alarms")
	alarms := n.alarms()
	for _, a := range alarms {
		fmt.Fprintln(out, a)
	}
	if len(alarms) == 0 {
		fmt.Fprintln(out, "(none)")
	}
	fmt.Fprintln(out)
	section("Memory")
	fmt.Fprintf(out, "Total memory used: %.4f gb\nMemory high watermark setting: computed to: %.4f gb\n\n", float64(n.MemUsed)/1e9, float64(n.MemLimit)/1e9)
	section("File Descriptors")
	fmt.Fprintf(out, "Total: %d, limit: %d\n\n", n.FDUsed, n.FDTotal)
	section("Free Disk Space")
	fmt.Fprintf(out, "Low free disk space watermark: %.4f gb\nFree disk space: %.4f gb\n\n", float64(n.DiskLimit)/1e9, float64(n.DiskFree)/1e9)
	section("Totals")
	fmt.Fprintf(out, "Connection count: %d\nQueue count: %d\n\n", o.Totals["connections"], o.Totals["queues"])
	section("Listeners")
	for _, l := range o.Listeners {
		fmt.Fprintf(out, "Interface: %s, port: %d, protocol: %s\n", l.Address, l.Port, l.Protocol)
	}
}
