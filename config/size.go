package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Size is a number of bytes, written as a plain number or with a unit: kB, MB,
// GB are powers of 1000, KiB, MiB, GiB powers of 1024.
type Size int64

var sizeUnits = []struct {
	suffix string
	factor int64
}{
	// Binary units come first, so that a value is printed in one where it can be.
	{"GiB", 1 << 30},
	{"MiB", 1 << 20},
	{"KiB", 1 << 10},
	{"GB", 1e9},
	{"MB", 1e6},
	{"kB", 1e3},
}

// UnmarshalText reads a size.
func (s *Size) UnmarshalText(text []byte) error {
	str, factor := strings.TrimSpace(string(text)), int64(1)
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(str, u.suffix); ok {
			str, factor = strings.TrimSpace(rest), u.factor
			break
		}
	}
	n, err := strconv.ParseInt(str, 10, 64)
	if err != nil || n < 0 {
		return fmt.Errorf("%q is not a size such as 65536, 64KiB or 16MiB", text)
	}
	if n > (1<<63-1)/factor {
		return errors.New("the size is too large")
	}
	*s = Size(n * factor)
	return nil
}

// MarshalText writes the size in the largest unit that divides it.
func (s Size) MarshalText() ([]byte, error) {
	for _, u := range sizeUnits {
		if s != 0 && int64(s)%u.factor == 0 {
			return fmt.Appendf(nil, "%d%s", int64(s)/u.factor, u.suffix), nil
		}
	}
	return fmt.Appendf(nil, "%d", int64(s)), nil
}
