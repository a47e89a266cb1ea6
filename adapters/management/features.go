package management

func featureResources() []resource {
	return []resource{
		{path: "/feature-flags", access: administrators, get: func(c *call) { c.list(describeFlags(), "name") }},
		{path: "/feature-flags/{flag}/enable", access: administrators, put: enableFlag},
		{path: "/deprecated-features", access: monitors, get: func(c *call) { c.list(describeDeprecated(deprecatedFeatures), "name") }},
		{path: "/deprecated-features/used", access: monitors, get: func(c *call) { c.list(describeDeprecated(c.deprecatedInUse()), "name") }},
	}
}

// featureFlags are those of RabbitMQ 3.13's flags that stand for something that there is here; all of them are on.
var featureFlags = []struct{ name, provider, description string }{
	{"detailed_queues_endpoint", "rabbitmq_management_agent", "Add a detailed queues HTTP API endpoint. Reduce number of metrics in the default endpoint."},
	{"drop_unroutable_metric", "rabbitmq_management_agent", "Count unroutable publishes to be dropped in stats"},
	{"empty_basic_get_metric", "rabbitmq_management_agent", "Count AMQP `basic.get` on empty queues in stats"},
	{"implicit_default_bindings", "rabbit", "Default bindings are now implicit, instead of being stored in the database"},
	{"quorum_queue", "rabbit", "Support queues of type `quorum`"},
	{"stream_filtering", "rabbit", "Support for stream filtering."},
	{"stream_queue", "rabbit", "Support queues of type `stream`"},
	{"user_limits", "rabbit", "Configure connection and channel limits for a user"},
	{"virtual_host_metadata", "rabbit", "Virtual host metadata (description, tags, etc)"},
}

func describeFlags() []object {
	var list []object
	for _, f := range featureFlags {
		list = append(list, object{
			"name": f.name, "desc": f.description, "doc_url": "", "state": "enabled", "stability": "stable", "provided_by": f.provider,
		})
	}
	return list
}

// enableFlag enables a flag, which is on already.
func enableFlag(c *call) {
	for _, f := range featureFlags {
		if f.name == c.vars["flag"] {
			c.changed()
			return
		}
	}
	c.badRequest("unsupported")
}

// deprecatedFeature is a feature that RabbitMQ 3.13 calls deprecated. inUse tells whether somebody uses it now.
type deprecatedFeature struct {
	name, provider, description string
	inUse                       func(*call) bool
}

// deprecatedFeatures are those that there are here.
var deprecatedFeatures = []deprecatedFeature{
	{"global_qos", "rabbit", "Global QoS: a prefetch limit for all consumers of a channel together", usesGlobalQos},
	{"management_metrics_collection", "rabbitmq_management_agent", "Statistics in the management API", func(*call) bool { return true }},
	{"transient_nonexcl_queues", "rabbit", "Queues that are neither durable nor exclusive", usesTransientQueues},
}

func (c *call) deprecatedInUse() []deprecatedFeature {
	var list []deprecatedFeature
	for _, f := range deprecatedFeatures {
		if f.inUse(c) {
			list = append(list, f)
		}
	}
	return list
}

func describeDeprecated(features []deprecatedFeature) []object {
	list := []object{}
	for _, f := range features {
		list = append(list, object{
			"name": f.name, "desc": f.description, "doc_url": "", "provided_by": f.provider,
			"state": "permitted", "deprecation_phase": "permitted_by_default",
		})
	}
	return list
}

func usesGlobalQos(c *call) bool {
	for _, conn := range c.server.broker.Connections() {
		for _, l := range conn.Lanes() {
			if l.SharedPrefetch.Load() > 0 {
				return true
			}
		}
	}
	return false
}

func usesTransientQueues(c *call) bool {
	for _, vhost := range c.server.broker.Namespaces() {
		s, err := c.server.broker.OpenSession(c.r.Context(), c.server.broker.Root(), vhost)
		if err != nil {
			continue // deleted meanwhile
		}
		for _, info := range s.QueueCounts() { // a queue in memory is in use from its declaration on
			if !info.Spec.Durable && !info.Spec.Exclusive {
				return true
			}
		}
	}
	return false
}
