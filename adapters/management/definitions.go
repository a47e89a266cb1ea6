package management

import (
	"context"
	"encoding/json"
	"errors"
	"html"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"time"

	"github.com/portico-mq/portico/broker"
)

// Definitions: everything that is declared, in one file of JSON, as RabbitMQ exports and imports it. An import is
// checked as a whole before anything is changed.

func definitionResources() []resource {
	return []resource{
		{path: "/definitions", get: exportDefinitions, post: importDefinitions, access: administrators},
		{path: "/definitions/{vhost}", get: exportVhostDefinitions, post: importDefinitions, access: administrators},
	}
}

// maxDefinitions bounds a file of definitions, in bytes.
const maxDefinitions = 64 << 20

func exportDefinitions(c *call) {
	if name := c.r.URL.Query().Get("vhost"); name != "" {
		c.vars["vhost"] = name
		exportVhostDefinitions(c)
		return
	}
	b := c.server.broker
	version := c.server.opts.Version
	out := object{
		"rabbit_version": version, "rabbitmq_version": version, "product_name": "RabbitMQ", "product_version": version,
	}
	users := []object{}
	for _, u := range b.Users() {
		users = append(users, userObject(u))
	}
	vhosts := []object{}
	globals := []object{}
	for name, value := range b.GlobalParameters() {
		globals = append(globals, object{"name": name, "value": value})
	}
	lists := emptyTopology()
	for _, name := range c.visibleVhosts() {
		info, err := b.NamespaceInfo(name)
		if err != nil {
			continue // deleted just now
		}
		vhosts = append(vhosts, object{
			"name": name, "description": info.Description, "tags": listOf(info.Tags),
			"metadata": vhostMetadata(info.NamespaceSpec), "limits": []any{},
		})
		if err := c.addTopology(lists, name, true); err != nil {
			c.failed(err)
			return
		}
	}
	out["users"], out["vhosts"], out["global_parameters"] = users, vhosts, globals
	out["permissions"], out["topic_permissions"] = append([]object{}, c.permissions()...), c.topicPermissions()
	for key, list := range lists {
		out[key] = list
	}
	for key, by := range map[string][]string{"users": {"name"}, "global_parameters": {"name"}, "permissions": {"vhost", "user"}, "topic_permissions": {"vhost", "user", "exchange"}} {
		sortObjects(out[key].([]object), by)
	}
	c.download(out)
}

func exportVhostDefinitions(c *call) {
	if _, err := c.server.broker.NamespaceInfo(c.vars["vhost"]); err != nil {
		c.badRequest("vhost_not_found")
		return
	}
	lists := emptyTopology()
	if err := c.addTopology(lists, c.vars["vhost"], false); err != nil {
		c.failed(err)
		return
	}
	out := object{"rabbit_version": c.server.opts.Version}
	for key, list := range lists {
		out[key] = list
	}
	c.download(out)
}

// download answers with a file when the request wants one.
func (c *call) download(out object) {
	if name := c.r.URL.Query().Get("download"); name != "" {
		c.w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	}
	c.write(http.StatusOK, out)
}

func emptyTopology() map[string][]object {
	return map[string][]object{"parameters": {}, "policies": {}, "queues": {}, "exchanges": {}, "bindings": {}}
}

// addTopology adds what one virtual host has that is not the system's.
func (c *call) addTopology(lists map[string][]object, vhost string, named bool) error {
	s, err := c.server.broker.OpenSession(c.r.Context(), c.server.broker.Root(), vhost)
	if err != nil {
		return err
	}
	defer s.Close()
	lists["parameters"] = append(lists["parameters"], c.server.parameters(vhost, "")...)
	for _, p := range c.server.broker.Policies(vhost, false) {
		lists["policies"] = append(lists["policies"], policyObject(&p))
	}
	queues, names := c.queueDefinitions(s)
	for key, found := range map[string][]object{
		"queues": queues, "exchanges": exchangeDefinitions(s), "bindings": bindingDefinitions(s, names),
	} {
		sortObjects(found, []string{"name", "source", "destination_type", "destination", "routing_key"})
		for _, o := range found {
			if named {
				o["vhost"] = vhost
			}
			lists[key] = append(lists[key], o)
		}
	}
	return nil
}

// queueDefinitions are the queues that survive a restart, in no order, and their names.
func (c *call) queueDefinitions(s *broker.Session) (found []object, names map[string]bool) {
	names = map[string]bool{}
	for _, name := range s.QueueNames() {
		spec, err := s.QueueSpec(name)
		if err != nil || !spec.Durable || spec.Exclusive {
			continue // deleted just now, or not for a file
		}
		names[name] = true
		found = append(found, object{
			"name": name, "durable": true, "auto_delete": spec.AutoDelete, "type": c.server.opts.queueType(&spec),
			"arguments": tableObject(spec.Attributes[argumentsOf]),
		})
	}
	return found, names
}

func exchangeDefinitions(s *broker.Session) []object {
	var found []object
	for _, x := range s.Exchanges() {
		if strings.HasPrefix(x.Name, "amq.") {
			continue
		}
		found = append(found, object{
			"name": x.Name, "type": string(x.Kind), "durable": x.Durable, "auto_delete": x.AutoDelete,
			"internal": x.Internal, "arguments": tableObject(x.Attributes[argumentsOf]),
		})
	}
	return found
}

// bindingDefinitions leaves out what another protocol subscribed, and what leads to queues that are left out.
func bindingDefinitions(s *broker.Session, queues map[string]bool) []object {
	var found []object
	for _, bd := range s.Bindings("") {
		if bd.Rule != "" || (bd.Kind == broker.ToQueue && !queues[bd.Destination]) {
			continue
		}
		found = append(found, object{
			"source": bd.Source, "destination": bd.Destination, "destination_type": string(bd.Kind),
			"routing_key": bd.Key, "arguments": tableObject(bd.Arguments),
		})
	}
	return found
}

// argumentsOf is where the arguments of AMQP clients are kept with queues and exchanges.
const argumentsOf = "amqp"

func (o *Options) queueType(spec *broker.QueueSpec) string {
	if v, ok := spec.Attributes[argumentsOf].Get("x-queue-type"); ok {
		if name, ok := v.(string); ok {
			return name
		}
	}
	return "classic"
}

func importDefinitions(c *call) {
	if name := c.r.URL.Query().Get("vhost"); name != "" && c.vars["vhost"] == "" {
		c.vars["vhost"] = name
	}
	if _, ok := c.vars["vhost"]; ok && !c.policyVhost() {
		return
	}
	raw, err := c.readDefinitions()
	if err != nil {
		c.badRequest(reasonOf(err))
		return
	}
	// Reading and syncing thousands of queues takes longer than an answer may otherwise.
	_ = http.NewResponseController(c.w).SetWriteDeadline(time.Time{}) // not every writer has one
	in := &definitionsImport{server: c.server, ctx: c.r.Context(), only: c.vars["vhost"], user: c.user.Name()}
	if err := in.run(raw); err != nil {
		if reason := importReason(err); reason != "" {
			c.badRequest(reason)
			return
		}
		c.failed(err)
		return
	}
	c.changed()
}

// importReason says what is wrong with the file; "" when something else is.
func importReason(err error) string {
	var worded interface{ ReplyText() string }
	var known *broker.Error
	switch {
	case errors.As(err, &worded):
		return worded.ReplyText()
	case errors.As(err, &known) && known.Kind == broker.KindNotFound:
		return missingReason(known)
	}
	return ""
}

// Import imports definitions as a POST to /api/definitions does, in nobody's name. An error that says nothing but what
// is wrong with them means that nothing was changed.
func (h *Handler) Import(ctx context.Context, raw []byte) error {
	in := &definitionsImport{server: h.server, ctx: ctx}
	err := in.run(raw)
	if err == nil {
		return nil
	}
	if reason := importReason(err); reason != "" {
		return errors.New(html.UnescapeString(reason)) // the API's reasons are escaped, as RabbitMQ's are
	}
	var known *broker.Error
	if errors.As(err, &known) && known.Kind != broker.KindInternal {
		return errors.New(html.UnescapeString(kinds[known.Kind].reason(known)))
	}
	return err
}

// readDefinitions reads the body: JSON, or a form with a file, as browsers send it.
func (c *call) readDefinitions() ([]byte, error) {
	body := io.Reader(http.MaxBytesReader(c.w, c.r.Body, maxDefinitions))
	kind, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err == nil && kind == "multipart/form-data" {
		part, err := filePart(multipart.NewReader(body, params["boundary"]))
		if err != nil {
			return nil, err
		}
		body = part
	}
	raw, err := io.ReadAll(body)
	if err != nil {
		return nil, invalid("The body could not be read")
	}
	if !json.Valid(raw) {
		return nil, invalid("failed_to_parse_json")
	}
	return raw, nil
}

// filePart finds the file of a form.
func filePart(form *multipart.Reader) (io.Reader, error) {
	for {
		part, err := form.NextPart()
		if err != nil {
			return nil, invalid("The form has no file")
		}
		if part.FormName() == "file" {
			return part, nil
		}
	}
}
