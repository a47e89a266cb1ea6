package selector

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// kind is a kind of token. Operators and brackets are their own text.
type kind uint8

const (
	end kind = iota
	symbol
	word    // a reserved word, in capitals
	name    // an identifier
	text    // a string literal
	integer // of 32 bits
	long
	double
)

type token struct {
	kind kind
	text string // of a symbol, word, name or string
	n    int64
	f    float64
}

// scanner cuts a selector into tokens.
type scanner struct {
	rest    string
	hyphens bool // names may have hyphens
}

// ErrSyntax is what every error of [Parse] is.
var ErrSyntax = errors.New("selector: invalid")

func syntax(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrSyntax}, args...)...)
}

// next cuts the next token off.
func (s *scanner) next() (token, error) {
	if err := s.skip(); err != nil {
		return token{}, err
	}
	if s.rest == "" {
		return token{kind: end}, nil
	}
	c := s.rest[0]
	switch {
	case c == '\'':
		return s.text()
	case isDigit(c), c == '.' && len(s.rest) > 1 && isDigit(s.rest[1]):
		return s.number()
	case isLetter(c):
		return s.name(), nil
	}
	for _, op := range []string{"<>", "<=", ">=", "<", ">", "=", "(", ")", ",", "+", "-", "*", "/", "%"} {
		if strings.HasPrefix(s.rest, op) {
			s.rest = s.rest[len(op):]
			return token{kind: symbol, text: op}, nil
		}
	}
	return token{}, syntax("character %q", c)
}

// skip passes over white space and comments.
func (s *scanner) skip() error {
	for {
		s.rest = strings.TrimLeft(s.rest, " \t\n\r\f")
		switch {
		case strings.HasPrefix(s.rest, "--"):
			at := strings.IndexAny(s.rest, "\r\n")
			if at < 0 {
				return syntax("a comment without its end")
			}
			s.rest = s.rest[at:]
		case strings.HasPrefix(s.rest, "/*"):
			at := strings.Index(s.rest[2:], "*/")
			if at < 0 {
				return syntax("a comment without its end")
			}
			s.rest = s.rest[2+at+2:]
		default:
			return nil
		}
	}
}

func (s *scanner) text() (token, error) {
	for at := 1; at < len(s.rest); at++ {
		if s.rest[at] != '\'' {
			continue
		}
		if at+1 < len(s.rest) && s.rest[at+1] == '\'' {
			at++
			continue
		}
		t := strings.ReplaceAll(s.rest[1:at], "''", "'")
		s.rest = s.rest[at+1:]
		return token{kind: text, text: t}, nil
	}
	return token{}, syntax("a string without its end")
}

// name cuts an identifier or a reserved word off.
func (s *scanner) name() token {
	at := 1
	for at < len(s.rest) && (isLetter(s.rest[at]) || isDigit(s.rest[at]) || (s.hyphens && s.rest[at] == '-')) {
		at++
	}
	n := s.rest[:at]
	s.rest = s.rest[at:]
	switch upper := strings.ToUpper(n); upper {
	case "NOT", "AND", "OR", "BETWEEN", "LIKE", "ESCAPE", "IN", "IS", "TRUE", "FALSE", "NULL", "XPATH", "XQUERY":
		return token{kind: word, text: upper}
	}
	return token{kind: name, text: n}
}

// number cuts a literal off: decimal (5, 5L), hexadecimal (0x1F), octal (017) or floating-point (5., .5, 5E10).
func (s *scanner) number() (token, error) {
	if len(s.rest) > 2 && s.rest[0] == '0' && (s.rest[1] == 'x' || s.rest[1] == 'X') && isHex(s.rest[2]) {
		at := 2
		for at < len(s.rest) && isHex(s.rest[at]) {
			at++
		}
		return s.whole(s.rest[2:at], 16, at)
	}
	at := 0
	for at < len(s.rest) && isDigit(s.rest[at]) {
		at++
	}
	digits, float := at, false
	if at < len(s.rest) && s.rest[at] == '.' {
		float = true
		for at++; at < len(s.rest) && isDigit(s.rest[at]); {
			at++
		}
	}
	if e := exponent(s.rest[at:]); e > 0 {
		float = true
		at += e
	}
	switch {
	case float:
		f, err := strconv.ParseFloat(s.rest[:at], 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) { // too large is infinite, as in Java
			return token{}, syntax("number %q", s.rest[:at])
		}
		s.rest = s.rest[at:]
		return token{kind: double, f: f}, nil
	case s.rest[0] == '0':
		return s.whole(s.rest[:digits], 8, digits)
	case at < len(s.rest) && (s.rest[at] == 'l' || s.rest[at] == 'L'):
		return s.whole(s.rest[:digits], 10, at+1)
	}
	return s.whole(s.rest[:digits], 10, digits)
}

// whole reads digits of which the token is the first length bytes. As in ActiveMQ, what fits into 32 bits is of 32 bits,
// an L or not.
func (s *scanner) whole(digits string, base, length int) (token, error) {
	n, err := strconv.ParseInt(digits, base, 64)
	if err != nil {
		if base != 10 || !errors.Is(err, strconv.ErrRange) {
			return token{}, syntax("number %q", digits)
		}
		f, err := strconv.ParseFloat(digits, 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return token{}, syntax("number %q", digits)
		}
		s.rest = s.rest[length:]
		return token{kind: double, f: f}, nil
	}
	s.rest = s.rest[length:]
	if int64(int32(n)) == n {
		return token{kind: integer, n: n}, nil
	}
	return token{kind: long, n: n}, nil
}

// exponent is the length of an exponent at the start of s; 0 without one.
func exponent(s string) int {
	if s == "" || (s[0] != 'e' && s[0] != 'E') {
		return 0
	}
	at := 1
	if at < len(s) && (s[at] == '+' || s[at] == '-') {
		at++
	}
	first := at
	for at < len(s) && isDigit(s[at]) {
		at++
	}
	if at == first {
		return 0
	}
	return at
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isHex(c byte) bool { return isDigit(c) || (c|0x20 >= 'a' && c|0x20 <= 'f') }

func isLetter(c byte) bool { return (c|0x20 >= 'a' && c|0x20 <= 'z') || c == '_' || c == '$' }
