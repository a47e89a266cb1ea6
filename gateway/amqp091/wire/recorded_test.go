package wire

import (
	"encoding/hex"
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
