package metrics

import (
	"runtime"
	"runtime/metrics"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/internal/openfiles"
	"github.com/portico-mq/portico/internal/process"
)

// identity tells who this is, in every answer and always under the same names.
func (c *collector) identity() {
	o := c.opts
	c.sendAs(prometheus.UntypedValue, "rabbitmq_build_info", "RabbitMQ & Erlang/OTP version info", 1,
		label{"rabbitmq_version", o.Version}, label{"product_name", "RabbitMQ"}, label{"product_version", o.Version})
	c.sendAs(prometheus.UntypedValue, "rabbitmq_identity_info", "RabbitMQ node & cluster identity info", 1,
		label{"rabbitmq_node", o.Node}, label{"rabbitmq_cluster", o.Node})
}

// node measures the process.
func (c *collector) node() {
	if c.scope.wants("node_coarse_metrics") {
		c.used()
	}
	if c.scope.wants("node_metrics") {
		c.limits()
	}
	if o := c.opts; o.Syncs != nil && c.scope.wants("node_persister_metrics") {
		n, took := o.Syncs()
		c.counter("io_sync_ops_total", "Total number of I/O sync operations", n)
		c.send(prometheus.CounterValue, "io_sync_time_seconds_total", "Total I/O sync time", took.Seconds())
		if io, err := process.Measure(); err == nil {
			c.counter("io_read_bytes_total", "Total number of I/O bytes read", io.BytesRead)
			c.counter("io_write_bytes_total", "Total number of I/O bytes written", io.BytesWritten)
		}
	}
	if c.scope.wants("alarm_metrics") {
		c.alarms()
	}
	if c.scope.wants("auth_attempt_metrics") {
		for _, n := range c.opts.Broker.Logins() {
			protocol := label{"protocol", n.FrontEnd}
			c.counter("auth_attempts_total", "Total number of authorization attempts", n.Accepted+n.Failed, protocol)
			c.counter("auth_attempts_succeeded_total", "Total number of successful authentication attempts", n.Accepted, protocol)
			c.counter("auth_attempts_failed_total", "Total number of failed authentication attempts", n.Failed, protocol)
		}
	}
}

// used is what the process uses. Names of Erlang's count what is the like here: goroutines, Go's collector, switches
// between the process's threads.
func (c *collector) used() {
	o := c.opts
	if o.Memory != nil {
		used, _ := o.Memory()
		c.gauge("process_resident_memory_bytes", "Memory used in bytes", float64(used))
	}
	if o.Disk != nil {
		if free, err := o.Disk.Free(); err == nil {
			c.gauge("disk_space_available_bytes", "Disk space available in bytes", float64(free))
		}
	}
	if used, sockets, _, err := openfiles.Count(); err == nil {
		c.gauge("process_open_fds", "Open file descriptors", float64(used))
		c.gauge("process_open_tcp_sockets", "Open TCP sockets", float64(sockets))
	}
	c.gauge("erlang_processes_used", "Erlang processes used", float64(runtime.NumGoroutine()))
	collected := []metrics.Sample{{Name: "/gc/cycles/total:gc-cycles"}, {Name: "/gc/heap/frees:bytes"}}
	metrics.Read(collected)
	c.counter("erlang_gc_runs_total", "Total number of Erlang garbage collector runs", collected[0].Value.Uint64())
	c.counter("erlang_gc_reclaimed_bytes_total", "Total number of bytes of memory reclaimed by Erlang garbage collector", collected[1].Value.Uint64())
	if n, err := process.Measure(); err == nil {
		c.counter("erlang_scheduler_context_switches_total", "Total number of Erlang scheduler context switches", n.ContextSwitches)
	}
}

// limits are those of what is used, and how long the node is up.
func (c *collector) limits() {
	o := c.opts
	if o.Memory != nil {
		_, limit := o.Memory()
		c.gauge("resident_memory_limit_bytes", "Memory high watermark in bytes", float64(limit))
	}
	if o.Disk != nil {
		c.gauge("disk_space_available_limit_bytes", "Free disk space low watermark in bytes", float64(o.Disk.Limit()))
	}
	if _, _, limit, err := openfiles.Count(); err == nil {
		c.gauge("process_max_fds", "Open file descriptors limit", float64(limit))
		c.gauge("process_max_tcp_sockets", "Open TCP sockets limit", float64(limit))
	}
	c.gauge("erlang_uptime_seconds", "Node uptime", time.Since(o.Started).Seconds())
}

func (c *collector) alarms() {
	on := map[broker.Alarm]float64{}
	for _, a := range c.opts.Broker.Alarms() {
		on[a] = 1
	}
	c.send(prometheus.UntypedValue, "alarms_memory_used_watermark", "is 1 if VM memory watermark alarm is in effect", on[broker.AlarmMemory])
	c.send(prometheus.UntypedValue, "alarms_free_disk_space_watermark", "is 1 if free disk space watermark alarm is in effect", on[broker.AlarmDisk])
}

// churn is what came and went since the start.
func (c *collector) churn() {
	if !c.scope.wants("connection_churn_metrics") {
		return
	}
	t := c.opts.Broker.Totals()
	c.counter("connections_opened_total", "Total number of connections opened", t.ConnectionsOpened)
	c.counter("connections_closed_total", "Total number of connections closed or terminated", t.ConnectionsClosed)
	c.counter("channels_opened_total", "Total number of channels opened", t.LanesOpened)
	c.counter("channels_closed_total", "Total number of channels closed", t.LanesClosed)
	c.counter("queues_declared_total", "Total number of queues declared", t.QueuesDeclared)
	c.counter("queues_created_total", "Total number of queues created", t.QueuesCreated)
	c.counter("queues_deleted_total", "Total number of queues deleted", t.QueuesDeleted)
}

// vhosts tells of virtual hosts and exchanges, where detailed metrics ask for it. RabbitMQ's names for it are not those
// of detailed metrics, since every node of a cluster says the same.
func (c *collector) vhosts() {
	status, names := c.scope.families["vhost_status"], c.scope.families["exchange_names"]
	if !status && !names {
		return
	}
	for _, vhost := range c.opts.Broker.Namespaces() {
		s := c.look(vhost)
		if s == nil {
			continue
		}
		if status {
			c.sendAs(prometheus.GaugeValue, "rabbitmq_cluster_vhost_status", "Whether a given vhost is running", 1, label{"vhost", vhost})
		}
		if !names {
			continue
		}
		for _, spec := range append(s.Exchanges(), broker.ExchangeSpec{Kind: broker.Direct}) {
			c.sendAs(prometheus.GaugeValue, "rabbitmq_cluster_exchange_name", "Enumerates exchanges without any additional info. This value is cluster-wide.", 1,
				label{"vhost", vhost}, label{"exchange", spec.Name}, label{"type", string(spec.Kind)})
		}
	}
}
