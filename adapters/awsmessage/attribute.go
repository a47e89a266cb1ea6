// Package awsmessage maps the message attributes of SQS and SNS to the properties of the broker's
// messages and back, so that a message published to a topic or sent to a queue reads the same at
// every front end.
//
// An attribute becomes a header of the same name: a String a string, a Binary a byte string, a Number
// a 64-bit integer where it is written as one. What a header's type cannot tell (a custom type, a
// number that is not a plain integer) stands in a header of the package's own, whose name no
// attribute can have. Headers of other front ends become attributes where SQS can spell their name
// and hold their value: numbers as Number, booleans as String; others are left out.
package awsmessage

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
)

// Value is the value of a message attribute, with the member names of both services' models.
type Value struct {
	BinaryValue []byte  `json:",omitempty"`
	DataType    string  `json:",omitempty"`
	StringValue *string `json:",omitempty"`
	// SQS's model has lists, which the service has never taken.
	StringListValues []string `json:",omitempty" query:"StringListValue,flat"`
	BinaryListValues [][]byte `json:",omitempty" query:"BinaryListValue,flat"`
}

// Text is the value of a String or Number.
func (v Value) Text() string {
	if v.StringValue == nil {
		return ""
	}
	return *v.StringValue
}

// Kind is the data type without its custom part: String, Number or Binary.
func (v Value) Kind() string {
	kind, _, _ := strings.Cut(v.DataType, ".")
	return kind
}

// Size is what the value counts towards a message's size, without its name.
func (v Value) Size() int { return len(v.DataType) + len(v.BinaryValue) + len(v.Text()) }

// text makes a String or Number.
func text(dataType, s string) Value { return Value{DataType: dataType, StringValue: &s} }

// The headers of the package's own. No attribute's name may hold a colon.
const (
	headerTypes    = "aws:types"    // a table from attribute to data type
	headerTrace    = "aws:trace"    // SQS's AWSTraceHeader
	headerSubject  = "aws:subject"  // SNS's Subject
	headerSequence = "aws:sequence" // the number that a FIFO topic of SNS gave it
	headerTexts    = "aws:texts"    // a table from protocol to text, of SNS's MessageStructure json
)

// Content is what of a message the services' properties hold beside the body.
type Content struct {
	// ID is the service's message id.
	ID string
	// Sender is the account or user that sent the message.
	Sender string
	// Trace is the AWSTraceHeader, Subject the subject of a notification; both may be empty.
	Trace   string
	Subject string
	// Group is the message group's id, DeduplicationID the sender's name for the message; both may be empty.
	Group           string
	DeduplicationID string
	// Sequence is the number that a FIFO topic gave the message; empty for one of no such topic.
	Sequence string
	// Due is when the message may be received at the earliest; zero: at once.
	Due time.Time
	// Texts are the body's other forms, by the protocol that they are for.
	Texts map[string]string
	// Attributes are the message attributes.
	Attributes map[string]Value

	// What follows is only read: it is the broker's to tell.

	// Source is the queue that the message died in; empty for one that did not.
	Source string
	// Sent is when it was sent, and Received how often it was received, before it died.
	Sent     time.Time
	Received uint32
}

// Block encodes the content as the properties of a message. It fails for a name of more than
// property.MaxName bytes.
func (c *Content) Block() (property.Block, error) {
	set := property.Set{DeliveryMode: property.Persistent, MessageID: c.ID, UserID: c.Sender}
	var types property.Table
	for _, name := range slices.Sorted(maps.Keys(c.Attributes)) {
		value, plain := header(c.Attributes[name])
		set.Headers = append(set.Headers, property.Field{Name: name, Value: value})
		if !plain {
			types = append(types, property.Field{Name: name, Value: c.Attributes[name].DataType})
		}
	}
	for _, own := range []property.Field{
		{Name: headerTrace, Value: c.Trace},
		{Name: headerSubject, Value: c.Subject},
		{Name: headerSequence, Value: c.Sequence},
		{Name: broker.GroupHeader, Value: c.Group},
		{Name: broker.DeduplicationHeader, Value: c.DeduplicationID},
	} {
		if own.Value != "" {
			set.Headers = append(set.Headers, own)
		}
	}
	if !c.Due.IsZero() {
		set.Headers = append(set.Headers, property.Field{Name: broker.DueHeader, Value: c.Due.UnixMilli()})
	}
	if len(c.Texts) > 0 {
		var texts property.Table
		for _, protocol := range slices.Sorted(maps.Keys(c.Texts)) {
			texts = append(texts, property.Field{Name: protocol, Value: c.Texts[protocol]})
		}
		set.Headers = append(set.Headers, property.Field{Name: headerTexts, Value: texts})
	}
	if len(types) > 0 {
		set.Headers = append(set.Headers, property.Field{Name: headerTypes, Value: types})
	}
	return set.Append(nil)
}

// header gives the header's value for an attribute, and whether the attribute can be told from the
// header alone.
func header(v Value) (value any, plain bool) {
	switch v.Kind() {
	case "Binary":
		return v.BinaryValue, v.DataType == "Binary"
	case "Number":
		if i, err := strconv.ParseInt(v.Text(), 10, 64); err == nil && strconv.FormatInt(i, 10) == v.Text() {
			return i, v.DataType == "Number"
		}
		return v.Text(), false
	}
	return v.Text(), v.DataType == "String"
}

// Read decodes a message's properties, whichever front end they come from. It keeps nothing of the
// block.
func Read(block property.Block) Content {
	var c Content
	id, _ := block.MessageID()
	user, _ := block.UserID()
	c.ID, c.Sender = string(id), string(user)
	headers := block.Headers()
	own := func(name string) string {
		v, _ := headers.Lookup(name)
		b, _ := v.Bytes()
		return string(b)
	}
	c.Trace, c.Subject, c.Sequence = own(headerTrace), own(headerSubject), own(headerSequence)
	c.Group, c.DeduplicationID = own(broker.GroupHeader), own(broker.DeduplicationHeader)
	if c.DeduplicationID == "" {
		c.DeduplicationID = own(headerRedriven)
	}
	c.readDeath(headers, own)
	if v, ok := headers.Lookup(headerTexts); ok {
		c.Texts = textsOf(v)
	}
	var types property.RawTable
	if v, ok := headers.Lookup(headerTypes); ok {
		types, _ = v.Table()
	}
	for name, v := range headers.All() {
		if !ValidName(string(name)) || ofBroker(string(name)) {
			continue
		}
		value, ok := attribute(v)
		if !ok {
			continue
		}
		if t, ok := types.Lookup(string(name)); ok {
			b, _ := t.Bytes()
			value = retype(value, string(b))
		}
		if c.Attributes == nil {
			c.Attributes = make(map[string]Value)
		}
		if _, twice := c.Attributes[string(name)]; !twice { // the first of a name counts
			c.Attributes[string(name)] = value
		}
	}
	return c
}

func textsOf(v property.RawValue) map[string]string {
	table, ok := v.Table()
	if !ok {
		return nil
	}
	texts := make(map[string]string)
	for name, text := range table.All() {
		if b, ok := text.Bytes(); ok {
			texts[string(name)] = string(b)
		}
	}
	return texts
}

// attribute gives the attribute that a header is shown as.
func attribute(v property.RawValue) (Value, bool) {
	if i, ok := v.Int(); ok {
		return text("Number", strconv.FormatInt(i, 10)), true
	}
	if f, ok := v.Float(); ok {
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return Value{}, false
		}
		return text("Number", strconv.FormatFloat(f, 'g', -1, 64)), true
	}
	if b, ok := v.Bool(); ok {
		return text("String", strconv.FormatBool(b)), true
	}
	b, ok := v.Bytes()
	if !ok || len(b) == 0 {
		return Value{}, false // an attribute cannot be empty
	}
	if v.Type == 'S' && ValidText(string(b)) {
		return text("String", string(b)), true
	}
	return Value{DataType: "Binary", BinaryValue: append([]byte(nil), b...)}, true
}

// retype gives an attribute the data type that was kept beside it, if the value can have it.
func retype(v Value, dataType string) Value {
	kept := Value{DataType: dataType}.Kind()
	if !ValidText(dataType) || (kept != "String" && kept != "Number" && kept != "Binary") {
		return v
	}
	if (kept == "Binary") == (v.Kind() == "Binary") {
		v.DataType = dataType
	}
	return v
}

// MaxName is the longest name of an attribute.
const MaxName = property.MaxName

// ValidName tells the names that an attribute can have: letters (SQS takes Latin ones with marks too), digits,
// underscores, hyphens and periods, these neither first nor last nor two in a row, and not the prefixes AWS and Amazon.
func ValidName(name string) bool {
	if name == "" || len(name) > MaxName || name[0] == '.' || name[len(name)-1] == '.' || strings.Contains(name, "..") {
		return false
	}
	for _, c := range name {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.', c >= 'À' && c <= 'ſ':
		default:
			return false
		}
	}
	return !Reserved(name)
}

// TraceOf is the AWSTraceHeader that a request's X-Amzn-Trace-Id header gives its messages: none where it cannot be one.
func TraceOf(header string) string {
	if len(header) > MaxName || !ValidText(header) {
		return ""
	}
	return header
}

// Reserved tells the names that AWS keeps for itself.
func Reserved(name string) bool {
	lower := strings.ToLower(name)
	return strings.HasPrefix(lower, "aws.") || strings.HasPrefix(lower, "amazon.")
}

// ValidText tells the texts that SQS and SNS carry: what XML 1.0 can hold.
func ValidText(s string) bool {
	ascii := 0 // most texts are nothing else
	for ascii < len(s) && (s[ascii] >= 0x20 && s[ascii] < utf8.RuneSelf || s[ascii] == '\t' || s[ascii] == '\n' || s[ascii] == '\r') {
		ascii++
	}
	s = s[ascii:]
	if !utf8.ValidString(s) {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool {
		return r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
	}) < 0
}
