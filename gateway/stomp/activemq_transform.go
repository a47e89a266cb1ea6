package stomp

import (
	"bytes"
	"strings"

	"github.com/portico-mq/portico/broker/property"
	"github.com/portico-mq/portico/gateway/stomp/wire"
	"github.com/portico-mq/portico/gateway/stomp/xstream"
)

// Transformations. A client of JMS sends maps and objects, which STOMP has none of: ActiveMQ makes them of XML or JSON
// when a SEND says so in its header `transformation`, and shows them as one of these to the subscriptions that say which.
// Here they are stored as they were sent, which is what everybody else gets, and made anew for those subscriptions.

const (
	transformationHeader      = "transformation"
	transformationErrorHeader = "transformation-error"
)

// messageKind is a kind of JMS's messages.
type messageKind string

const (
	bytesMessage messageKind = "bytes"
	// textMessage was sent without content-length, and is delivered without: ActiveMQ's clients and JMS make the difference.
	textMessage messageKind = "text"
	// mapMessage and objectMessage have a body that xstream can read, in the form that transformationHeader names.
	mapMessage    messageKind = "map"
	objectMessage messageKind = "object"
)

// transformations are ActiveMQ's: what a SEND makes of a body, "" for nothing that it can.
var transformations = map[string]messageKind{
	"jms-map-xml": mapMessage, "jms-map-json": mapMessage, "jms-object-xml": objectMessage, "jms-object-json": objectMessage,
	"jms-byte": bytesMessage, "jms-xml": "", "jms-json": "", "jms-advisory-xml": "", "jms-advisory-json": "",
}

// transformationError says why a body is not what its transformation makes of one. The message is sent all the same, as
// a text that says so.
type transformationError struct{ words string }

func (e *transformationError) Error() string { return e.words }

// kindOf is the kind of a SEND's message. With a transformationError it is a text all the same.
func kindOf(f *wire.Frame) (messageKind, error) {
	_, counted := f.Get("content-length")
	name, _ := f.Get(transformationHeader)
	kind, known := transformations[string(name)]
	if known && !counted && kind != bytesMessage {
		if kind == "" {
			return textMessage, &transformationError{"Unknown transformation: " + string(name)}
		}
		if _, err := readBody(kind, string(name), f.Body); err != nil {
			return textMessage, &transformationError{err.Error()}
		}
		return kind, nil
	}
	said, ok := f.Get(kindHeader)
	switch kind := messageKind(said); {
	case ok && (kind == textMessage || kind == bytesMessage):
		return kind, nil
	case ok:
		return "", activeMQFault("Unsupported message type '" + string(said) + "'")
	case counted:
		return bytesMessage, nil
	default:
		return textMessage, nil
	}
}

func inJSON(transformation string) bool { return strings.HasSuffix(transformation, "json") }

// readBody reads the body of a map or object message.
func readBody(kind messageKind, transformation string, body []byte) (xstream.Element, error) {
	parse, check := xstream.ParseXML, xstream.Object
	if inJSON(transformation) {
		parse = xstream.ParseJSON
	}
	if kind == mapMessage {
		check = xstream.Map
	}
	e, err := parse(body)
	if err != nil {
		return e, err
	}
	return check(e)
}

// storedKind is the kind of a message in a queue. What came from elsewhere is a text when its content type says so.
func storedKind(props property.Block, headers property.RawTable) messageKind {
	if v, ok := headers.Lookup(kindHeader); ok {
		for _, kind := range []messageKind{textMessage, mapMessage, objectMessage} {
			if v.EqualTo(string(kind)) {
				return kind
			}
		}
		return bytesMessage
	}
	if content, _ := props.ContentType(); bytes.HasPrefix(content, []byte("text/")) {
		return textMessage
	}
	return bytesMessage
}

// appendTransformed appends the header of a subscription's transformation, and returns the body that it makes of a message
// that is not bytes. A text stays as it is.
func appendTransformed(
	buf []byte, transformation string, kind messageKind, headers property.RawTable, body []byte,
) (withHeader, shown []byte) {
	stored := ""
	if v, ok := headers.Lookup(transformationHeader); ok {
		text, _ := v.Bytes()
		stored = string(text)
	}
	_, known := transformations[transformation]
	if kind == textMessage || !known {
		return wire.AppendHeader(buf, transformationHeader, transformation), body
	}
	e, err := readBody(kind, stored, body)
	if err != nil { // it was not we who said what it is
		buf = wire.AppendHeader(buf, transformationHeader, transformation)
		return wire.AppendHeader(buf, transformationErrorHeader, err.Error()), body
	}
	switch transformation {
	case "jms-xml", "jms-json":
		transformation = "jms-" + string(kind) + strings.TrimPrefix(transformation, "jms")
	}
	buf = wire.AppendHeader(buf, transformationHeader, transformation)
	if inJSON(transformation) {
		return buf, xstream.AppendJSON(nil, e)
	}
	return buf, xstream.AppendXML(nil, e)
}
