package wire

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/portico-mq/portico/broker/property"
)

// Whatever comes, reading ends, holds no more than one frame, and what decodes
// encodes to something that decodes to the same.
func FuzzReadFrame(f *testing.F) {
	for _, m := range fullMethods {
		f.Add(AppendMethod(nil, 1, m))
	}
	f.Add(AppendContent(AppendHeartbeat(nil), 1, ClassBasic, property.Block{0x80, 0, 1, 'a'}, []byte("body"), 4096))
	f.Add([]byte("AMQP\x00\x00\x09\x01"))
	for _, stream := range recorded(f) {
		f.Add(stream)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := NewReader(bytes.NewReader(b), 8192)
		for {
			frame, err := r.ReadFrame()
			if len(r.buf) > maxBuffer {
				t.Fatalf("a buffer of %d bytes", len(r.buf))
			}
			if err != nil {
				var e *BadFrameError
				if !errors.As(err, &e) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Fatal(err)
				}
				return
			}
			switch frame.Type {
			case FrameMethod:
				checkMethod(t, frame.Payload)
			case FrameHeader:
				if h, err := ParseContentHeader(frame.Payload); err == nil {
					if again := AppendContent(nil, 1, h.Class, h.Properties, nil, 8192); !bytes.Equal(again[19:len(again)-1], frame.Payload[12:]) {
						t.Fatalf("%x became %x", frame.Payload, again)
					}
				}
			}
		}
	})
}

func checkMethod(t *testing.T, payload []byte) {
	id, arguments, ok := SplitMethod(payload)
	if !ok {
		return
	}
	m := NewMethod(id)
	if m == nil {
		return
	}
	if err := m.ReadFrom(arguments); err != nil {
		return
	}
	once := m.AppendTo(nil)
	again := NewMethod(id)
	if err := again.ReadFrom(once); err != nil {
		t.Fatalf("%s: %v", id, err)
	}
	if twice := again.AppendTo(nil); !bytes.Equal(once, twice) {
		t.Fatalf("%s: %x became %x", id, once, twice)
	}
}
