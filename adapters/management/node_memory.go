package management

import (
	"math"
	"runtime/metrics"
)

// memoryStrategy is how mem_used is measured: what the operating system says that the process holds.
const memoryStrategy = "rss"

// nodeMemory tells where the memory is, in bytes, under RabbitMQ's names for it: messages that wait in queues by the
// type of queue, goroutines' stacks and everything else on the heap (other_proc), the runtime's own (other_system), and
// what is free.
func (c *call) nodeMemory() object {
	classes := []metrics.Sample{
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/stacks:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
	}
	metrics.Read(classes)
	n := make([]int64, len(classes))
	for i := range classes {
		n[i] = int64(classes[i].Value.Uint64())
	}
	total, objects, stacks, unused, released := n[0], n[1], n[2], n[3]+n[4], n[5]
	waiting := c.waitingBytes()
	used := total - released - unused
	o := object{
		"strategy": memoryStrategy, "queue_procs": waiting["classic"], "quorum_queue_procs": waiting["quorum"],
		"stream_queue_procs": waiting["stream"], "allocated_unused": unused, "other_system": used - objects - stacks,
		"other_proc": max(objects+stacks-waiting["classic"]-waiting["quorum"]-waiting["stream"], 0),
	}
	sums := object{"erlang": used, "allocated": used + unused}
	if c.server.opts.Memory != nil {
		rss := c.server.opts.Memory.Status().Used
		sums["rss"] = rss
		o["reserved_unallocated"] = max(rss-used-unused, 0)
	}
	o["total"] = sums
	return o
}

// waitingBytes is how much memory the waiting messages take, by type of queue.
func (c *call) waitingBytes() map[string]int64 {
	sums := map[string]int64{}
	for _, vhost := range c.server.broker.Namespaces() {
		s, err := c.server.broker.OpenSession(c.r.Context(), c.server.broker.Root(), vhost)
		if err != nil {
			continue // deleted meanwhile
		}
		for _, info := range s.QueueCounts() { // who was not used since the start has nothing in memory
			sums[queueType(&info.Spec)] += info.WindowBytes
		}
	}
	return sums
}

// relativeMemory are the parts in percent of their sum, rounded up as by RabbitMQ.
func relativeMemory(memory object) object {
	sum := 0.0
	for _, v := range memory {
		if n, ok := number(v); ok {
			sum += n
		}
	}
	o := object{"total": 100}
	for name, v := range memory {
		if n, ok := number(v); ok && sum > 0 {
			o[name] = int(math.Ceil(n * 100 / sum))
		}
	}
	return o
}
