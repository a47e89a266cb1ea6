package jetstream

import (
	"bytes"
	"testing"

	"github.com/portico-mq/portico/broker"
)

func TestGroup(t *testing.T) {
	raw := beginGroup(nil, 70000)
	want := [][]byte{[]byte("a"), {}, bytes.Repeat([]byte("b"), 300)}
	for _, m := range want {
		raw = addToGroup(raw, m)
	}
	ordinal, got, err := decodeGroup(raw)
	if err != nil || ordinal != 70000 || len(got) != len(want) {
		t.Fatalf("ordinal %d, %d messages, %v", ordinal, len(got), err)
	}
	for i := range want {
		if !bytes.Equal(got[i], want[i]) {
			t.Errorf("message %d: %q", i, got[i])
		}
	}
	for n := range raw {
		if _, got, err := decodeGroup(raw[:n]); err == nil && len(got) == len(want) {
			t.Errorf("cut at %d: %d messages", n, len(got))
		}
	}
}

func TestPosition(t *testing.T) {
	seq, index := entryAt(position(1<<40, groupMessages-1))
	if seq != 1<<40 || index != groupMessages-1 {
		t.Fatalf("%d, %d", seq, index)
	}
	if groupMessages > broker.SequenceStep {
		t.Fatal("an entry has more messages than places")
	}
}

func FuzzGroup(f *testing.F) {
	f.Add(addToGroup(addToGroup(beginGroup(nil, 7), []byte("one")), nil))
	f.Add([]byte{0x80})
	f.Fuzz(func(t *testing.T, raw []byte) {
		ordinal, messages, err := decodeGroup(raw)
		if err != nil {
			return
		}
		again := beginGroup(nil, ordinal)
		for _, m := range messages {
			again = addToGroup(again, m)
		}
		o, m, err := decodeGroup(again)
		if err != nil || o != ordinal || len(m) != len(messages) {
			t.Fatalf("%d, %d messages, %v", o, len(m), err)
		}
	})
}
