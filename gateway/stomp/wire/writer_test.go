package wire

import (
	"strings"
	"testing"
)

func TestPlain(t *testing.T) {
	for _, c := range []struct{ name, value, body, want string }{
		{"a", "b", "x", "E\na:b\n\nx\x00\n"}, {"a", "b:c\\d\ne", `x\cy`, "E\na:b:c\\d\\ne\n\nx\\cy\x00\n"}, {"a", `\c`, "", "E\na:\\c\n\n\x00\n"},
	} {
		dst := AppendCommand([]byte(`before\c`), "E")
		dst = AppendRest(AppendHeader(dst, c.name, c.value), []byte(c.body))
		if got := string(Plain(dst, len(`before\c`))); got != `before\c`+c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

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
