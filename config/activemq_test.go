package config

import (
	"reflect"
	"testing"
	"time"
)

// TestActiveMQPolicies: attributes have ActiveMQ's names and defaults, and an unknown one is an error.
func TestActiveMQPolicies(t *testing.T) {
	text := `queue=orders.> deadLetterStrategy=individual queuePrefix="my, DLQ " processNonPersistent=true expiration=5000,` +
		` topic=a virtualHost=shop deadLetterStrategy=discarding, queue=> maximumRedeliveries=-1 backOffMultiplier=2.5`
	c, _, err := Load(Sources{Flags: []string{"stomp.activemq.policies=" + text}})
	if err != nil {
		t.Fatal(err)
	}
	dead := ActiveMQDeadLetters{
		Strategy: "individual", Queue: "ActiveMQ.DLQ", QueuePrefix: "my, DLQ ", TopicPrefix: "ActiveMQ.DLQ.Topic.",
		ProcessExpired: true, ProcessNonPersistent: true,
		Expiration: 5 * time.Second,
	}
	discarding := dead
	discarding.Strategy, discarding.QueuePrefix = "discarding", "ActiveMQ.DLQ.Queue."
	discarding.ProcessNonPersistent, discarding.Expiration = false, 0
	want := []ActiveMQPolicy{
		{Pattern: "orders.>", DeadLetters: &dead},
		{Pattern: "a", Topic: true, VirtualHost: "shop", DeadLetters: &discarding},
		{Pattern: ">", Redelivery: &ActiveMQRedelivery{
			Maximum: -1, InitialDelay: time.Second, Delay: time.Second, Multiplier: 2.5,
		}},
	}
	if got := c.STOMP.ActiveMQ.Policies.All; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if shown := Values(c)["stomp.activemq.policies"]; shown != text {
		t.Errorf("it is shown as %q", shown)
	}
	for _, text := range []string{
		"orders.> maximumRedeliveries=6", "maximumRedeliveries=6", "queue=a topic=b", "queue=a memoryLimit=1", "queue=a useQueueForQueueMessages=false", "queue=a word",
		"queue=a processExpired=yes", "queue=a maximumRedeliveries=-2", "queue=a backOffMultiplier=NaN", `queue="a`,
		"queue=a redeliveryDelay=-1", "queue=a redeliveryDelay=99999999999999", "queue=a deadLetterStrategy=none",
	} {
		if err := new(ActiveMQPolicies).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}
