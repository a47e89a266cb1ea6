package management

import (
	"context"
	"net/http"

	"github.com/portico-mq/portico/broker"
)

func exchangeResources() []resource {
	const one = "/exchanges/{vhost}/{exchange}"
	return []resource{
		{path: "/exchanges", get: listExchanges},
		{path: "/exchanges/{vhost}", access: visible, get: listExchanges},
		{path: one, access: visible, get: getExchange, put: putExchange, delete: deleteExchange},
		{path: one + "/bindings/source", access: visible, get: listBindingsOfSource},
		{path: one + "/bindings/destination", access: visible, get: listBindingsOfDestination},
		{path: one + "/publish", access: inVhost, post: publish},
	}
}

// vhosts are those that a list covers: {vhost}, or all that the user may see. ok is false when {vhost} does not exist
// and that was answered.
func (c *call) vhosts() (names []string, ok bool) {
	if name, one := c.vars["vhost"]; one {
		if s := c.look(name); s == nil {
			return nil, false
		}
		return []string{name}, true
	}
	return c.visibleVhosts(), true
}

// exchangeName is {exchange}; the default exchange is called amq.default in paths.
func (c *call) exchangeName() string {
	if name := c.vars["exchange"]; name != "amq.default" {
		return name
	}
	return ""
}

func listExchanges(c *call) {
	vhosts, ok := c.vhosts()
	if !ok {
		return
	}
	var items []object
	for _, vhost := range vhosts {
		s, err := c.server.broker.OpenSession(c.r.Context(), c.server.broker.Root(), vhost)
		if err != nil {
			continue // deleted meanwhile
		}
		counts := s.ExchangeCounts()
		items = append(items, c.describeExchange(s, defaultExchange(), counts[""]))
		for _, spec := range s.Exchanges() {
			items = append(items, c.describeExchange(s, spec, counts[spec.Name]))
		}
	}
	c.list(items)
}

func defaultExchange() broker.ExchangeSpec {
	return broker.ExchangeSpec{Kind: broker.Direct, Durable: true}
}

func (c *call) describeExchange(s *broker.Session, spec broker.ExchangeSpec, counts broker.Counts) object {
	o := object{
		"name": spec.Name, "vhost": s.Namespace(), "type": string(spec.Kind), "durable": spec.Durable,
		"auto_delete": spec.AutoDelete, "internal": spec.Internal, "arguments": tableObject(spec.Attributes[amqpAttributes]),
		"user_who_performed_action": "rmq-internal",
	}
	if policy, _ := s.ExchangePolicies(spec.Name); policy != nil {
		o["policy"] = policy.Name
	}
	if c.wantsStats() {
		if stats := exchangeStats(counts, c.view(exchangeKey{s.Namespace(), spec.Name})); stats != nil {
			o["message_stats"] = stats
		}
	}
	return o
}

// addPolicies adds the names of the policies that apply to an object.
func addPolicies(o object, of func(name string) (policy, operator *broker.Policy)) {
	policy, operator := of(o["name"].(string))
	o["policy"], o["operator_policy"] = nil, nil
	if policy != nil {
		o["policy"] = policy.Name
	}
	if operator != nil {
		o["operator_policy"] = operator.Name
	}
}

// wantsStats is false when the request asks for objects without what is measured.
func (c *call) wantsStats() bool { return c.r.URL.Query().Get("disable_stats") != "true" }

// findExchange returns {exchange}; ok is false when there is none and that was answered.
func (c *call) findExchange() (s *broker.Session, spec broker.ExchangeSpec, ok bool) {
	if s = c.look(c.vars["vhost"]); s == nil {
		return nil, spec, false
	}
	name := c.exchangeName()
	if name == "" {
		return s, defaultExchange(), true
	}
	spec, err := s.Exchange(c.r.Context(), name)
	if err != nil {
		c.failed(err)
		return nil, spec, false
	}
	return s, spec, true
}

func getExchange(c *call) {
	s, spec, ok := c.findExchange()
	if !ok {
		return
	}
	o := c.describeExchange(s, spec, s.ExchangeCounts()[spec.Name])
	o["incoming"], o["outgoing"] = []object{}, []object{}
	c.answer(o)
}

func putExchange(c *call) {
	var in struct {
		Type       string
		Durable    *boolean
		AutoDelete boolean `json:"auto_delete"`
		Internal   boolean
		Arguments  arguments
	}
	s := c.sessionFor(&in)
	if s == nil {
		return
	}
	defer s.Close()
	spec := broker.ExchangeSpec{
		Name: c.exchangeName(), Kind: broker.ExchangeKind(in.Type), Durable: in.Durable == nil || bool(*in.Durable),
		AutoDelete: bool(in.AutoDelete), Internal: bool(in.Internal),
		Attributes: broker.Attributes{amqpAttributes: attributeTable(in.Arguments)},
	}
	if spec.Kind == "" {
		spec.Kind = broker.Direct
	}
	_, err := s.Exchange(c.r.Context(), spec.Name)
	missing := broker.IsKind(err, broker.KindNotFound)
	if err := c.server.opts.Declare.Exchange(c.background(), s, spec); err != nil {
		c.failed(err)
		return
	}
	c.put(missing)
}

// background lets a change finish whose client goes away.
func (c *call) background() context.Context { return context.WithoutCancel(c.r.Context()) }

func deleteExchange(c *call) {
	s := c.session()
	if s == nil {
		return
	}
	defer s.Close()
	if err := s.DeleteExchange(c.background(), c.exchangeName(), c.flag("if-unused")); err != nil {
		c.failed(err)
		return
	}
	c.w.WriteHeader(http.StatusNoContent)
}

// flag is a parameter of the query that is true or false.
func (c *call) flag(name string) bool { return c.r.URL.Query().Get(name) == "true" }
