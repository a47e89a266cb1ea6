package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/internal/openfiles"
)

// Names and help are those of RabbitMQ's rabbitmq_prometheus plugin; what it measures of Erlang, and what cannot be
// told here, is left out.

// scope says how far what is measured is taken apart.
type scope struct {
	prefix   string          // before every name
	perQueue bool            // each object by itself, with its name in labels
	families map[string]bool // of detailed metrics; nil: all that there are
	vhosts   map[string]bool // nil: all
}

func (s *scope) wants(families ...string) bool {
	if s.families == nil {
		return true
	}
	for _, f := range families {
		if s.families[f] {
			return true
		}
	}
	return false
}

// collector measures the broker at each scrape. It implements prometheus.Collector.
type collector struct {
	opts  *Options
	scope scope
	ch    chan<- prometheus.Metric
}

// Describe says nothing: which metrics there are depends on what there is to measure.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

// Collect measures.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	m := collector{opts: c.opts, scope: c.scope, ch: ch}
	if m.scope.families == nil {
		m.node()
		m.global()
	}
	consumers := m.queues()
	publishers := m.connections(consumers)
	if m.scope.families == nil {
		m.clients(publishers, consumers.byProtocol)
	}
}

// label is the name and the value of a label.
type label struct{ name, value string }

func (c *collector) send(kind prometheus.ValueType, name, help string, value float64, labels ...label) {
	names, values := make([]string, len(labels)), make([]string, len(labels))
	for i, l := range labels {
		names[i], values[i] = l.name, l.value
	}
	d := prometheus.NewDesc(c.scope.prefix+name, help, names, nil)
	c.ch <- prometheus.MustNewConstMetric(d, kind, value, values...)
}

func (c *collector) gauge(name, help string, value float64, labels ...label) {
	c.send(prometheus.GaugeValue, name, help, value, labels...)
}

func (c *collector) counter(name, help string, value uint64, labels ...label) {
	c.send(prometheus.CounterValue, name, help, float64(value), labels...)
}

// node measures the process.
func (c *collector) node() {
	o := c.opts
	c.gauge("build_info", "RabbitMQ & Erlang/OTP version info", 1,
		label{"rabbitmq_version", o.Version}, label{"product_name", "RabbitMQ"}, label{"product_version", o.Version})
	c.gauge("identity_info", "RabbitMQ node & cluster identity info", 1,
		label{"rabbitmq_node", o.Node}, label{"rabbitmq_cluster", o.Node})
	if o.Memory != nil {
		used, limit := o.Memory()
		c.gauge("process_resident_memory_bytes", "Memory used in bytes", float64(used))
		c.gauge("resident_memory_limit_bytes", "Memory high watermark in bytes", float64(limit))
	}
	if o.Disk != nil {
		if free, err := o.Disk.Free(); err == nil {
			c.gauge("disk_space_available_bytes", "Disk space available in bytes", float64(free))
			c.gauge("disk_space_available_limit_bytes", "Free disk space low watermark in bytes", float64(o.Disk.Limit()))
		}
	}
	if used, sockets, limit, err := openfiles.Count(); err == nil {
		c.gauge("process_open_fds", "Open file descriptors", float64(used))
		c.gauge("process_max_fds", "Open file descriptors limit", float64(limit))
		c.gauge("process_open_tcp_sockets", "Open TCP sockets", float64(sockets))
	}
	c.gauge("erlang_uptime_seconds", "Node uptime", time.Since(o.Started).Seconds())
	if o.Syncs != nil {
		n, took := o.Syncs()
		c.counter("io_sync_ops_total", "Total number of I/O sync operations", n)
		c.send(prometheus.CounterValue, "io_sync_time_seconds_total", "Total I/O sync time", took.Seconds())
	}
	on := map[broker.Alarm]float64{}
	for _, a := range o.Broker.Alarms() {
		on[a] = 1
	}
	c.gauge("alarms_memory_used_watermark", "is 1 if VM memory watermark alarm is in effect", on[broker.AlarmMemory])
	c.gauge("alarms_free_disk_space_watermark", "is 1 if free disk space watermark alarm is in effect", on[broker.AlarmDisk])
	for _, n := range o.Broker.Logins() {
		protocol := label{"protocol", n.FrontEnd}
		c.counter("auth_attempts_total", "Total number of authorization attempts", n.Accepted+n.Failed, protocol)
		c.counter("auth_attempts_succeeded_total", "Total number of successful authentication attempts", n.Accepted, protocol)
		c.counter("auth_attempts_failed_total", "Total number of failed authentication attempts", n.Failed, protocol)
	}
	t := o.Broker.Totals()
	c.counter("connections_opened_total", "Total number of connections opened", t.ConnectionsOpened)
	c.counter("connections_closed_total", "Total number of connections closed or terminated", t.ConnectionsClosed)
	c.counter("channels_opened_total", "Total number of channels opened", t.LanesOpened)
	c.counter("channels_closed_total", "Total number of channels closed", t.LanesClosed)
	c.counter("queues_declared_total", "Total number of queues declared", t.QueuesDeclared)
	c.counter("queues_created_total", "Total number of queues created", t.QueuesCreated)
	c.counter("queues_deleted_total", "Total number of queues deleted", t.QueuesDeleted)
}
