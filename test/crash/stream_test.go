package crash

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	streamKills = 6
	theStream   = "crash.stream"
)

// TestKillStream kills a broker while a stream is written and read: what was confirmed is there afterwards, once; offsets
// are consecutive from 0; and an offset that a reader has seen never names another message, so that readers can go on
// from the offsets that they keep.
func TestKillStream(t *testing.T) {
	binary, err := build(t.Context(), t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	s := &streamLoad{t: t, bodies: map[int64]string{}, confirmed: map[string]bool{}}
	dataDir := t.TempDir()
	for range streamKills {
		s.run(binary, dataDir)
	}
	b, err := startChild(t.Context(), binary, dataDir)
	if err != nil {
		t.Fatal(err)
	}
	defer b.kill()
	s.verify(b)
}

// streamLoad is what the clients of a stream have seen.
type streamLoad struct {
	t *testing.T

	mu        sync.Mutex
	number    int
	bodies    map[int64]string // of the offsets that a reader has seen
	next      int64            // the offset from which a reader goes on after a kill
	confirmed map[string]bool
}

// run starts the broker, puts load on it, and kills it.
func (s *streamLoad) run(binary, dataDir string) {
	b, err := startChild(s.t.Context(), binary, dataDir)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(s.t.Context())
	var clients sync.WaitGroup
	before := len(s.confirmed)
	seen := int64(0)
	for range 2 {
		ch := s.channel(b)
		clients.Go(func() { s.publish(ctx, ch) })
	}
	ch := s.channel(b)
	clients.Go(func() { s.transact(ctx, ch) })
	for _, start := range []any{"first", s.next, "next", max(0, s.next-1000)} {
		deliveries := s.consume(s.channel(b), start)
		clients.Go(func() { s.read(deliveries) })
	}
	for end := time.Now().Add(20 * time.Second); seen == 0; seen = s.progress(before) { // something has to come first
		if time.Now().After(end) {
			s.t.Fatalf("nothing was confirmed and read:\n%s", b.output)
		}
		wait(ctx, 10*time.Millisecond)
	}
	wait(ctx, time.Duration(rand.IntN(700))*time.Millisecond)
	b.kill()
	cancel()
	clients.Wait()
}

// progress is how much was confirmed and read since the start.
func (s *streamLoad) progress(before int) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return min(int64(len(s.confirmed)-before), s.next)
}

func (s *streamLoad) channel(b *child) *amqp.Channel {
	conn, err := amqp.DialConfig("amqp://guest:guest@"+b.amqp+"/", amqp.Config{Dial: amqp.DefaultDial(startLimit)})
	if err != nil {
		s.t.Fatal(err)
	}
	ch, err := conn.Channel()
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := ch.QueueDeclare(theStream, true, false, false, false, amqp.Table{"x-queue-type": "stream"}); err != nil {
		s.t.Fatal(err)
	}
	return ch
}

func (s *streamLoad) consume(ch *amqp.Channel, start any) <-chan amqp.Delivery {
	if err := ch.Qos(200, 0, false); err != nil {
		s.t.Fatal(err)
	}
	deliveries, err := ch.Consume(theStream, "", false, false, false, false, amqp.Table{"x-stream-offset": start})
	if err != nil {
		s.t.Fatal(err)
	}
	return deliveries
}

// unique makes a number for the bodies of one publication.
func (s *streamLoad) unique() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.number++
	return strconv.Itoa(s.number)
}

func (s *streamLoad) confirm(bodies ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, body := range bodies {
		s.confirmed[body] = true
	}
}

// publish publishes with confirms, many in flight, until the broker is gone.
func (s *streamLoad) publish(ctx context.Context, ch *amqp.Channel) {
	if err := ch.Confirm(false); err != nil {
		return
	}
	type pending struct {
		body    string
		confirm *amqp.DeferredConfirmation
	}
	inFlight := make(chan pending, 200)
	defer close(inFlight)
	go func() {
		for p := range inFlight {
			if ok, err := p.confirm.WaitContext(ctx); err == nil && ok {
				s.confirm(p.body)
			}
		}
	}()
	for ctx.Err() == nil {
		body := "m" + s.unique()
		confirm, err := ch.PublishWithDeferredConfirmWithContext(ctx, "", theStream, false, false, amqp.Publishing{Body: []byte(body)})
		if err != nil {
			return
		}
		select {
		case inFlight <- pending{body, confirm}:
		case <-ctx.Done():
		}
	}
}

// transact publishes two messages a transaction.
func (s *streamLoad) transact(ctx context.Context, ch *amqp.Channel) {
	if err := ch.Tx(); err != nil {
		return
	}
	for ctx.Err() == nil {
		n := s.unique()
		pair := []string{"t" + n, "u" + n}
		for _, body := range pair {
			if err := ch.PublishWithContext(ctx, "", theStream, false, false, amqp.Publishing{Body: []byte(body)}); err != nil {
				return
			}
		}
		if err := ch.TxCommit(); err != nil {
			return
		}
		s.confirm(pair...)
	}
}

// read checks and notes what comes, until the broker is gone.
func (s *streamLoad) read(deliveries <-chan amqp.Delivery) {
	last := int64(-1)
	for d := range deliveries {
		offset := d.Headers["x-stream-offset"].(int64)
		s.mu.Lock()
		if body, seen := s.bodies[offset]; seen && body != string(d.Body) {
			s.t.Errorf("offset %d was %s and is %s", offset, body, d.Body)
		}
		s.bodies[offset] = string(d.Body)
		s.next = max(s.next, offset+1)
		s.mu.Unlock()
		if last >= 0 && offset != last+1 {
			s.t.Errorf("offset %d came after %d", offset, last)
		}
		last = offset
		_ = d.Ack(false) // the broker may be gone
	}
}

// verify reads the whole stream.
func (s *streamLoad) verify(b *child) {
	ch := s.channel(b)
	info, err := ch.QueueDeclarePassive(theStream, true, false, false, false, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	deliveries := s.consume(ch, "first")
	found := make(map[string]int64, info.Messages)
	limit := time.NewTimer(2 * time.Minute)
	for offset := range int64(info.Messages) {
		var d amqp.Delivery
		select {
		case d = <-deliveries:
		case <-limit.C:
			s.t.Fatalf("%d messages came of %d", offset, info.Messages)
		}
		if got := d.Headers["x-stream-offset"]; got != offset {
			s.t.Fatalf("got offset %v, want %d", got, offset)
		}
		body := string(d.Body)
		if at, twice := found[body]; twice {
			s.t.Errorf("%s is at %d and at %d", body, at, offset)
		}
		if seen := s.bodies[offset]; seen != "" && seen != body {
			s.t.Errorf("offset %d was %s and is %s", offset, seen, body)
		}
		found[body] = offset
		if err := d.Ack(false); err != nil {
			s.t.Fatal(err)
		}
	}
	for body := range s.confirmed {
		if _, there := found[body]; !there {
			s.t.Errorf("%s was confirmed and is lost", body)
		}
	}
	for body, offset := range found {
		if body[0] == 't' && found["u"+body[1:]] != offset+1 {
			s.t.Errorf("the transaction of %s is not whole", body)
		}
	}
	s.t.Logf("%d kills: %d messages, %d of them confirmed, %d offsets seen before", streamKills, len(found), len(s.confirmed), len(s.bodies))
}
