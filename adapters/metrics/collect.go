package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
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
	m.identity()
	m.node()
	m.churn()
	if m.scope.families == nil {
		m.global()
	}
	m.vhosts()
	consumers := m.queues()
	publishers := m.connections(consumers)
	if m.scope.families == nil {
		m.clients(publishers, consumers.byProtocol)
	}
}

// label is the name and the value of a label.
type label struct{ name, value string }

func (c *collector) send(kind prometheus.ValueType, name, help string, value float64, labels ...label) {
	c.sendAs(kind, c.scope.prefix+name, help, value, labels...)
}

func (c *collector) sendAs(kind prometheus.ValueType, name, help string, value float64, labels ...label) {
	names, values := make([]string, len(labels)), make([]string, len(labels))
	for i, l := range labels {
		names[i], values[i] = l.name, l.value
	}
	d := prometheus.NewDesc(name, help, names, nil)
	c.ch <- prometheus.MustNewConstMetric(d, kind, value, values...)
}

func (c *collector) gauge(name, help string, value float64, labels ...label) {
	c.send(prometheus.GaugeValue, name, help, value, labels...)
}

func (c *collector) counter(name, help string, value uint64, labels ...label) {
	c.send(prometheus.CounterValue, name, help, float64(value), labels...)
}
