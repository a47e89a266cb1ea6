package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Commands that stop the broker and start it again in a process that stays.

func appCommands() map[string]command {
	return map[string]command{
		"stop_app":    {"", "Stops the broker, and leaves its process running", 0, 0, control("stop", "Stopping rabbit application on node %s ...")},
		"start_app":   {"", "Starts the broker again after stop_app", 0, 0, control("start", "Starting node %s ...")},
		"reset":       {"", "Removes everything that a stopped broker has stored", 0, 0, control("reset", "Resetting node %s ...")},
		"force_reset": {"", "The same", 0, 0, control("reset", "Forcefully resetting node %s ...")},
		"environment": {"", "Displays the settings in force", 0, 0, environment},
		"is_running":  {"", "Tells whether the broker serves clients", 0, 0, isRunning},
		"is_booting":  {"", "Tells whether the broker is starting", 0, 0, isBooting},
	}
}

// controlTimeout is how long a start or a stop may take without --timeout.
const controlTimeout = 5 * time.Minute

// control is a command that does something to the broker as a whole.
func control(what, said string) func(*client, []string, io.Writer) error {
	return func(c *client, _ []string, out io.Writer) error {
		c.sayf(out, said, node())
		if c.opts.timeout == 0 {
			c.http.Timeout = controlTimeout
		}
		return c.send(http.MethodPost, "/portico/v1/app/"+what, nil, nil)
	}
}

const (
	needsRunning = "Error: this command requires the 'rabbit' app to be running on the target node. Start it with 'rabbitmqctl start_app'."
	needsStopped = "Error: this command requires the 'rabbit' app to be stopped on the target node. Stop it with 'rabbitmqctl stop_app'."
)

// wrongState is what the process ends with when a command needs a broker that runs, or one that does not; else nil.
func wrongState(err error, args []string) *failure {
	var r *refusal
	if !errors.As(err, &r) {
		return nil
	}
	text := ""
	switch r.name {
	case "not_running":
		text = needsRunning
	case "running":
		text = needsStopped
	default:
		return nil
	}
	return &failure{code: exitUsage, usage: true, text: text + "\nArguments given:\n\t" + strings.Join(args, " ")}
}

func isRunning(c *client, _ []string, out io.Writer) error {
	c.sayf(out, "Asking node %s for its status ...", node())
	if err := c.send(http.MethodGet, "/health/ready", nil, nil); isRefusal(err) {
		fmt.Fprintf(out, "RabbitMQ on node %s is not running or has not fully booted yet (check with is_booting)\n", node())
		return nil
	} else if err != nil {
		return err
	}
	fmt.Fprintf(out, "RabbitMQ on node %s is fully booted and running\n", node())
	return nil
}

func isBooting(c *client, _ []string, out io.Writer) error {
	c.sayf(out, "Asking node %s for its boot status ...", node())
	err := c.send(http.MethodGet, "/portico/v1/app/environment", nil, nil)
	var r *refusal
	switch {
	case err == nil:
		fmt.Fprintf(out, "Node %s is not booting\n", node()) // it runs, or was stopped
		return nil
	case errors.As(err, &r) && r.name == "not_running":
		fmt.Fprintf(out, "RabbitMQ on node %s is booting\n", node())
		return nil
	}
	return err
}

func isRefusal(err error) bool {
	var r *refusal
	return errors.As(err, &r)
}

// environment prints the settings as rabbitmqctl prints the environments of applications: Portico's own by their keys,
// and what scripts look for in RabbitMQ's under its names, when the broker runs.
func environment(c *client, _ []string, out io.Writer) error {
	var answer struct {
		Settings map[string]string
		Running  bool
	}
	c.sayf(out, "Application environment of node %s ...", node())
	if err := c.send(http.MethodGet, "/portico/v1/app/environment", nil, &answer); err != nil {
		return err
	}
	applications := []string{erlangApplication("portico", answer.Settings, func(key string) string {
		return "'" + key + "'," + strconv.Quote(answer.Settings[key])
	})}
	if answer.Running {
		rabbit := rabbitEnvironment(answer.Settings)
		applications = append(applications, erlangApplication("rabbit", rabbit, func(key string) string {
			return key + "," + rabbit[key]
		}))
	}
	fmt.Fprintf(out, "[%s]\n", strings.Join(applications, ",\n "))
	return nil
}

// erlangApplication is the environment of one application as an Erlang term.
func erlangApplication(name string, settings map[string]string, pair func(key string) string) string {
	var pairs []string
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		pairs = append(pairs, "{"+pair(key)+"}")
	}
	return "{" + name + ",\n     [" + strings.Join(pairs, ",\n      ") + "]}"
}

// rabbitEnvironment are RabbitMQ's settings that Portico has too, with their values as Erlang terms.
func rabbitEnvironment(settings map[string]string) map[string]string {
	rabbit := map[string]string{
		"channel_max": "2047", "default_vhost": `<<"/">>`, "frame_max": "131072", "heartbeat": "60",
		"collect_statistics_interval": "5000",
		"default_user":                "<<" + strconv.Quote(settings["default_user.name"]) + ">>",
		"tcp_listeners":               erlangPorts(settings["amqp.listen"]),
		"ssl_listeners":               "[]",
	}
	if settings["tls.certificate"] != "" {
		rabbit["ssl_listeners"] = erlangPorts(settings["amqps.listen"])
	}
	watermark := settings["memory.high_watermark"]
	if _, err := strconv.ParseFloat(watermark, 64); err != nil {
		watermark = "{absolute," + strconv.Quote(watermark) + "}"
	}
	rabbit["vm_memory_high_watermark"] = watermark
	limit := settings["disk.free_limit"]
	if _, err := strconv.ParseInt(limit, 10, 64); err != nil {
		limit = strconv.Quote(limit)
	}
	rabbit["disk_free_limit"] = limit
	return rabbit
}

// erlangPorts are the ports of addresses.
func erlangPorts(addresses string) string {
	var ports []string
	for address := range strings.SplitSeq(addresses, ",") {
		if i := strings.LastIndex(address, ":"); i >= 0 {
			ports = append(ports, address[i+1:])
		}
	}
	return "[" + strings.Join(ports, ",") + "]"
}
