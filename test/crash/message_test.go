package crash

import (
	"testing"

	"github.com/portico-mq/portico/test/crash/history"
)

func TestBody(t *testing.T) {
	for n := range uint64(200) {
		m := history.NewMessageID(7, n)
		body := encodeBody(m)
		got, err := decodeBody(body)
		if err != nil || got != m {
			t.Fatalf("got %v, %v, want %v", got, err, m)
		}
		if len(body) > bodyHead {
			body[len(body)-1]++
			if _, err := decodeBody(body); err == nil {
				t.Fatal("a damaged body was taken for a whole one")
			}
		}
	}
	if _, err := decodeBody([]byte("short")); err == nil {
		t.Fatal("a short body was taken for a whole one")
	}
}
