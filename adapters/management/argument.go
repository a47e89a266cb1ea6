package management

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"unicode/utf8"

	"github.com/portico-mq/portico/broker/property"
)

// amqpAttributes is where the AMQP front end keeps the arguments of what it declares; what is declared over the API
// is declared as over AMQP.
const amqpAttributes = "amqp"

// arguments are a table in a request.
type arguments property.Table

// UnmarshalJSON reads an object; null and [] are empty, as older clients write them.
func (a *arguments) UnmarshalJSON(data []byte) error {
	data = bytes.TrimSpace(data)
	if bytes.Equal(data, []byte("null")) || bytes.Equal(data, []byte("[]")) || bytes.Equal(data, []byte(`""`)) {
		*a = nil
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var o map[string]any
	if err := dec.Decode(&o); err != nil {
		return err
	}
	t, err := tableOf(o)
	*a = arguments(t)
	return err
}

// shownText is text as JSON can carry it: what is not UTF-8 in base64.
func shownText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return base64.StdEncoding.EncodeToString([]byte(s))
}
