package jetstream

import (
	"bytes"
	"slices"
	"testing"

	"github.com/portico-mq/portico/broker"
)

func TestMessagesEntry(t *testing.T) {
	want := [][]byte{[]byte("a"), {}, bytes.Repeat([]byte("b"), 300)}
	for _, state := range [][]byte{nil, {}, []byte("state")} {
		raw := beginMessages(nil, 70000, 69000, state)
		for _, m := range want {
			raw = appendBytes(raw, m)
		}
		e, err := decodeMessages(raw)
		if err != nil || e.ordinal != 70000 || e.stated != 69000 || len(e.messages) != len(want) {
			t.Fatalf("%+v, %v", e, err)
		}
		if !bytes.Equal(e.state, state) || (e.state == nil) != (state == nil) {
			t.Errorf("state %q", e.state)
		}
		for i := range want {
			if !bytes.Equal(e.messages[i], want[i]) {
				t.Errorf("message %d: %q", i, e.messages[i])
			}
		}
		for n := range raw {
			if e, err := decodeMessages(raw[:n]); err == nil && len(e.messages) == len(want) {
				t.Errorf("cut at %d: %d messages", n, len(e.messages))
			}
		}
	}
}

func TestStateEntry(t *testing.T) {
	for _, want := range [][][]byte{nil, {[]byte("moved"), {}}} {
		raw := encodeState([]byte("state"), want)
		state, moved, err := decodeState(raw)
		if err != nil || string(state) != "state" || !slices.EqualFunc(moved, want, bytes.Equal) {
			t.Fatalf("%q, %q, %v", state, moved, err)
		}
	}
	if _, _, err := decodeState(nil); err == nil {
		t.Fatal("an empty entry was taken")
	}
}

func TestPosition(t *testing.T) {
	seq, index := entryAt(position(1<<40, groupMessages-1))
	if seq != 1<<40 || index != groupMessages-1 {
		t.Fatalf("%d, %d", seq, index)
	}
	if groupMessages > broker.SequenceStep || broker.MaxTogether > broker.SequenceStep {
		t.Fatal("an entry has more messages than places")
	}
}

func FuzzEntry(f *testing.F) {
	f.Add(appendBytes(appendBytes(beginMessages(nil, 7, 0, nil), []byte("one")), nil))
	f.Add(appendBytes(beginMessages(nil, 7, 6, []byte("state")), []byte("one")))
	f.Add(encodeState([]byte("state"), [][]byte{[]byte("one")}))
	f.Add([]byte{0x80})
	f.Fuzz(func(t *testing.T, raw []byte) {
		if state, moved, err := decodeState(raw); err == nil {
			s, m, err := decodeState(encodeState(state, moved))
			if err != nil || !bytes.Equal(s, state) || !slices.EqualFunc(m, moved, bytes.Equal) {
				t.Fatalf("%q, %q, %v", s, m, err)
			}
		}
		e, err := decodeMessages(raw)
		if err != nil {
			return
		}
		again := beginMessages(nil, e.ordinal, e.stated, e.state)
		for _, m := range e.messages {
			again = appendBytes(again, m)
		}
		got, err := decodeMessages(again)
		if err != nil || got.ordinal != e.ordinal || got.stated != e.stated || !bytes.Equal(got.state, e.state) ||
			!slices.EqualFunc(got.messages, e.messages, bytes.Equal) {
			t.Fatalf("%+v, %v", got, err)
		}
	})
}
