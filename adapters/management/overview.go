package management

import (
	"encoding/json"
	"os"
	"strings"

	"github.com/portico-mq/portico/broker"
)

func overviewResources() []resource {
	return []resource{
		{path: "/overview", get: getOverview},
		{path: "/version", get: func(c *call) { c.write(200, c.server.opts.Version) }},
		{path: "/cluster-name", get: func(c *call) { c.answer(object{"name": c.server.clusterName()}) }, put: putClusterName},
		{path: "/extensions", get: func(c *call) { c.write(200, []object{{"javascript": "dispatcher.js"}}) }},
		{path: "/reset", access: administrators, delete: resetCounts},
	}
}

// Listener is an address on which a protocol is served.
type Listener struct {
	Protocol string // as RabbitMQ calls it: amqp, amqp/ssl, stomp, http, ...
	Address  string
	Port     int
}

// erlangVersion is shown where RabbitMQ tells what it runs on: tools parse it.
const erlangVersion = "26.2.5"

func (s *server) node() string { return nodeName() }

// clusterName is the name set for the cluster, else that of the node's host in full.
func (s *server) clusterName() string {
	var name string
	if json.Unmarshal(s.broker.GlobalParameters()[clusterNameParameter], &name) == nil && name != "" {
		return name
	}
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return "rabbit@" + host
}

// clusterNameParameter is the global parameter that keeps the cluster's name.
const clusterNameParameter = "cluster_name"

func putClusterName(c *call) {
	if !isAdministrator(c.user) {
		c.refuse(refusals[administrators])
		return
	}
	var in struct{ Name *string }
	if !c.decode(&in) {
		return
	}
	if in.Name == nil {
		c.badRequest("[{key_missing,name}]")
		return
	}
	value, err := json.Marshal(*in.Name)
	if err == nil {
		_, err = c.server.broker.SetGlobalParameter(clusterNameParameter, value)
	}
	if err != nil {
		c.failed(err)
		return
	}
	c.changed()
}

// exchangeTypes describes the kinds of exchange that can be declared.
func exchangeTypes() []object {
	types := []object{}
	for _, kind := range []broker.ExchangeKind{broker.Direct, broker.Fanout, broker.Headers, broker.Topic} {
		types = append(types, object{
			"name": string(kind), "enabled": true,
			"description": "AMQP " + string(kind) + " exchange, as per the AMQP specification",
		})
	}
	for _, kind := range []broker.ExchangeKind{
		broker.ConsistentHash, broker.Delaying, broker.ModulusHash, broker.Random, broker.RecentHistory,
	} {
		types = append(types, object{"name": string(kind), "enabled": true, "description": "Exchange of a RabbitMQ plugin"})
	}
	return types
}

func getOverview(c *call) {
	s := c.server
	o := object{
		"management_version": s.opts.Version, "rabbitmq_version": s.opts.Version, "product_version": s.opts.Version,
		"product_name": "RabbitMQ", "erlang_version": erlangVersion, "erlang_full_version": "Erlang/OTP " + erlangVersion,
		"cluster_name": s.clusterName(), "node": s.node(), "rates_mode": "basic", "release_series_support_status": "supported",
		"disable_stats": false, "enable_queue_totals": false, "is_op_policy_updating_enabled": true,
		"cluster_tags": object{}, "node_tags": object{}, "default_queue_type": "classic",
		"sample_retention_policies": object{
			"global": ages(globalRetention), "basic": ages(basicRetention), "detailed": ages(basicRetention[:1]),
		},
		"exchange_types": exchangeTypes(),
	}
	if isMonitor(c.user) {
		o["listeners"], o["contexts"] = s.describeListeners(), s.contexts()
	}
	totals := s.totals(c, c.visibleVhosts())
	connections := c.connections()
	channels := 0
	for _, conn := range connections {
		channels += len(conn.Lanes())
	}
	o["object_totals"] = object{
		"connections": len(connections), "channels": channels, "queues": totals.queues, "exchanges": totals.exchanges,
		"consumers": totals.consumers,
	}
	if c.wantsStats() {
		var samples view // whose rates are those of what the user may not see, too
		if isMonitor(c.user) {
			samples = c.view(overallKey{})
		}
		queues := object{}
		addTotals(queues, totals.ready, totals.unacked, samples)
		o["queue_totals"] = queues
		o["message_stats"] = object{}
		addMessageStats(o, totals.counts, samples)
		churn, node := object{}, c.view(nodeKey{})
		for name, n := range s.churn() {
			put(churn, name, n, node.named(spanLengths, name))
		}
		o["churn_rates"] = churn
		o["statistics_db_event_queue"] = 0
	}
	c.answer(o)
}

// churn is what came and went since the start.
func (s *server) churn() map[string]uint64 {
	t := s.broker.Totals()
	return map[string]uint64{
		"connection_created": t.ConnectionsOpened, "connection_closed": t.ConnectionsClosed,
		"channel_created": t.LanesOpened, "channel_closed": t.LanesClosed,
		"queue_declared": t.QueuesDeclared, "queue_created": t.QueuesCreated, "queue_deleted": t.QueuesDeleted,
	}
}

// vhostTotals sums up virtual hosts.
type vhostTotals struct {
	queues, exchanges, consumers, ready, unacked int
	counts                                       broker.Counts
}

func (s *server) totals(c *call, vhosts []string) vhostTotals {
	var t vhostTotals
	for _, vhost := range vhosts {
		session, err := s.broker.OpenSession(c.r.Context(), s.broker.Root(), vhost)
		if err != nil {
			continue // deleted meanwhile
		}
		t.exchanges += len(session.Exchanges()) + 1
		t.counts = t.counts.Plus(session.Counts())
		for _, info := range session.LookAtQueues() {
			t.queues++
			t.consumers += info.Consumers
			t.ready += info.Ready
			t.unacked += info.Unacked
		}
	}
	return t
}

func (s *server) listeners() []Listener {
	if s.opts.Listeners == nil {
		return nil
	}
	return s.opts.Listeners()
}

func (s *server) describeListeners() []object {
	list := []object{}
	for _, l := range s.listeners() {
		list = append(list, object{
			"node": s.node(), "protocol": l.Protocol, "ip_address": l.Address, "port": l.Port, "socket_opts": object{},
		})
	}
	return list
}

func (s *server) contexts() []object {
	list := []object{}
	for _, l := range s.listeners() {
		if strings.HasPrefix(l.Protocol, "http") {
			list = append(list, object{
				"node": s.node(), "description": "RabbitMQ Management", "path": "/", "cowboy_opts": "[]",
				"ip": l.Address, "port": itoa(l.Port), "ssl_opts": []string{},
			})
		}
	}
	return list
}

func authMechanisms() []object {
	return []object{
		{"name": "PLAIN", "description": "SASL PLAIN authentication mechanism", "enabled": true},
		{"name": "AMQPLAIN", "description": "QPid AMQPLAIN mechanism", "enabled": true},
		{"name": "EXTERNAL", "description": "TLS client certificate", "enabled": true},
	}
}

// resetCounts forgets the samples from which rates are made.
func resetCounts(c *call) {
	c.server.opts.Rates.Reset()
	c.w.WriteHeader(204)
}
