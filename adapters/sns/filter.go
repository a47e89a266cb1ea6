package sns

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strings"

	"github.com/portico-mq/portico/adapters/awsmessage"
)

// A filter policy names message attributes and, for each, the values that pass [developer guide,
// "Amazon SNS subscription filter policies"]: every name must be there with one of its values. Only
// exact values are built; operators (prefix, anything-but, numeric, exists and so on) are refused.
type filter map[string][]scalar

// scalar is a value in a policy or in a String.Array attribute.
type scalar struct {
	kind   byte // 's', 'n', or 'l' for a literal: true, false, null
	text   string
	number *big.Rat
}

func (s scalar) equal(o scalar) bool {
	if s.kind != o.kind {
		return false
	}
	if s.kind == 'n' {
		return s.number.Cmp(o.number) == 0
	}
	return s.text == o.text
}

// Limits of a policy [developer guide, "Filter policy constraints"].
const (
	maxFilterKeys         = 5
	maxFilterCombinations = 150
	maxFilterBytes        = 150 << 10
	maxExponent           = 400 // beyond what any accepted number has, and cheap to parse
)

// policyError is what is wrong with a policy, in the service's words.
type policyError string

func (e policyError) Error() string { return string(e) }

func policyErrorf(format string, args ...any) error { return policyError(fmt.Sprintf(format, args...)) }

const operators = "not supported yet: only exact values can be filtered on"

// parseFilter reads a policy.
func parseFilter(text string) (filter, error) {
	if len(text) > maxFilterBytes {
		return nil, policyErrorf("Filter policy is too long")
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &keys); err != nil || keys == nil {
		return nil, policyErrorf("failed to parse JSON.")
	}
	if len(keys) > maxFilterKeys {
		return nil, policyErrorf("Filter policy can not have more than %d keys", maxFilterKeys)
	}
	f := make(filter, len(keys))
	combinations := 1
	for key, raw := range keys {
		if strings.HasPrefix(key, "$") {
			return nil, policyErrorf("%s is %s", clip(key), operators)
		}
		var values []json.RawMessage
		if err := json.Unmarshal(raw, &values); err != nil || values == nil {
			return nil, policyErrorf("%q must be an object or an array", clip(key))
		}
		if len(values) == 0 {
			return nil, policyErrorf("Empty arrays are not allowed")
		}
		for _, v := range values {
			s, err := parseScalar(v)
			if err != nil {
				return nil, err
			}
			f[key] = append(f[key], s)
		}
		if combinations *= len(values); combinations > maxFilterCombinations {
			return nil, policyErrorf("Filter policy is too complex")
		}
	}
	return f, nil
}

func parseScalar(raw json.RawMessage) (scalar, error) {
	text := strings.TrimSpace(string(raw))
	switch {
	case text == "true", text == "false", text == "null":
		return scalar{kind: 'l', text: text}, nil
	case strings.HasPrefix(text, `"`):
		var s string
		err := json.Unmarshal(raw, &s)
		return scalar{kind: 's', text: s}, err
	case strings.HasPrefix(text, "{"):
		var operator map[string]json.RawMessage
		if err := json.Unmarshal(raw, &operator); err != nil || len(operator) != 1 {
			return scalar{}, policyErrorf("Only one key allowed in match expression")
		}
		for name := range operator {
			return scalar{}, policyErrorf("Match type %s is %s", clip(name), operators)
		}
	case strings.HasPrefix(text, "["):
		return scalar{}, policyErrorf("Match value must be String, number, true, false, or null")
	}
	n, ok := parseNumber(text)
	if !ok {
		return scalar{}, policyErrorf("Match value must be String, number, true, false, or null")
	}
	return scalar{kind: 'n', number: n}, nil
}

// parseNumber reads a decimal number exactly.
func parseNumber(text string) (*big.Rat, bool) {
	if text == "" || len(text) > maxExponent || strings.Trim(text, "0123456789+-.eE") != "" {
		return nil, false
	}
	if at := strings.IndexAny(text, "eE"); at >= 0 && len(strings.TrimLeft(text[at+1:], "+-0")) > 3 {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}

// match tells whether a message with these attributes passes.
func (f filter) match(attributes map[string]awsmessage.Value) bool {
	for name, accepted := range f {
		value, ok := attributes[name]
		if !ok || !anyEqual(accepted, valuesOf(value)) {
			return false
		}
	}
	return true
}

// valuesOf gives what an attribute offers for comparison: the elements of a String.Array, nothing of
// a Binary.
func valuesOf(v awsmessage.Value) []scalar {
	switch {
	case v.Kind() == "Number":
		if n, ok := parseNumber(v.Text()); ok {
			return []scalar{{kind: 'n', number: n}}
		}
	case v.DataType == "String.Array":
		var elements []json.RawMessage
		if json.Unmarshal([]byte(v.Text()), &elements) != nil {
			return nil
		}
		var values []scalar
		for _, e := range elements {
			if s, err := parseScalar(e); err == nil {
				values = append(values, s)
			}
		}
		return values
	case v.Kind() == "String":
		return []scalar{{kind: 's', text: v.Text()}}
	}
	return nil
}

func anyEqual(accepted, offered []scalar) bool {
	for i := range offered {
		for j := range accepted {
			if offered[i].equal(accepted[j]) {
				return true
			}
		}
	}
	return false
}
