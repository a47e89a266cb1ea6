package config

import "fmt"

// ActiveMQVirtualDestinations are virtual destinations as they were written, and what they say.
type ActiveMQVirtualDestinations struct {
	text       string
	Topics     []ActiveMQVirtualTopic
	Composites []ActiveMQComposite
	Mirrored   *ActiveMQMirrored // nil: no queue is
}

// ActiveMQVirtualTopic is a virtualTopic.
type ActiveMQVirtualTopic struct{ Name, Prefix, Postfix string }

// ActiveMQComposite is a compositeQueue or compositeTopic.
type ActiveMQComposite struct {
	Topic       bool
	Name        string
	ForwardOnly bool
	To          []ActiveMQForward
}

// ActiveMQForward is a destination of a composite's.
type ActiveMQForward struct {
	Topic          bool
	Name, Selector string // "" for no selector
}

// ActiveMQMirrored is a mirroredQueue.
type ActiveMQMirrored struct{ Prefix, Postfix string }

// UnmarshalText reads virtual destinations separated by commas, such as `compositeQueue name=a forwardOnly=false queue=b
// topic=c selector="x = 1"`, where a selector is for the destination before it.
func (v *ActiveMQVirtualDestinations) UnmarshalText(text []byte) error {
	entries, err := readEntries(string(text))
	if err != nil {
		return err
	}
	out := ActiveMQVirtualDestinations{text: string(text)}
	for _, e := range entries {
		if err := out.add(e); err != nil {
			return err
		}
	}
	*v = out
	return nil
}

// MarshalText writes what UnmarshalText has read.
func (v ActiveMQVirtualDestinations) MarshalText() ([]byte, error) { return []byte(v.text), nil }

func (v *ActiveMQVirtualDestinations) add(e entry) error {
	switch e.kind {
	case "virtualTopic":
		t := ActiveMQVirtualTopic{Prefix: "Consumer.*."}
		if err := e.read(map[string]*string{"name": &t.Name, "prefix": &t.Prefix, "postfix": &t.Postfix}, nil); err != nil {
			return err
		}
		if t.Name == "" || t.Prefix == "" {
			return fmt.Errorf("a virtualTopic needs name= and a prefix")
		}
		v.Topics = append(v.Topics, t)
	case "compositeQueue", "compositeTopic":
		c := ActiveMQComposite{Topic: e.kind == "compositeTopic", ForwardOnly: true}
		if err := e.read(map[string]*string{"name": &c.Name}, c.set); err != nil {
			return err
		}
		if c.Name == "" || len(c.To) == 0 {
			return fmt.Errorf("a %s needs name= and at least one queue= or topic=", e.kind)
		}
		v.Composites = append(v.Composites, c)
	case "mirroredQueue":
		m := ActiveMQMirrored{Prefix: "VirtualTopic.Mirror."}
		if err := e.read(map[string]*string{"prefix": &m.Prefix, "postfix": &m.Postfix}, nil); err != nil {
			return err
		}
		if v.Mirrored != nil || m.Prefix+m.Postfix == "" {
			return fmt.Errorf("there is one mirroredQueue, with a prefix or a postfix")
		}
		v.Mirrored = &m
	default:
		return fmt.Errorf("%q is not one of virtualTopic, compositeQueue, compositeTopic, mirroredQueue", e.kind)
	}
	return nil
}

// read sets what attributes name; others are for more, if it is not nil.
func (e entry) read(known map[string]*string, more func(attribute) error) error {
	for _, a := range e.attributes {
		switch text := known[a.name]; {
		case text != nil:
			*text = a.value
		case more == nil:
			return fmt.Errorf("a %s has no attribute %q", e.kind, a.name)
		default:
			if err := more(a); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *ActiveMQComposite) set(a attribute) (err error) {
	switch a.name {
	case "forwardOnly":
		c.ForwardOnly, err = a.boolean()
	case "queue", "topic":
		if a.value == "" {
			return a.is("a name")
		}
		c.To = append(c.To, ActiveMQForward{Topic: a.name == "topic", Name: a.value})
	case "selector":
		if len(c.To) == 0 || c.To[len(c.To)-1].Selector != "" {
			return fmt.Errorf("a selector stands behind its queue= or topic=")
		}
		c.To[len(c.To)-1].Selector = a.value
	default:
		return fmt.Errorf("a composite has no attribute %q", a.name)
	}
	return err
}
