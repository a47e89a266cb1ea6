package xstream

import (
	"bytes"
	"strings"
	"testing"
)

// inXML is a map with one entry for the value, as PrettyPrintWriter writes it.
func inXML(value string) string {
	return "<map>\n  <entry>\n    <string>a</string>\n    " + value + "\n  </entry>\n</map>"
}

// TestMapsAreActiveMQs has what ActiveMQ 5.17.2 made of each text, in JSON and in XML.
func TestMapsAreActiveMQs(t *testing.T) {
	for _, c := range []struct{ in, json, xml string }{
		{`<map><entry><string>a</string><int>5</int></entry></map>`, `{"map":{"entry":{"string":"a","int":5}}}`, inXML("<int>5</int>")},
		{`<map><entry><string>a</string><int>0x10</int></entry></map>`, `{"map":{"entry":{"string":"a","int":16}}}`, inXML("<int>16</int>")},
		{`<map><entry><string>a</string><float>5.10</float></entry></map>`, `{"map":{"entry":{"string":"a","float":5.1}}}`, inXML("<float>5.1</float>")},
		{`<map><entry><string>a</string><double>1e30</double></entry></map>`, `{"map":{"entry":{"string":"a","double":1.0E30}}}`, inXML("<double>1.0E30</double>")},
		{`<map><entry><string>a</string><double>100</double></entry></map>`, `{"map":{"entry":{"string":"a","double":100}}}`, inXML("<double>100.0</double>")},
		{`<map><entry><string>a</string><boolean>YES</boolean></entry></map>`, `{"map":{"entry":{"string":"a","boolean":false}}}`, inXML("<boolean>false</boolean>")},
		{`<map><entry><string>a</string><char>x</char></entry></map>`, `{"map":{"entry":{"string":"a","char":"x"}}}`, inXML("<char>x</char>")},
		{`<map><entry><string>a</string><null/></entry></map>`, `{"map":{"entry":{"string":"a","null":""}}}`, inXML("<null/>")},
		{`<map><entry><string>a</string><java.lang.Integer>5</java.lang.Integer></entry></map>`, `{"map":{"entry":{"string":"a","int":5}}}`, inXML("<int>5</int>")},
		{
			`<map><entry><string>a</string><list><int>1</int><string>x</string></list></entry></map>`, `{"map":{"entry":{"string":"a","list":{"int":1,"string":"x"}}}}`,
			inXML("<list>\n      <int>1</int>\n      <string>x</string>\n    </list>"),
		},
		{
			`<map><entry><string>a</string><map><entry><string>k</string><string>v</string></entry></map></entry></map>`,
			`{"map":{"entry":{"string":"a","map":{"entry":{"string":["k","v"]}}}}}`,
			inXML("<map>\n      <entry>\n        <string>k</string>\n        <string>v</string>\n      </entry>\n    </map>"),
		},
		{`<map><entry><string>a</string><string>b</string><string>c</string></entry></map>`, `{"map":{"entry":{"string":["a","b"]}}}`, inXML("<string>b</string>")},
		{`<map><other><string>a</string><string>b</string></other></map>`, `{"map":{"entry":{"string":["a","b"]}}}`, inXML("<string>b</string>")},
		{`<map><entry><string>a</string><string>b</string></entry></map> trailing`, `{"map":{"entry":{"string":["a","b"]}}}`, inXML("<string>b</string>")},
		{
			"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<map>\n  <entry>\n    <string>a</string>\n    <string> b&lt;&amp;&#65;</string>\n  </entry>\n</map>",
			`{"map":{"entry":{"string":["a"," b<&A"]}}}`, inXML("<string> b&lt;&amp;A</string>"),
		},
		{`<map><!-- c --><entry><string>a</string><string><![CDATA[<x>]]></string></entry></map>`, `{"map":{"entry":{"string":["a","<x>"]}}}`, inXML("<string>&lt;x&gt;</string>")},
		{
			`<map><entry><string>a</string><string>é "q" 's' &gt;</string></entry></map>`, `{"map":{"entry":{"string":["a","é \"q\" 's' >"]}}}`,
			inXML("<string>é &quot;q&quot; &apos;s&apos; &gt;</string>"),
		},
		{
			"<map><entry><string>a</string><string>line1&#10;line2&#13;\ttab</string></entry></map>", `{"map":{"entry":{"string":["a","line1\nline2\r\ttab"]}}}`,
			inXML("<string>line1\nline2&#xd;\ttab</string>"),
		},
		{`<map><entry><string>a</string><string>1</string></entry><entry><string>a</string><string>2</string></entry></map>`, `{"map":{"entry":{"string":["a",2]}}}`, inXML("<string>2</string>")},
		{`<map class="tree-map"><entry><string>a</string><string>/p</string></entry></map>`, `{"map":{"entry":{"string":["a","\/p"]}}}`, inXML("<string>/p</string>")},
		{`<tree-map><entry><string>a</string><string>1</string></entry></tree-map>`, `{"map":{"entry":{"string":["a",1]}}}`, inXML("<string>1</string>")},
		{`<map/>`, `{"map":""}`, `<map/>`},
		{`{"map":{"entry":{"string":"a","int":"5"}}}`, `{"map":{"entry":{"string":"a","int":5}}}`, inXML("<int>5</int>")},
		{`{"map":{"entry":{"string":"a","boolean":true}}}`, `{"map":{"entry":{"string":"a","boolean":true}}}`, inXML("<boolean>true</boolean>")},
		{`{"map":{"entry":{"string":"a","null":null}}}`, `{"map":{"entry":{"string":"a","null":""}}}`, inXML("<null/>")},
		{`{"map":{"entry":{"string":["a",null]}}}`, `{"map":{"entry":{"string":["a",""]}}}`, inXML("<string></string>")},
		{`{"map":{"entry":{"string":["a",5]}}}`, `{"map":{"entry":{"string":["a",5]}}}`, inXML("<string>5</string>")},
		{`{"map":{"entry":{"string":["a","b","c"]}}}`, `{"map":{"entry":{"string":["a","b"]}}}`, inXML("<string>b</string>")},
		{
			`{"map":{"entry":{"string":"a","list":{"int":[1,2]}}}}`, `{"map":{"entry":{"string":"a","list":{"int":[1,2]}}}}`,
			inXML("<list>\n      <int>1</int>\n      <int>2</int>\n    </list>"),
		},
		{`{"map":{"entry":{"string":["a","b\u0041\/\n\"q"]}}}`, `{"map":{"entry":{"string":["a","bA\/\n\"q"]}}}`, inXML("<string>bA/\n&quot;q</string>")},
		{`{"map":{"entry":[]}}`, `{"map":""}`, `<map/>`},
		{`{"map":null}`, `{"map":""}`, `<map/>`},
		{`{"map":{"@class":"tree-map","entry":{"string":["a","b"]}}}`, `{"map":{"entry":{"string":["a","b"]}}}`, inXML("<string>b</string>")},
		{` { "map" : { "entry" : { "string" : [ "a" , "b" ] } } } trailing`, `{"map":{"entry":{"string":["a","b"]}}}`, inXML("<string>b</string>")},
	} {
		m, err := readMap(c.in)
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if got := string(AppendJSON(nil, m)); got != c.json {
			t.Errorf("%s:\ngot  %s\nwant %s", c.in, got, c.json)
		}
		if got := string(AppendXML(nil, m)); got != c.xml {
			t.Errorf("%s:\ngot  %s\nwant %s", c.in, got, c.xml)
		}
	}
}

func readMap(text string) (Element, error) {
	parse := ParseXML
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		parse = ParseJSON
	}
	e, err := parse([]byte(text))
	if err != nil {
		return Element{}, err
	}
	return Map(e)
}

// TestMapsRefused: what is no map of JMS's is refused, in ActiveMQ's words where it has some.
func TestMapsRefused(t *testing.T) {
	isNot := func(is, must string) string {
		return "class " + is + " cannot be cast to class " + must + " (" + is + " and " + must + " are in module java.base of loader 'bootstrap')"
	}
	for text, want := range map[string]string{
		"":               "",
		"nonsense":       "",
		"{":              "",
		"{}":             "null",
		`{"a":1}`:        "a",
		`{"string":"x"}`: isNot("java.lang.String", "java.util.Map"),
		"<other/>":       "other",
		"<map>":          "",
		"<map><entry><int>1</int><string>x</string></entry></map>":                              isNot("java.lang.Integer", "java.lang.String"),
		"<map><entry><string></string><string>x</string></entry></map>":                         "The name of the property cannot be an emprty string.",
		"<map><entry><string>a</string></entry></map>":                                          "an entry of a map has a key and a value",
		"<map><entry><string>a</string><int>x</int></entry></map>":                              `For input string: "x"`,
		"<map><entry><string>a</string><int>99999999999</int></entry></map>":                    `For input string: "99999999999"`,
		"<map><entry><string>a</string><byte>128</byte></entry></map>":                          `For input string: "128"`,
		"<map><entry><string>a</string><double>1_0</double></entry></map>":                      `For input string: "1_0"`,
		"<map><entry><string>a</string><char>xy</char></entry></map>":                           `"xy" is not one character`,
		"<map><entry><string>a</string><date>2020-01-01</date></entry></map>":                   "java.util.Date",
		"<map><entry><string>a</string><byte-array>AQID</byte-array></entry></map>":             "[B",
		"<map><entry><string>a</string><org.example.Pojo><x/></org.example.Pojo></entry></map>": "org.example.Pojo",
		`{"map":{"entry":[[1]]}}`: "",
		`<!DOCTYPE x [<!ENTITY e "boo">]><map><entry><string>a</string><string>&e;</string></entry></map>`: "",
		strings.Repeat("<map>", 101):                   errTooDeep.Error(),
		strings.Repeat(`{"map":`, 200):                 errTooDeep.Error(),
		"<map>" + strings.Repeat("<a/>", maxElements):  errTooMany.Error(),
		`{"map":[` + strings.Repeat("1,", maxElements): errTooMany.Error(),
		strings.Repeat(" ", MaxSize+1):                 errTooLarge.Error(),
	} {
		if _, err := readMap(text); err == nil || err.Error() != want {
			t.Errorf("%.60s: %v, want %s", text, err, want)
		}
	}
}

func TestFloatsAreJavas(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0.0", "-0": "-0.0", "1": "1.0", "0.001": "0.001", "0.0001": "1.0E-4", "9999999": "9999999.0", "10000000": "1.0E7",
		"1.5d": "1.5", "NaN": "NaN", "1e999": "Infinity", "-1e999": "-Infinity", "1.25E-7": "1.25E-7", "+Infinity": "Infinity",
	} {
		if got, err := float(text, 64); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", text, got, err, want)
		}
	}
}

// FuzzParse: whatever is read can be written and read again as the same.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`<map><entry><string>a</string><int>5</int></entry></map>`))
	f.Add([]byte(`{"map":{"entry":[{"string":["a","b"]},{"string":"c","list":{"int":[1,2]}}]}}`))
	f.Add([]byte(`<list><null/><string>&#xd; </string></list>`))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, parse := range []func([]byte) (Element, error){ParseXML, ParseJSON} {
			e, err := parse(text)
			if err != nil {
				continue
			}
			if e, err = Object(e); err != nil {
				continue
			}
			written := AppendXML(nil, e)
			AppendJSON(nil, e)
			again, err := ParseXML(written)
			if err != nil {
				continue // a character that XML does not have
			}
			if again, err = Object(again); err != nil || !bytes.Equal(AppendXML(nil, again), written) {
				t.Errorf("%q was written as %q and read as %q, %v", text, written, AppendXML(nil, again), err)
			}
		}
	})
}
