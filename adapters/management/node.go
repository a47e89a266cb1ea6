package management

import (
	"os"
	"runtime"
	"runtime/metrics"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/internal/openfiles"
	"github.com/portico-mq/portico/internal/process"
)

func nodeResources() []resource {
	const one = "/nodes/{node}"
	return []resource{
		{path: "/nodes", access: monitors, get: func(c *call) { c.list([]object{c.describeNode()}, "name") }},
		{path: one, access: monitors, get: onThisNode(func(c *call) { c.answer(c.describeNode()) })},
		{path: one + "/memory", access: monitors, get: onThisNode(func(c *call) { c.answer(object{"memory": c.nodeMemory()}) })},
		{path: one + "/memory/relative", access: monitors, get: onThisNode(func(c *call) {
			c.answer(object{"memory": relativeMemory(c.nodeMemory())})
		})},
	}
}

// started is when the process began to serve: near enough for an uptime.
var started = time.Now()

func (c *call) describeNode() object {
	s := c.server
	alarms := map[broker.Alarm]bool{}
	for _, a := range s.broker.Alarms() {
		alarms[a] = true
	}
	o := object{
		"name": s.node(), "type": "disc", "running": true, "being_drained": false, "os_pid": itoa(os.Getpid()),
		"uptime": time.Since(started).Milliseconds(), "processors": runtime.NumCPU(),
		"rates_mode": "basic", "partitions": []string{}, "cluster_links": []object{}, "enabled_plugins": []string{"rabbitmq_management"},
		"exchange_types": exchangeTypes(), "auth_mechanisms": authMechanisms(), "contexts": s.contexts(),
		"applications": []object{{"name": "rabbit", "description": "RabbitMQ", "version": s.opts.Version}},
		"mem_alarm":    alarms[broker.AlarmMemory], "disk_free_alarm": alarms[broker.AlarmDisk],
		"db_dir": s.opts.DataDir, "log_files": []string{"<stderr>"}, "config_files": []string{},
	}
	if s.opts.Memory != nil {
		o["mem_limit"], o["mem_calculation_strategy"] = s.opts.Memory.Status().Limit, memoryStrategy
	}
	if s.opts.Disk != nil {
		o["disk_free_limit"] = s.opts.Disk.Limit()
	}
	if _, _, limit, err := openfiles.Count(); err == nil {
		o["fd_total"], o["sockets_total"] = limit, limit
	}
	samples := c.view(nodeKey{})
	for name, n := range s.nodeNumbers() {
		put(o, name, int64(n), samples.named(spanNodeStats, name))
	}
	var run [1]metrics.Sample
	run[0].Name = "/sched/goroutines/runnable:goroutines"
	if metrics.Read(run[:]); run[0].Value.Kind() == metrics.KindUint64 {
		o["run_queue"] = run[0].Value.Uint64()
	}
	if c.r.URL.Query().Get("memory") == "true" {
		o["memory"] = c.nodeMemory()
	}
	return o
}

// nodeNumbers are what is measured of the node and has a rate.
func (s *server) nodeNumbers() map[string]float64 {
	n := map[string]float64{"proc_used": float64(runtime.NumGoroutine())}
	if s.opts.Memory != nil {
		n["mem_used"] = float64(s.opts.Memory.Status().Used)
	}
	if s.opts.Disk != nil {
		if free, err := s.opts.Disk.Free(); err == nil {
			n["disk_free"] = float64(free)
		}
	}
	if used, sockets, _, err := openfiles.Count(); err == nil {
		n["fd_used"], n["sockets_used"] = float64(used), float64(sockets)
	}
	if io, err := process.Measure(); err == nil {
		n["io_read_bytes"], n["io_write_bytes"] = float64(io.BytesRead), float64(io.BytesWritten)
		n["context_switches"] = float64(io.ContextSwitches)
	}
	if s.opts.Syncs != nil {
		syncs, took := s.opts.Syncs()
		n["io_sync_count"] = float64(syncs)
		n["io_sync_avg_time"] = float64(took.Milliseconds()) / float64(max(syncs, 1))
	}
	collected := []metrics.Sample{{Name: "/gc/cycles/total:gc-cycles"}, {Name: "/gc/heap/frees:bytes"}}
	metrics.Read(collected)
	n["gc_num"], n["gc_bytes_reclaimed"] = float64(collected[0].Value.Uint64()), float64(collected[1].Value.Uint64())
	for name, count := range s.churn() {
		n[name] = float64(count)
	}
	return n
}
