package selector

import "slices"

// The part of the grammar below comparisons.

func (p *parser) sum() (int32, error) {
	return p.operation(map[string]op{"+": opPlus, "-": opMinus}, p.product)
}

func (p *parser) product() (int32, error) {
	return p.operation(map[string]op{"*": opTimes, "/": opDivided, "%": opModulo}, p.signed)
}

// operation reads operands and operators of one level, from left to right.
func (p *parser) operation(operators map[string]op, operand func() (int32, error)) (int32, error) {
	left, err := operand()
	for err == nil {
		o, ok := operators[p.token.text]
		if !ok || p.token.kind != symbol {
			return left, nil
		}
		if err = p.advance(); err != nil {
			break
		}
		var right int32
		if right, err = operand(); err == nil {
			left, err = p.calculated(o, left, right)
		}
	}
	return 0, err
}

// calculated adds an operation on two numbers.
func (p *parser) calculated(o op, left, right int32) (int32, error) {
	for _, i := range []int32{left, right} {
		n := &p.nodes[i]
		if n.op.isCondition() || (n.op == opValue && !n.value.isNumber()) {
			return 0, syntax("only numbers can be calculated with")
		}
	}
	return p.add(node{op: o, a: left, b: right})
}

// signed reads signs, and a NOT that stands where a value may.
func (p *parser) signed() (int32, error) {
	var o op
	switch {
	case p.at("+"):
	case p.at("-"):
		o = opNegate
	case p.at("NOT"):
		o = opNot
	case p.at("XPATH"), p.at("XQUERY"):
		return 0, syntax("%s is not supported", p.token.text)
	default:
		return p.primary()
	}
	if err := p.descend(); err != nil {
		return 0, err
	}
	defer func() { p.depth-- }()
	if err := p.advance(); err != nil {
		return 0, err
	}
	a, err := p.signed()
	if err == nil && o == opNot {
		a, err = p.condition(a)
	}
	if err != nil {
		return 0, err
	}
	switch {
	case o == opNegate && p.nodes[a].op == opValue && p.nodes[a].value.isNumber():
		p.nodes[a].value = p.nodes[a].value.negated()
		return a, nil
	case o == opNegate && (p.nodes[a].op == opValue || p.nodes[a].op.isCondition()):
		return 0, syntax("only numbers can be negative")
	case o == 0:
		return a, nil
	}
	return p.add(node{op: o, a: a, b: a})
}

// primary reads a literal, a name, or brackets.
func (p *parser) primary() (int32, error) {
	t := p.token
	if t.kind == symbol && t.text == "(" {
		return p.brackets()
	}
	if err := p.advance(); err != nil {
		return 0, err
	}
	switch t.kind {
	case text:
		return p.leaf(node{value: value{kind: stringValue, s: []byte(t.text)}}), nil
	case integer:
		return p.leaf(node{value: value{kind: integerValue, n: t.n}}), nil
	case long:
		return p.leaf(node{value: value{kind: longValue, n: t.n}}), nil
	case double:
		return p.leaf(node{value: value{kind: doubleValue, f: t.f}}), nil
	case name:
		return p.named(t.text)
	case word:
		switch t.text {
		case "TRUE":
			return p.leaf(node{value: truth(true)}), nil
		case "FALSE":
			return p.leaf(node{value: truth(false)}), nil
		case "NULL":
			return p.leaf(node{}), nil
		}
	case end:
		return 0, syntax("it ends where a value is wanted")
	case symbol:
	}
	return 0, syntax("%q where a value is wanted", t.text)
}

func (p *parser) brackets() (int32, error) {
	if err := p.descend(); err != nil {
		return 0, err
	}
	defer func() { p.depth-- }()
	if err := p.advance(); err != nil {
		return 0, err
	}
	inner, err := p.or()
	if err != nil {
		return 0, err
	}
	return inner, p.expect(")")
}

// named adds what a name stands for.
func (p *parser) named(n string) (int32, error) {
	f, known := fields[n]
	switch {
	case known && f == fieldUnknown:
		return 0, syntax("%s cannot be selected by", n)
	case known:
		return p.leaf(node{op: opField, field: f}), nil
	}
	slot := slices.Index(p.names, n)
	if slot < 0 && len(p.names) < maxNames {
		slot = len(p.names)
		p.names = append(p.names, n)
	}
	return p.leaf(node{op: opHeader, name: n, slot: int8(slot)}), nil
}
