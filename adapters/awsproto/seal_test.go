package awsproto

import (
	"strings"
	"testing"
)

func TestSealer(t *testing.T) {
	secret := NewSecret()
	s, err := NewSealer(secret, "receipts")
	if err != nil {
		t.Fatal(err)
	}
	token := s.Seal([]byte("content"), "queue")
	if got, ok := s.Open(token, "queue"); !ok || string(got) != "content" {
		t.Errorf("got %q %v", got, ok)
	}
	again, _ := NewSealer(secret, "receipts")
	if _, ok := again.Open(token, "queue"); !ok {
		t.Error("the same secret does not open it")
	}
	other, _ := NewSealer(secret, "iterators")
	if _, ok := other.Open(token, "queue"); ok {
		t.Error("another purpose opens it")
	}
	if _, ok := s.Open(token, "other"); ok {
		t.Error("another context opens it")
	}
	changed := []byte(token)
	changed[len(changed)/2] ^= 1
	for _, forged := range []string{"", "x", "AAAA", string(changed), strings.Repeat("A", 300<<10)} {
		if _, ok := s.Open(forged, "queue"); ok {
			t.Errorf("%.40q opens", forged)
		}
	}
	if _, err := NewSealer([]byte("short"), "x"); err == nil {
		t.Error("a short secret is taken")
	}
}
