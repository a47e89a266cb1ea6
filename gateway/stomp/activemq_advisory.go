package stomp

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
	"github.com/portico-mq/portico/gateway/stomp/wire"
)

// Advisories tell who listens to the topics ActiveMQ.Advisory.… which connections, consumers and destinations come and
// go, and which messages expire or become dead letters. Nothing is published while nobody does.

const advisoryPrefix = "ActiveMQ.Advisory."

// maxKnownTopics bounds the topics that are remembered, over all namespaces.
const maxKnownTopics = 10000

// advisories knows what there is to tell. It is safe for concurrent use, but is not called with a connection's mu held:
// what it publishes is delivered under that.
type advisories struct {
	broker *broker.Broker
	topic  string // the exchange
	id     string // begins the ids of advisories

	mu        sync.Mutex
	listeners map[string]int             // subscriptions that may get any, by namespace
	sessions  map[string]*broker.Session // by namespace
	conns     map[*conn]int64            // with when they came, as a number
	consumers map[*conn]map[*subscription][]*advisedConsumer
	topics    []knownTopic
	known     map[[2]string]bool // namespace and name
	count     int64
	came      int64
}

// advisedConsumer is a subscription to one place.
type advisedConsumer struct {
	s    *subscription
	at   place
	info consumerInfo
	came int64
}

// knownTopic is a topic that a client has used, and the connection that was first.
type knownTopic struct{ namespace, name, connection string }

func newAdvisories(b *broker.Broker, topic string) *advisories {
	return &advisories{
		broker: b, topic: topic, id: ownIDPrefix + broker.UniqueName(), listeners: make(map[string]int),
		sessions: make(map[string]*broker.Session), known: make(map[[2]string]bool),
		conns: make(map[*conn]int64), consumers: make(map[*conn]map[*subscription][]*advisedConsumer),
	}
}

func (a *advisories) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.sessions {
		s.Close()
	}
	clear(a.sessions)
}

// mayBeAdvisory reports whether a topic's name or pattern stands for any advisory.
func mayBeAdvisory(p place) bool {
	if !p.topic {
		return false
	}
	first, rest, _ := strings.Cut(p.name, ".")
	second, _, _ := strings.Cut(rest, ".")
	return first == ">" || ((first == "ActiveMQ" || first == "*") && (second == ">" || second == "Advisory" || second == "*"))
}

// isAdvisory reports whether a name is one of them, of which nothing is told.
func isAdvisory(p place) bool { return p.topic && strings.HasPrefix(p.name, advisoryPrefix) }

// advisory is one to be sent.
type advisory struct {
	name    string // behind advisoryPrefix
	body    any
	headers property.Table
	by      *conn // whose doing it is; nil for nobody's
}

// tell publishes an advisory, if anybody may want it. The caller holds a.mu.
func (a *advisories) tell(namespace string, v advisory) {
	if a.listeners[namespace] == 0 {
		return
	}
	a.send(namespace, "", v)
}

// send publishes an advisory, or puts it into one queue. The caller holds a.mu.
func (a *advisories) send(namespace, queue string, v advisory) {
	session := a.session(namespace)
	if session == nil {
		return
	}
	m, err := a.message(v)
	if err != nil {
		return
	}
	if queue == "" {
		_, err = session.Publish(m, nil)
	} else {
		err = session.Send(context.Background(), queue, m, func(broker.Receipt, error) {})
	}
	if broker.IsKind(err, broker.KindNotFound) && queue == "" { // the namespace was made anew
		session.Close()
		delete(a.sessions, namespace)
	}
}

// session is one of the broker's own; nil when the namespace is going. The caller holds a.mu.
func (a *advisories) session(namespace string) *broker.Session {
	session := a.sessions[namespace]
	if session == nil {
		var err error
		if session, err = a.broker.OpenSession(context.Background(), a.broker.Root(), namespace); err != nil {
			return nil
		}
		a.sessions[namespace] = session
	}
	return session
}

func (a *advisories) message(v advisory) (*broker.Message, error) {
	body, err := advisoryText(v.body)
	if err != nil {
		return nil, err
	}
	a.count++
	set := property.Set{
		MessageID: a.id + ":1:0:0:" + strconv.FormatInt(a.count, 10), Type: "Advisory", Flags: property.FlagPriority | property.FlagType,
		Headers: append(property.Table{
			{Name: kindHeader, Value: string(textMessage)},
			{Name: timestampHeader, Value: "0"},
			{Name: transformationHeader, Value: "jms-advisory-json"},
			{Name: "originBrokerName", Value: "localhost"},
			{Name: "originBrokerId", Value: a.id + ":1"},
		}, v.headers...),
	}
	if v.by != nil {
		set.Headers = append(set.Headers, property.Field{Name: "originBrokerURL", Value: "stomp://" + v.by.nc.LocalAddr().String()})
	}
	props, err := set.Append(nil)
	if err != nil {
		return nil, err
	}
	return broker.NewMessage(a.topic, advisoryPrefix+v.name, props, body), nil
}

// connected tells of a connection that has logged in.
func (a *advisories) connected(c *conn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.came++
	a.conns[c] = a.came
	a.tell(c.session.Namespace(), connectionAdvisory(c))
}

func connectionAdvisory(c *conn) advisory {
	return advisory{name: "Connection", by: c, body: map[string]any{"ConnectionInfo": connectionInfo{
		ResponseRequired: true, ConnectionID: shownConnectionID{c.ownID}, ClientID: cmp.Or(c.clientID, c.ownID), ClientMaster: true,
		ClientIP: "tcp://" + c.nc.RemoteAddr().String(), UserName: c.loginName,
	}}}
}

// disconnected tells of the end of a connection, and of what ends with it.
func (a *advisories) disconnected(c *conn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.conns[c]; !ok {
		return
	}
	delete(a.conns, c)
	namespace := c.session.Namespace()
	for key, name := range c.temps {
		if strings.HasPrefix(key, "topic ") {
			p := place{topic: true, temp: true, name: name}
			a.tell(namespace, destinationAdvisory(p, destinationRemoved, c.ownID, c))
		}
	}
	a.tell(namespace, advisory{name: "Connection", by: c, body: removed(goneConnection{"ConnectionId", c.ownID}, true)})
}

// subscribed tells of a subscription to the places of a route, and tells it what it asks for.
func (a *advisories) subscribed(s *subscription, r *route, info consumerInfo) {
	namespace := s.conn.session.Namespace()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.consumers[s.conn] == nil {
		a.consumers[s.conn] = make(map[*subscription][]*advisedConsumer)
	}
	a.consumers[s.conn][s] = nil
	for _, p := range r.places {
		if isAdvisory(p) {
			a.replay(namespace, s.topicQueue, p)
			continue
		}
		info.Destination = p.shown()
		a.came++
		consumer := &advisedConsumer{s: s, at: p, info: info, came: a.came}
		a.consumers[s.conn][s] = append(a.consumers[s.conn][s], consumer)
		if a.listeners[namespace] > 0 {
			a.tell(namespace, a.consumerAdvisory(consumer, map[string]any{"ConsumerInfo": info}))
		}
	}
	if s.advised = slices.ContainsFunc(r.places, mayBeAdvisory); s.advised {
		a.listeners[namespace]++
	}
}

// unsubscribed tells of the end of a subscription.
func (a *advisories) unsubscribed(s *subscription) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.end(s.conn.session.Namespace(), s)
}

// leave tells of the end of all subscriptions of a connection.
func (a *advisories) leave(c *conn) {
	if c.session == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range slices.Collect(maps.Keys(a.consumers[c])) {
		a.end(c.session.Namespace(), s)
	}
}

// end tells of the end of a subscription, unless that was told. The caller holds a.mu.
func (a *advisories) end(namespace string, s *subscription) {
	gone, ok := a.consumers[s.conn][s]
	if !ok {
		return
	}
	if delete(a.consumers[s.conn], s); len(a.consumers[s.conn]) == 0 {
		delete(a.consumers, s.conn)
	}
	if s.advised {
		a.listeners[namespace]--
	}
	if a.listeners[namespace] == 0 {
		return
	}
	for _, c := range gone {
		id := c.info.ConsumerID
		id.Class = "ConsumerId"
		a.tell(namespace, a.consumerAdvisory(c, removed(id, c.info.ResponseRequired)))
	}
}

// consumerAdvisory has the number of consumers that the place has now, those of other protocols too where it is a queue.
func (a *advisories) consumerAdvisory(c *advisedConsumer, body any) advisory {
	n := 0
	for _, other := range a.consumersOf(c.s.conn.session.Namespace()) {
		if other.at == c.at {
			n++
		}
	}
	if !c.at.topic && !c.at.wild() {
		if session := a.session(c.s.conn.session.Namespace()); session != nil {
			if info, err := session.Queue(context.Background(), c.at.name); err == nil {
				n = info.Consumers
			}
		}
	}
	return advisory{
		name: "Consumer." + c.at.kind() + c.at.name, body: body, by: c.s.conn,
		headers: property.Table{{Name: "consumerCount", Value: strconv.Itoa(n)}},
	}
}

// consumersOf are the consumers of a namespace in the order in which they came.
func (a *advisories) consumersOf(namespace string) []*advisedConsumer {
	var all []*advisedConsumer
	for c, subs := range a.consumers {
		if c.session.Namespace() != namespace {
			continue
		}
		for _, consumers := range subs {
			all = append(all, consumers...)
		}
	}
	slices.SortFunc(all, func(a, b *advisedConsumer) int { return cmp.Compare(a.came, b.came) })
	return all
}

func (p place) kind() string {
	if p.topic {
		return "Topic."
	}
	return "Queue."
}

func destinationAdvisory(p place, operation int, connection string, by *conn) advisory {
	shown := p.shown()
	return advisory{name: strings.TrimPrefix(shown.Class, "ActiveMQ"), by: by, body: map[string]any{"DestinationInfo": destinationInfo{
		ConnectionID: shownConnectionID{connection}, Destination: shown, OperationType: operation,
	}}}
}

// queueChanged tells of a queue that was made or deleted, by whatever protocol.
func (a *advisories) queueChanged(namespace, queue string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.listeners[namespace] == 0 || !isDestination(queue) {
		return
	}
	session := a.session(namespace)
	if session == nil {
		return
	}
	operation := destinationAdded
	if _, err := session.QueueSpec(queue); err != nil {
		operation = destinationRemoved
	}
	a.tell(namespace, destinationAdvisory(place{name: queue, temp: isTemporary(queue)}, operation, ownerOf(queue, a.id), nil))
}

// useTopics tells of topics of a route that nobody has used yet.
func (c *conn) useTopics(r *route) {
	for _, p := range r.places {
		if !p.topic || p.temp || p.name == c.lastTopic {
			continue
		}
		c.lastTopic = p.name
		c.server.advisories.topicUsed(c, p)
	}
}

// consumerInfo is what an advisory says of a subscription.
func (c *conn) consumerInfo(
	f *wire.Frame, settings consumerSettings, opts *broker.ConsumeOptions, r *route, name string,
) consumerInfo {
	c.consumers++
	_, responds := f.Get("receipt")
	info := consumerInfo{
		ResponseRequired: responds, ConsumerID: shownConsumerID{ConnectionID: c.ownID, SessionID: -1, Value: c.consumers},
		PrefetchSize: prefetch(settings, r, name != ""), DispatchAsync: true, SubscriptionName: name,
		NoLocal: settings.isSet("noLocal"), Exclusive: opts.Sole, Retroactive: settings.isSet("retroactive"), Priority: int(opts.Priority),
	}
	if _, given := settings.number("prefetchSize"); r.places[0].topic && name == "" && !given {
		info.PrefetchSize++ // ActiveMQ says so
	}
	info.MaximumPending, _ = settings.number("maximumPendingMessageLimit")
	selector, ok := settings.get("selector")
	if text, has := f.Get("selector"); has && !ok {
		selector = string(text)
	}
	if selector != "" {
		info.Selector = convertStrings + strings.TrimPrefix(selector, convertStrings)
	}
	return info
}

// isDestination reports whether a queue is one to ActiveMQ's clients: it is not what stands behind a topic.
func isDestination(queue string) bool {
	return !strings.HasPrefix(queue, topicQueuePrefix) && !strings.HasPrefix(queue, durablePrefix) && !strings.HasPrefix(queue, "amq.")
}

// ownerOf is the connection whose temporary queue it is, or who stands for those that nobody owns.
func ownerOf(queue, otherwise string) string {
	if at := strings.LastIndexByte(queue, ':'); isTemporary(queue) && at > 0 {
		return queue[:at]
	}
	return otherwise
}

// topicUsed tells of a topic that is used for the first time.
func (a *advisories) topicUsed(c *conn, p place) {
	namespace := c.session.Namespace()
	key := [2]string{namespace, p.name}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known[key] || isAdvisory(p) || len(a.topics) >= maxKnownTopics {
		return
	}
	if !p.temp { // those go with their connection
		a.known[key] = true
		a.topics = append(a.topics, knownTopic{namespace, p.name, c.ownID})
	}
	a.tell(namespace, destinationAdvisory(p, destinationAdded, c.ownID, c))
}

// died tells of a message that became a dead letter, or expired.
func (a *advisories) died(namespace string, m *broker.Message, at place, dead, expired bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.listeners[namespace] == 0 {
		return
	}
	body := messageBody(m, at)
	if dead {
		a.tell(namespace, advisory{name: "MessageDLQd." + at.kind() + at.name, body: body})
	}
	if expired {
		id, _ := m.Properties().MessageID()
		a.tell(namespace, advisory{
			name: "Expired." + at.kind() + at.name, body: body,
			headers: property.Table{{Name: "orignalMessageId", Value: string(id)}}, // it is spelt so
		})
	}
}

// replay tells a new subscription to an advisory topic what there is already. The caller holds a.mu.
func (a *advisories) replay(namespace, queue string, of place) {
	send := func(v advisory) {
		if of.matches(advisoryPrefix + v.name) {
			a.send(namespace, queue, v)
		}
	}
	kind := strings.TrimPrefix(of.name, advisoryPrefix)
	switch {
	case kind == "Connection":
		for _, c := range slices.SortedFunc(maps.Keys(a.conns), func(b, c *conn) int { return cmp.Compare(a.conns[b], a.conns[c]) }) {
			if c.session.Namespace() == namespace {
				send(connectionAdvisory(c))
			}
		}
	case strings.HasPrefix(kind, "Consumer."):
		for _, c := range a.consumersOf(namespace) {
			send(a.consumerAdvisory(c, map[string]any{"ConsumerInfo": c.info}))
		}
	case kind == "Topic":
		for _, t := range a.topics {
			if t.namespace == namespace {
				send(destinationAdvisory(place{topic: true, name: t.name}, destinationAdded, t.connection, nil))
			}
		}
	case kind == "Queue", kind == "TempQueue":
		a.replayQueues(namespace, kind == "TempQueue", send)
	}
}

func (a *advisories) replayQueues(namespace string, temporary bool, send func(advisory)) {
	session := a.session(namespace)
	if session == nil {
		return
	}
	for _, name := range slices.Sorted(slices.Values(session.QueueNames())) {
		if isDestination(name) && isTemporary(name) == temporary {
			send(destinationAdvisory(place{name: name, temp: temporary}, destinationAdded, ownerOf(name, a.id), nil))
		}
	}
}
