package config

import (
	"fmt"
	"strings"
)

// entry is one of a list of settings that have attributes, such as `queue=orders.> maximumRedeliveries=6`. A word
// without a value stands in front.
type entry struct {
	kind       string
	attributes []attribute
}

type attribute struct{ name, value string }

// readEntries reads entries separated by commas, whose attributes are separated by spaces. What has either in it stands
// in double quotes.
func readEntries(text string) ([]entry, error) {
	var all []entry
	var e entry
	end := func() {
		if e.kind != "" || len(e.attributes) > 0 {
			all = append(all, e)
		}
		e = entry{}
	}
	for rest := strings.TrimSpace(text); rest != ""; {
		var word string
		var err error
		if word, rest, err = cutWord(rest); err != nil {
			return nil, err
		}
		name, value, ok := strings.Cut(word, "=")
		switch {
		case word == "":
		case ok && name != "":
			e.attributes = append(e.attributes, attribute{name, value})
		case !ok && e.kind == "" && len(e.attributes) == 0:
			e.kind = word
		default:
			return nil, fmt.Errorf("%q is not NAME=VALUE", word)
		}
		rest = strings.TrimLeft(rest, " \t")
		if after, ok := strings.CutPrefix(rest, ","); ok {
			end()
			rest = strings.TrimLeft(after, " \t")
		}
	}
	end()
	return all, nil
}

// cutWord takes a word off the front, without its quotes.
func cutWord(text string) (word, rest string, err error) {
	var b strings.Builder
	quoted := false
	for i, c := range text {
		switch {
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\t' || c == ','):
			return b.String(), text[i:], nil
		default:
			b.WriteRune(c)
		}
	}
	if quoted {
		return "", "", fmt.Errorf("%q has a quote without an end", text)
	}
	return b.String(), "", nil
}
