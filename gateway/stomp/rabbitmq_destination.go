package stomp

import (
	"strings"
)

// kind is the type of a destination, in the words of RabbitMQ's errors.
type kind string

const (
	toQueue    kind = "queue"       // declared when it is first used
	toExisting kind = "amqqueue"    // a queue that is never declared
	toReply    kind = "reply_queue" // the same, as a responder gets to see it
	toTopic    kind = "topic"
	toExchange kind = "exchange"
	toTemp     kind = "temp_queue" // the client's own name for a queue that replies come to
)

// destination is what a destination header names.
type destination struct {
	kind     kind
	exchange string // "" for the kinds that are queues
	key      string // or the queue's name
}

// isQueue reports whether the destination is one queue.
func (d *destination) isQueue() bool {
	return d.kind == toQueue || d.kind == toExisting || d.kind == toReply
}

// prefixes are the valid destination types, in the order in which RabbitMQ lists them.
const prefixes = "/temp-queue, /exchange, /topic, /queue, /amq/queue, /reply-queue/"

// parseDestination reads a destination as RabbitMQ does: names come between slashes, %2F is a slash within one.
func (s *Server) parseDestination(text string) (destination, error) {
	if text == "" {
		return destination{}, faultf("Invalid destination", "Destination cannot be blank")
	}
	if !strings.Contains(text, "/") {
		return destination{kind: toQueue, key: text}, nil
	}
	if name, ok := strings.CutPrefix(text, "/reply-queue/"); ok { // reply queues' names may have slashes
		if name == "" {
			return destination{}, invalidDestination(toReply, "/")
		}
		return destination{kind: toReply, key: unescapeSlash(name)}, nil
	}
	for _, p := range []struct {
		prefix string
		kind   kind
	}{{"/queue", toQueue}, {"/topic", toTopic}, {"/exchange", toExchange}, {"/amq/queue", toExisting}, {"/temp-queue", toTemp}} {
		rest, ok := strings.CutPrefix(text, p.prefix)
		if !ok || (rest != "" && rest[0] != '/') {
			continue
		}
		parts := strings.Split(rest, "/")[1:]
		if len(parts) == 0 || len(parts) > 2 || parts[0] == "" || (len(parts) == 2 && p.kind != toExchange) {
			return destination{}, invalidDestination(p.kind, rest)
		}
		d := destination{kind: p.kind, key: unescapeSlash(parts[len(parts)-1])}
		switch p.kind {
		case toTopic:
			d.exchange = s.opts.TopicExchange
		case toExchange:
			d.exchange = unescapeSlash(parts[0])
			if len(parts) == 1 {
				d.key = ""
			}
		case toQueue, toExisting, toReply, toTemp:
		}
		return d, nil
	}
	return destination{}, faultf("Unknown destination",
		"'%s' is not a valid destination.\nValid destination types are: %s.\n", text, prefixes)
}

func invalidDestination(k kind, rest string) *fault {
	return faultf("Invalid destination", "'%s' is not a valid %s destination\n", rest, k)
}

func unescapeSlash(s string) string { return strings.ReplaceAll(s, "%2F", "/") }

// appendDestination appends the destination of a message that was published to the exchange with the key.
func (s *Server) appendDestination(dst []byte, exchange, key string) []byte {
	switch exchange {
	case "":
		return appendSegment(append(dst, "/queue/"...), key)
	case s.opts.TopicExchange:
		return appendSegment(append(dst, "/topic/"...), key)
	default:
		dst = appendSegment(append(dst, "/exchange/"...), exchange)
		if key == "" {
			return dst
		}
		return appendSegment(append(dst, '/'), key)
	}
}

// appendSegment escapes what would end a name, and what is not printable ASCII.
func appendSegment(dst []byte, name string) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(name) {
		switch c := name[i]; {
		case c == '/', c == '%', c < 32, c > 127:
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// isAddress reports whether a reply-to is a destination of STOMP already.
func isAddress(replyTo []byte) bool {
	for prefix := range strings.SplitSeq(prefixes, ", ") {
		if strings.HasPrefix(string(replyTo), prefix) {
			return true
		}
	}
	return false
}
