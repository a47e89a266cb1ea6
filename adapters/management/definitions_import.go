package management

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/portico-mq/portico/broker"
)

// definitionsImport is one import: first everything is checked and made into steps, then the steps are taken. A step
// can still fail, for want of storage or when somebody else changes the same; what was done until then stays.
type definitionsImport struct {
	server *server
	ctx    context.Context
	only   string // the one virtual host that is imported into; "" for all
	user   string // who imports

	vhosts, users map[string]bool            // those there are or will be
	queues        map[string]map[string]bool // by virtual host
	exchanges     map[string]map[string]bool

	steps    []func() error
	parallel []func() error // after the steps, at the same time
	last     []func() error // after these, at the same time too
}

// The parts of a file, in RabbitMQ's form.
type definitionsFile struct {
	Users      []userBody      `json:"users"`
	Vhosts     []vhostDef      `json:"vhosts"`
	Permission []permissionDef `json:"permissions"`
	Topics     []permissionDef `json:"topic_permissions"`
	Parameters []parameterDef  `json:"parameters"`
	Globals    []parameterDef  `json:"global_parameters"`
	Policies   []policyBody    `json:"policies"`
	Queues     []queueDef      `json:"queues"`
	Exchanges  []exchangeDef   `json:"exchanges"`
	Bindings   []bindingDef    `json:"bindings"`
}

type vhostDef struct {
	Name string `json:"name"`
	vhostBody
	Metadata *vhostBody `json:"metadata"`
}

type permissionDef struct {
	User  string `json:"user"`
	Vhost string `json:"vhost"`
	patterns
}

type parameterDef struct {
	Vhost     string          `json:"vhost"`
	Component string          `json:"component"`
	Name      string          `json:"name"`
	Value     json.RawMessage `json:"value"`
}

type queueDef struct {
	Name       string         `json:"name"`
	Vhost      string         `json:"vhost"`
	Durable    bool           `json:"durable"`
	AutoDelete bool           `json:"auto_delete"`
	Arguments  map[string]any `json:"arguments"`
}

type exchangeDef struct {
	queueDef
	Type     string `json:"type"`
	Internal bool   `json:"internal"`
}

type bindingDef struct {
	Vhost       string         `json:"vhost"`
	Source      string         `json:"source"`
	Destination string         `json:"destination"`
	Kind        string         `json:"destination_type"`
	Key         string         `json:"routing_key"`
	Arguments   map[string]any `json:"arguments"`
}

// importersAtOnce bounds how many queues or bindings are made at the same time: they share syncs.
const importersAtOnce = 64

func (in *definitionsImport) run(raw []byte) error {
	var file definitionsFile
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber() // an argument keeps its type
	if err := decoder.Decode(&file); err != nil {
		var mistyped *json.UnmarshalTypeError
		if errors.As(err, &mistyped) && mistyped.Field != "" {
			return invalid(fmt.Sprintf("%s cannot be a JSON %s", mistyped.Field, mistyped.Value))
		}
		return invalid("failed_to_parse_json")
	}
	if err := in.check(&file); err != nil {
		return err
	}
	for _, step := range in.steps {
		if err := step(); err != nil {
			return err
		}
	}
	for _, steps := range [][]func() error{in.parallel, in.last} {
		if err := takeAtOnce(steps); err != nil {
			return err
		}
	}
	return nil
}

// takeAtOnce takes steps that do not depend on each other, and returns the first error.
func takeAtOnce(steps []func() error) error {
	errs := make(chan error, len(steps))
	slots := make(chan struct{}, importersAtOnce)
	var running sync.WaitGroup
	for _, step := range steps {
		slots <- struct{}{}
		running.Go(func() {
			errs <- step()
			<-slots
		})
	}
	running.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// check makes the steps of the import, in the order in which one thing needs the other.
func (in *definitionsImport) check(file *definitionsFile) error {
	in.know()
	if in.only == "" {
		for _, part := range []func(*definitionsFile) error{in.checkUsers, in.checkVhosts, in.checkPermissions, in.checkGlobals} {
			if err := part(file); err != nil {
				return err
			}
		}
	}
	for _, part := range []func(*definitionsFile) error{in.checkPolicies, in.checkParameters, in.checkExchanges, in.checkQueues, in.checkBindings} {
		if err := part(file); err != nil {
			return err
		}
	}
	return nil
}

// know notes what exists.
func (in *definitionsImport) know() {
	b := in.server.broker
	in.vhosts, in.users = map[string]bool{}, map[string]bool{}
	in.queues, in.exchanges = map[string]map[string]bool{}, map[string]map[string]bool{}
	for _, u := range b.Users() {
		in.users[u.Name] = true
	}
	for _, name := range b.Namespaces() {
		in.addVhost(name)
		s, err := b.OpenSession(in.ctx, b.Root(), name)
		if err != nil {
			continue // deleted just now
		}
		for _, q := range s.QueueNames() {
			in.queues[name][q] = true
		}
		for _, x := range s.Exchanges() {
			in.exchanges[name][x.Name] = true
		}
		s.Close()
	}
}

// addVhost notes a virtual host, with the exchanges that each has.
func (in *definitionsImport) addVhost(name string) {
	in.vhosts[name] = true
	in.queues[name], in.exchanges[name] = map[string]bool{}, map[string]bool{}
	for _, x := range []string{"amq.direct", "amq.fanout", "amq.topic", "amq.headers", "amq.match", "amq.rabbitmq.trace"} {
		in.exchanges[name][x] = true
	}
}

func (in *definitionsImport) then(step func() error) { in.steps = append(in.steps, step) }

// vhostOf is where a part of the file goes; a file for one virtual host names none, or is imported into another.
func (in *definitionsImport) vhostOf(named string) (string, error) {
	if in.only != "" {
		return in.only, nil
	}
	if !in.vhosts[named] {
		return "", &broker.Error{Kind: broker.KindNotFound, Type: broker.ResourceNamespace, Name: named}
	}
	return named, nil
}

// missingReason words what a file names and does not have.
func missingReason(e *broker.Error) string {
	switch e.Type {
	case broker.ResourceNamespace:
		return fmt.Sprintf("no_such_vhost: %s", e.Name)
	case broker.ResourceUser:
		return fmt.Sprintf("no_such_user: %s", e.Name)
	default:
		return fmt.Sprintf("no %s '%s' in vhost '%s'", e.Type, e.Name, e.Namespace)
	}
}

// at adds to an error where in the file it is.
func at(err error, format string, args ...any) error {
	return invalid(reasonText(err) + " (" + fmt.Sprintf(format, args...) + ")")
}

// reasonText is the text of any error that a check returns.
func reasonText(err error) string {
	var worded interface{ ReplyText() string }
	if errors.As(err, &worded) {
		return worded.ReplyText()
	}
	return reasonOf(err)
}

func (in *definitionsImport) checkUsers(file *definitionsFile) error {
	for _, u := range file.Users {
		spec, err := u.spec()
		if err == nil {
			err = broker.CheckUser(u.Name, spec)
		}
		if err != nil {
			return at(err, "user '%s'", u.Name)
		}
		in.users[u.Name] = true
		in.then(func() error { _, err := in.server.broker.SaveUser(u.Name, spec); return err })
	}
	return nil
}

func (in *definitionsImport) checkVhosts(file *definitionsFile) error {
	for _, v := range file.Vhosts {
		body := v.vhostBody
		if v.Metadata != nil {
			body = *v.Metadata
		}
		spec, err := body.spec()
		if v.Name == "" {
			err = invalid("[{key_missing,name}]")
		}
		if err != nil {
			return at(err, "vhost '%s'", v.Name)
		}
		if !in.vhosts[v.Name] {
			in.addVhost(v.Name)
		}
		in.then(func() error {
			created, err := in.server.broker.PutNamespace(v.Name, spec)
			if err == nil && body.Tracing != nil {
				err = in.server.broker.SetTracing(v.Name, *body.Tracing)
			}
			if err != nil || !created {
				return err
			}
			err = in.server.broker.SetPermission(in.user, v.Name, broker.Permission{Configure: ".*", Write: ".*", Read: ".*"})
			if broker.IsKind(err, broker.KindNotFound) { // the user is not one of the broker's
				return nil
			}
			return err
		})
	}
	return nil
}

func (in *definitionsImport) checkPermissions(file *definitionsFile) error {
	for i, p := range append(append([]permissionDef{}, file.Permission...), file.Topics...) {
		topic := i >= len(file.Permission)
		if err := in.checkPermission(&p, topic); err != nil {
			return err
		}
		in.then(func() error {
			if topic {
				return in.server.broker.SetTopicPermission(p.User, p.Vhost, *p.Exchange, broker.TopicPermission{Write: *p.Write, Read: *p.Read})
			}
			return in.server.broker.SetPermission(p.User, p.Vhost,
				broker.Permission{Configure: *p.Configure, Write: *p.Write, Read: *p.Read})
		})
	}
	return nil
}

func (in *definitionsImport) checkPermission(p *permissionDef, topic bool) error {
	switch {
	case !in.users[p.User]:
		return &broker.Error{Kind: broker.KindNotFound, Type: broker.ResourceUser, Name: p.User}
	case !in.vhosts[p.Vhost]:
		return &broker.Error{Kind: broker.KindNotFound, Type: broker.ResourceNamespace, Name: p.Vhost}
	case topic && p.Exchange == nil, !topic && p.Configure == nil, p.Write == nil, p.Read == nil:
		return invalid(fmt.Sprintf("permission lacks a key (%s/%s)", p.Vhost, p.User))
	}
	for _, pattern := range []*string{p.Configure, p.Write, p.Read} {
		if pattern == nil {
			continue
		}
		if err := broker.CheckPattern(*pattern); err != nil {
			return invalid(fmt.Sprintf("invalid_regexp: %s (%s/%s)", *pattern, p.Vhost, p.User))
		}
	}
	return nil
}

func (in *definitionsImport) checkGlobals(file *definitionsFile) error {
	for _, p := range file.Globals {
		if p.Name == "" || p.Value == nil {
			return invalid("global parameter lacks name or value")
		}
		in.then(func() error { _, err := in.server.broker.SetGlobalParameter(p.Name, p.Value); return err })
	}
	return nil
}
