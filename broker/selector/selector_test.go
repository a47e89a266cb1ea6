package selector_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/portico-mq/portico/broker/property"
	"github.com/portico-mq/portico/broker/selector"
)

func message(t testing.TB) selector.Message {
	t.Helper()
	set := property.Set{
		Type: "order", CorrelationID: "c-1", MessageID: "ID:1", Priority: 7, DeliveryMode: property.Persistent,
		Timestamp: time.Unix(1000, 0), Expiration: "5000",
		Headers: property.Table{
			{Name: "color", Value: "red"},
			{Name: "size", Value: int32(5)},
			{Name: "weight", Value: 2.5},
			{Name: "big", Value: int64(1) << 40},
			{Name: "yes", Value: true},
			{Name: "no", Value: false},
			{Name: "digits", Value: "12"},
			{Name: "pct", Value: "50%_x"},
			{Name: "quote", Value: "it's"},
			{Name: "JMSXGroupID", Value: "g"},
			{Name: "nested", Value: property.Table{}},
			{Name: "with-hyphen", Value: "h"},
			{Name: "umlaut", Value: "Käse"},
		},
	}
	block, err := set.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return selector.Message{Properties: block, Published: time.UnixMilli(10_000)}
}

func TestMatch(t *testing.T) {
	m := message(t)
	for text, want := range map[string]bool{
		"color = 'red'":                             true,
		"color <> 'red'":                            false,
		"color = 'Red'":                             false,
		"Color = 'red'":                             false,
		"size = 5 and weight > 2":                   true,
		"size = 5.0":                                true,
		"size = 0x5 AND size = 05 AND size = 5L":    true,
		"size >= 5 and size <= 5":                   true,
		"size < .5E1":                               false,
		"size + 2 * 3 = 11":                         true,
		"(size + 2) * 3 = 21":                       true,
		"size / 2 = 2.5":                            true,
		"size % 3 = 2":                              true,
		"-size = -5 and +size = 5":                  true,
		"2147483647 + 1 = -2147483648":              true, // as in Java
		"big = 1099511627776":                       true,
		"big = -9223372036854775808":                false,
		"size = '5'":                                false,
		"size <> '5'":                               true,
		"convert_string_expressions:digits = 12":    true,
		"convert_string_expressions:digits > 11.5":  true,
		"convert_string_expressions:color > 1":      false,
		"no_convert_string_expressions:digits = 12": false,
		"hyphenated_props:with-hyphen = 'h'":        true,
		"yes":                                       true,
		"no":                                        false,
		"color":                                     false, // no truth value
		"not color":                                 true,
		"yes = TRUE and no = FALSE":                 true,
		"NOT color = 'blue'":                        true,
		"not not yes":                               true,
		"missing = 'x'":                             false,
		"not missing = 'x'":                         false, // unknown
		"missing <> 'x'":                            false,
		"missing is null":                           true,
		"missing is not null":                       false,
		"color IS NOT NULL":                         true,
		"missing = 1 or yes":                        true,
		"missing = 1 and yes":                       false,
		"not (missing = 1 and no)":                  true,
		"not (missing = 1 or no)":                   false,
		"missing between 1 and 2":                   false,
		"size between 1 and 5":                      true,
		"size not between 1 and 5":                  false,
		"size not between 6 and 7":                  true,
		"color in ('blue', 'red')":                  true,
		"color not in ('blue', 'red')":              false,
		"missing not in ('blue')":                   false,
		"size in ('5')":                             false,
		"color like 'r%'":                           true,
		"color like '_e_'":                          true,
		"color like '%'":                            true,
		"color like 're'":                           false,
		"color not like 'b%'":                       true,
		"color like '%e%d'":                         true,
		"umlaut like 'K_se'":                        true,
		"pct like '50\\%%' escape '\\'":             true,
		"pct like '%!_x' escape '!'":                true,
		"color like '%!_d' escape '!'":              false,
		"size like '5'":                             false,
		"missing like '%'":                          false,
		"quote = 'it''s'":                           true,
		"JMSType = 'order'":                         true,
		"JMSPriority = 7":                           true,
		"JMSDeliveryMode = 'PERSISTENT'":            true,
		"JMSCorrelationID LIKE 'c-%'":               true,
		"JMSTimestamp = 1000000":                    true,
		"JMSExpiration = 15000":                     true,
		"JMSMessageID = 'ID:1'":                     true,
		"JMSXGroupID = 'g'":                         true,
		"JMSReplyTo is null":                        true,
		"nested is null":                            true,
		"color < 'sand' or 1 = 1":                   true,
		"color /* a comment */ = -- another\n'red'": true,
		"1 = 1":                true,
		"TRUE":                 true,
		"NULL":                 false,
		"color + 1 = 2 or yes": true,
		"color < weight":       false,
	} {
		s, err := selector.Parse(text)
		if text == "color < 'sand' or 1 = 1" {
			if err == nil {
				t.Errorf("%s: no error", text) // only numbers are ordered
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := s.Match(m); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, text := range []string{
		"", " ", "color =", "= 'red'", "color = 'red", "color == 'red'", "color 'red'", "(color = 'red'", "color = 'red')",
		"color = 'red' garbage", "color in ()", "color in (1)", "1 in ('a')", "color like red", "color like 'a' escape 'ab'",
		"color like 'a' escape ''", "size between 1", "size between 1 and", "size > 'a'", "true > 1", "color = NULL", "5",
		"'text'", "color is", "color is not", "not", "size + = 1", "xpath '//a'", "XQUERY 'x'", "#", "\"color\" = 'red'",
		"a.b = 1", "-'a' = 1", "size + 'a' = 1", "TRUE = 'x'", "JMSRedelivered", "JMSDestination = 'q'", "/* open", "-- open",
		"09 = 1", "color not = 'red'", "size = 99999999999999999999999999L and", "0x10000000000000000 = 1",
	} {
		if _, err := selector.Parse(text); !errors.Is(err, selector.ErrSyntax) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestBounds: what is long or deep is refused, or evaluated in bounded depth.
func TestBounds(t *testing.T) {
	refused := map[string]string{
		"1 MB":           "color = '" + strings.Repeat("x", 1<<20) + "'",
		"brackets":       strings.Repeat("(", 10_000) + "yes" + strings.Repeat(")", 10_000),
		"open brackets":  strings.Repeat("(", 60_000),
		"signs":          strings.Repeat("-", 9_999) + "1 = 1", // also a comment
		"separate signs": strings.Repeat("- ", 10_000) + "1 = 1",
		"negations":      strings.Repeat("not ", 10_000) + "yes",
		"a sum of many":  strings.Repeat("size + ", 5_000) + "1 = 1",
		"comparisons":    strings.Repeat("yes = ", 5_000) + "yes",
		"null of null":   "yes" + strings.Repeat(" is null", 5_000),
	}
	for name, text := range refused {
		if _, err := selector.Parse(text); !errors.Is(err, selector.ErrSyntax) {
			t.Errorf("%s: %v", name, err)
		}
	}
	wide := strings.Repeat("color = 'blue' or ", 3_000) + "yes"
	s, err := selector.Parse(wide)
	if err != nil || !s.Match(message(t)) {
		t.Errorf("many operands: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"color = 'red' and size between 1 and 10", "not a in ('x', 'y') or b like '%z!_' escape '!'", "x is not null",
		"convert_string_expressions:a > 5", "-(a + 3) * 0x1F / .5e3 % 07 <> 10L -- c\n", "hyphenated_props:a-b = TRUE",
	} {
		f.Add(seed)
	}
	m := message(f)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := selector.Parse(text)
		if err != nil {
			if !errors.Is(err, selector.ErrSyntax) {
				t.Fatal(err)
			}
			return
		}
		if s.String() != text {
			t.Fatal("it is another")
		}
		first := s.Match(m)
		again, err := selector.Parse(text)
		if err != nil || again.Match(m) != first {
			t.Fatalf("%q: not the same again: %v", text, err)
		}
	})
}

// BenchmarkMatch evaluates a usual selector, and one with a name that no header has, on a message with 13 headers.
func BenchmarkMatch(b *testing.B) {
	for name, text := range map[string]string{
		"usual": "color = 'red' AND size > 3",
		"long":  "color = 'red' AND size BETWEEN 1 AND 10 AND (JMSType LIKE 'ord%' OR missing IS NOT NULL)",
	} {
		b.Run(name, func(b *testing.B) {
			s, err := selector.Parse(text)
			if err != nil {
				b.Fatal(err)
			}
			m := message(b)
			b.ReportAllocs()
			for b.Loop() {
				if !s.Match(m) {
					b.Fatal("no match")
				}
			}
		})
	}
}
