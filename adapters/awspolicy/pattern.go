package awspolicy

import "strings"

// pattern is a text with wildcards and policy variables: ${key}, ${key, 'default'}, and ${*}, ${?}, ${$} for the
// characters themselves.
type pattern struct {
	parts []part
	// plain is the pattern when it has neither, and is compared as it stands.
	plain string
}

type partKind uint8

const (
	literal partKind = iota
	anyOne           // ?
	anyMany          // *
	variable
)

type part struct {
	kind     partKind
	text     string // of a literal; the lower-case key of a variable
	fallback string
	has      bool // a fallback
}

// compilePattern compiles a text in which * and ? are wildcards.
func compilePattern(text string, variables bool) pattern { return compile(text, true, variables) }

// compileText compiles a text without wildcards.
func compileText(text string, variables bool) pattern { return compile(text, false, variables) }

func compile(text string, wildcards, variables bool) pattern {
	var p pattern
	from := 0
	flush := func(to int) {
		if to > from {
			p.parts = append(p.parts, part{kind: literal, text: text[from:to]})
		}
	}
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case wildcards && c == '*':
			flush(i)
			if n := len(p.parts); n == 0 || p.parts[n-1].kind != anyMany {
				p.parts = append(p.parts, part{kind: anyMany})
			}
			i++
			from = i
		case wildcards && c == '?':
			flush(i)
			p.parts = append(p.parts, part{kind: anyOne})
			i++
			from = i
		case variables && c == '$' && strings.HasPrefix(text[i:], "${"):
			end := strings.IndexByte(text[i:], '}')
			if end < 0 {
				i++
				continue
			}
			flush(i)
			p.parts = append(p.parts, compileVariable(text[i+2:i+end]))
			i += end + 1
			from = i
		default:
			i++
		}
	}
	flush(len(text))
	if len(p.parts) == 1 && p.parts[0].kind == literal {
		p.parts, p.plain = nil, text
	}
	return p
}

func compileVariable(text string) part {
	if text == "*" || text == "?" || text == "$" {
		return part{kind: literal, text: text}
	}
	key, fallback, has := strings.Cut(text, ",")
	fallback = strings.TrimSpace(fallback)
	has = has && len(fallback) >= 2 && fallback[0] == '\'' && fallback[len(fallback)-1] == '\''
	p := part{kind: variable, text: strings.ToLower(strings.TrimSpace(key))}
	if has {
		p.fallback, p.has = fallback[1:len(fallback)-1], true
	}
	return p
}

// everything tells the pattern "*".
func (p *pattern) everything() bool { return len(p.parts) == 1 && p.parts[0].kind == anyMany }

// match says whether the whole of s fits. A variable that the context does not have fits nothing.
func (p *pattern) match(s string, context Context) bool {
	if p.parts == nil {
		return s == p.plain
	}
	if p.everything() {
		return true
	}
	// The usual two-pointer matching: at a mismatch, the last star takes one character more.
	at, star, mark := 0, -1, 0
	rest := s
	for {
		if at == len(p.parts) && rest == "" {
			return true
		}
		n := -1
		if at < len(p.parts) {
			if p.parts[at].kind == anyMany {
				star, mark = at, len(s)-len(rest)
				at++
				continue
			}
			n = p.parts[at].take(rest, context)
		}
		if n >= 0 {
			at++
			rest = rest[n:]
			continue
		}
		if star < 0 || mark >= len(s) {
			return false
		}
		mark++
		at, rest = star+1, s[mark:]
	}
}

// take says how many bytes of s the part takes; -1 when it does not fit.
func (p *part) take(s string, context Context) int {
	text := p.text
	switch p.kind {
	case anyOne:
		if s == "" {
			return -1
		}
		return 1
	case variable:
		values, ok := context[p.text]
		switch {
		case ok && len(values) == 1:
			text = values[0]
		case p.has:
			text = p.fallback
		default:
			return -1
		}
	case literal, anyMany:
	}
	if strings.HasPrefix(s, text) {
		return len(text)
	}
	return -1
}

// matchAny says whether one of the patterns fits.
func matchAny(patterns []pattern, s string, context Context) bool {
	for i := range patterns {
		if patterns[i].match(s, context) {
			return true
		}
	}
	return false
}
