package awsproto

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"unicode/utf8"
)

// Bounds on a JSON body beyond its length: they keep what decoding allocates in proportion to what
// a legal request can hold (the widest is Kinesis's PutRecords, 500 records of three members).
const (
	maxJSONDepth  = 32
	maxJSONValues = 16384
)

// DecodeJSON decodes a request's body into the input structure that in points to. Members that in
// does not have are passed over, as AWS does. It holds on to nothing of body.
func DecodeJSON(body []byte, in any) *Error {
	if !utf8.Valid(body) {
		return serializationError("The request body is not UTF-8.")
	}
	if fillJSON(body, in) {
		return nil
	}
	reflect.ValueOf(in).Elem().SetZero()
	if err := scanJSON(body); err != nil {
		return err
	}
	err := json.Unmarshal(body, in)
	if err == nil {
		return nil
	}
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		return serializationError("%s", typeText(wrongType))
	}
	return serializationError("The request body is not valid: %s.", clip(err.Error()))
}

// typeText words a value of the wrong type the way AWS's services do.
func typeText(e *json.UnmarshalTypeError) string {
	value, _, _ := strings.Cut(e.Value, " ") // "number 1.5" names the literal too
	from := map[string]string{"string": "STRING_VALUE", "number": "NUMBER_VALUE", "bool": "TRUE_VALUE"}[value]
	switch value {
	case "object":
		return "Start of structure or map found where not expected."
	case "array":
		return "Unexpected list element termination."
	}
	if from == "" {
		return "Unexpected token."
	}
	if to, ok := typeNames[kindOf(e.Type)]; ok {
		return from + " can not be converted to " + to
	}
	if e.Type.Kind() == reflect.Slice && e.Type.Elem().Kind() == reflect.Uint8 {
		return from + " can not be converted to a Blob"
	}
	if e.Type.Kind() == reflect.Slice {
		return "Expected list or null"
	}
	return "Expected structure or null"
}

// typeNames are the names of types in complaints.
var typeNames = map[reflect.Kind]string{
	reflect.String: "a String", reflect.Bool: "a Boolean", reflect.Float64: "a Double",
	reflect.Int32: "an Integer", reflect.Int64: "an Integer",
}

func kindOf(t reflect.Type) reflect.Kind {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind()
}

// scanJSON bounds nesting and the number of values before anything is allocated for them. It does
// not check the grammar, which encoding/json does.
func scanJSON(body []byte) *Error {
	depth, values := 0, 0
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '"':
			end := stringEnd(body[i+1:])
			if end < 0 {
				return serializationError("The request body ends inside a string.")
			}
			i += 1 + end
		case '{', '[':
			depth++
			values++
		case '}', ']':
			depth--
		case ',':
			values++
		}
		if depth > maxJSONDepth || values > maxJSONValues {
			return serializationError("The request body nests too deep or holds too many values.")
		}
	}
	return nil
}

// stringEnd finds the quote that ends a string, given what follows its first one.
func stringEnd(s []byte) int {
	for at := 0; ; {
		i := bytes.IndexByte(s[at:], '"')
		if i < 0 {
			return -1
		}
		end := at + i
		escapes := 0
		for end-1-escapes >= 0 && s[end-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return end
		}
		at = end + 1
	}
}

// EncodeJSON encodes an output. HTML characters stay as they are: clients of AWS compare texts.
func EncodeJSON(out any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(out); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// errorJSON is the body of a JSON error.
func errorJSON(e *Error) []byte {
	kind := e.Shape
	if e.Namespace != "" {
		kind = e.Namespace + "#" + e.Shape
	}
	var body []byte
	var err error
	if e.CapitalMessage {
		body, err = EncodeJSON(struct {
			Type    string `json:"__type"`
			Message string
		}{kind, e.Message})
	} else {
		body, err = EncodeJSON(struct {
			Type    string `json:"__type"`
			Message string `json:"message"`
		}{kind, e.Message})
	}
	if err != nil {
		return []byte(`{"__type":"InternalFailure"}`)
	}
	return body
}
