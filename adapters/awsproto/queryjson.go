package awsproto

import (
	"net/http"
	"reflect"
	"strings"
)

// The query protocol's answers in JSON, which a client gets that asks for them by "Accept: application/json". They are
// older than the services' JSON protocols and spell some things otherwise: everything stands below the action's name,
// absent members are null, and SQS's maps are lists [observed: SQS behind API Gateway, STS behind Vault].

// wantsJSON tells whether a query request asks for such an answer.
func wantsJSON(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Accept"), "application/json")
}

// encodeQueryJSON is encodeXML in JSON.
func encodeQueryJSON(s *Service, c *Call, out any) ([]byte, error) {
	response := map[string]any{"ResponseMetadata": map[string]string{"RequestId": c.ID}}
	if v := reflect.ValueOf(out).Elem(); v.NumField() > 0 {
		result := make(map[string]any)
		s.jsonMembers(result, v)
		response[c.Action+"Result"] = result
	}
	return EncodeJSON(map[string]any{c.Action + "Response": response})
}

// errorQueryJSON is errorXML in JSON.
func errorQueryJSON(id string, e *Error) []byte {
	body, err := EncodeJSON(map[string]any{
		"Error":     map[string]string{"Type": e.fault(), "Code": e.queryCode(), "Message": e.Message},
		"RequestId": id,
	})
	if err != nil {
		return []byte(`{"Error":{"Type":"Receiver","Code":"InternalFailure"}}`)
	}
	return body
}

func (s *Service) jsonMembers(into map[string]any, v reflect.Value) {
	t := v.Type()
	for i := range t.NumField() {
		if t.Field(i).Anonymous { // its members are this structure's
			s.jsonMembers(into, v.Field(i))
			continue
		}
		tag := tagOf(t.Field(i))
		name := tag.name
		if tag.flat {
			if name, _, _ = strings.Cut(t.Field(i).Tag.Get("json"), ","); name == "" {
				name = t.Field(i).Name
			}
		}
		if other := s.QueryJSONNames[name]; other != "" {
			name = other
		}
		into[name] = s.jsonValue(tag, v.Field(i))
	}
}

func (s *Service) jsonValue(tag queryTag, v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return s.jsonValue(tag, v.Elem())
	case reflect.String:
		if v.Len() == 0 && !tag.keep {
			return nil
		}
	case reflect.Struct:
		members := make(map[string]any)
		s.jsonMembers(members, v)
		return members
	case reflect.Slice:
		if v.IsNil() || v.Type().Elem().Kind() == reflect.Uint8 {
			break
		}
		list := make([]any, v.Len())
		for i := range list {
			list[i] = s.jsonValue(queryTag{}, v.Index(i))
		}
		return list
	case reflect.Map:
		return s.jsonMap(tag, v)
	}
	return v.Interface()
}

// jsonMap is an object, or a list of entries where the XML has the entries without a level around them.
func (s *Service) jsonMap(tag queryTag, v reflect.Value) any {
	if v.IsNil() {
		return nil
	}
	members, entries := make(map[string]any), []any{}
	for _, key := range sortedKeys(v) {
		value := s.jsonValue(queryTag{keep: true}, v.MapIndex(key))
		members[key.String()] = value
		entries = append(entries, map[string]any{tag.key: key.String(), tag.value: value})
	}
	if tag.flat {
		return entries
	}
	return members
}
