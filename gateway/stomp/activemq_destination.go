package stomp

import (
	"net/url"
	"strings"
)

// place is one destination of ActiveMQ's.
type place struct {
	topic bool
	temp  bool // of some connection's own, and in memory
	name  string
}

// route is what a destination header of ActiveMQ's names: several places, when there are commas in it.
type route struct {
	places  []place
	options url.Values // from "?consumer.prefetchSize=1&…" behind the names
}

// activeMQPrefixes are the ways to spell a destination's type, the longer ones first where one begins with another.
var activeMQPrefixes = []struct {
	prefix string
	place  place
	own    bool // the rest is this connection's name for it
}{
	{"/queue/", place{}, false},
	{"/topic/", place{topic: true}, false},
	{"/temp-queue/", place{temp: true}, true},
	{"/temp-topic/", place{temp: true, topic: true}, true},
	{"/remote-temp-queue/", place{temp: true}, false},
	{"/remote-temp-topic/", place{temp: true, topic: true}, false},
	{"queue://", place{}, false},
	{"topic://", place{topic: true}, false},
	{"temp-queue://", place{temp: true}, false},
	{"temp-topic://", place{temp: true, topic: true}, false},
}

// parse reads a destination. A name without a prefix is a queue's.
func (activemq) parse(c *conn, text string) (*route, error) {
	text = strings.TrimSpace(text)
	r := &route{}
	if names, options, ok := strings.Cut(text, "?"); ok {
		values, err := url.ParseQuery(options)
		if err != nil {
			return nil, activeMQFault("Illegal destination name: [" + text + "] -- its options cannot be read")
		}
		text, r.options = names, values
	}
	for part := range strings.SplitSeq(text, ",") {
		p, err := parsePlace(c, strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		if p.name == "" {
			return nil, activeMQFault("Invalid empty or 'null' Destination header")
		}
		if len(p.name) > maxPlaceName {
			return nil, activeMQFault("Illegal destination name: it is longer than 255 bytes")
		}
		r.places = append(r.places, p)
		if len(r.places) > maxPlaces {
			return nil, activeMQFault("Illegal destination name: it names too many destinations")
		}
	}
	return r, nil
}

const (
	// maxPlaces bounds how many destinations one header names.
	maxPlaces = 256
	// maxPlaceName bounds a name, in bytes: it is a queue's name or a routing key.
	maxPlaceName = 255
)

func parsePlace(c *conn, text string) (place, error) {
	for _, p := range activeMQPrefixes {
		name, ok := strings.CutPrefix(text, p.prefix)
		if !ok {
			continue
		}
		found := p.place
		found.name = name
		if p.own && name != "" {
			var err error
			if found.name, err = c.temporary(p.place.topic, name); err != nil {
				return place{}, err
			}
		}
		return found, nil
	}
	return place{name: text}, nil
}

// String is the destination as MESSAGE shows it.
func (p place) String() string { return p.prefix() + p.name }

func (p place) prefix() string {
	switch {
	case p.temp && p.topic:
		return "/remote-temp-topic/"
	case p.temp:
		return "/remote-temp-queue/"
	case p.topic:
		return "/topic/"
	default:
		return "/queue/"
	}
}

// uri is the destination in ActiveMQ's other spelling.
func (p place) uri() string {
	switch {
	case p.temp && p.topic:
		return "temp-topic://" + p.name
	case p.temp:
		return "temp-queue://" + p.name
	case p.topic:
		return "topic://" + p.name
	default:
		return "queue://" + p.name
	}
}

// String is a composite destination as original-destination shows it: of the first one's type, the others spelt out
// where they are of another.
func (r *route) String() string {
	var b strings.Builder
	b.WriteString(r.places[0].String())
	for _, p := range r.places[1:] {
		b.WriteByte(',')
		if p.topic == r.places[0].topic {
			b.WriteString(p.name)
		} else {
			b.WriteString(p.uri())
		}
	}
	return b.String()
}

// wild reports whether the name is a pattern.
func (p place) wild() bool {
	if p.temp {
		return false
	}
	for word := range strings.SplitSeq(p.name, ".") {
		if word == "*" || word == ">" {
			return true
		}
	}
	return false
}

// pattern is the name as a pattern of the topic exchange: > is any number of words, none too, and what follows it does
// not count.
func (p place) pattern() string {
	words := strings.Split(p.name, ".")
	for i, word := range words {
		if word == ">" {
			words[i] = "#"
			return strings.Join(words[:i+1], ".")
		}
	}
	return p.name
}

// matches reports whether the pattern matches a name.
func (p place) matches(name string) bool {
	for pattern := p.name; ; {
		word, rest, more := strings.Cut(pattern, ".")
		if word == ">" {
			return true
		}
		have, left, further := strings.Cut(name, ".")
		switch {
		case word != "*" && word != have:
			return false
		case !more:
			return !further
		case !further: // A.> matches A
			return strings.HasPrefix(rest+".", ">.")
		}
		pattern, name = rest, left
	}
}

// virtualTopic is the topic that a queue of a virtual topic's consumers gets: VirtualTopic.X for
// Consumer.NAME.VirtualTopic.X.
func virtualTopic(queue string) (place, bool) {
	rest, ok := strings.CutPrefix(queue, "Consumer.")
	if !ok {
		return place{}, false
	}
	_, topic, ok := strings.Cut(rest, ".")
	if !ok || !strings.HasPrefix(topic, "VirtualTopic.") {
		return place{}, false
	}
	return place{topic: true, name: topic}, true
}
