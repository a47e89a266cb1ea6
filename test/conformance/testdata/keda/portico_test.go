// This file joins KEDA's package scalers, whose RabbitMQ scaler it runs against a broker.
package scalers

import (
	"os"
	"testing"
	"time"

	v2 "k8s.io/api/autoscaling/v2"

	"github.com/kedacore/keda/v2/pkg/scalers/scalersconfig"
)

// The broker at PORTICO_AMQP and PORTICO_HTTP has the queue scaled-1 with three messages, one of which is out, and
// scaled-2 with one; moving is published to and consumed from all the time. The virtual host "v1" has an empty scaled-3.
func TestRabbitMQScalerAgainstPortico(t *testing.T) {
	amqp, http := os.Getenv("PORTICO_AMQP"), os.Getenv("PORTICO_HTTP")
	for name, c := range map[string]struct {
		host     string
		metadata map[string]string
		want     float64 // the metric; -1 for any above 0
	}{
		"length over AMQP":    {amqp, map[string]string{"queueName": "scaled-1", "mode": "QueueLength", "value": "1"}, 2},
		"length over HTTP":    {http, map[string]string{"queueName": "scaled-1", "mode": "QueueLength", "value": "1"}, 3},
		"without what is out": {http, map[string]string{"queueName": "scaled-1", "mode": "QueueLength", "value": "1", "excludeUnacknowledged": "true"}, 2},
		"another vhost":       {http, map[string]string{"queueName": "scaled-3", "mode": "QueueLength", "value": "1", "vhostName": "v1"}, 0},
		"sum of a pattern":    {http, map[string]string{"queueName": "^scaled-[0-9]$", "mode": "QueueLength", "value": "1", "useRegex": "true", "operation": "sum"}, 4},
		"average":             {http, map[string]string{"queueName": "^scaled-", "mode": "QueueLength", "value": "1", "useRegex": "true", "operation": "avg"}, 2},
		"maximum":             {http, map[string]string{"queueName": "scaled", "mode": "QueueLength", "value": "1", "useRegex": "true", "operation": "max", "pageSize": "10"}, 3},
		"rate of publishing":  {http, map[string]string{"queueName": "moving", "mode": "MessageRate", "value": "1"}, -1},
		"rate of deliveries":  {http, map[string]string{"queueName": "moving", "mode": "DeliverGetRate", "value": "1"}, -1},
		"ratio of rates":      {http, map[string]string{"queueName": "moving", "mode": "PublishedToDeliveredRatio", "value": "1"}, -1},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := NewRabbitMQScaler(&scalersconfig.ScalerConfig{
				ScalableObjectName: "worker", ScalableObjectNamespace: "default", GlobalHTTPTimeout: 30 * time.Second,
				TriggerMetadata: c.metadata, AuthParams: map[string]string{"host": c.host}, MetricType: v2.AverageValueMetricType,
			})
			if err != nil {
				t.Fatal(err)
			}
			values, active, err := s.GetMetricsAndActivity(t.Context(), "metric")
			if err != nil || len(values) != 1 {
				t.Fatalf("%v %v", values, err)
			}
			got := float64(values[0].Value.MilliValue()) / 1000
			if (c.want >= 0 && got != c.want) || (c.want < 0 && got <= 0) {
				t.Errorf("the metric is %v, want %v", got, c.want)
			}
			if active != (got > 0) {
				t.Errorf("active is %v with %v", active, got)
			}
			if err := s.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// What the broker refuses is an error, not an empty queue.
func TestRabbitMQScalerIsRefusedByPortico(t *testing.T) {
	s, err := NewRabbitMQScaler(&scalersconfig.ScalerConfig{
		GlobalHTTPTimeout: 30 * time.Second, AuthParams: map[string]string{"host": os.Getenv("PORTICO_HTTP")},
		TriggerMetadata: map[string]string{"queueName": "there-is-none", "mode": "QueueLength", "value": "1"},
		MetricType:      v2.AverageValueMetricType,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, active, err := s.GetMetricsAndActivity(t.Context(), "metric"); err == nil || active {
		t.Errorf("a queue that is not there: %v, active %v", err, active)
	}
}
