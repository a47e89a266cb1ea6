package selector

import (
	"time"

	"github.com/portico-mq/portico/broker/property"
)

// Message is what a selector looks at.
type Message struct {
	Properties property.Block
	Published  time.Time
}

// field is a property of a message that has a name of JMS's and is no header.
type field uint8

const (
	fieldUnknown field = iota // JMS knows it, and we do not
	fieldType
	fieldCorrelationID
	fieldMessageID
	fieldReplyTo
	fieldUserID
	fieldPriority
	fieldDeliveryMode
	fieldTimestamp
	fieldExpiration
)

var fields = map[string]field{
	"JMSType":                  fieldType,
	"JMSCorrelationID":         fieldCorrelationID,
	"JMSMessageID":             fieldMessageID,
	"JMSReplyTo":               fieldReplyTo,
	"JMSXUserID":               fieldUserID,
	"JMSPriority":              fieldPriority,
	"JMSDeliveryMode":          fieldDeliveryMode,
	"JMSTimestamp":             fieldTimestamp,
	"JMSExpiration":            fieldExpiration,
	"JMSDestination":           fieldUnknown,
	"JMSRedelivered":           fieldUnknown,
	"JMSXDeliveryCount":        fieldUnknown,
	"JMSXProducerTXID":         fieldUnknown,
	"JMSActiveMQBrokerInTime":  fieldUnknown,
	"JMSActiveMQBrokerOutTime": fieldUnknown,
}

// defaultPriority is the priority of a message that says none, in JMS.
const defaultPriority = 4

var (
	persistent    = []byte("PERSISTENT")
	nonPersistent = []byte("NON_PERSISTENT")
)

// Match reports whether the selector takes the message: whether its condition is true, not false or unknown. It
// allocates nothing, but for strings that are read as numbers.
func (s *Selector) Match(m Message) bool {
	e := evaluation{s: s, m: m, headers: m.Properties.Headers()}
	return e.condition(s.root) == isTrue
}

// ternary is a truth value of SQL.
type ternary uint8

const (
	unknown ternary = iota
	isFalse
	isTrue
)

func known(b bool) ternary {
	if b {
		return isTrue
	}
	return isFalse
}

// evaluation is one Match.
type evaluation struct {
	s       *Selector
	m       Message
	headers property.RawTable
	looked  bool // found is filled
	found   [maxNames]value
}

// maxNames is how many headers are found in one pass.
const maxNames = 8

// condition evaluates a node that is a condition.
func (e *evaluation) condition(i int32) ternary {
	n := &e.s.nodes[i]
	switch n.op {
	case opOr, opAnd:
		return e.chain(n)
	case opNot:
		switch e.condition(n.a) {
		case isTrue:
			return isFalse
		case isFalse:
			return isTrue
		case unknown:
		}
		return unknown
	case opEqual, opNotEqual, opLess, opMore, opAtMost, opAtLeast:
		return e.compare(n)
	case opIsNull:
		v := e.value(n.a)
		return known(v.kind == null)
	case opLike:
		v := e.value(n.a)
		if v.kind == null {
			return unknown
		}
		return known(v.kind == stringValue && n.like.match(v.s))
	case opIn:
		v := e.value(n.a)
		if v.kind != stringValue {
			return unknown
		}
		_, found := n.strings[string(v.s)]
		return known(found)
	case opCast:
		v := e.value(n.a)
		if v.kind == null {
			return unknown
		}
		return known(v.kind == boolean && v.n == 1)
	default: // a literal
		if n.value.kind == boolean {
			return known(n.value.n == 1)
		}
		return unknown
	}
}

// chain evaluates OR and AND: the first operand that decides it does.
func (e *evaluation) chain(n *node) ternary {
	decisive, rest := isTrue, isFalse
	if n.op == opAnd {
		decisive, rest = isFalse, isTrue
	}
	for _, c := range n.children {
		switch e.condition(c) {
		case decisive:
			return decisive
		case unknown:
			rest = unknown
		case isFalse, isTrue:
		}
	}
	return rest
}

func (e *evaluation) compare(n *node) ternary {
	a := e.value(n.a)
	if a.kind == null {
		return unknown
	}
	b := e.value(n.b)
	if b.kind == null {
		return unknown
	}
	c, ok := order(&a, &b, e.s.convert)
	switch n.op {
	case opEqual:
		return known(ok && c == 0)
	case opNotEqual:
		return known(!ok || c != 0)
	case opLess:
		return known(ok && c < 0)
	case opMore:
		return known(ok && c > 0)
	case opAtMost:
		return known(ok && c <= 0)
	default:
		return known(ok && c >= 0)
	}
}

// value evaluates any node.
func (e *evaluation) value(i int32) value {
	n := &e.s.nodes[i]
	switch n.op {
	case opValue:
		return n.value
	case opHeader:
		return e.header(n)
	case opField:
		return e.field(n.field)
	case opNegate:
		v := e.value(n.a)
		return v.negated()
	case opPlus, opMinus, opTimes, opDivided, opModulo:
		a, b := e.value(n.a), e.value(n.b)
		return calculate(n.op, &a, &b)
	default:
		switch e.condition(i) {
		case isTrue:
			return truth(true)
		case isFalse:
			return truth(false)
		case unknown:
		}
		return value{}
	}
}

// header is the value of a header.
func (e *evaluation) header(n *node) value {
	if n.slot < 0 {
		raw, ok := e.headers.Lookup(n.name)
		if !ok {
			return value{}
		}
		return valueOf(raw)
	}
	if !e.looked {
		e.look()
	}
	return e.found[n.slot]
}

// look goes through the headers once, and finds the first of each name that the selector has.
func (e *evaluation) look() {
	e.looked = true
	names := e.s.names
	left, seen := len(names), uint32(0)
	for name, raw := range e.headers.All() {
		for i, wanted := range names {
			if len(name) == len(wanted) && seen&(1<<i) == 0 && string(name) == wanted {
				seen |= 1 << i
				e.found[i] = valueOf(raw)
				left--
				break
			}
		}
		if left == 0 {
			return
		}
	}
}

// valueOf is the value of a header; tables, arrays, times and the like count as missing.
func valueOf(raw property.RawValue) value {
	if s, ok := raw.Bytes(); ok {
		return value{kind: stringValue, s: s}
	}
	if n, ok := raw.Int(); ok {
		if len(raw.Data) <= 4 && int64(int32(n)) == n {
			return value{kind: integerValue, n: n}
		}
		return value{kind: longValue, n: n}
	}
	if f, ok := raw.Float(); ok {
		return value{kind: doubleValue, f: f}
	}
	if b, ok := raw.Bool(); ok {
		return truth(b)
	}
	return value{}
}

func (e *evaluation) field(f field) value {
	p := e.m.Properties
	switch f {
	case fieldType:
		return maybe(p.Type())
	case fieldCorrelationID:
		return maybe(p.CorrelationID())
	case fieldMessageID:
		return maybe(p.MessageID())
	case fieldReplyTo:
		return maybe(p.ReplyTo())
	case fieldUserID:
		return maybe(p.UserID())
	case fieldPriority:
		priority, ok := p.Priority()
		if !ok {
			priority = defaultPriority
		}
		return value{kind: integerValue, n: int64(priority)}
	case fieldDeliveryMode:
		if p.Persistent() {
			return value{kind: stringValue, s: persistent}
		}
		return value{kind: stringValue, s: nonPersistent}
	case fieldTimestamp:
		at, ok := p.Timestamp()
		if !ok {
			at = e.m.Published
		}
		return value{kind: longValue, n: at.UnixMilli()}
	case fieldExpiration:
		return value{kind: longValue, n: e.expiration()}
	case fieldUnknown:
	}
	return value{}
}

// expiration is when the message expires, in milliseconds since 1970; 0: never.
func (e *evaluation) expiration() int64 {
	digits, ok := e.m.Properties.Expiration()
	if !ok || len(digits) == 0 || len(digits) > 12 {
		return 0
	}
	ms := int64(0)
	for _, c := range digits {
		if !isDigit(c) {
			return 0
		}
		ms = ms*10 + int64(c-'0')
	}
	return e.m.Published.UnixMilli() + ms
}

func maybe(s []byte, ok bool) value {
	if !ok {
		return value{}
	}
	return value{kind: stringValue, s: s}
}
