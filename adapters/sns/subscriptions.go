package sns

import (
	"cmp"
	"crypto/subtle"
	"encoding/json"
	"slices"
	"sync"

	"github.com/portico-mq/portico/broker"
)

// subscriptions holds all subscriptions of all namespaces. It is safe for concurrent use.
type subscriptions struct {
	mu      sync.RWMutex
	byTopic map[topicKey]map[string]*subscription // by id
	// byQueue finds those that a queue matters to: it is their endpoint, or takes their dead letters.
	byQueue map[topicKey]map[string]*subscription
}

func (r *subscriptions) put(s *subscription) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byTopic == nil {
		r.byTopic, r.byQueue = make(map[topicKey]map[string]*subscription), make(map[topicKey]map[string]*subscription)
	}
	if old := r.byTopic[s.topicKey()][s.id]; old != nil {
		r.removeLocked(old)
	}
	add(r.byTopic, s.topicKey(), s)
	for _, queue := range s.queues() {
		add(r.byQueue, topicKey{s.namespace, queue}, s)
	}
}

func add(to map[topicKey]map[string]*subscription, key topicKey, s *subscription) {
	if to[key] == nil {
		to[key] = make(map[string]*subscription)
	}
	to[key][s.id] = s
}

func (r *subscriptions) remove(s *subscription) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if old := r.byTopic[s.topicKey()][s.id]; old != nil {
		r.removeLocked(old)
	}
}

func (r *subscriptions) removeLocked(s *subscription) {
	drop(r.byTopic, s.topicKey(), s)
	for _, queue := range s.queues() {
		drop(r.byQueue, topicKey{s.namespace, queue}, s)
	}
}

func drop(from map[topicKey]map[string]*subscription, key topicKey, s *subscription) {
	delete(from[key], s.id)
	if len(from[key]) == 0 {
		delete(from, key)
	}
}

// get finds a subscription; nil when there is none.
func (r *subscriptions) get(key topicKey, id string) *subscription {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.byTopic[key][id]
}

// of lists the subscriptions of a topic, with those that were removed or without.
func (r *subscriptions) of(key topicKey, removed bool) []*subscription {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return list(nil, r.byTopic[key], removed)
}

// in lists those of a namespace.
func (r *subscriptions) in(namespace string) []*subscription {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var all []*subscription
	for key, of := range r.byTopic {
		if key.namespace == namespace {
			all = list(all, of, false)
		}
	}
	return all
}

// byToken finds the one whose token was sent to its endpoint; nil when there is none.
func (r *subscriptions) byToken(token string) (found *subscription) {
	for _, s := range r.all() {
		if s.Token != "" && subtle.ConstantTimeCompare([]byte(s.Token), []byte(token)) == 1 {
			found = s
		}
	}
	return found
}

// all lists everything there is.
func (r *subscriptions) all() []*subscription {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var all []*subscription
	for _, of := range r.byTopic {
		all = list(all, of, true)
	}
	return all
}

// around lists those that a queue matters to.
func (r *subscriptions) around(namespace, queue string) []*subscription {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return list(nil, r.byQueue[topicKey{namespace, queue}], false)
}

func list(to []*subscription, from map[string]*subscription, removed bool) []*subscription {
	at := len(to)
	for _, s := range from {
		if removed || !s.Removed {
			to = append(to, s)
		}
	}
	slices.SortFunc(to[at:], func(x, y *subscription) int { return cmp.Compare(x.ARN, y.ARN) })
	return to
}

// queues are the names of the queues of the topic's own namespace that matter to the subscription.
func (s *subscription) queues() []string {
	var names []string
	if s.Protocol == protocolSQS {
		names = append(names, s.local(s.Endpoint))
	}
	if dead := s.deadLetters(); dead != "" {
		names = append(names, s.local(dead))
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

// local is the name of a queue in the topic's account and region; "" for another one.
func (s *subscription) local(queueARN string) string {
	region, account := s.place()
	parsed, bad := parseARN(queueARN, "")
	if bad != nil || parsed.service != "sqs" || parsed.region != region || parsed.account != account {
		return ""
	}
	return parsed.resource
}

// store keeps a subscription durably, and puts it in the place of what it was.
func (a *Adapter) store(s *subscription) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := a.broker.PutDocument(s.key(), text); err != nil {
		return err
	}
	a.subscriptions.put(s)
	return nil
}

// load reads all subscriptions and connects them.
func (a *Adapter) load() error {
	for key, text := range a.broker.Documents(collection) {
		s, err := decodeSubscription(key, text)
		if err != nil {
			a.log.Error("a subscription cannot be read and is left out", "proto", "sns", "ns", key.Namespace, "subscription", key.Name, "err", err)
			continue
		}
		a.subscriptions.put(s)
	}
	if len(a.subscriptions.all()) > 0 {
		if err := a.rules.Prepare(); err != nil {
			return err
		}
	}
	for _, s := range a.subscriptions.all() {
		if err := a.connect(a.running, s); err != nil && !broker.IsKind(err, broker.KindNotFound) {
			return err
		}
	}
	return a.loadFIFO(a.running)
}
