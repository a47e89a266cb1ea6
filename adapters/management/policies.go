package management

import (
	"encoding/json"
	"errors"
	"html"
	"regexp/syntax"
	"strings"

	"github.com/portico-mq/portico/broker"
)

func policyResources() []resource {
	return []resource{
		{path: "/policies", get: ofPolicies(false, listPolicies)},
		{path: "/policies/{vhost}", get: ofPolicies(false, listPolicies), access: visible},
		{
			path: "/policies/{vhost}/{name}", access: policymakers,
			get: ofPolicies(false, getPolicy), put: ofPolicies(false, putPolicy), delete: ofPolicies(false, deletePolicy),
		},
		{path: "/operator-policies", get: ofPolicies(true, listPolicies)},
		{path: "/operator-policies/{vhost}", get: ofPolicies(true, listPolicies), access: visible},
		{
			path: "/operator-policies/{vhost}/{name}", access: administrators,
			get: ofPolicies(true, getPolicy), put: ofPolicies(true, putPolicy), delete: ofPolicies(true, deletePolicy),
		},
	}
}

// ofPolicies makes a handler for policies or for operator policies.
func ofPolicies(operator bool, handle func(c *call, operator bool)) func(*call) {
	return func(c *call) { handle(c, operator) }
}

// streams is what a policy for streams applies to.
const streams = "streams"

// applyTo is RabbitMQ's name of what a policy applies to.
func applyTo(p *broker.Policy) string {
	switch p.QueueType {
	case "classic":
		return "classic_queues"
	case "quorum":
		return "quorum_queues"
	case "stream":
		return streams
	default:
		return string(p.ApplyTo)
	}
}

func policyObject(p *broker.Policy) object {
	return object{
		"vhost": p.Namespace, "name": p.Name, "pattern": p.Pattern, "apply-to": applyTo(p),
		"definition": p.Definition, "priority": p.Priority,
	}
}

func listPolicies(c *call, operator bool) {
	names := c.visibleVhosts()
	if name, ok := c.vars["vhost"]; ok {
		if !c.hasVhost() {
			return
		}
		names = []string{name}
	}
	var items []object
	for _, name := range names {
		for _, p := range c.server.broker.Policies(name, operator) {
			items = append(items, policyObject(&p))
		}
	}
	c.list(items)
}

func getPolicy(c *call, operator bool) {
	for _, p := range c.server.broker.Policies(c.vars["vhost"], operator) {
		if p.Name == c.vars["name"] {
			c.answer(policyObject(&p))
			return
		}
	}
	c.notFound()
}

func putPolicy(c *call, operator bool) {
	if !c.policyVhost() {
		return
	}
	var body policyBody
	if !c.decode(&body) {
		return
	}
	body.Vhost, body.Name = c.vars["vhost"], c.vars["name"]
	p, err := body.policy(operator)
	if err != nil {
		c.refusePolicy(err, operator)
		return
	}
	created, err := c.server.broker.PutPolicy(p)
	if err != nil {
		c.failed(err)
		return
	}
	c.put(created)
}

// policyVhost answers 404 in other words than for what is only looked for.
func (c *call) policyVhost() bool {
	if _, err := c.server.broker.NamespaceInfo(c.vars["vhost"]); err != nil {
		c.noVhost()
		return false
	}
	return true
}

// refusePolicy answers what is wrong with a policy. RabbitMQ escapes the text for browsers, but not of operator
// policies.
func (c *call) refusePolicy(err error, operator bool) {
	reason := reasonOf(err)
	if !operator {
		reason = escape(reason)
	}
	c.badRequest(reason)
}

// reasonOf is the text of an error made by invalid.
func reasonOf(err error) string {
	var known *broker.Error
	if errors.As(err, &known) {
		return invalidReason(known)
	}
	return err.Error()
}

// escape is rabbit_mgmt_format:escape_html_tags, which leaves quotes.
func escape(text string) string {
	return strings.NewReplacer("<", html.EscapeString("<"), ">", html.EscapeString(">")).Replace(text)
}

func deletePolicy(c *call, operator bool) {
	if err := c.server.broker.ClearPolicy(c.vars["vhost"], c.vars["name"], operator); err != nil {
		c.failed(err)
		return
	}
	c.changed()
}

// invalidPattern is RabbitMQ's reason for a pattern that does not compile.
func invalidPattern(err error) []string {
	var known *broker.Error
	if !errors.As(err, &known) {
		return []string{"invalid_regexp"}
	}
	return []string{"invalid_regexp", known.Name, patternFault(known.Err)}
}

// patternFault says what is wrong with a pattern.
func patternFault(err error) string {
	var fault *syntax.Error
	switch {
	case !errors.As(err, &fault):
	case fault.Code == syntax.ErrMissingParen: // the words of RabbitMQ's library
		return "missing )"
	default:
		return fault.Code.String()
	}
	return "invalid"
}

// policyBody is a policy as PUT and definitions have it.
type policyBody struct {
	Vhost      string          `json:"vhost"`
	Name       string          `json:"name"`
	Pattern    json.RawMessage `json:"pattern"`
	Definition json.RawMessage `json:"definition"`
	Priority   json.RawMessage `json:"priority"`
	ApplyTo    json.RawMessage `json:"apply-to"`
}
