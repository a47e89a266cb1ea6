package storetest

import (
	"strconv"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
)

// delayedCases is the part of the contract that is about delaying exchanges.
var delayedCases = map[string]func(*fixture){
	"delayed messages": delayedMessages,
	"delayed messages and a kill while they move":  killedMoving,
	"delayed messages far in the future":           compactedDelays,
	"delayed messages and a kill while compacting": killedCompacting,
}

// delayOf lets a message whose type is a number wait for as many milliseconds.
func delayOf(m *broker.Message) time.Duration {
	set, err := m.Properties().Decode()
	if err != nil {
		return 0
	}
	ms, _ := strconv.Atoi(set.Type)
	return time.Duration(ms) * time.Millisecond
}

// withoutDelay takes the type away.
func withoutDelay(m *broker.Message) (property.Block, error) {
	set, err := m.Properties().Decode()
	if err != nil {
		return nil, err
	}
	set.Type = ""
	return set.Append(nil)
}

// delayedMessages wait over a restart, and none that was sent comes again.
func delayedMessages(f *fixture) {
	if _, _, err := f.s.DeclareExchange(f.Context(), broker.ExchangeSpec{
		Name: "late", Kind: broker.Delaying, Routes: broker.Fanout, Durable: true,
	}); err != nil {
		f.Fatal(err)
	}
	if _, _, err := f.s.DeclareQueue(f.Context(), broker.QueueSpec{Name: "q", Durable: true}); err != nil {
		f.Fatal(err)
	}
	if err := f.s.Bind(f.Context(), broker.Binding{Source: "late", Destination: "q", Kind: broker.ToQueue}); err != nil {
		f.Fatal(err)
	}
	publish := func(ms int, body string) {
		set := property.Set{Type: strconv.Itoa(ms)}
		block, err := set.Append(nil)
		if err != nil {
			f.Fatal(err)
		}
		done := make(chan error, 1)
		if _, err := f.s.Publish(broker.NewMessage("late", "", block, []byte(body)), broker.CompletionFunc(func(err error) { done <- err })); err != nil {
			f.Fatal(err)
		}
		if err := <-done; err != nil {
			f.Fatal(err)
		}
	}
	take := func(want string) {
		f.Helper()
		got, _, err := f.s.Get(f.Context(), "q", broker.GetOptions{Wait: time.Minute, AutoAck: true})
		if err != nil || len(got) != 1 || string(got[0].Message.Body()) != want {
			f.Fatalf("got %v, %v; want %s", got, err, want)
		}
	}
	publish(1, "sent")
	take("sent")
	publish(1500, "third")
	publish(700, "second")
	publish(300, "first")
	f.stop()
	f.start()
	if n := f.s.Delayed("late"); n > 3 {
		f.Errorf("%d wait after the restart", n)
	}
	for _, want := range []string{"first", "second", "third"} {
		take(want)
	}
	if n := f.s.Delayed("late"); n != 0 {
		f.Errorf("%d still wait", n)
	}
}
