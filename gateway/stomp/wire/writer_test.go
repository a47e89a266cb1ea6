package wire

import (
	"strings"
	"testing"
)

func TestAppend(t *testing.T) {
	for _, c := range []struct {
		headers []string // names and values in turn
		body    string
		want    string
	}{
		{nil, "", "MESSAGE\n\n\x00\n"},
		{[]string{"a", "b", "c", ""}, "", "MESSAGE\na:b\nc:\n\n\x00\n"},
		{[]string{"a", "b"}, "x\x00y", "MESSAGE\na:b\ncontent-length:3\n\nx\x00y\x00\n"},
		{[]string{"a:\n", "\\n\r:\x00é"}, "", "MESSAGE\na\\c\\n:\\\\n\\r\\c\uFFFDé\n\n\x00\n"},
	} {
		b := AppendCommand(nil, Message)
		for i := 0; i < len(c.headers); i += 2 {
			b = AppendHeader(b, c.headers[i], c.headers[i+1])
		}
		if b = AppendBody(b, []byte(c.body)); string(b) != c.want {
			t.Errorf("%q, %q: %q", c.headers, c.body, b)
		}
	}
	if b := AppendInt(nil, "n", -5); string(b) != "n:-5\n" {
		t.Errorf("%q", b)
	}
}

// again writes a frame that was read.
func again(f *Frame) string {
	b := AppendCommand(nil, f.Command)
	for _, h := range f.Headers {
		if string(h.Name) != "content-length" {
			b = AppendHeader(b, h.Name, h.Value)
		}
	}
	return string(AppendBody(b, f.Body))
}

func TestReasonsHaveWords(t *testing.T) {
	for r := CommandTooLong; r <= BodyNotEnded; r++ {
		if s := r.String(); s == "" || strings.HasPrefix(s, "reason") {
			t.Errorf("reason %d: %q", r, s)
		}
	}
}
