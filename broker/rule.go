package broker

// Rule is a compiled binding rule. It must be safe for concurrent use and must not keep the message.
type Rule interface {
	// Match reports whether the message goes to the binding's destination.
	Match(m *Message) bool
	// Rewrite returns the message as the destination is to get it: m itself, or another one.
	Rewrite(m *Message) *Message
}

// ReadingRule is a Rule that decides by something it must first read out of the message. That is read once for a
// message and all rules of one name, however many bindings have one.
type ReadingRule interface {
	Rule
	// Read reads it. It must not keep the message; what it returns is dropped when the message is routed.
	Read(m *Message) any
	// MatchRead is Match with what Read returned, of this rule or another of the same name.
	MatchRead(m *Message, read any) bool
}

// RuleCompiler compiles a binding's rule; an error refuses the binding with KindInvalid.
type RuleCompiler func(b *Binding) (Rule, error)

// sight is a message while it is routed, and what the rules of one name read of it.
type sight struct {
	message *Message
	rule    string
	read    any
}

// see turns to a message; what was read of it before stays.
func (s *sight) see(m *Message) {
	if s.message != m {
		*s = sight{message: m}
	}
}

// predicate is how a rule decides in a router.
func predicate(name string, rule Rule) func(*sight) bool {
	reading, ok := rule.(ReadingRule)
	if !ok {
		return func(s *sight) bool { return rule.Match(s.message) }
	}
	return func(s *sight) bool {
		if s.rule != name {
			s.rule, s.read = name, reading.Read(s.message)
		}
		return reading.MatchRead(s.message, s.read)
	}
}
