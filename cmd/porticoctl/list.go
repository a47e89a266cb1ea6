package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// listing is one of the list_ commands: what it asks for and what it can show.
type listing struct {
	name, title string
	resource    string            // of the API
	perVhost    bool              // the resource ends with the virtual host
	defaults    []string          // the columns without arguments
	columns     []string          // all that can be asked for
	keys        map[string]string // of columns whose keys in the API are others; nested ones have dots
}

var listings = []listing{
	{
		name: "list_queues", title: "Listing queues for vhost %s ...", resource: "queues", perVhost: true,
		defaults: []string{"name", "messages"},
		columns: []string{
			"name", "durable", "auto_delete", "arguments", "policy", "operator_policy", "exclusive", "messages_ready",
			"messages_unacknowledged", "messages", "consumers", "state", "type", "node", "vhost", "memory", "message_bytes",
			"message_bytes_ready", "message_bytes_unacknowledged", "messages_persistent", "message_bytes_persistent",
			"effective_policy_definition", "exclusive_consumer_tag", "single_active_consumer_tag",
			"consumer_utilisation", "consumer_capacity", "head_message_timestamp", "leader", "members", "online", "owner_pid", "pid",
		},
		keys: map[string]string{"owner_pid": "owner_pid_details.name", "pid": "name"},
	},
	{
		name: "list_exchanges", title: "Listing exchanges for vhost %s ...", resource: "exchanges", perVhost: true,
		defaults: []string{"name", "type"},
		columns:  []string{"name", "type", "durable", "auto_delete", "internal", "arguments", "policy", "vhost"},
	},
	{
		name: "list_bindings", title: "Listing bindings for vhost %s...", resource: "bindings", perVhost: true,
		defaults: []string{"source_name", "source_kind", "destination_name", "destination_kind", "routing_key", "arguments"},
		columns: []string{
			"source_name", "source_kind", "destination_name", "destination_kind", "routing_key", "arguments", "vhost",
		},
		keys: map[string]string{"source_name": "source", "destination_name": "destination", "destination_kind": "destination_type"},
	},
	{
		name: "list_connections", title: "Listing connections ...", resource: "connections",
		defaults: []string{"user", "peer_host", "peer_port", "state"},
		columns: []string{
			"pid", "name", "port", "host", "peer_port", "peer_host", "ssl", "state", "channels", "protocol", "auth_mechanism",
			"user", "vhost", "timeout", "frame_max", "channel_max", "client_properties", "recv_oct", "recv_cnt", "send_oct",
			"send_cnt", "connected_at", "user_provided_name", "node", "ssl_protocol", "ssl_key_exchange", "ssl_cipher", "ssl_hash",
			"peer_cert_subject", "peer_cert_issuer", "peer_cert_validity",
		},
		keys: map[string]string{"pid": "name"},
	},
	{
		name: "list_channels", title: "Listing channels ...", resource: "channels",
		defaults: []string{"pid", "user", "consumer_count", "messages_unacknowledged"},
		columns: []string{
			"pid", "connection", "name", "number", "user", "vhost", "transactional", "confirm", "consumer_count",
			"messages_unacknowledged", "messages_uncommitted", "acks_uncommitted", "messages_unconfirmed", "prefetch_count",
			"global_prefetch_count", "state", "node",
		},
		keys: map[string]string{"pid": "name", "connection": "connection_details.name"},
	},
	{
		name: "list_consumers", title: "Listing consumers in vhost %s ...", resource: "consumers", perVhost: true,
		defaults: []string{"queue_name", "channel_pid", "consumer_tag", "ack_required", "prefetch_count", "active", "arguments"},
		columns: []string{
			"queue_name", "channel_pid", "consumer_tag", "ack_required", "prefetch_count", "active", "activity_status", "arguments",
		},
		keys: map[string]string{"queue_name": "queue.name", "channel_pid": "channel_details.name"},
	},
}

func listCommands() map[string]command {
	all := map[string]command{}
	for _, l := range listings {
		all[l.name] = command{"[<column> ...]", strings.TrimSuffix(strings.ReplaceAll(l.title, " %s", ""), " ..."), 0, many, l.run}
	}
	return all
}

func (l listing) run(c *client, args []string, out io.Writer) error {
	var unknown []string
	for _, name := range args {
		if !slices.Contains(l.columns, name) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		return &failure{
			code: exitUsage, usage: true, text: fmt.Sprintf("Info key(s) %s are not supported", strings.Join(unknown, ",")),
		}
	}
	if len(args) == 0 {
		args = l.defaults
	}
	if !l.perVhost {
		c.sayf(out, "%s", l.title)
		return l.show(c, api(l.resource), args, out)
	}
	if l.name == "list_queues" {
		c.sayf(out, "Timeout: %.1f seconds ...", c.http.Timeout.Seconds())
	}
	c.sayf(out, l.title, c.opts.vhost)
	err := c.inVhost(func(vhost string) error { return l.show(c, api(l.resource, vhost), args, out) })
	if l.name == "list_queues" && isNoVhost(err) {
		return nil // where there is no virtual host there are no queues, says rabbitmqctl
	}
	return err
}

func isNoVhost(err error) bool {
	var f *failure
	return errors.As(err, &f) && f.code == exitData
}

// show asks for the list and shows the columns.
func (l listing) show(c *client, path string, names []string, out io.Writer) error {
	var items []row
	if err := c.send(http.MethodGet, path, nil, &items); err != nil {
		return err
	}
	rows := make([]row, len(items))
	if c.opts.offline && l.name == "list_queues" {
		rows = nil // the only node is up
		items = nil
	}
	for i, item := range items {
		rows[i] = row{}
		item["source_kind"] = "exchange"
		for _, name := range names {
			key := name
			if other, ok := l.keys[name]; ok {
				key = other
			}
			rows[i][name] = c.shownValue(nested(item, key))
		}
	}
	return c.show(out, columnsNamed(names...), rows)
}

// nested is the value at a path with dots.
func nested(o row, path string) any {
	var v any = o
	for name := range strings.SplitSeq(path, ".") {
		m, ok := v.(row)
		if !ok {
			return nil
		}
		v = m[name]
	}
	return v
}

// shownValue prints a table as rabbitmqctl's own tables do; other formats keep it.
func (c *client) shownValue(v any) any {
	table, ok := v.(row)
	if !ok || c.opts.formatter == "json" {
		return v
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(table)) {
		parts = append(parts, fmt.Sprintf("{%q,%s}", name, erlangTerm(c.shownValue(table[name]))))
	}
	return "[" + strings.Join(parts, ",") + "]"
}

func erlangTerm(v any) string {
	if s, ok := v.(string); ok && !strings.HasPrefix(s, "[") {
		return fmt.Sprintf("%q", s)
	}
	return cell(v)
}
