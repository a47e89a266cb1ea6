package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// recorded are the streams in testdata/recorded: what a client and a server
// sent each other, one file for each direction, in hexadecimal.
func recorded(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "recorded", "*.hex"))
	if err != nil {
		t.Fatal(err)
	}
	streams := map[string][]byte{}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		streams[filepath.Base(path)] = b
	}
	return streams
}

// Every recorded frame decodes, and encodes again to the same bytes.
func TestRecordedStreams(t *testing.T) {
	streams := recorded(t)
	if len(streams) < 2 {
		t.Fatalf("%d streams", len(streams))
	}
	for name, stream := range streams {
		stream, _ = bytes.CutPrefix(stream, []byte("AMQP\x00\x00\x09\x01"))
		r, again := NewReader(bytes.NewReader(stream), 131072), []byte(nil)
		for {
			f, err := r.ReadFrame()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			switch f.Type {
			case FrameMethod:
				id, arguments, _ := SplitMethod(f.Payload)
				m := NewMethod(id)
				if m == nil {
					t.Fatalf("%s: method %d", name, id)
				}
				if err := m.ReadFrom(arguments); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				again = AppendMethod(again, f.Channel, m)
			default:
				if f.Type == FrameHeader {
					if _, err := ParseContentHeader(f.Payload); err != nil {
						t.Fatalf("%s: %v", name, err)
					}
				}
				var at int
				again, at = BeginFrame(again, f.Type, f.Channel)
				again = EndFrame(append(again, f.Payload...), at)
			}
		}
		if !bytes.Equal(again, stream) {
			t.Errorf("%s: %d bytes became %d others", name, len(stream), len(again))
		}
	}
}
