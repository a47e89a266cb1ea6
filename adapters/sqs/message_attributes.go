package sqs

import (
	"math/big"
	"strings"

	"github.com/portico-mq/portico/adapters/awsmessage"
	"github.com/portico-mq/portico/adapters/awsproto"
)

// checkAttributes applies the rules of message attributes [developer guide, "Amazon SQS message
// metadata"] and gives the bytes that they count towards a message's size.
func checkAttributes(attributes map[string]attributeValue) (size int, err *awsproto.Error) {
	if len(attributes) > maxAttributes {
		return 0, invalidParameter("Number of message attributes [%d] exceeds the allowed maximum [%d].", len(attributes), maxAttributes)
	}
	for name, value := range attributes {
		if err := checkAttributeName(name); err != nil {
			return 0, err
		}
		if err := checkAttributeValue(name, value); err != nil {
			return 0, err
		}
		size += len(name) + value.Size()
	}
	return size, nil
}

func checkAttributeName(name string) *awsproto.Error {
	switch {
	case name == "":
		return invalidParameter("The message attribute name must not be empty.")
	case len(name) > awsmessage.MaxName:
		return invalidParameter("Length of message attribute name must be less than 256 bytes.")
	case awsmessage.Reserved(name):
		return invalidParameter("You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. These strings are reserved for internal use.")
	case !awsmessage.ValidName(name):
		return invalidParameter("The message attribute name '%s' is invalid. Attribute name can contain A-Z, a-z, 0-9, underscore (_), hyphen (-), and period (.); it must not start or end with a period, nor have two in a row.", name)
	}
	return nil
}

func checkAttributeValue(name string, value attributeValue) *awsproto.Error {
	if len(value.StringListValues) > 0 || len(value.BinaryListValues) > 0 {
		return unsupported("Message attribute lists in the request are not supported.")
	}
	kind := value.Kind()
	switch {
	case value.DataType == "":
		return invalidParameter("The message attribute '%s' must contain a non-empty message attribute type.", name)
	case len(value.DataType) > awsmessage.MaxName:
		return invalidParameter("Length of message attribute type must be less than 256 bytes.")
	case !awsmessage.ValidText(value.DataType):
		return invalidParameter("The type of message (user) attribute '%s' has characters that are not allowed.", name)
	case kind != "String" && kind != "Number" && kind != "Binary":
		return invalidParameter("The message attribute '%s' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.", name)
	case kind == "Binary" && value.Text() != "", kind != "Binary" && len(value.BinaryValue) > 0:
		field := "String"
		if kind == "Binary" {
			field = kind
		}
		return invalidParameter("The message attribute '%s' with type '%s' must use field '%s'.", name, kind, field)
	case kind == "Binary" && len(value.BinaryValue) == 0, kind != "Binary" && value.Text() == "":
		return invalidParameter("Message (user) attribute '%s' must contain a non-empty value of type '%s'.", name, kind)
	case kind != "Binary" && !awsmessage.ValidText(value.Text()):
		return invalidParameter("Invalid binary character was found in the message attribute value of '%s', the set of allowed characters is #x9 | #xA | #xD | [#x20 to #xD7FF] | [#xE000 to #xFFFD] | [#x10000 to #x10FFFF].", name)
	case kind == "Number" && !validNumber(value.Text()):
		return invalidParameter("Can't cast the value of message (user) attribute '%s' to a number.", name)
	}
	return nil
}

// validNumber tells the numbers of up to 38 digits, between -10^128 and 10^126.
func validNumber(s string) bool {
	const longest = 160 // sign, 128 places and a fraction
	if len(s) > longest || strings.Trim(s, "0123456789+-.eE") != "" {
		return false
	}
	if at := strings.IndexAny(s, "eE"); at >= 0 && len(s)-at > 5 {
		return false // more exponent than the range has, and work to parse
	}
	f, _, err := big.ParseFloat(s, 10, 128, big.ToNearestEven)
	if err != nil {
		return false
	}
	limit := "1e126"
	if f.Sign() < 0 {
		limit = "1e128"
	}
	bound, _, err := big.ParseFloat(limit, 10, 128, big.ToNearestEven)
	return err == nil && new(big.Float).Abs(f).Cmp(bound) <= 0
}

// attributeSelector says which message attributes a receive asks for: by name, all of them, or by
// the beginning of the name ("foo.*"; the period need not be in the name).
type attributeSelector struct {
	all      bool
	names    map[string]bool
	prefixes []string
}

func newAttributeSelector(names []string) attributeSelector {
	s := attributeSelector{names: make(map[string]bool, len(names))}
	for _, name := range names {
		switch {
		case name == "All", name == "*", name == ".*":
			s.all = true
		case strings.HasSuffix(name, ".*"):
			s.prefixes = append(s.prefixes, strings.TrimSuffix(name, ".*"))
		default:
			s.names[name] = true
		}
	}
	return s
}

func (s attributeSelector) has(name string) bool {
	if s.all || s.names[name] {
		return true
	}
	for _, prefix := range s.prefixes {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
