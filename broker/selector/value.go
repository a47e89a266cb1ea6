package selector

import (
	"bytes"
	"cmp"
	"math"
	"strconv"
	"strings"
)

// valueKind is the type of a value.
type valueKind uint8

const (
	null valueKind = iota // missing
	boolean
	integerValue // of 32 bits or less
	longValue
	doubleValue
	stringValue
)

// value is what an expression is worth.
type value struct {
	kind valueKind
	n    int64 // a whole number; 1 for true
	f    float64
	s    []byte // a view
}

func truth(b bool) value {
	if b {
		return value{kind: boolean, n: 1}
	}
	return value{kind: boolean}
}

func (v *value) isNumber() bool { return v.kind >= integerValue && v.kind <= doubleValue }

func (v *value) float() float64 {
	if v.kind == doubleValue {
		return v.f
	}
	return float64(v.n)
}

func (v value) negated() value {
	switch v.kind {
	case integerValue:
		v.n = int64(-int32(v.n))
	case longValue:
		v.n = -v.n
	case doubleValue:
		if v.f == -math.MinInt64 { // written as the smallest whole number
			return value{kind: longValue, n: math.MinInt64}
		}
		v.f = -v.f
	default:
		return value{}
	}
	return v
}

// calculate does arithmetic as Java does: whole numbers of 32 bits stay such, divisions are floating-point. What is no
// number makes the result missing.
func calculate(o op, a, b *value) value {
	if !a.isNumber() || !b.isNumber() {
		return value{}
	}
	switch {
	case o == opDivided:
		return value{kind: doubleValue, f: a.float() / b.float()}
	case o == opModulo:
		return value{kind: doubleValue, f: math.Mod(a.float(), b.float())}
	case a.kind == doubleValue || b.kind == doubleValue:
		f := a.float()
		switch o {
		case opPlus:
			f += b.float()
		case opMinus:
			f -= b.float()
		default:
			f *= b.float()
		}
		return value{kind: doubleValue, f: f}
	}
	n := a.n
	switch o {
	case opPlus:
		n += b.n
	case opMinus:
		n -= b.n
	default:
		n *= b.n
	}
	if a.kind == integerValue && b.kind == integerValue {
		return value{kind: integerValue, n: int64(int32(n))}
	}
	return value{kind: longValue, n: n}
}

// order compares two values that are not missing; ok is false when they cannot be. convert reads a string as what it is
// compared with.
func order(a, b *value, convert bool) (c int, ok bool) {
	switch {
	case a.isNumber() && b.isNumber():
		return orderNumbers(a, b)
	case a.kind == stringValue && b.kind == stringValue:
		return bytes.Compare(a.s, b.s), true
	case a.kind == boolean && b.kind == boolean:
		return cmp.Compare(a.n, b.n), true
	case convert && a.kind == stringValue:
		read, ok := a.readAs(b.kind)
		if !ok {
			return 0, false
		}
		return order(&read, b, false)
	case convert && b.kind == stringValue:
		read, ok := b.readAs(a.kind)
		if !ok {
			return 0, false
		}
		return order(a, &read, false)
	}
	return 0, false
}

func orderNumbers(a, b *value) (c int, ok bool) {
	if a.kind != doubleValue && b.kind != doubleValue {
		return cmp.Compare(a.n, b.n), true
	}
	x, y := a.float(), b.float()
	if x != x || y != y { // not a number
		return 0, false
	}
	return cmp.Compare(x, y), true
}

// readAs reads a string as a value of a kind.
func (v *value) readAs(kind valueKind) (value, bool) {
	s := string(v.s)
	switch kind {
	case boolean:
		return truth(strings.EqualFold(s, "true")), true
	case integerValue, longValue:
		n, err := strconv.ParseInt(s, 10, 64)
		return value{kind: longValue, n: n}, err == nil
	case doubleValue:
		f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
		return value{kind: doubleValue, f: f}, err == nil
	case null, stringValue:
	}
	return value{}, false
}
