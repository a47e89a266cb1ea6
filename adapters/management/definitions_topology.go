package management

import (
	"errors"
	"fmt"
	"strings"

	"github.com/portico-mq/portico/broker"
)

// The parts of an import that belong to a virtual host.

func (in *definitionsImport) checkPolicies(file *definitionsFile) error {
	for _, body := range file.Policies {
		vhost, err := in.vhostOf(body.Vhost)
		if err != nil {
			return err
		}
		body.Vhost = vhost
		p, err := body.policy(false)
		if err != nil {
			return invalid(escape(reasonOf(err)) + fmt.Sprintf(" (%s/%s)", vhost, body.Name))
		}
		in.then(func() error { _, err := in.server.broker.PutPolicy(p); return err })
	}
	return nil
}

func (in *definitionsImport) checkParameters(file *definitionsFile) error {
	for _, p := range file.Parameters {
		vhost, err := in.vhostOf(p.Vhost)
		if err != nil {
			return err
		}
		set, err := in.server.parameter(vhost, p.Component, p.Name, p.Value)
		if err != nil {
			return invalid(escape(reasonOf(err)) + fmt.Sprintf(" (%s/%s/%s)", vhost, p.Component, p.Name))
		}
		in.then(set)
	}
	return nil
}

// inVhost runs f in a session of the virtual host that sees everything.
func (in *definitionsImport) inVhost(vhost string, f func(*broker.Session) error) error {
	s, err := in.server.broker.OpenSession(in.ctx, in.server.broker.Root(), vhost)
	if err != nil {
		return err
	}
	defer s.Close()
	return f(s)
}

func (in *definitionsImport) checkExchanges(file *definitionsFile) error {
	for _, x := range file.Exchanges {
		vhost, err := in.vhostOf(x.Vhost)
		if err != nil {
			return err
		}
		if in.exchanges[vhost][x.Name] { // what is there stays as it is, as in RabbitMQ
			continue
		}
		arguments, err := tableOf(x.Arguments)
		if err != nil {
			return at(err, "exchange '%s' in vhost '%s'", x.Name, vhost)
		}
		spec, err := in.server.opts.ExchangeSpec(broker.ExchangeSpec{
			Name: x.Name, Kind: broker.ExchangeKind(x.Type), Durable: x.Durable, AutoDelete: x.AutoDelete, Internal: x.Internal,
		}, arguments)
		if err == nil {
			err = checkName(x.Name)
		}
		if err != nil {
			return at(err, "exchange '%s' in vhost '%s'", x.Name, vhost)
		}
		in.exchanges[vhost][x.Name] = true
		in.then(func() error {
			return in.inVhost(vhost, func(s *broker.Session) error { _, _, err := s.DeclareExchange(in.ctx, spec); return err })
		})
	}
	return nil
}

// checkName refuses names that cannot be declared.
func checkName(name string) error {
	switch {
	case name == "" || len(name) > 255 || strings.IndexByte(name, 0) >= 0:
		return invalid("invalid name")
	case strings.HasPrefix(name, "amq."):
		return invalid("name contains reserved prefix 'amq.*'")
	}
	return nil
}

func (in *definitionsImport) checkQueues(file *definitionsFile) error {
	for _, q := range file.Queues {
		vhost, err := in.vhostOf(q.Vhost)
		if err != nil {
			return err
		}
		if in.queues[vhost][q.Name] {
			continue
		}
		arguments, err := tableOf(q.Arguments)
		if err != nil {
			return at(err, "queue '%s' in vhost '%s'", q.Name, vhost)
		}
		spec, err := in.server.opts.QueueSpec(vhost, broker.QueueSpec{
			Name: q.Name, Durable: q.Durable, AutoDelete: q.AutoDelete, Generated: strings.HasPrefix(q.Name, "amq.gen-"),
		}, arguments)
		if err == nil && !spec.Generated {
			err = checkName(q.Name)
		}
		if err != nil {
			return at(err, "queue '%s' in vhost '%s'", q.Name, vhost)
		}
		in.queues[vhost][q.Name] = true
		in.parallel = append(in.parallel, func() error {
			return in.inVhost(vhost, func(s *broker.Session) error { _, _, err := s.DeclareQueue(in.ctx, spec); return err })
		})
	}
	return nil
}

func (in *definitionsImport) checkBindings(file *definitionsFile) error {
	for _, d := range file.Bindings {
		vhost, err := in.vhostOf(d.Vhost)
		if err != nil {
			return err
		}
		if d.Source == "" { // the default exchange binds by itself
			continue
		}
		if err := in.checkEnds(&d, vhost); err != nil {
			return err
		}
		arguments, err := tableOf(d.Arguments)
		if err != nil {
			return at(err, "binding from '%s' to '%s' in vhost '%s'", d.Source, d.Destination, vhost)
		}
		spec := broker.Binding{
			Source: d.Source, Destination: d.Destination, Kind: broker.DestinationKind(d.Kind), Key: d.Key, Arguments: arguments,
		}
		in.last = append(in.last, func() error {
			err := in.inVhost(vhost, func(s *broker.Session) error { return s.Bind(in.ctx, spec) })
			var known *broker.Error
			if errors.As(err, &known) && known.Kind == broker.KindInvalid {
				return at(err, "binding from '%s' to '%s' in vhost '%s'", d.Source, d.Destination, vhost)
			}
			return err
		})
	}
	return nil
}

// checkEnds refuses a binding one of whose ends is nowhere.
func (in *definitionsImport) checkEnds(d *bindingDef, vhost string) error {
	gone := func(t broker.ResourceType, name string) error {
		return &broker.Error{Kind: broker.KindNotFound, Type: t, Namespace: vhost, Name: name}
	}
	switch {
	case !in.exchanges[vhost][d.Source]:
		return gone(broker.ResourceExchange, d.Source)
	case d.Kind == string(broker.ToQueue) && !in.queues[vhost][d.Destination]:
		return gone(broker.ResourceQueue, d.Destination)
	case d.Kind == string(broker.ToExchange) && !in.exchanges[vhost][d.Destination]:
		return gone(broker.ResourceExchange, d.Destination)
	case d.Kind != string(broker.ToQueue) && d.Kind != string(broker.ToExchange):
		return invalid(fmt.Sprintf("unknown destination_type '%s' (binding from '%s' in vhost '%s')", d.Kind, d.Source, vhost))
	}
	return nil
}
