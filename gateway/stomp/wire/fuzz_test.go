package wire

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// FuzzRead feeds any bytes: the reader must not fail otherwise than with its own errors, must stay within its limits,
// must not depend on how the bytes arrive, and what it reads must come back when it is written and read again.
func FuzzRead(f *testing.F) {
	for _, data := range recordings(f) {
		f.Add(data, true)
	}
	f.Add([]byte("SEND\r\na\\cb:\\t\ncontent-length:4294967296\n\n\x00"), false)
	f.Add([]byte("\n\x00SUBSCRIBE\nid: 1\nid:2\n\n\x00\n\n"), true)
	f.Fuzz(func(t *testing.T, data []byte, strict bool) {
		r := NewReader(bytes.NewReader(data), generous)
		r.SetStrict(strict)
		slow := NewReader(iotest.OneByteReader(bytes.NewReader(data)), generous)
		slow.SetStrict(strict)
		for {
			frame, err := r.Read()
			frameSlow, errSlow := slow.Read()
			if (err == nil) != (errSlow == nil) || (err != nil && err.Error() != errSlow.Error()) {
				t.Fatalf("at once %v, byte by byte %v", err, errSlow)
			}
			if err != nil {
				syntax := new(SyntaxError)
				if !errors.As(err, &syntax) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Fatalf("error %v", err)
				}
				return
			}
			if text(frame) != text(frameSlow) {
				t.Fatalf("at once %s, byte by byte %s", text(frame), text(frameSlow))
			}
			checkAgain(t, frame)
		}
	})
}

// checkAgain writes the frame, reads that, and compares.
func checkAgain(t *testing.T, frame *Frame) {
	t.Helper()
	if strings.ContainsAny(frame.Command, "\r") {
		return // a command of a client never has one; the writer takes commands as they are
	}
	first := again(frame)
	r := NewReader(strings.NewReader(first), Limits{Command: 1 << 10, Header: 1 << 20, Headers: 200, HeaderBytes: 1 << 20, Body: 1 << 20})
	r.SetStrict(true)
	back, err := r.Read()
	if err != nil {
		t.Fatalf("%q is not read again: %v", first, err)
	}
	if second := again(back); second != first {
		t.Fatalf("%q came back as %q", first, second)
	}
}
