package property

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// What is valid decodes, and encodes again to the same bytes, but for the
// letter L, which becomes l, and booleans, which become 0 or 1.
func FuzzBlock(f *testing.F) {
	full, _ := fullSet.Append(nil)
	f.Add(full)
	f.Add([]byte{0, 0})
	for _, tt := range everything {
		value, _ := hex.DecodeString("016e" + tt.bytes)
		f.Add(append([]byte{0x20, 0, 0, 0, 0, byte(len(value))}, value...))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		block := Block(b)
		valid := block.Valid()
		set, err := block.Decode()
		if (valid == nil) != (err == nil) {
			t.Fatalf("valid says %v, decoding says %v", valid, err)
		}
		for range block.Headers().All() {
			continue
		}
		block.Headers().Lookup("n")
		if err != nil || len(b) == 0 {
			return
		}
		once, err := set.Append(nil)
		if err != nil || len(once) != len(b) {
			t.Fatalf("%x became %x, %v", b, once, err)
		}
		set, err = Block(once).Decode()
		if err != nil {
			t.Fatal(err)
		}
		if twice, _ := set.Append(nil); !bytes.Equal(once, twice) {
			t.Fatalf("%x became %x", once, twice)
		}
		for name, v := range block.Headers().All() {
			if _, err := v.Value(); err != nil {
				t.Fatalf("%q: %v", name, err)
			}
			_ = v.String()
		}
	})
}
