package sns

import (
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/portico-mq/portico/adapters/awsmessage"
	"github.com/portico-mq/portico/adapters/awsproto"
)

// maxSubject is the longest subject, in characters [API reference, Publish].
const maxSubject = 100

// size is what the message counts towards the limit.
func (in *messageInput) size() int {
	size := len(in.Message)
	for name, v := range in.MessageAttributes {
		size += len(name) + v.Size()
	}
	return size
}

// check applies the rules of a message. It gives the text for protocols without one of their own, and
// those of the others.
func (in *messageInput) check() (text string, texts map[string]string, bad *awsproto.Error) {
	switch {
	case in.Message == "":
		return "", nil, invalidParameter("Empty message")
	case !awsmessage.ValidText(in.Message):
		return "", nil, invalidParameter("Message Reason: Invalid characters found")
	case in.Subject != nil && !validSubject(*in.Subject):
		return "", nil, invalidParameter("Subject")
	}
	switch in.MessageStructure {
	case "":
		return in.Message, nil, nil
	case "json":
		return splitTexts(in.Message)
	}
	return "", nil, invalidParameter("MessageStructure")
}

// splitTexts reads a message that has a text for each protocol. Members that are no text are passed
// over, as are those with a name that no protocol has; platforms of mobile push have names of theirs.
func splitTexts(message string) (string, map[string]string, *awsproto.Error) {
	var raw map[string]json.RawMessage
	if json.Unmarshal([]byte(message), &raw) != nil {
		return "", nil, invalidParameter("Message Structure - JSON message body failed to parse")
	}
	texts := make(map[string]string)
	for protocol, value := range raw {
		var text string
		if json.Unmarshal(value, &text) == nil && text != "" && len(protocol) <= awsmessage.MaxName && awsmessage.ValidText(text) {
			texts[protocol] = text
		}
	}
	text, ok := texts["default"]
	if !ok {
		return "", nil, invalidParameter("Message Structure - No default entry in JSON message body")
	}
	delete(texts, "default")
	return text, texts, nil
}

func validSubject(s string) bool {
	return s != "" && utf8.RuneCountInString(s) <= maxSubject && awsmessage.ValidText(s) &&
		strings.IndexFunc(s, unicode.IsControl) < 0
}
