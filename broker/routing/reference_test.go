package routing

import "strings"

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
