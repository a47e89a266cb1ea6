package management

import (
	"crypto/md5"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
)

func bindingResources() []resource {
	const between = "/bindings/{vhost}/e/{exchange}/"
	return []resource{
		{path: "/bindings", get: listBindings},
		{path: "/bindings/{vhost}", access: visible, get: listBindings},
		{path: between + "q/{destination}", access: inVhost, get: listBindingsToQueue, post: bindQueue},
		{path: between + "e/{destination}", access: inVhost, get: listBindingsToExchange, post: bindExchange},
		{path: between + "q/{destination}/{props}", access: inVhost, get: getBindingToQueue, delete: unbindQueue},
		{path: between + "e/{destination}/{props}", access: inVhost, get: getBindingToExchange, delete: unbindExchange},
	}
}

// allBindings are the bindings of a virtual host, with those of the default exchange that stand for its queues.
func allBindings(s *broker.Session) []broker.Binding {
	list := s.Bindings("")
	for _, queue := range s.QueueNames() {
		list = append(list, broker.Binding{Destination: queue, Kind: broker.ToQueue, Key: queue})
	}
	return list
}

func describeBinding(vhost string, b *broker.Binding) object {
	return object{
		"source": b.Source, "vhost": vhost, "destination": b.Destination, "destination_type": string(b.Kind),
		"routing_key": b.Key, "arguments": tableObject(b.Arguments), "properties_key": propertiesKey(b),
	}
}

// propertiesKey names a binding among those between the same ends, as it stands in paths: the escaped key, "~" for
// the empty one, and a digest of the arguments.
func propertiesKey(b *broker.Binding) string {
	key := strings.ReplaceAll(url.QueryEscape(b.Key), "~", "%7E")
	if len(b.Arguments) == 0 {
		if key == "" {
			return "~"
		}
		return key
	}
	raw, err := property.AppendTable(nil, b.Arguments)
	if err != nil {
		return key
	}
	sum := md5.Sum(raw)
	return key + "~" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// answerBindings lists the bindings of a virtual host that pass.
func (c *call) answerBindings(pass func(*broker.Binding) bool) {
	vhosts, ok := c.vhosts()
	if !ok {
		return
	}
	items := []object{}
	for _, vhost := range vhosts {
		s, err := c.server.broker.OpenSession(c.r.Context(), c.server.broker.Root(), vhost)
		if err != nil {
			continue // deleted meanwhile
		}
		for _, b := range allBindings(s) {
			if pass(&b) {
				items = append(items, describeBinding(vhost, &b))
			}
		}
	}
	c.list(items, "vhost", "source", "destination_type", "destination", "routing_key", "properties_key")
}

func listBindings(c *call) { c.answerBindings(func(*broker.Binding) bool { return true }) }

func listBindingsOfSource(c *call) {
	if _, spec, ok := c.findExchange(); ok {
		c.answerBindings(func(b *broker.Binding) bool { return b.Source == spec.Name })
	}
}

func listBindingsOfDestination(c *call) {
	if _, spec, ok := c.findExchange(); ok {
		c.answerBindings(func(b *broker.Binding) bool { return b.Kind == broker.ToExchange && b.Destination == spec.Name })
	}
}

func listBindingsOfQueue(c *call) {
	s := c.look(c.vars["vhost"])
	if s == nil {
		return
	}
	if _, _, err := s.LookAtQueue(c.vars["queue"]); err != nil {
		c.failed(err)
		return
	}
	c.answerBindings(func(b *broker.Binding) bool { return b.Kind == broker.ToQueue && b.Destination == c.vars["queue"] })
}

func listBindingsToQueue(c *call)    { c.listBetween(broker.ToQueue) }
func listBindingsToExchange(c *call) { c.listBetween(broker.ToExchange) }

func (c *call) listBetween(kind broker.DestinationKind) {
	if c.ends(kind) {
		c.answerBindings(c.between(kind))
	}
}

// ends reports whether both ends of the path exist; otherwise that was answered.
func (c *call) ends(kind broker.DestinationKind) bool {
	s, _, ok := c.findExchange()
	if !ok {
		return false
	}
	var err error
	if kind == broker.ToQueue {
		_, _, err = s.LookAtQueue(c.vars["destination"])
	} else {
		_, err = s.Exchange(c.r.Context(), c.vars["destination"])
	}
	if err != nil {
		c.failed(err)
	}
	return err == nil
}

func (c *call) between(kind broker.DestinationKind) func(*broker.Binding) bool {
	source, destination := c.exchangeName(), c.vars["destination"]
	return func(b *broker.Binding) bool {
		return b.Source == source && b.Kind == kind && b.Destination == destination
	}
}

func bindQueue(c *call)    { c.bind(broker.ToQueue) }
func bindExchange(c *call) { c.bind(broker.ToExchange) }

func (c *call) bind(kind broker.DestinationKind) {
	var in struct {
		Key       string `json:"routing_key"`
		Arguments arguments
	}
	s := c.sessionFor(&in)
	if s == nil {
		return
	}
	defer s.Close()
	b := broker.Binding{
		Source: c.exchangeName(), Destination: c.vars["destination"], Kind: kind, Key: in.Key, Arguments: property.Table(in.Arguments),
	}
	if err := c.server.opts.Declare.Bind(c.background(), s, b); err != nil {
		c.failed(err)
		return
	}
	// RabbitMQ's Location is relative to the request.
	c.w.Header().Set("Location", url.PathEscape(c.vars["destination"])+"/"+url.PathEscape(propertiesKey(&b)))
	c.created()
}

func getBindingToQueue(c *call)    { c.getBinding(broker.ToQueue) }
func getBindingToExchange(c *call) { c.getBinding(broker.ToExchange) }

func (c *call) getBinding(kind broker.DestinationKind) {
	if s := c.look(c.vars["vhost"]); s != nil {
		if b := c.findBinding(s, kind); b != nil {
			c.answer(describeBinding(s.Namespace(), b))
			return
		}
		c.notFound()
	}
}

// findBinding is the binding that the path names; nil when there is none.
func (c *call) findBinding(s *broker.Session, kind broker.DestinationKind) *broker.Binding {
	list, pass := allBindings(s), c.between(kind)
	i := slices.IndexFunc(list, func(b broker.Binding) bool { return pass(&b) && propertiesKey(&b) == c.vars["props"] })
	if i < 0 {
		return nil
	}
	return &list[i]
}

func unbindQueue(c *call)    { c.unbind(broker.ToQueue) }
func unbindExchange(c *call) { c.unbind(broker.ToExchange) }

func (c *call) unbind(kind broker.DestinationKind) {
	s := c.session()
	if s == nil {
		return
	}
	defer s.Close()
	b := c.findBinding(s, kind)
	if b == nil {
		c.notFound()
		return
	}
	if err := s.Unbind(c.background(), *b); err != nil {
		c.failed(err)
		return
	}
	c.w.WriteHeader(http.StatusNoContent)
}
