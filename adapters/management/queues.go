package management

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/portico-mq/portico/broker"
)

func queueResources() []resource {
	const one = "/queues/{vhost}/{queue}"
	return []resource{
		{path: "/queues", get: listQueues},
		{path: "/queues/detailed", get: listQueues},
		{path: "/queues/{vhost}", access: visible, get: listQueues},
		{path: one, access: visible, get: getQueue, put: putQueue, delete: deleteQueue},
		{path: one + "/bindings", access: visible, get: listBindingsOfQueue},
		{path: one + "/contents", access: inVhost, delete: purgeQueue},
		{path: one + "/get", access: inVhost, post: getMessages},
		{path: one + "/actions", access: administrators, post: actOnQueue},
		{path: "/rebalance/queues", access: administrators, post: rebalance},
	}
}

func listQueues(c *call) {
	vhosts, ok := c.vhosts()
	if !ok {
		return
	}
	if c.pagedByName() {
		c.listNames(vhosts)
		return
	}
	var items []object
	for _, vhost := range vhosts {
		s, err := c.server.broker.OpenSession(c.r.Context(), c.server.broker.Root(), vhost)
		if err != nil {
			continue // deleted meanwhile
		}
		for _, look := range s.LookAtQueues() {
			items = append(items, c.describeQueue(s, &look.QueueInfo, look.Owner))
		}
	}
	c.list(items)
}

// pagedByName reports whether a page is wanted, in an order that needs no more than names.
func (c *call) pagedByName() bool {
	query := c.r.URL.Query()
	by := query.Get("sort")
	return query.Get("page") != "" && (by == "" || by == "name" || by == "vhost")
}

// listNames lists a page of queues, and looks at those on the page only: a queue that nobody has used since the start
// must be read from disk for that, which takes seconds for thousands.
func (c *call) listNames(vhosts []string) {
	sessions := make(map[string]*broker.Session)
	var items []object
	for _, vhost := range vhosts {
		s, err := c.server.broker.OpenSession(c.r.Context(), c.server.broker.Root(), vhost)
		if err != nil {
			continue // deleted meanwhile
		}
		sessions[vhost] = s
		for _, name := range s.QueueNames() {
			items = append(items, object{"name": name, "vhost": vhost})
		}
	}
	c.expand = func(o object) object {
		s := sessions[o["vhost"].(string)]
		info, owner, err := s.LookAtQueue(o["name"].(string))
		if err != nil {
			return o // deleted meanwhile
		}
		return c.describeQueue(s, &info, owner)
	}
	c.list(items)
}

// describeQueue is a queue as lists show it.
func (c *call) describeQueue(s *broker.Session, info *broker.QueueInfo, owner *broker.Connection) object {
	spec := &info.Spec
	vhost := s.Namespace()
	o := object{
		"name": spec.Name, "vhost": vhost, "type": queueType(spec), "durable": spec.Durable, "auto_delete": spec.AutoDelete,
		"exclusive": spec.Exclusive, "arguments": tableObject(spec.Attributes[amqpAttributes]), "node": c.server.node(),
	}
	addPolicies(o, s.QueuePolicies)
	o["effective_policy_definition"] = effectivePolicy(s, spec.Name)
	if owner != nil {
		o["owner_pid_details"] = connectionDetails(owner)
	}
	o["state"] = "running"
	if queueType(spec) != "classic" {
		node := c.server.node()
		o["leader"], o["members"], o["online"] = node, []string{node}, []string{node}
	}
	if !c.wantsStats() {
		if c.flag("enable_queue_totals") && !spec.Stream {
			o["messages"], o["messages_ready"], o["messages_unacknowledged"] = info.Ready+info.Unacked, info.Ready, info.Unacked
		}
		return o
	}
	key := queueKey{vhost, spec.Name}
	samples := c.view(key)
	o["consumers"] = info.Consumers
	if spec.Stream {
		o["readers"] = object{c.server.node(): info.Consumers}
	}
	addTotals(o, info.Ready, info.Unacked, samples)
	addQueueStats(o, info.Counts, samples)
	addQueueBytes(o, info)
	if !spec.Stream {
		addConsumers(o, spec, s.QueueConsumers(spec.Name))
		addUtilisation(o, info, samples)
		o["head_message_timestamp"] = nil
		if !info.HeadTime.IsZero() {
			o["head_message_timestamp"] = info.HeadTime.Unix()
		}
	}
	if since, idle := c.server.opts.Rates.idleSince(key); idle {
		o["idle_since"] = since.UTC().Format("2006-01-02T15:04:05.000-07:00")
	}
	return o
}

// addConsumers adds the tags of consumers that have the queue for themselves.
func addConsumers(o object, spec *broker.QueueSpec, consumers []broker.ConsumerInfo) {
	var exclusive, active any
	for i := range consumers {
		switch k := &consumers[i]; {
		case k.Options.Exclusive:
			exclusive = k.Options.Tag
		case spec.SingleActive && !k.Waiting:
			active = k.Options.Tag
		}
	}
	if queueType(spec) == "quorum" { // RabbitMQ has two names for it
		o["single_active_consumer_ctag"] = active
	}
	o["exclusive_consumer_tag"], o["single_active_consumer_tag"] = exclusive, active
}

// addUtilisation adds which part of the last interval consumers had room for another message.
func addUtilisation(o object, info *broker.QueueInfo, samples view) {
	part := 0.0
	if info.Consumers > 0 {
		blocked := samples.gauged(spanLengths, stalled)["rate"].(float64) / float64(time.Second)
		part = min(max(1-blocked, 0), 1)
	}
	o["consumer_utilisation"], o["consumer_capacity"] = part, part
}

// addQueueBytes adds what is known of the bytes of a queue. A durable queue has all its messages on disk.
func addQueueBytes(o object, info *broker.QueueInfo) {
	o["memory"] = info.WindowBytes
	if info.BytesUnknown {
		return
	}
	all := info.ReadyBytes + info.UnackedBytes
	o["message_bytes"], o["message_bytes_ready"], o["message_bytes_unacknowledged"] = all, info.ReadyBytes, info.UnackedBytes
	o["messages_persistent"], o["message_bytes_persistent"] = 0, int64(0)
	if info.Spec.Durable {
		o["messages_persistent"], o["message_bytes_persistent"] = info.Ready+info.Unacked, all
	}
}

func queueType(spec *broker.QueueSpec) string {
	if v, ok := spec.Attributes[amqpAttributes].Get("x-queue-type"); ok {
		if name, ok := v.(string); ok {
			return name
		}
	}
	return "classic"
}

// effectivePolicy is the definition of the policy that counts for the queue, with what the operator's adds.
func effectivePolicy(s *broker.Session, name string) object {
	out := object{}
	policy, operator := s.QueuePolicies(name)
	for _, p := range []*broker.Policy{policy, operator} {
		if p == nil {
			continue
		}
		var definition map[string]any
		if json.Unmarshal(p.Definition, &definition) != nil {
			continue
		}
		for key, v := range definition {
			had, isNumber := number(out[key])
			if limit, ok := number(v); ok && isNumber && had < limit {
				continue // of two bounds the lower one counts
			}
			out[key] = v
		}
	}
	return out
}

func getQueue(c *call) {
	s := c.look(c.vars["vhost"])
	if s == nil {
		return
	}
	info, owner, err := s.LookAtQueue(c.vars["queue"])
	if err != nil {
		c.failed(err)
		return
	}
	o := c.describeQueue(s, &info, owner)
	if c.wantsStats() {
		consumers := []object{}
		for _, k := range s.QueueConsumers(info.Spec.Name) {
			consumers = append(consumers, describeConsumer(&k))
		}
		o["consumer_details"] = consumers
		o["incoming"], o["deliveries"] = []object{}, []object{}
	}
	c.answer(o)
}

func putQueue(c *call) {
	var in struct {
		Durable    *boolean
		AutoDelete boolean `json:"auto_delete"`
		Arguments  arguments
	}
	s := c.sessionFor(&in)
	if s == nil {
		return
	}
	defer s.Close()
	spec := broker.QueueSpec{
		Name: c.vars["queue"], Durable: in.Durable == nil || bool(*in.Durable), AutoDelete: bool(in.AutoDelete),
		Attributes: broker.Attributes{amqpAttributes: attributeTable(in.Arguments)},
	}
	_, _, err := s.LookAtQueue(spec.Name)
	missing := broker.IsKind(err, broker.KindNotFound)
	if err := c.server.opts.Declare.Queue(c.background(), s, spec); err != nil {
		c.failed(err)
		return
	}
	c.put(missing)
}

func deleteQueue(c *call) {
	s := c.session()
	if s == nil {
		return
	}
	defer s.Close()
	if _, err := s.DeleteQueue(c.background(), c.vars["queue"], c.flag("if-unused"), c.flag("if-empty")); err != nil {
		c.failed(err)
		return
	}
	c.w.WriteHeader(http.StatusNoContent)
}

func purgeQueue(c *call) {
	s := c.session()
	if s == nil {
		return
	}
	defer s.Close()
	if _, err := s.PurgeQueue(c.background(), c.vars["queue"]); err != nil {
		c.failedOnQueue("queue.purge", err)
		return
	}
	c.w.WriteHeader(http.StatusNoContent)
}

// actOnQueue takes the actions on mirrors, of which a queue here has none to act on.
func actOnQueue(c *call) {
	var in struct{ Action string }
	if !c.decode(&in) {
		return
	}
	s := c.look(c.vars["vhost"])
	if s == nil {
		return
	}
	if _, _, err := s.LookAtQueue(c.vars["queue"]); err != nil {
		c.failed(err)
		return
	}
	switch in.Action {
	case "sync", "cancel_sync":
		c.badRequest("queue '" + c.vars["queue"] + "' in vhost '" + c.vars["vhost"] + "' is not mirrored")
	default:
		c.badRequest("Unknown action: " + in.Action)
	}
}

// rebalance spreads the queues over the nodes: over one, they are spread.
func rebalance(c *call) { c.w.WriteHeader(http.StatusNoContent) }
