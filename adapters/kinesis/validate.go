package kinesis

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/portico-mq/portico/adapters/awsproto"
)

// Limits of the service [API reference and service model].
const (
	maxName         = 128
	maxPartitionKey = 256
	maxRecords      = 500
	maxPutBytes     = 10 << 20
	maxReadRecords  = 10000
	maxReadBytes    = 10 << 20
	maxIterator     = 512
	maxShards       = 500
	onDemandShards  = 4
	maxBody         = 16 << 20 // 10 MiB in base64, and what stands around it

	defaultRecordKiB = 1024
	largestRecordKiB = 10240
)

// constraints collects what is wrong with an input, and words it as AWS does.
type constraints []string

// fail notes a value that does not satisfy a constraint. value nil is a missing one.
func (v *constraints) fail(member string, value any, constraint string) {
	shown := "null"
	if value != nil {
		shown = "'" + clip(fmt.Sprint(value)) + "'"
	}
	*v = append(*v, fmt.Sprintf("Value %s at '%s' failed to satisfy constraint: %s", shown, member, constraint))
}

// err is the answer; nil when all is well.
func (v constraints) err() *awsproto.Error {
	if len(v) == 0 {
		return nil
	}
	errors := "error"
	if len(v) > 1 {
		errors = "errors"
	}
	const most = 10 // an answer does not grow with how much is wrong
	return plainError("ValidationException", "%d validation %s detected: %s", len(v), errors, strings.Join(v[:min(len(v), most)], "; "))
}

const notNull = "Member must not be null"

// name checks a stream or shard name.
func (v *constraints) name(member string, value *string, required bool) {
	switch {
	case value == nil:
		if required {
			v.fail(member, nil, notNull)
		}
	case *value == "":
		v.fail(member, *value, "Member must have length greater than or equal to 1")
	case len(*value) > maxName:
		v.fail(member, *value, "Member must have length less than or equal to 128")
	case !validName(*value):
		v.fail(member, *value, "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+")
	}
}

func (v *constraints) address(in *streamAddress) {
	v.name("streamName", in.StreamName, false)
	if in.StreamARN != nil && (len(*in.StreamARN) == 0 || len(*in.StreamARN) > 2048) {
		v.fail("streamARN", *in.StreamARN, `Member must satisfy regular expression pattern: arn:aws.*:kinesis:.*:\d{12}:stream/\S+`)
	}
}

// between checks an optional number.
func (v *constraints) between(member string, value *int32, low, high int32) {
	switch {
	case value == nil:
	case *value < low:
		v.fail(member, *value, fmt.Sprintf("Member must have value greater than or equal to %d", low))
	case *value > high:
		v.fail(member, *value, fmt.Sprintf("Member must have value less than or equal to %d", high))
	}
}

// record checks one record; member is its path with a dot at the end, or empty.
func (v *constraints) record(member string, in *recordInput) {
	if in.Data == nil {
		v.fail(member+"data", nil, notNull)
	}
	switch key := in.PartitionKey; {
	case key == nil:
		v.fail(member+"partitionKey", nil, notNull)
	case *key == "":
		v.fail(member+"partitionKey", *key, "Member must have length greater than or equal to 1")
	case utf8.RuneCountInString(*key) > maxPartitionKey:
		v.fail(member+"partitionKey", *key, "Member must have length less than or equal to 256")
	}
	if key := in.ExplicitHashKey; key != nil && !validHashKeyText(*key) {
		v.fail(member+"explicitHashKey", *key, `Member must satisfy regular expression pattern: 0|([1-9]\d{0,38})`)
	}
}

func validHashKeyText(s string) bool {
	return s == "0" || s != "" && len(s) <= 39 && s[0] != '0' && strings.Trim(s, "0123456789") == ""
}

// oneOf checks a value of an enumeration.
func (v *constraints) oneOf(member string, value *string, required bool, allowed ...string) {
	if value == nil {
		if required {
			v.fail(member, nil, notNull)
		}
		return
	}
	for _, a := range allowed {
		if *value == a {
			return
		}
	}
	v.fail(member, *value, "Member must satisfy enum value set: ["+strings.Join(allowed, ", ")+"]")
}

func validName(s string) bool {
	if s == "" || len(s) > maxName {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}

// clip shortens text that a client sent, for use in an answer to it.
func clip(s string) string {
	const most = 256
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}
