package broker

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/portico-mq/portico/broker/property"
)

// seedState is a state with everything in it.
func seedState() *state {
	return &state{
		next:    1000,
		mark:    1300,
		runs:    []run{{from: 3, to: 9, messages: 6, count: 1}, {from: 12, to: 12, messages: 1}},
		copies:  []moved{{seq: 1, place: 900, count: 2}},
		skipped: []uint64{1001, 1005},
		applied: []uint64{4097, 8192},
	}
}

func TestStateRoundTrip(t *testing.T) {
	raw := appendState(nil, seedState(), []moved{{seq: 2, count: 7}, {seq: 4}})
	got, err := decodeState(raw, 950*SequenceStep)
	if err != nil {
		t.Fatal(err)
	}
	want := seedState()
	want.copies = append(want.copies, moved{seq: 2, place: 950 * SequenceStep, count: 7}, moved{seq: 4, place: 950*SequenceStep + 1})
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v\nwant %+v", got, want)
	}
}

// FuzzState: whatever a log holds, decoding neither panics nor allocates without bound, and what it takes is taken
// again after encoding.
func FuzzState(f *testing.F) {
	f.Add(appendState(nil, seedState(), []moved{{seq: 2, count: 7}}))
	f.Add(appendState(nil, &state{next: 1}, nil))
	f.Add(appendState(nil, &state{next: 1, delayed: 3}, nil))
	f.Add(appendState(nil, &state{next: 9, unnamed: 9}, nil))
	f.Add(appendState(nil, &state{next: 1, backlog: &backlogState{
		taken: []uint64{7, 0, 9},
		pages: []*backlogPage{
			{from: 3, to: 8, size: 700, bodies: 70, ranks: []rankCount{{0, 2}, {2, 1}}},
			{from: 9, to: 9, size: 50, ranks: []rankCount{{1, 1}}},
		},
	}}, nil))
	f.Add(append(appendState(nil, &state{next: 1}, nil), 0)) // no segments, and said so
	f.Fuzz(func(t *testing.T, raw []byte) {
		st, err := decodeState(raw, 1<<40)
		if err != nil {
			return
		}
		again, err := decodeState(appendState(nil, st, nil), 1<<40)
		if err != nil || !reflect.DeepEqual(st, again) {
			t.Fatalf("%+v became %+v (%v)", st, again, err)
		}
	})
}

func FuzzJournalEntry(f *testing.F) {
	m := NewMessage("x", "k", nil, []byte("body"))
	f.Add(encodeEntry([]*part{
		{queue: &Queue{id: "a"}, acked: []*entry{{seq: 7}, {seq: 3}}, messages: []*Message{m, m}}, {queue: &Queue{id: "b"}, messages: []*Message{m}},
	}, []departure{{segment: "s", seqs: []uint64{3, 9}}}))
	f.Fuzz(func(_ *testing.T, raw []byte) {
		parts, _, err := decodeEntry(raw)
		if err != nil {
			return
		}
		for _, p := range parts {
			for _, raw := range p.messages {
				_, _ = decodeMessage(raw)
			}
		}
	})
}

func TestMessageOfALongKey(t *testing.T) {
	key := strings.Repeat("k", 300<<10)
	if m := NewMessage("x", key, nil, []byte("body")); m.Key() != key || m.Exchange() != "x" || string(m.Body()) != "body" {
		t.Fatal("the parts of a message with a long key are others")
	}
}

func FuzzMessage(f *testing.F) {
	set := property.Set{}
	block, err := set.Append(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(NewMessage("exchange", "key", block, []byte("body")).raw)
	f.Add(NewMessage("", "", nil, nil).raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := decodeMessage(raw)
		if err != nil {
			return
		}
		again := NewMessage(m.Exchange(), m.Key(), m.Properties(), m.Body())
		if again.Key() != m.Key() || !bytes.Equal(again.Body(), m.Body()) || !bytes.Equal(again.Properties(), m.Properties()) {
			t.Fatal("the parts of a message make another one")
		}
	})
}

// FuzzDelayRecord: likewise for the records of delayed messages.
func FuzzDelayRecord(f *testing.F) {
	f.Add(appendDelayed(nil, &delayed{at: 1 << 50, held: &delayedMessage{NewMessage("x", "k", nil, []byte("body")), []string{"a", ""}}}))
	f.Add(appendDeparted(nil, []uint64{1, 300, 2}))
	copied, err := appendCopied(nil, origin{"s", 7}, appendDelayed(nil, &delayed{at: 1, held: &delayedMessage{NewMessage("", "q", nil, nil), nil}}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(copied)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if d, err := decodeDelayed(raw); err == nil {
			again, err := decodeDelayed(appendDelayed(nil, d))
			if err != nil || !reflect.DeepEqual(again, d) {
				t.Fatalf("got %+v, %v\nwant %+v", again, err, d)
			}
		}
		if seqs, err := decodeDeparted(raw); err == nil {
			again, err := decodeDeparted(appendDeparted(nil, seqs))
			if err != nil || !reflect.DeepEqual(again, seqs) {
				t.Fatalf("got %v, %v\nwant %v", again, err, seqs)
			}
		}
	})
}
