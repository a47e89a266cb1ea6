package selector

import (
	"strings"
	"unicode/utf8"
)

const (
	// MaxLength bounds a selector, in bytes.
	MaxLength = 64 << 10
	// MaxDepth bounds how deep its parts lie in each other.
	MaxDepth = 250
)

// Selector is a compiled selector. It is immutable and safe for concurrent use.
type Selector struct {
	source  string
	nodes   []node
	root    int32
	names   []string // of the headers that it looks at, at most maxNames; those beyond are looked up one by one
	convert bool     // strings that are compared with numbers are read as numbers
}

// String is what the selector was compiled from.
func (s *Selector) String() string { return s.source }

// op says what a node is.
type op uint8

const (
	opValue    op = iota // a literal
	opField              // a property of the message that is no header
	opHeader             // a header
	opCast               // a header or field as a truth value
	opOr                 // of all children
	opAnd                // of all children
	opNot                // of a
	opEqual              // a = b
	opNotEqual           // a <> b
	opLess               // a < b
	opMore               // a > b
	opAtMost             // a <= b
	opAtLeast            // a >= b
	opIsNull             // a is missing
	opLike               // a matches the pattern
	opIn                 // a is one of the strings
	opNegate             // -a
	opPlus               // a + b, as all that follow
	opMinus
	opTimes
	opDivided
	opModulo
)

// node is one part of a selector. a and b are those it is made of.
type node struct {
	op       op
	a, b     int32
	depth    int16
	value    value
	name     string // of a header
	slot     int8   // its place in names; -1 for none
	field    field
	children []int32
	like     pattern
	strings  map[string]struct{}
}

// parser is a parser by recursive descent; depth bounds it.
type parser struct {
	Selector
	scanner scanner
	token   token
	depth   int
}

// Parse compiles a selector. Every error is an [ErrSyntax]. An empty one is an error too.
func Parse(source string) (*Selector, error) {
	if len(source) > MaxLength {
		return nil, syntax("longer than %d bytes", MaxLength)
	}
	p := &parser{Selector: Selector{source: source}, scanner: scanner{rest: source}}
	p.prefixes()
	if err := p.advance(); err != nil {
		return nil, err
	}
	root, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.token.kind != end {
		return nil, syntax("%q after the end", p.token.text)
	}
	if p.root, err = p.condition(root); err != nil {
		return nil, err
	}
	return &p.Selector, nil
}

// prefixes reads what a selector may begin with.
func (p *parser) prefixes() {
	for {
		rest := p.scanner.rest
		switch {
		case strings.HasPrefix(rest, "convert_string_expressions:"):
			p.convert = true
		case strings.HasPrefix(rest, "no_convert_string_expressions:"):
			p.convert = false
		case strings.HasPrefix(rest, "hyphenated_props:"):
			p.scanner.hyphens = true
		default:
			return
		}
		p.scanner.rest = rest[strings.IndexByte(rest, ':')+1:]
	}
}

func (p *parser) advance() (err error) {
	p.token, err = p.scanner.next()
	return err
}

// accept passes over a symbol or word if it is next.
func (p *parser) accept(text string) (bool, error) {
	if (p.token.kind != symbol && p.token.kind != word) || p.token.text != text {
		return false, nil
	}
	return true, p.advance()
}

// expect is accept for what must come.
func (p *parser) expect(text string) error {
	ok, err := p.accept(text)
	if err == nil && !ok {
		return syntax("%s is missing", text)
	}
	return err
}

// add adds a node, whose children are there already.
func (p *parser) add(n node) (int32, error) {
	depth := max(p.nodes[n.a].depth, p.nodes[n.b].depth)
	for _, c := range n.children {
		depth = max(depth, p.nodes[c].depth)
	}
	if n.depth = depth + 1; n.depth > MaxDepth {
		return 0, errTooDeep
	}
	p.nodes = append(p.nodes, n)
	return int32(len(p.nodes) - 1), nil
}

// leaf adds a node without children.
func (p *parser) leaf(n node) int32 {
	p.nodes = append(p.nodes, n)
	return int32(len(p.nodes) - 1)
}

var errTooDeep = syntax("nested deeper than %d", MaxDepth)

// descend counts a level of brackets or signs.
func (p *parser) descend() error {
	if p.depth++; p.depth > MaxDepth {
		return errTooDeep
	}
	return nil
}

// condition makes a truth value of a node.
func (p *parser) condition(i int32) (int32, error) {
	switch n := &p.nodes[i]; n.op {
	case opField, opHeader:
		return p.add(node{op: opCast, a: i, b: i})
	case opValue:
		if n.value.kind == boolean || n.value.kind == null {
			return i, nil
		}
	default:
		if n.op.isCondition() {
			return i, nil
		}
	}
	return 0, syntax("a value where a condition is wanted")
}

func (o op) isCondition() bool { return o >= opCast && o <= opIn }

func (p *parser) or() (int32, error) { return p.chain("OR", opOr, p.and) }

func (p *parser) and() (int32, error) { return p.chain("AND", opAnd, p.not) }

// chain reads operands of OR or AND.
func (p *parser) chain(operator string, o op, operand func() (int32, error)) (int32, error) {
	first, err := operand()
	if err != nil {
		return 0, err
	}
	var all []int32
	for {
		ok, err := p.accept(operator)
		if err != nil {
			return 0, err
		}
		if !ok {
			break
		}
		if all == nil {
			c, err := p.condition(first)
			if err != nil {
				return 0, err
			}
			all = append(all, c)
		}
		next, err := operand()
		if err != nil {
			return 0, err
		}
		if next, err = p.condition(next); err != nil {
			return 0, err
		}
		all = append(all, next)
	}
	if all == nil {
		return first, nil
	}
	return p.add(node{op: o, a: all[0], b: all[0], children: all})
}

func (p *parser) not() (int32, error) {
	ok, err := p.accept("NOT")
	if err != nil || !ok {
		if err != nil {
			return 0, err
		}
		return p.equality()
	}
	if err := p.descend(); err != nil {
		return 0, err
	}
	defer func() { p.depth-- }()
	a, err := p.not()
	if err == nil {
		a, err = p.condition(a)
	}
	if err != nil {
		return 0, err
	}
	return p.add(node{op: opNot, a: a, b: a})
}

// equality reads =, <> and IS [NOT] NULL.
func (p *parser) equality() (int32, error) {
	left, err := p.comparison()
	for err == nil {
		switch {
		case p.at("="), p.at("<>"):
			left, err = p.equal(left)
		case p.at("IS"):
			left, err = p.isNull(left)
		default:
			return left, nil
		}
	}
	return 0, err
}

// at reports whether a symbol or word is next.
func (p *parser) at(text string) bool {
	return (p.token.kind == symbol || p.token.kind == word) && p.token.text == text
}

func (p *parser) equal(left int32) (int32, error) {
	o := opEqual
	if p.token.text == "<>" {
		o = opNotEqual
	}
	if err := p.advance(); err != nil {
		return 0, err
	}
	right, err := p.comparison()
	if err != nil {
		return 0, err
	}
	a, b := &p.nodes[left], &p.nodes[right]
	if (a.op == opValue && a.value.kind == null) || (b.op == opValue && b.value.kind == null) {
		return 0, syntax("NULL cannot be compared")
	}
	if a.op == opValue && b.op == opValue && a.value.kind == boolean && b.value.kind != boolean {
		return 0, syntax("a truth value compared with another")
	}
	return p.add(node{op: o, a: left, b: right})
}

func (p *parser) isNull(left int32) (int32, error) {
	if err := p.advance(); err != nil {
		return 0, err
	}
	not, err := p.accept("NOT")
	if err != nil {
		return 0, err
	}
	if err := p.expect("NULL"); err != nil {
		return 0, err
	}
	return p.negated(node{op: opIsNull, a: left, b: left}, not)
}

// negated adds a condition, or its opposite.
func (p *parser) negated(n node, not bool) (int32, error) {
	i, err := p.add(n)
	if err != nil || !not {
		return i, err
	}
	return p.add(node{op: opNot, a: i, b: i})
}

var comparisons = map[string]op{"<": opLess, ">": opMore, "<=": opAtMost, ">=": opAtLeast}

// comparison reads <, >, <=, >=, [NOT] LIKE, BETWEEN and IN.
func (p *parser) comparison() (int32, error) {
	left, err := p.sum()
	for err == nil {
		o, compared := comparisons[p.token.text]
		switch {
		case compared && p.token.kind == symbol:
			if err = p.advance(); err == nil {
				var right int32
				if right, err = p.sum(); err == nil {
					left, err = p.ordered(o, left, right)
				}
			}
		case p.at("LIKE"), p.at("BETWEEN"), p.at("IN"), p.at("NOT"):
			left, err = p.predicate(left)
		default:
			return left, nil
		}
	}
	return 0, err
}

// ordered adds a comparison of two numbers.
func (p *parser) ordered(o op, left, right int32) (int32, error) {
	for _, i := range []int32{left, right} {
		n := &p.nodes[i]
		if n.op.isCondition() || (n.op == opValue && !n.value.isNumber()) {
			return 0, syntax("only numbers can be compared with <, >, <=, >= and BETWEEN")
		}
	}
	return p.add(node{op: o, a: left, b: right})
}

// predicate reads [NOT] LIKE, BETWEEN or IN.
func (p *parser) predicate(left int32) (int32, error) {
	not, err := p.accept("NOT")
	if err != nil {
		return 0, err
	}
	operator := p.token
	if err := p.advance(); err != nil {
		return 0, err
	}
	switch {
	case operator.kind == word && operator.text == "LIKE":
		return p.like(left, not)
	case operator.kind == word && operator.text == "BETWEEN":
		return p.between(left, not)
	case operator.kind == word && operator.text == "IN":
		return p.in(left, not)
	}
	return 0, syntax("NOT without LIKE, BETWEEN or IN")
}

// text reads a string literal.
func (p *parser) text() (string, error) {
	if p.token.kind != text {
		return "", syntax("a string is missing")
	}
	t := p.token.text
	return t, p.advance()
}

func (p *parser) like(left int32, not bool) (int32, error) {
	like, err := p.text()
	if err != nil {
		return 0, err
	}
	escape := rune(-1)
	if ok, err := p.accept("ESCAPE"); err != nil {
		return 0, err
	} else if ok {
		e, err := p.text()
		if err != nil {
			return 0, err
		}
		r, size := utf8.DecodeRuneInString(e)
		if size == 0 || size != len(e) {
			return 0, syntax("ESCAPE takes one character")
		}
		escape = r
	}
	return p.negated(node{op: opLike, a: left, b: left, like: compilePattern(like, escape)}, not)
}

func (p *parser) between(value int32, not bool) (int32, error) {
	low, err := p.sum()
	if err != nil {
		return 0, err
	}
	if err := p.expect("AND"); err != nil {
		return 0, err
	}
	high, err := p.sum()
	if err != nil {
		return 0, err
	}
	from, upTo, both := opAtLeast, opAtMost, opAnd
	if not {
		from, upTo, both = opLess, opMore, opOr
	}
	a, err := p.ordered(from, value, low)
	if err != nil {
		return 0, err
	}
	b, err := p.ordered(upTo, value, high)
	if err != nil {
		return 0, err
	}
	return p.add(node{op: both, a: a, b: b, children: []int32{a, b}})
}

func (p *parser) in(left int32, not bool) (int32, error) {
	if o := p.nodes[left].op; o != opHeader && o != opField {
		return 0, syntax("IN takes a name")
	}
	if err := p.expect("("); err != nil {
		return 0, err
	}
	n := node{op: opIn, a: left, b: left, strings: make(map[string]struct{})}
	for {
		t, err := p.text()
		if err != nil {
			return 0, err
		}
		n.strings[t] = struct{}{}
		ok, err := p.accept(",")
		if err != nil {
			return 0, err
		}
		if !ok {
			break
		}
	}
	if err := p.expect(")"); err != nil {
		return 0, err
	}
	return p.negated(n, not)
}
