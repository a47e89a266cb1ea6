package filterpolicy

import (
	"net/netip"
	"strings"
)

// condition is one of the values, or operators, of a property. It is asked about each value that the
// property has in a message.
type condition interface {
	passes(v *value) bool
}

// exactly is a plain value.
type exactly value

func (c *exactly) passes(v *value) bool { return (*value)(c).equal(v) }

// prefix, suffix and the others compare strings; no other value passes them.
type prefix string

func (c prefix) passes(v *value) bool {
	return v.kind == kindString && strings.HasPrefix(v.text, string(c))
}

type suffix string

func (c suffix) passes(v *value) bool {
	return v.kind == kindString && strings.HasSuffix(v.text, string(c))
}

type ignoringCase string

func (c ignoringCase) passes(v *value) bool {
	return v.kind == kindString && strings.EqualFold(v.text, string(c))
}

// wildcard is a pattern cut at its asterisks: the first piece begins the text, the last ends it, and
// the others follow each other in between. Without an asterisk there is one piece.
type wildcard []string

func (c wildcard) passes(v *value) bool {
	if v.kind != kindString {
		return false
	}
	rest, ok := strings.CutPrefix(v.text, c[0])
	if len(c) == 1 {
		return ok && rest == ""
	}
	if !ok {
		return false
	}
	for _, piece := range c[1 : len(c)-1] {
		at := strings.Index(rest, piece)
		if at < 0 {
			return false
		}
		rest = rest[at+len(piece):]
	}
	return strings.HasSuffix(rest, c[len(c)-1])
}

// cidr passes addresses of a network.
type cidr netip.Prefix

func (c cidr) passes(v *value) bool {
	if v.kind != kindString {
		return false
	}
	address, err := netip.ParseAddr(v.text)
	return err == nil && netip.Prefix(c).Contains(address)
}

// numeric passes numbers within bounds, each of which may be missing.
type numeric struct {
	low, high                 number
	hasLow, hasHigh           bool
	lowIncluded, highIncluded bool
}

func (c *numeric) passes(v *value) bool {
	if v.kind != kindNumber {
		return false
	}
	if c.hasLow {
		if d := v.number.compare(c.low); d < 0 || d == 0 && !c.lowIncluded {
			return false
		}
	}
	if c.hasHigh {
		if d := v.number.compare(c.high); d > 0 || d == 0 && !c.highIncluded {
			return false
		}
	}
	return true
}

// anythingBut passes what none of the conditions passes.
type anythingBut []condition

func (c anythingBut) passes(v *value) bool {
	for _, not := range c {
		if not.passes(v) {
			return false
		}
	}
	return true
}
