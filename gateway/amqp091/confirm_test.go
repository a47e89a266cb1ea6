package amqp091

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"testing"

	"github.com/portico-mq/portico/gateway/amqp091/wire"
)

// Whatever the order in which publications become final, each is confirmed once, in the order of publishing, and as
// what became of it.
func TestConfirmsInOrder(t *testing.T) {
	c := &conn{log: slog.New(slog.DiscardHandler), wake: make(chan struct{}, 1)}
	ch := &channel{c: c, id: 1}
	r := rand.New(rand.NewPCG(3, 4))
	failed := map[uint64]bool{}
	confirmed := uint64(0)
	var open []*confirm
	for range 5000 {
		if r.IntN(2) == 0 {
			open = append(open, ch.confirms.next(ch))
		} else if len(open) > 0 {
			i := r.IntN(min(len(open), 5))
			p := open[i]
			open = append(open[:i], open[i+1:]...)
			var err error
			if r.IntN(10) == 0 {
				err = errors.New("not stored")
				failed[p.number] = true
			}
			p.Done(err)
		}
		if r.IntN(7) == 0 {
			confirmed = checkConfirms(t, ch, confirmed, failed)
		}
	}
	for _, p := range open {
		p.Done(nil)
	}
	confirmed = checkConfirms(t, ch, confirmed, failed)
	if confirmed != ch.confirms.last {
		t.Errorf("%d confirmed of %d", confirmed, ch.confirms.last)
	}
	if len(ch.confirms.marks) > 4096 {
		t.Errorf("a ring of %d marks", len(ch.confirms.marks))
	}
}

// checkConfirms reads the frames that are due and returns the last number confirmed.
func checkConfirms(t *testing.T, ch *channel, confirmed uint64, failed map[uint64]bool) uint64 {
	t.Helper()
	out, _, _ := ch.confirms.appendFrames(nil, ch.id)
	frames := wire.NewReader(bytes.NewReader(out), 4096)
	for {
		f, err := frames.ReadFrame()
		if errors.Is(err, io.EOF) {
			return confirmed
		}
		if err != nil {
			t.Fatal(err)
		}
		id, arguments, _ := wire.SplitMethod(f.Payload)
		switch id {
		case wire.IDBasicAck:
			var m wire.BasicAck
			if err := m.ReadFrom(arguments); err != nil || m.DeliveryTag <= confirmed || (!m.Multiple && m.DeliveryTag != confirmed+1) {
				t.Fatalf("%+v after %d, %v", m, confirmed, err)
			}
			for n := confirmed + 1; n <= m.DeliveryTag; n++ {
				if failed[n] {
					t.Fatalf("%d is acknowledged, and was not stored", n)
				}
			}
			confirmed = m.DeliveryTag
		case wire.IDBasicNack:
			var m wire.BasicNack
			if err := m.ReadFrom(arguments); err != nil || m.Multiple || m.DeliveryTag != confirmed+1 || !failed[m.DeliveryTag] {
				t.Fatalf("%+v after %d, %v", m, confirmed, err)
			}
			confirmed = m.DeliveryTag
		default:
			t.Fatalf("%v", id)
		}
	}
}
