package broker_test

import (
	"fmt"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/memory"
	"github.com/portico-mq/portico/broker/property"
)

// The tests' messages wait for as many milliseconds as their type says, and lose it then.
var delaying = broker.Options{
	Delay: func(m *broker.Message) time.Duration {
		set, err := m.Properties().Decode()
		if err != nil {
			return 0
		}
		ms, _ := strconv.Atoi(set.Type)
		return time.Duration(ms) * time.Millisecond
	},
	MarkDelayed: func(m *broker.Message) (property.Block, error) {
		set, err := m.Properties().Decode()
		if err != nil {
			return nil, err
		}
		set.Type = ""
		return set.Append(nil)
	},
}

func delayedMessage(t *testing.T, ms int, body string) *broker.Message {
	t.Helper()
	set := property.Set{Type: strconv.Itoa(ms)}
	block, err := set.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return broker.NewMessage("x", "k", block, []byte(body))
}

// delayedIn opens a broker over the store with a delaying exchange x, to which the queue q is bound.
func delayedIn(t *testing.T, store *memory.Store, durable bool) (*broker.Session, func()) {
	t.Helper()
	b, err := broker.Open(t.Context(), store, delaying)
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.OpenSession(t.Context(), b.Root(), "/")
	if err != nil {
		t.Fatal(err)
	}
	x := broker.ExchangeSpec{Name: "x", Kind: broker.Delaying, Routes: broker.Direct, Durable: durable}
	if _, _, err := s.DeclareExchange(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.DeclareQueue(t.Context(), broker.QueueSpec{Name: "q", Durable: durable}); err != nil {
		t.Fatal(err)
	}
	if err := s.Bind(t.Context(), broker.Binding{Source: "x", Destination: "q", Kind: broker.ToQueue, Key: "k"}); err != nil {
		t.Fatal(err)
	}
	return s, func() {
		s.Close()
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
}

func publishDelayed(t *testing.T, s *broker.Session, ms int, body string) {
	t.Helper()
	done := make(chan error, 1)
	if n, err := s.Publish(delayedMessage(t, ms, body), broker.CompletionFunc(func(err error) { done <- err })); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestDelayedMessagesComeWhenTheyAreDue(t *testing.T) {
	inBothKinds(t, func(t *testing.T, durable bool) {
		s, end := delayedIn(t, memory.NewStore(), durable)
		defer end()
		start := time.Now()
		for i, ms := range []int{300, 100, 200, 100} {
			publishDelayed(t, s, ms, fmt.Sprint(i))
		}
		publishDelayed(t, s, 0, "now")
		if n := s.Delayed("x"); n != 4 {
			t.Errorf("%d wait", n)
		}
		for _, want := range []struct {
			body string
			ms   int
		}{{"now", 0}, {"1", 100}, {"3", 100}, {"2", 200}, {"0", 300}} {
			d := take(t, s, "q")
			if waited := time.Since(start).Milliseconds(); string(d.Message.Body()) != want.body || waited < int64(want.ms) || waited > int64(want.ms)+50 {
				t.Errorf("%q after %d ms, want %q after %d", d.Message.Body(), waited, want.body, want.ms)
			}
		}
	})
}

func TestDelayedMessagesOutliveARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.NewStore()
		s, end := delayedIn(t, store, true)
		publishDelayed(t, s, 100, "sent before")
		publishDelayed(t, s, 3600_000, "late")
		publishDelayed(t, s, 1000, "due meanwhile")
		publishDelayed(t, s, 60_000, "soon")
		if d := take(t, s, "q"); string(d.Message.Body()) != "sent before" {
			t.Fatalf("got %q", d.Message.Body())
		}
		synctest.Wait()
		end()
		<-time.After(2 * time.Second)
		s, end = delayedIn(t, store, true)
		defer end()
		// It was not settled.
		for _, want := range []string{"sent before", "due meanwhile", "soon", "late"} {
			if got, _, err := s.Get(t.Context(), "q", broker.GetOptions{Wait: 2 * time.Hour}); err != nil || len(got) != 1 || string(got[0].Message.Body()) != want {
				t.Fatalf("got %v, %v; want %q", got, err, want)
			}
		}
		if n := s.Delayed("x"); n != 0 {
			t.Errorf("%d wait", n)
		}
	})
}

func TestTransactionDelaysMessages(t *testing.T) {
	inBothKinds(t, func(t *testing.T, durable bool) {
		s, end := delayedIn(t, memory.NewStore(), durable)
		defer end()
		tx := s.Begin()
		for _, ms := range []int{100, 0} {
			if _, err := tx.Publish(delayedMessage(t, ms, fmt.Sprint(ms))); err != nil {
				t.Fatal(err)
			}
		}
		if n := s.Delayed("x"); n != 0 {
			t.Errorf("%d wait before the commit", n)
		}
		done := make(chan error, 1)
		if err := tx.Commit(broker.CompletionFunc(func(err error) { done <- err })); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"0", "100"} {
			if d := take(t, s, "q"); string(d.Message.Body()) != want {
				t.Errorf("got %q, want %q", d.Message.Body(), want)
			}
		}
	})
}

// A line keeps few messages in memory and many on disk, and gives the disk back.
func TestManyDelayedMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, end := delayedIn(t, memory.NewStore(), true)
		defer end()
		body := string(make([]byte, 64<<10))
		const n = 700 // more than a segment and than what is kept in memory
		for range n {
			publishDelayed(t, s, 1000, body)
		}
		for i := range n {
			if d := take(t, s, "q"); len(d.Message.Body()) != len(body) {
				t.Fatalf("message %d has %d bytes", i, len(d.Message.Body()))
			} else if err := s.Settle(broker.Ack, nil, d.Lease); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Exchange(t.Context(), "x"); err != nil {
			t.Fatal(err)
		}
		if err := s.DeleteExchange(t.Context(), "x", false); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
	})
}

func TestDelayedMessagesGoWithTheirExchange(t *testing.T) {
	inBothKinds(t, func(t *testing.T, durable bool) {
		store := memory.NewStore()
		s, end := delayedIn(t, store, durable)
		publishDelayed(t, s, 1000, "gone")
		if err := s.DeleteExchange(t.Context(), "x", false); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		end()
		s, end = delayedIn(t, store, durable)
		defer end()
		<-time.After(2 * time.Second)
		synctest.Wait()
		if n := readyIn(t, s, "q"); n != 0 {
			t.Errorf("%d came", n)
		}
	})
}
