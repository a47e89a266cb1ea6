package broker

import (
	"errors"
	"strconv"
	"sync"

	"github.com/portico-mq/portico/broker/property"
)

// keptByDefault is how many messages a RecentHistory exchange keeps that does not say it.
const keptByDefault = 20

// history is the last messages of an exchange. They are in memory only, as in the plugin.
type history struct {
	mu       sync.Mutex
	keep     int
	messages []*Message
}

func newHistory(keep int) *history {
	if keep == 0 {
		keep = keptByDefault
	}
	return &history{keep: keep}
}

func (h *history) add(m *Message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.messages) == h.keep {
		copy(h.messages, h.messages[1:])
		h.messages[h.keep-1] = m
		return
	}
	h.messages = append(h.messages, m)
}

// replay publishes what h holds to a new destination, in order, and returns how to wait for that. The caller holds
// ns.mu.
func (s *Session) replay(h *history, to *target) wait {
	h.mu.Lock()
	messages := append([]*Message(nil), h.messages...)
	h.mu.Unlock()
	replayer := &Session{b: s.b, ns: s.ns, principal: s.b.root}
	return func() error {
		var waits []wait
		for _, m := range messages {
			s.ns.mu.RLock()
			routes := replayer.routesTo(to, m)
			s.ns.mu.RUnlock()
			if len(routes) == 0 {
				continue
			}
			done := make(chan error, 1)
			s.b.append(routes, CompletionFunc(func(err error) { done <- err }))
			waits = append(waits, func() error {
				if err := <-done; !IsKind(err, KindFull) { // a full queue takes no history
					return err
				}
				return nil
			})
		}
		return waitAll(waits)
	}
}

// routesTo finds the queues that a message gets to by one binding. The result is valid until the next call. The caller
// holds ns.mu.
func (s *Session) routesTo(to *target, m *Message) []route {
	s.scratch = s.scratch[:0]
	if to.rule != nil && !to.rule.Match(m) {
		return nil
	}
	if to.queue == nil {
		s.routeThrough(to.exchange, m, nil)
		return s.scratch
	}
	if to.rule != nil {
		m = to.rule.Rewrite(m)
	}
	return append(s.scratch, route{queue: to.queue, message: m})
}

// hashed is what a ConsistentHash exchange looks at in a message. All that lack it count as equal.
func (s *ExchangeSpec) hashed(key string, headers property.RawTable, of *sight) string {
	switch {
	case s.HashHeader != "":
		v, ok := headers.Lookup(s.HashHeader)
		if !ok {
			return ""
		}
		return v.String()
	case s.HashProperty == "":
		return key
	}
	set, err := of.message.props.Decode()
	if err != nil {
		return ""
	}
	switch s.HashProperty {
	case "correlation_id":
		return set.CorrelationID
	case "message_id":
		return set.MessageID
	}
	return strconv.FormatInt(set.Timestamp.Unix(), 10)
}

// The errors of a binding whose key is no weight.
var (
	ErrNoInteger     = errors.New("broker: a weight must be an integer")
	ErrWeightTooLow  = errors.New("broker: a weight must be greater than 0")
	errWeightTooHigh = errors.New("broker: a weight is too large")
)

// weightOf is the weight of a binding of a ConsistentHash exchange: its key.
func weightOf(b *Binding) (float64, error) {
	n, err := strconv.ParseInt(b.Key, 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, errWeightTooHigh
	case err != nil:
		return 0, ErrNoInteger
	case n < 1:
		return 0, ErrWeightTooLow
	}
	return float64(n), nil
}
