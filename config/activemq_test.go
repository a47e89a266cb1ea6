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

// TestActiveMQVirtualDestinations: the same of virtual destinations.
func TestActiveMQVirtualDestinations(t *testing.T) {
	var got ActiveMQVirtualDestinations
	text := `virtualTopic name=Events.> postfix=.q, compositeQueue name=a queue=b topic=c selector="x = 1", ` +
		`compositeTopic name=d forwardOnly=false queue=e, mirroredQueue postfix=.m`
	if err := got.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	want := ActiveMQVirtualDestinations{
		text:   text,
		Topics: []ActiveMQVirtualTopic{{Name: "Events.>", Prefix: "Consumer.*.", Postfix: ".q"}},
		Composites: []ActiveMQComposite{
			{Name: "a", ForwardOnly: true, To: []ActiveMQForward{{Name: "b"}, {Topic: true, Name: "c", Selector: "x = 1"}}},
			{Topic: true, Name: "d", To: []ActiveMQForward{{Name: "e"}}},
		},
		Mirrored: &ActiveMQMirrored{Prefix: "VirtualTopic.Mirror.", Postfix: ".m"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	for _, text := range []string{
		"name=a queue=b", "virtualTopic prefix=a.", "virtualTopic name=a selectorAware=true", "compositeQueue name=a",
		"compositeQueue queue=b", "compositeQueue name=a selector=x queue=b", "compositeTopic name=a queue=", "mirroredQueue prefix=",
		"mirroredQueue, mirroredQueue", "compositeQueue name=a queue=b forwardOnly=no", "compositeQueue name=a queue=b copyMessage=true",
	} {
		if err := new(ActiveMQVirtualDestinations).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}
