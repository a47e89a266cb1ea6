package management

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/portico-mq/portico/broker/property"
)

// Arguments of queues, exchanges and bindings between JSON and the typed tables that clients send.

// tableOf makes a table of JSON, decoded with numbers as json.Number. Whole numbers become 64 bits wide, as RabbitMQ's
// management plugin makes them. Names are in order, so that the same JSON is always the same binding.
func tableOf(values map[string]any) (property.Table, error) {
	table := make(property.Table, 0, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value, err := fieldOf(values[name])
		if err != nil {
			return nil, err
		}
		table = append(table, property.Field{Name: name, Value: value})
	}
	return table, nil
}

func fieldOf(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, string:
		return v, nil
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n, nil
		}
		f, err := v.Float64()
		if err != nil {
			return nil, invalid(fmt.Sprintf("the number %s is too large", v))
		}
		return f, nil
	case []any:
		list := make([]any, len(v))
		for i := range v {
			var err error
			if list[i], err = fieldOf(v[i]); err != nil {
				return nil, err
			}
		}
		return list, nil
	case map[string]any:
		return tableOf(v)
	default:
		return nil, invalid(fmt.Sprintf("%T cannot be an argument", v))
	}
}

// tableObject shows a table in JSON.
func tableObject(table property.Table) object {
	o := object{}
	for _, f := range table {
		o[f.Name] = shownField(f.Value)
	}
	return o
}

func shownField(v any) any {
	switch v := v.(type) {
	case property.Table:
		return tableObject(v)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = shownField(v[i])
		}
		return list
	case []byte:
		return string(v)
	case time.Time:
		return v.Unix()
	case property.Decimal:
		return float64(v.Value) / math.Pow10(int(v.Scale))
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) { // JSON has none of these
			return fmt.Sprint(v)
		}
		return v
	case float32:
		return shownField(float64(v))
	default:
		return v
	}
}
