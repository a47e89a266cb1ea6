package broker_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/memory"
	"github.com/portico-mq/portico/broker/property"
)

// limited opens a broker with a queue q that has limits, durable or in memory, and a queue dead.
func limited(t *testing.T, durable bool, limits broker.QueueLimits) *broker.Session {
	t.Helper()
	b, err := broker.Open(t.Context(), memory.NewStore(), broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.OpenSession(t.Context(), b.Root(), "/")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, spec := range []broker.QueueSpec{{Name: "q", Durable: durable, Limits: &limits}, {Name: "dead", Durable: durable}} {
		if _, _, err := s.DeclareQueue(t.Context(), spec); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func publishTo(t *testing.T, s *broker.Session, queue, body string) {
	t.Helper()
	done := make(chan error, 1)
	if _, err := s.Publish(broker.NewMessage("", queue, nil, []byte(body)), broker.CompletionFunc(func(err error) { done <- err })); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func readyIn(t *testing.T, s *broker.Session, queue string) int {
	t.Helper()
	info, err := s.Queue(t.Context(), queue)
	if err != nil {
		t.Fatal(err)
	}
	return info.Ready
}

// take gets the next message of a queue, waiting for it.
func take(t *testing.T, s *broker.Session, queue string) broker.Delivery {
	t.Helper()
	got, _, err := s.Get(t.Context(), queue, broker.GetOptions{Wait: time.Minute})
	if err != nil || len(got) != 1 {
		t.Fatalf("%d messages in %s, %v", len(got), queue, err)
	}
	return got[0]
}

func inBothKinds(t *testing.T, f func(t *testing.T, durable bool)) {
	for _, durable := range []bool{false, true} {
		t.Run(fmt.Sprintf("durable %v", durable), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { f(t, durable) })
		})
	}
}

var toDead = broker.QueueLimits{HasDeadLetter: true, HasDeadLetterKey: true, DeadLetterKey: "dead"}

func TestMessagesExpireWithoutAConsumer(t *testing.T) {
	inBothKinds(t, func(t *testing.T, durable bool) {
		s := limited(t, durable, broker.QueueLimits{HasTTL: true, TTL: time.Second})
		publishTo(t, s, "q", "old")
		<-time.After(600 * time.Millisecond)
		publishTo(t, s, "q", "new")
		<-time.After(600 * time.Millisecond)
		synctest.Wait()
		if n := readyIn(t, s, "q"); n != 1 {
			t.Errorf("%d ready after the first has expired", n)
		}
		if d := take(t, s, "q"); string(d.Message.Body()) != "new" {
			t.Errorf("got %q", d.Message.Body())
		}
	})
}

func TestExpiredMessagesAreDeadLettered(t *testing.T) {
	inBothKinds(t, func(t *testing.T, durable bool) {
		limits := toDead
		limits.HasTTL, limits.TTL = true, time.Second
		s := limited(t, durable, limits)
		for i := range 1000 {
			publishTo(t, s, "q", fmt.Sprint(i))
		}
		<-time.After(2 * time.Second)
		for i := range 1000 {
			if d := take(t, s, "dead"); string(d.Message.Body()) != fmt.Sprint(i) {
				t.Fatalf("dead letter %d is %q", i, d.Message.Body())
			}
		}
		if n := readyIn(t, s, "q"); n != 0 {
			t.Errorf("%d are still ready", n)
		}
	})
}

func TestOldestGoesWhenTheQueueIsFull(t *testing.T) {
	inBothKinds(t, func(t *testing.T, durable bool) {
		limits := toDead
		limits.HasMaxLength, limits.MaxLength = true, 2
		s := limited(t, durable, limits)
		for _, body := range []string{"1", "2", "3"} {
			publishTo(t, s, "q", body)
		}
		if d := take(t, s, "dead"); string(d.Message.Body()) != "1" {
			t.Errorf("dead letter %q", d.Message.Body())
		}
		if d := take(t, s, "q"); string(d.Message.Body()) != "2" {
			t.Errorf("got %q", d.Message.Body())
		}
	})
}

// A rejection is answered when the copy is stored and the original settled.
func TestRejectedMessagesAreDeadLettered(t *testing.T) {
	inBothKinds(t, func(t *testing.T, durable bool) {
		s := limited(t, durable, toDead)
		publishTo(t, s, "q", "bad")
		done := make(chan error, 1)
		if err := s.Settle(broker.Reject, broker.CompletionFunc(func(err error) { done <- err }), take(t, s, "q").Lease); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if n := readyIn(t, s, "dead"); n != 1 {
			t.Errorf("%d dead letters", n)
		}
	})
}

func TestRejectedInATransaction(t *testing.T) {
	inBothKinds(t, func(t *testing.T, durable bool) {
		s := limited(t, durable, toDead)
		publishTo(t, s, "q", "bad")
		tx := s.Begin()
		tx.Settle(broker.Reject, take(t, s, "q").Lease)
		done := make(chan error, 1)
		if err := tx.Commit(broker.CompletionFunc(func(err error) { done <- err })); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if d := take(t, s, "dead"); string(d.Message.Body()) != "bad" {
			t.Errorf("dead letter %q", d.Message.Body())
		}
	})
}

func TestUnusedQueueIsDeleted(t *testing.T) {
	inBothKinds(t, func(t *testing.T, durable bool) {
		s := limited(t, durable, broker.QueueLimits{Expires: time.Second})
		for range 3 { // as long as it is used it stays
			<-time.After(700 * time.Millisecond)
			if _, _, err := s.Get(t.Context(), "q", broker.GetOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		<-time.After(1100 * time.Millisecond)
		synctest.Wait()
		if _, err := s.Queue(t.Context(), "q"); !broker.IsKind(err, broker.KindNotFound) {
			t.Errorf("still there: %v", err)
		}
	})
}

func TestMessageExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := limited(t, false, toDead)
		for _, body := range []string{"short", "long", "behind"} {
			expiration := "1000"
			if body == "long" {
				expiration = "60000"
			}
			set := property.Set{Expiration: expiration, Flags: property.FlagExpiration}
			block, err := set.Append(nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Publish(broker.NewMessage("", "q", block, []byte(body)), nil); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(1500 * time.Millisecond) // the dead letter, which nothing has marked, has a second of its own
		synctest.Wait()
		if n := readyIn(t, s, "q"); n != 2 {
			t.Fatalf("%d messages are left, want the long one and the one behind it", n)
		}
		if n := readyIn(t, s, "dead"); n != 1 {
			t.Fatalf("%d dead letters, want 1", n)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := readyIn(t, s, "q"); n != 0 {
			t.Fatalf("%d messages are left, want none", n)
		}
	})
}
