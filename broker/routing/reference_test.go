package routing

import (
	"strings"

	"github.com/portico-mq/portico/broker/property"
)

// matchesPattern is the definition of a topic pattern, word by word.
func matchesPattern(pattern, key []string) bool {
	switch {
	case len(pattern) == 0:
		return len(key) == 0
	case pattern[0] == "#":
		return matchesPattern(pattern[1:], key) || len(key) > 0 && matchesPattern(pattern, key[1:])
	case len(key) == 0:
		return false
	default:
		return (pattern[0] == "*" || pattern[0] == key[0]) && matchesPattern(pattern[1:], key[1:])
	}
}

func words(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ".")
}

// matchesHeaders is the definition of a headers binding.
func matchesHeaders(arguments, headers property.Table) bool {
	mode, _ := arguments.Get("x-match")
	name, _ := mode.(string)
	all := !strings.HasPrefix(name, "any")
	for _, a := range arguments {
		if a.Name == "x-match" || strings.HasPrefix(a.Name, "x-") && !strings.HasSuffix(name, "-with-x") {
			continue
		}
		got, ok := headers.Get(a.Name)
		if (ok && (a.Value == nil || comparableValue(got) == comparableValue(a.Value))) != all {
			return !all
		}
	}
	return all
}

// comparableValue is equal for values that are equal to a headers binding. It
// knows the types that the tests draw.
func comparableValue(v any) any {
	switch v := v.(type) {
	case int8:
		return int64(v)
	case uint32:
		return int64(v)
	case float32:
		return float64(v)
	case []byte:
		return string(v)
	default:
		return v
	}
}
