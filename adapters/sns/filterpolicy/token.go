package filterpolicy

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// kind tells tokens and values apart.
type kind byte

const (
	kindString  kind = 's'
	kindNumber  kind = 'n'
	kindLiteral kind = 'l' // true, false, null
	kindName    kind = ':' // of an object's member
	objectStart kind = '{'
	objectEnd   kind = '}'
	arrayStart  kind = '['
	arrayEnd    kind = ']'
)

// token is a piece of a policy: what it says, and for complaints how it is written.
type token struct {
	kind kind
	text string
}

// tokens reads a policy that is known to be JSON. Its position after each token is where the
// service's parser stands then, since complaints name it: behind a bracket, a number and a literal,
// behind the first quote of a string until its text is asked for, and behind the start of the value
// that follows a name.
type tokens struct {
	text    string
	at      int
	pending int // where the string ends whose first quote was read; 0: none
	ahead   *token
}

// next reads a token.
func (t *tokens) next() token {
	if t.ahead != nil {
		k := *t.ahead
		t.ahead = nil
		return k
	}
	t.finish()
	t.space()
	k := t.value()
	if k.kind != kindString || !t.named() {
		return k
	}
	t.finish()
	t.space() // behind the colon stands a value, whose start is read with the name
	v := t.value()
	t.ahead = &v
	return token{kind: kindName, text: k.text}
}

// named tells whether the string just begun is a member's name.
func (t *tokens) named() bool {
	rest := strings.TrimLeft(t.text[t.pending:], " \t\r\n")
	return strings.HasPrefix(rest, ":")
}

// finish moves behind a string that was begun.
func (t *tokens) finish() {
	if t.pending != 0 {
		t.at, t.pending = t.pending, 0
	}
}

func (t *tokens) space() {
	t.at += len(t.text[t.at:]) - len(strings.TrimLeft(t.text[t.at:], " \t\r\n,:"))
}

// value reads a token that is no name.
func (t *tokens) value() token {
	if t.at >= len(t.text) {
		return token{}
	}
	rest := t.text[t.at:]
	switch c := rest[0]; c {
	case '{', '}', '[', ']':
		t.at++
		return token{kind: kind(c), text: rest[:1]}
	case '"':
		end := 1
		for ; rest[end] != '"'; end++ {
			if rest[end] == '\\' {
				end++
			}
		}
		var s string
		if err := json.Unmarshal([]byte(rest[:end+1]), &s); err != nil {
			s = rest[1:end] // unreachable: the whole text is valid JSON
		}
		t.at++
		t.pending = t.at + end
		return token{kind: kindString, text: s}
	default:
		end := strings.IndexAny(rest, ",]} \t\r\n")
		if end < 0 {
			end = len(rest)
		}
		t.at += end
		if c == 't' || c == 'f' || c == 'n' {
			return token{kind: kindLiteral, text: rest[:end]}
		}
		return token{kind: kindNumber, text: rest[:end]}
	}
}

// maxSource is how many characters of a policy a complaint repeats.
const maxSource = 500

// complain makes the service's complaint about what stands where the reader is.
func (t *tokens) complain(format string, args ...any) error {
	read := t.text[:t.at]
	line := strings.Count(read, "\n") + 1
	column := utf8.RuneCountInString(read[strings.LastIndexByte(read, '\n')+1:]) + 1
	source, rest := t.text, ""
	if n := utf8.RuneCountInString(source); n > maxSource {
		cut := 0
		for range maxSource {
			_, size := utf8.DecodeRuneInString(source[cut:])
			cut += size
		}
		source, rest = source[:cut], fmt.Sprintf("[truncated %d chars]", n-maxSource)
	}
	return &Error{fmt.Sprintf(format, args...) +
		fmt.Sprintf("\n at [Source: (String)\"%s\"%s; line: %d, column: %d]", source, rest, line, column)}
}
