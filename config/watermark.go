package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Watermark is an amount of memory: a fraction of what the machine has, or a size.
type Watermark struct {
	// Fraction is from 0 to 1 and counts when Size is 0.
	Fraction float64
	// Size is in bytes; 0 when Fraction counts.
	Size Size
}

// UnmarshalText reads a fraction, such as 0.4, or a size, such as 2GiB. A plain
// number from 0 to 1 is a fraction.
func (w *Watermark) UnmarshalText(text []byte) error {
	if f, err := strconv.ParseFloat(strings.TrimSpace(string(text)), 64); err == nil && f >= 0 && f <= 1 {
		*w = Watermark{Fraction: f}
		return nil
	}
	var size Size
	if err := size.UnmarshalText(text); err != nil {
		return fmt.Errorf("%q is neither a fraction from 0 to 1 nor a size such as 2GiB", text)
	}
	*w = Watermark{Size: size}
	return nil
}

// MarshalText writes what UnmarshalText reads.
func (w Watermark) MarshalText() ([]byte, error) {
	if w.Size > 0 {
		return w.Size.MarshalText()
	}
	return strconv.AppendFloat(nil, w.Fraction, 'g', -1, 64), nil
}
