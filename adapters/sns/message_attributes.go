package sns

import (
	"errors"
	"fmt"
	"strings"

	"github.com/portico-mq/portico/adapters/awsmessage"
	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/adapters/sns/filterpolicy"
)

// checkAttributes applies the rules of message attributes [developer guide, "Amazon SNS message
// attributes"]; the texts are those of SNS, which differ from SQS's.
func checkAttributes(attributes map[string]awsmessage.Value) *awsproto.Error {
	for name, v := range attributes {
		if bad := checkAttributeName(name); bad != nil {
			return bad
		}
		kind := v.Kind()
		switch {
		case v.DataType == "":
			return invalidValue("The message attribute '%s' must contain non-empty message attribute type.", name)
		case kind != "String" && kind != "Number" && kind != "Binary", len(v.DataType) > awsmessage.MaxName, !awsmessage.ValidText(v.DataType):
			return invalidValue("The message attribute '%s' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.", name)
		case kind == "Binary" && v.Text() != "", kind != "Binary" && len(v.BinaryValue) > 0:
			field := "String"
			if kind == "Binary" {
				field = kind
			}
			return invalidValue("The message attribute '%s' with type '%s' must use field '%s'.", name, v.DataType, field)
		case kind == "Binary" && len(v.BinaryValue) == 0, kind != "Binary" && v.Text() == "":
			return invalidValue("The message attribute '%s' must contain non-empty message attribute value for message attribute type '%s'.", name, v.DataType)
		case kind != "Binary" && !awsmessage.ValidText(v.Text()):
			return invalidValue("The message attribute '%s' holds characters that are not allowed.", name)
		case kind == "Number" && !filterpolicy.IsNumber(v.Text()):
			return invalidValue("Could not cast message attribute '%s' value to number.", name)
		}
	}
	return nil
}

func checkAttributeName(name string) *awsproto.Error {
	switch {
	case len(name) > awsmessage.MaxName:
		return invalidValue("Length of message attribute name must be less than 256 bytes.")
	case awsmessage.Reserved(name):
		return invalidValue("You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. These strings are reserved for internal use.")
	}
	for _, r := range name {
		if word := r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_' || r == '-' || r == '.'; !word {
			return invalidValue("Invalid non-alphanumeric character '#x%s' was found in the message attribute name. Can only include alphanumeric characters, hyphens, underscores, or dots.", fmt.Sprintf("%X", r))
		}
	}
	switch {
	case strings.HasPrefix(name, "."):
		return invalidValue("Invalid message attribute name starting with character '.' was found.")
	case strings.HasSuffix(name, "."):
		return invalidValue("Invalid message attribute name ending with character '.' was found.")
	case strings.Contains(name, ".."):
		return invalidValue("Message attribute name can not have successive '.' character.")
	case !awsmessage.ValidName(name):
		return invalidValue("The message attribute name must not be empty.")
	}
	return nil
}

// invalidValue is the error that SNS answers to bad message attributes.
func invalidValue(format string, args ...any) *awsproto.Error {
	return plainError("ParameterValueInvalid", 400, format, args...)
}

// answerTo gives the answer to any error, for an entry of a batch.
func answerTo(err error) *awsproto.Error {
	var e *awsproto.Error
	if errors.As(err, &e) {
		return e
	}
	if e = translate(err); e != nil {
		return e
	}
	return internalError
}
