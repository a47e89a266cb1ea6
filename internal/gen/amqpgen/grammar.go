package main

import (
	"encoding/xml"
	"fmt"
	"os"
	"strings"
)

// grammar is the XML file, with what the templates need worked out.
type grammar struct {
	Constants []constant `xml:"constant"`
	Domains   []domain   `xml:"domain"`
	Classes   []*class   `xml:"class"`
}

type constant struct {
	Name  string `xml:"name,attr"`
	Value int    `xml:"value,attr"`
	Class string `xml:"class,attr"` // soft-error, hard-error or nothing
}

type domain struct {
	Name string `xml:"name,attr"`
	Type string `xml:"type,attr"`
}

type class struct {
	Name    string    `xml:"name,attr"`
	Index   int       `xml:"index,attr"`
	Methods []*method `xml:"method"`
}

type method struct {
	Name        string    `xml:"name,attr"`
	Index       int       `xml:"index,attr"`
	Synchronous bool      `xml:"synchronous,attr"`
	Content     bool      `xml:"content,attr"`
	Chassis     []chassis `xml:"chassis"`
	Responses   []struct {
		Name string `xml:"name,attr"`
	} `xml:"response"`
	Fields []*field `xml:"field"`

	Class *class
	Runs  []run
}

type chassis struct {
	Name string `xml:"name,attr"`
}

type field struct {
	Name     string `xml:"name,attr"`
	Domain   string `xml:"domain,attr"`
	TypeAttr string `xml:"type,attr"`
	Reserved bool   `xml:"reserved,attr"`

	Type string // the elementary type
	Bit  int    // the place of a bit in its octet
}

// run is what is encoded in one go: one field, or neighbouring bits that share
// an octet.
type run struct {
	Bits  []*field
	Field *field
}

func readGrammar(path string) (*grammar, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	g := &grammar{}
	if err := xml.Unmarshal(text, g); err != nil {
		return nil, err
	}
	domains := map[string]string{}
	for _, d := range g.Domains {
		domains[d.Name] = d.Type
	}
	seen := map[string]bool{}
	var once []constant
	for _, c := range g.Constants { // one is there twice
		if !seen[c.Name] {
			seen[c.Name] = true
			once = append(once, c)
		}
	}
	g.Constants = once
	for _, c := range g.Classes {
		for _, m := range c.Methods {
			m.Class = c
			if err := m.resolve(domains); err != nil {
				return nil, fmt.Errorf("%s.%s: %w", c.Name, m.Name, err)
			}
		}
	}
	return g, nil
}

// resolve finds the elementary types and packs bits into octets.
func (m *method) resolve(domains map[string]string) error {
	for _, f := range m.Fields {
		if f.Type = f.TypeAttr; f.Type == "" {
			f.Type = domains[f.Domain]
		}
		if _, ok := goTypes[f.Type]; !ok {
			return fmt.Errorf("field %s has the unknown type %q", f.Name, f.Type)
		}
		if f.Type != "bit" {
			m.Runs = append(m.Runs, run{Field: f})
			continue
		}
		last := len(m.Runs) - 1
		if last < 0 || m.Runs[last].Bits == nil || len(m.Runs[last].Bits) == 8 {
			m.Runs = append(m.Runs, run{})
			last++
		}
		f.Bit = len(m.Runs[last].Bits)
		m.Runs[last].Bits = append(m.Runs[last].Bits, f)
	}
	return nil
}

var goTypes = map[string]string{
	"bit": "bool", "octet": "uint8", "short": "uint16", "long": "uint32", "longlong": "uint64",
	"shortstr": "[]byte", "longstr": "[]byte", "timestamp": "uint64", "table": "property.RawTable",
}

func (f *field) GoType() string { return goTypes[f.Type] }

// GoName is the name of the field in Go; one name of the grammar differs from
// its other spelling for no reason.
func (f *field) GoName() string {
	if f.Name == "nowait" {
		return "NoWait"
	}
	return camel(f.Name)
}

// Visible are the fields that are not reserved.
func (m *method) Visible() []*field {
	var out []*field
	for _, f := range m.Fields {
		if !f.Reserved {
			out = append(out, f)
		}
	}
	return out
}

// GoName is the name of the method in Go: BasicPublish, QueueDeclareOk.
func (m *method) GoName() string { return camel(m.Class.Name + "-" + m.Name) }

// Dotted is the name of the method in the specification.
func (m *method) Dotted() string { return m.Class.Name + "." + m.Name }

// Doc tells who may send the method and what answers it. The grammar names the
// receiver.
func (m *method) Doc() string {
	var senders, answers []string
	for _, c := range m.Chassis {
		senders = append(senders, map[string]string{"server": "clients", "client": "the server"}[c.Name])
	}
	text := "sent by " + strings.Join(senders, " and ")
	for _, r := range m.Responses {
		answers = append(answers, m.Class.Name+"."+r.Name)
	}
	if len(answers) > 0 {
		text += ", answered by " + strings.Join(answers, " or ")
	}
	if m.Content {
		text += ", followed by content"
	}
	return text + "."
}

// HasTable says that the class has a method with a table in it.
func (c *class) HasTable() bool {
	for _, m := range c.Methods {
		for _, f := range m.Fields {
			if f.Type == "table" {
				return true
			}
		}
	}
	return false
}

// GoName is the name of the constant in Go.
func (c constant) GoName() string { return camel(c.Name) }

// Upper is the name of the constant as it begins the text of an error.
func (c constant) Upper() string {
	return strings.ToUpper(strings.ReplaceAll(c.Name, "-", "_"))
}

// Reply says that the constant is a reply code, not a number of framing.
func (c constant) Reply() bool { return c.Class != "" || c.Name == "reply-success" }

func camel(name string) string {
	var out strings.Builder
	for part := range strings.SplitSeq(name, "-") {
		switch {
		case part == "":
		case part == "id":
			out.WriteString("ID")
		default:
			out.WriteString(strings.ToUpper(part[:1]) + part[1:])
		}
	}
	return out.String()
}
