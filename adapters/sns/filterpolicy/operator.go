package filterpolicy

import (
	"net/netip"
	"strconv"
	"strings"
)

// operator reads a match expression, {"operator": operand}, behind its bracket.
func (p *parser) operator(l *leaf) error {
	t := p.next()
	if t.kind != kindName {
		return p.complain("Match expression name not found")
	}
	var err error
	switch name := t.text; name {
	case "exists":
		err = p.exists(l)
	case "anything-but":
		err = p.anythingBut(l)
	case "numeric":
		err = p.numeric(l)
	case "cidr":
		err = p.cidr(l)
	case "prefix", "suffix", "equals-ignore-case", "wildcard":
		operand := p.next()
		var c condition
		// prefix and suffix take {"equals-ignore-case": s} too.
		if operand.kind == objectStart && (name == "prefix" || name == "suffix") {
			c, err = p.folded(name)
		} else {
			c, err = p.textual(name, operand)
		}
		l.conditions = append(l.conditions, c)
	default:
		p.next()
		return p.complain("Unrecognized match type %s", name)
	}
	if err != nil {
		return err
	}
	if p.next().kind != objectEnd {
		return p.complain("Only one key allowed in match expression")
	}
	return nil
}

// textual makes the condition of an operator whose operand is a string.
func (p *parser) textual(name string, operand token) (condition, error) {
	if operand.kind != kindString {
		return nil, p.complain("%s match pattern must be a string", name)
	}
	switch name {
	case "prefix":
		return prefix(operand.text), nil
	case "suffix":
		return suffix(operand.text), nil
	case "equals-ignore-case":
		return ignoringCase(operand.text), nil
	}
	return p.wildcard(operand.text)
}

// wildcard cuts a pattern at its asterisks; a backslash makes an asterisk or a backslash a plain one.
func (p *parser) wildcard(pattern string) (condition, error) {
	var pieces wildcard
	var piece strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '*' && i > 0 && pattern[i-1] == '*' && piece.Len() == 0:
			return nil, p.complain("Consecutive wildcard characters at pos %d", i-1)
		case c == '*':
			pieces = append(pieces, piece.String())
			piece.Reset()
		case c == '\\':
			if i++; i == len(pattern) || pattern[i] != '*' && pattern[i] != '\\' {
				return nil, p.complain("Invalid escape character at pos %d", i-1)
			}
			piece.WriteByte(pattern[i])
		default:
			piece.WriteByte(c)
		}
	}
	return append(pieces, piece.String()), nil
}

// folded reads the operand of prefix or suffix that ignores case.
func (p *parser) folded(name string) (condition, error) {
	if t := p.next(); t.kind != kindName || t.text != "equals-ignore-case" {
		return nil, p.complain("Unsupported %s pattern: %s", name, t.text)
	}
	operand := p.next()
	if operand.kind != kindString {
		return nil, p.complain("%s match pattern must be a string", name)
	}
	if p.next().kind != objectEnd {
		return nil, p.complain("Only one key allowed in match expression")
	}
	return foldedEnd{operand.text, name == "prefix"}, nil
}

// foldedEnd compares one end of a string without regard to case.
type foldedEnd struct {
	text  string
	start bool
}

func (c foldedEnd) passes(v *value) bool {
	if v.kind != kindString {
		return false
	}
	wanted, have := []rune(c.text), []rune(v.text)
	if len(have) < len(wanted) {
		return false
	}
	if c.start {
		return strings.EqualFold(string(have[:len(wanted)]), c.text)
	}
	return strings.EqualFold(string(have[len(have)-len(wanted):]), c.text)
}

func (p *parser) exists(l *leaf) error {
	switch t := p.next(); {
	case t.kind == kindLiteral && t.text == "true":
		l.present = true
	case t.kind == kindLiteral && t.text == "false":
		l.absent = true
	default:
		return p.complain("exists match pattern must be either true or false.")
	}
	return nil
}

func (p *parser) anythingBut(l *leaf) error {
	var not anythingBut
	t := p.next()
	switch t.kind {
	case objectStart:
		var err error
		if not, err = p.anythingButOperator(); err != nil {
			return err
		}
	case arrayStart:
		var numbers, texts bool
		for {
			t = p.next()
			if t.kind == arrayEnd {
				break
			}
			v, ok := valueOf(t)
			if !ok || t.kind == kindLiteral {
				return p.complain("Inside anything but list, start|null|boolean is not supported.")
			}
			numbers, texts = numbers || t.kind == kindNumber, texts || t.kind == kindString
			not = append(not, (*exactly)(&v))
		}
		switch {
		case len(not) == 0:
			return p.complain("Empty arrays are not allowed")
		case numbers && texts:
			return p.complain("Inside anything but list, either all values are number or string, mixed type is not supported")
		}
	default:
		v, ok := valueOf(t)
		if !ok || t.kind == kindLiteral {
			return p.complain("Value of anything-but must be an array or single string/number value.")
		}
		not = anythingBut{(*exactly)(&v)}
	}
	l.conditions = append(l.conditions, not)
	return nil
}

// anythingButOperator reads {"prefix": s} and the like, with one string or a list of them.
func (p *parser) anythingButOperator() (anythingBut, error) {
	t := p.next()
	if t.kind != kindName {
		return nil, p.complain("Anything-But expression name not found")
	}
	name := t.text
	switch name {
	case "prefix", "suffix", "equals-ignore-case", "wildcard":
	default:
		return nil, p.complain("Unsupported anything-but pattern: %s", name)
	}
	var not anythingBut
	add := func(operand token) error {
		c, err := p.textual(name, operand)
		if err == nil && operand.text == "" {
			err = p.complain("Null prefix/suffix not allowed")
		}
		not = append(not, c)
		return err
	}
	operand := p.next()
	if operand.kind == arrayStart {
		for operand = p.next(); operand.kind != arrayEnd; operand = p.next() {
			if err := add(operand); err != nil {
				return nil, err
			}
		}
		if len(not) == 0 {
			return nil, p.complain("Empty arrays are not allowed")
		}
	} else if err := add(operand); err != nil {
		return nil, err
	}
	if p.next().kind != objectEnd {
		return nil, p.complain("Only one key allowed in match expression")
	}
	return not, nil
}

func (p *parser) cidr(l *leaf) error {
	t := p.next()
	if t.kind != kindString {
		return p.complain("prefix match pattern must be a string") // the service's own words
	}
	address, bits, ok := strings.Cut(t.text, "/")
	if !ok || strings.Contains(bits, "/") {
		return p.complain("Malformed CIDR, one '/' required")
	}
	n, err := strconv.Atoi(bits)
	if err != nil {
		return p.complain("Malformed CIDR, mask bits must be an integer")
	}
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Zone() != "" {
		return p.complain("Nonstandard IP address: %s", address)
	}
	if n < 0 || n > ip.BitLen() {
		return p.complain("IP mask bits must be between 0 and %d", ip.BitLen())
	}
	l.conditions = append(l.conditions, cidr(netip.PrefixFrom(ip, n)))
	return nil
}

// numeric reads ["=", n], or one or two bounds.
func (p *parser) numeric(l *leaf) error {
	if p.next().kind != arrayStart {
		return p.complain("Value of numeric must be an array.")
	}
	t := p.next()
	if t.kind != kindString {
		return p.complain("Invalid member in numeric match: %s", t.text)
	}
	operator := t.text
	word := operator
	switch operator {
	case "=":
		word = "equals"
	case "<", "<=", ">", ">=":
	default:
		p.next()
		return p.complain("Unrecognized numeric range operator: %s", operator)
	}
	first, err := p.operand(word)
	if err != nil {
		return err
	}
	c := &numeric{}
	switch operator {
	case "=":
		*c = numeric{low: first, high: first, hasLow: true, hasHigh: true, lowIncluded: true, highIncluded: true}
	case "<", "<=":
		*c = numeric{high: first, hasHigh: true, highIncluded: operator == "<="}
	default:
		*c = numeric{low: first, hasLow: true, lowIncluded: operator == ">="}
	}
	l.conditions = append(l.conditions, c)
	if t = p.next(); t.kind == arrayEnd {
		return nil
	}
	if !c.hasLow || c.hasHigh {
		return p.complain("Too many elements in numeric expression")
	}
	return p.upper(c, t)
}

// upper reads the second bound of a range, from its operator on.
func (p *parser) upper(c *numeric, operator token) error {
	if operator.kind != kindString {
		return p.complain("Bad value in numeric range: %s", operator.text)
	}
	if operator.text != "<" && operator.text != "<=" {
		p.finish()
		return p.complain("Bad numeric range operator: %s", operator.text)
	}
	top, err := p.operand(operator.text)
	if err != nil {
		return err
	}
	if p.next().kind != arrayEnd {
		return p.complain("Too many terms in numeric range expression")
	}
	if c.low.compare(top) >= 0 {
		return p.complain("Bottom must be less than top")
	}
	c.high, c.hasHigh, c.highIncluded = top, true, operator.text == "<="
	return nil
}

func (p *parser) operand(operator string) (number, error) {
	t := p.next()
	v, ok := valueOf(t)
	if !ok || t.kind != kindNumber {
		return number{}, p.complain("Value of %s must be numeric", operator)
	}
	return v.number, nil
}
