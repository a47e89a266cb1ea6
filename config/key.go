package config

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// key is one setting: a leaf of Config.
type key struct {
	path   string        // aws.region
	value  reflect.Value // the field, addressable
	oneOf  []string      // the only values allowed; empty means any
	secret bool
}

// env returns the name of the key's environment variable.
func (k key) env() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(k.path, ".", "_"))
}

const envPrefix = "PORTICO_"

// keys lists the settings of c in the order of the struct's fields.
func keys(c *Config) []key {
	return appendKeys(nil, "", reflect.ValueOf(c).Elem())
}

func appendKeys(out []key, prefix string, v reflect.Value) []key {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		path := prefix + field.Tag.Get("key")
		_, leaf := v.Field(i).Addr().Interface().(encoding.TextUnmarshaler)
		if v.Field(i).Kind() == reflect.Struct && !leaf {
			out = appendKeys(out, path+".", v.Field(i))
			continue
		}
		k := key{path: path, value: v.Field(i), secret: field.Tag.Get("secret") == "true"}
		if list := field.Tag.Get("oneof"); list != "" {
			k.oneOf = strings.Split(list, ",")
		}
		out = append(out, k)
	}
	return out
}

// set parses s into the key's field. The error names neither key nor source:
// the caller knows both.
func (k key) set(s string) error {
	if u, ok := k.value.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(s))
	}
	if k.value.Type() == reflect.TypeFor[time.Duration]() {
		d, err := time.ParseDuration(s)
		if err != nil || d < 0 {
			return fmt.Errorf("%q is not a duration such as 500ms, 10s or 2m", s)
		}
		k.value.SetInt(int64(d))
		return nil
	}
	switch k.value.Kind() {
	case reflect.String:
		if len(k.oneOf) > 0 && !slices.Contains(k.oneOf, s) {
			return fmt.Errorf("%q is not one of %s", s, strings.Join(k.oneOf, ", "))
		}
		k.value.SetString(s)
	case reflect.Bool:
		b, err := strconv.ParseBool(s)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", s)
		}
		k.value.SetBool(b)
	case reflect.Int:
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 {
			return fmt.Errorf("%q is not a whole number from 0 up", s)
		}
		k.value.SetInt(int64(n))
	default:
		return fmt.Errorf("a field of type %s cannot be set", k.value.Type())
	}
	return nil
}

// text returns the key's value as set would read it.
func (k key) text() string {
	if m, ok := k.value.Interface().(encoding.TextMarshaler); ok {
		b, err := m.MarshalText()
		if err != nil {
			return err.Error()
		}
		return string(b)
	}
	return fmt.Sprint(k.value.Interface())
}

// find returns the key of that path.
func find(all []key, path string) (key, bool) {
	i := slices.IndexFunc(all, func(k key) bool { return k.path == path })
	if i < 0 {
		return key{}, false
	}
	return all[i], true
}

// nearest returns the known path closest to path, for a mistyped one, or ""
// when none is close.
func nearest(all []key, path string) string {
	best, bestDistance := "", len(path)/3+1
	for _, k := range all {
		if d := editDistance(path, k.path); d < bestDistance {
			best, bestDistance = k.path, d
		}
	}
	return best
}

// editDistance counts the single-byte insertions, deletions and replacements
// that turn a into b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// Keys lists the paths of every key, in the order of [Config]'s fields.
func Keys() []string {
	all := keys(Default())
	paths := make([]string, len(all))
	for i, k := range all {
		paths[i] = k.path
	}
	return paths
}
