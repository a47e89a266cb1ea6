package management

import (
	"encoding/json"
	"fmt"

	"github.com/portico-mq/portico/broker/property"
)

// boolean is true or false in a request, which older clients write as text.
type boolean bool

// UnmarshalJSON reads true, "true", false and "false".
func (b *boolean) UnmarshalJSON(data []byte) error {
	switch string(data) {
	case "true", `"true"`:
		*b = true
	case "false", `"false"`, "null", `""`:
		*b = false
	default:
		return fmt.Errorf("not a boolean: %s", json.RawMessage(data))
	}
	return nil
}

// attributeTable is a table that is there, if empty: what is declared over AMQP has one.
func attributeTable(a arguments) property.Table {
	if a == nil {
		return property.Table{}
	}
	return property.Table(a)
}
