package broker_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/portico-mq/portico/broker"
)

func TestWatchQueues(t *testing.T) {
	r := newRights(t)
	s, err := r.b.OpenSession(t.Context(), r.b.Root(), "/")
	r.must(err)
	defer s.Close()
	var seen []string
	stop := r.b.WatchQueues(func(namespace, name string) {
		_, err := s.QueueSpec(name) // it may call the broker
		seen = append(seen, fmt.Sprint(namespace, name, " ", err == nil))
	})
	declare := func() {
		t.Helper()
		_, _, err := s.DeclareQueue(t.Context(), broker.QueueSpec{Name: "q", Durable: true})
		r.must(err)
	}
	declare()
	declare() // it is there already
	_, err = s.DeleteQueue(t.Context(), "q", false, false)
	r.must(err)
	stop()
	declare()
	if want := []string{"/q true", "/q false"}; !slices.Equal(seen, want) {
		t.Errorf("seen %v, want %v", seen, want)
	}
}

// reading counts how often rules read a message.
type reading struct {
	reads  *int
	wanted string
}

func (r reading) Match(m *broker.Message) bool               { return r.MatchRead(m, r.Read(m)) }
func (r reading) Rewrite(m *broker.Message) *broker.Message  { return m }
func (r reading) Read(m *broker.Message) any                 { *r.reads++; return string(m.Body()) }
func (r reading) MatchRead(_ *broker.Message, read any) bool { return read == r.wanted }

func TestRulesReadAMessageOnce(t *testing.T) {
	r := newRights(t)
	r.must(r.b.Close())
	reads := 0
	b, err := broker.Open(t.Context(), r.store, broker.Options{Rules: map[string]broker.RuleCompiler{
		"body": func(b *broker.Binding) (broker.Rule, error) { return reading{&reads, b.RuleText}, nil },
	}})
	r.must(err)
	r.b = b
	s, err := b.OpenSession(t.Context(), b.Root(), "/")
	r.must(err)
	defer s.Close()
	_, _, err = s.DeclareExchange(t.Context(), broker.ExchangeSpec{Name: "x", Kind: broker.Fanout})
	r.must(err)
	for i := range 10 {
		name := fmt.Sprint("q", i)
		_, _, err := s.DeclareQueue(t.Context(), broker.QueueSpec{Name: name, AutoDelete: true})
		r.must(err)
		r.must(s.Bind(t.Context(), broker.Binding{Source: "x", Destination: name, Kind: broker.ToQueue, Rule: "body", RuleText: fmt.Sprint(i % 2)}))
	}
	for i := range 4 {
		n, err := s.Publish(broker.NewMessage("x", "", nil, []byte(fmt.Sprint(i))), nil)
		r.must(err)
		if want := 5; i < 2 && n != want || i >= 2 && n != 0 {
			t.Errorf("message %d went to %d queues", i, n)
		}
	}
	if reads != 4 {
		t.Errorf("4 messages were read %d times", reads)
	}
}
