package selector

import "unicode/utf8"

// pattern is a compiled LIKE pattern: characters, and two that stand for others.
type pattern []rune

const (
	oneOf  rune = -1 // _
	anyOf  rune = -2 // %
	noRune rune = -3
)

func compilePattern(s string, escape rune) pattern {
	var p pattern
	runes := []rune(s)
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		switch {
		case r == escape && i+1 < len(runes) && (runes[i+1] == '_' || runes[i+1] == '%' || runes[i+1] == escape):
			i++
			p = append(p, runes[i])
		case r == '%':
			if len(p) == 0 || p[len(p)-1] != anyOf {
				p = append(p, anyOf)
			}
		case r == '_':
			p = append(p, oneOf)
		default:
			p = append(p, r)
		}
	}
	return p
}

// match goes along s once, and after a mismatch back to the last %, which then takes one character more.
func (p pattern) match(s []byte) bool {
	at, i := 0, 0
	back, backAt := -1, 0
	for i < len(s) {
		r, size := utf8.DecodeRune(s[i:])
		want := noRune
		if at < len(p) {
			want = p[at]
		}
		switch {
		case want == anyOf:
			back, backAt = at, i
			at++
		case want == oneOf || want == r:
			at++
			i += size
		case back >= 0:
			_, size := utf8.DecodeRune(s[backAt:])
			backAt += size
			at, i = back+1, backAt
		default:
			return false
		}
	}
	for at < len(p) && p[at] == anyOf {
		at++
	}
	return at == len(p)
}
