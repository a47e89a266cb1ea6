package filterpolicy

import (
	"math/big"
	"strconv"
	"strings"
)

// value is a scalar of a policy or of a message.
type value struct {
	kind   kind
	text   string
	number number
}

// number compares exactly. Decimal numbers of up to 15 digits are told apart and ordered by the
// double they round to; longer ones keep the exact value too.
type number struct {
	double float64
	exact  *big.Rat
}

const (
	maxNumber   = 400 // bytes of a number that is read
	maxExponent = 3   // digits of its exponent
	safeDigits  = 15
)

// parseNumber reads a decimal number exactly; one with an exponent beyond any use, and infinities,
// are none.
func parseNumber(text string) (number, bool) {
	if text == "" || len(text) > maxNumber || strings.Trim(text, "0123456789+-.eE") != "" {
		return number{}, false
	}
	mantissa := text
	if at := strings.IndexAny(text, "eE"); at >= 0 {
		if len(strings.TrimLeft(text[at+1:], "+-0")) > maxExponent {
			return number{}, false
		}
		mantissa = text[:at]
	}
	f, err := strconv.ParseFloat(text, 64)
	digits := len(strings.TrimLeft(mantissa, "+-")) - strings.Count(mantissa, ".")
	if err == nil && digits <= safeDigits && len(mantissa) == len(text) {
		return number{double: f}, true
	}
	exact, ok := new(big.Rat).SetString(text)
	if !ok {
		return number{}, false
	}
	f, _ = exact.Float64()
	return number{double: f, exact: exact}, true
}

// IsNumber tells whether text is a number that a Number attribute can hold.
func IsNumber(text string) bool {
	_, ok := parseNumber(text)
	return ok
}

func (n number) compare(o number) int {
	if n.exact == nil && o.exact == nil {
		switch {
		case n.double < o.double:
			return -1
		case n.double > o.double:
			return 1
		}
		return 0
	}
	return n.rat().Cmp(o.rat())
}

// rat is the exact value: of a short number the decimal one, not the double's.
func (n number) rat() *big.Rat {
	if n.exact != nil {
		return n.exact
	}
	r, _ := new(big.Rat).SetString(strconv.FormatFloat(n.double, 'g', safeDigits, 64))
	return r
}

// equal compares exactly: a string is never a number.
func (v *value) equal(o *value) bool {
	if v.kind != o.kind {
		return false
	}
	if v.kind == kindNumber {
		return v.number.compare(o.number) == 0
	}
	return v.text == o.text
}

// valueOf makes the value of a scalar token; ok is false for one that is none.
func valueOf(t token) (v value, ok bool) {
	switch t.kind {
	case kindString, kindLiteral:
		return value{kind: t.kind, text: t.text}, true
	case kindNumber:
		n, ok := parseNumber(t.text)
		return value{kind: kindNumber, text: t.text, number: n}, ok
	default:
		return value{}, false
	}
}
