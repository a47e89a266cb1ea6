package kinesis

import (
	"math/big"
	"regexp"
	"strings"
	"testing"
)

func TestSequenceNumber(t *testing.T) {
	s := sequenceNumber{shardCreated: 1420000000, shard: 0x1f, sequence: 1 << 63, arrived: 1420000123}
	text := s.String()
	// The shape that kinesalite's tests check AWS's numbers for.
	n, _ := new(big.Int).SetString(text, 10)
	if shape := regexp.MustCompile(`^2[0-9a-f]{9}f[0-9a-f]{16}000[0-9a-f]{8}0000001f2$`); !shape.MatchString(n.Text(16)) {
		t.Errorf("hexadecimal %s", n.Text(16))
	}
	if len(text) != 56 {
		t.Errorf("%d digits: %s", len(text), text)
	}
	back, ok := parseSequenceNumber(text)
	if !ok || back != s {
		t.Errorf("came back %+v %v", back, ok)
	}
	later := s
	later.sequence++
	if later.String() <= text {
		t.Error("the next record's number is not larger")
	}
}

func TestParseSequenceNumberRefuses(t *testing.T) {
	for _, text := range []string{"", "0", "1", "-5", "x", "49", strings.Repeat("9", 56), strings.Repeat("9", 300<<10)} {
		if s, ok := parseSequenceNumber(text); ok {
			t.Errorf("%.60s: %+v", text, s)
		}
	}
}

func FuzzParseSequenceNumber(f *testing.F) {
	f.Add(sequenceNumber{shardCreated: 1, shard: 2, sequence: 3, arrived: 4}.String())
	f.Add("49590338271490256608559692538361571095921575989136588898")
	f.Fuzz(func(t *testing.T, text string) {
		if s, ok := parseSequenceNumber(text); ok {
			if again, ok := parseSequenceNumber(s.String()); !ok || again != s {
				t.Errorf("%q: %+v became %+v", text, s, again)
			}
		}
	})
}
