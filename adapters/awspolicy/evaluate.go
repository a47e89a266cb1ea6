package awspolicy

import (
	"net/netip"
	"strings"
	"time"
)

// Context holds the condition keys of a request, in lower case, with their values. A key with no values counts as
// absent.
type Context map[string][]string

// Set sets a key to its values; an empty single value leaves it out.
func (c Context) Set(key string, values ...string) {
	if len(values) == 1 && values[0] == "" {
		return
	}
	c[strings.ToLower(key)] = values
}

// SetPrincipal sets the keys that tell who asks.
func (c Context) SetPrincipal(p *Principal) {
	if p.Service != "" {
		c.Set("aws:PrincipalIsAWSService", "true")
		c.Set("aws:PrincipalServiceName", p.Service)
		return
	}
	c.Set("aws:PrincipalIsAWSService", "false")
	c.Set("aws:PrincipalType", p.kind())
	arn := p.ARN
	if p.RoleARN != "" {
		arn = p.RoleARN
	}
	c.Set("aws:PrincipalArn", arn)
	c.Set("aws:PrincipalAccount", p.Account)
	c.Set("aws:userid", p.UserID)
	c.Set("aws:username", p.UserName)
	for key, value := range p.Tags {
		c.Set("aws:PrincipalTag/"+key, value)
	}
}

// SetTime sets the keys of the current time.
func (c Context) SetTime(now time.Time) {
	c.Set("aws:CurrentTime", now.UTC().Format("2006-01-02T15:04:05Z"))
	c.Set("aws:EpochTime", epoch(now))
}

// SetSource sets the keys of where a request came from and how.
func (c Context) SetSource(ip netip.Addr, tls bool) {
	if ip.IsValid() {
		c.Set("aws:SourceIp", ip.Unmap().WithZone("").String())
	}
	c.Set("aws:SecureTransport", map[bool]string{true: "true", false: "false"}[tls])
}

// Request is what somebody wants to do.
type Request struct {
	Principal *Principal
	// Action is SERVICE:NAME, in any case.
	Action string
	// Resource is an ARN, or "*" for an action on none.
	Resource string
	// Owner is the account of the resource.
	Owner string
	// Context holds the condition keys.
	Context Context
}

// effect is what a document says to a request.
type effect uint8

const (
	silent effect = iota
	// allowAccount: the account of the principal may, and decides by its own policies.
	allowAccount
	allow
	deny
)

// effect evaluates the document. A nil document says nothing.
func (d *Document) effect(r *Request) effect {
	found := silent
	if d == nil {
		return found
	}
	action := strings.ToLower(r.Action)
	for i := range d.statements {
		s := &d.statements[i]
		how := byName
		if d.kind != Identity {
			if how = s.grade(r.Principal); how == notMeant {
				continue
			}
		}
		if !s.concerns(action, r, d.kind) {
			continue
		}
		switch {
		case s.deny:
			return deny
		case how == byName:
			found = allow
		case found == silent:
			found = allowAccount
		}
	}
	return found
}

func (s *statement) grade(who *Principal) grade {
	if !s.notPrincipal {
		return s.principals.meant(who)
	}
	if s.principals.excepted(who) {
		return notMeant
	}
	return byName
}

// concerns says whether action, resource and conditions fit.
func (s *statement) concerns(action string, r *Request, kind Kind) bool {
	if matchAny(s.actions, action, nil) == s.notAction {
		return false
	}
	if kind != Trust && matchAny(s.resources, r.Resource, r.Context) == s.notResource {
		return false
	}
	for i := range s.conditions {
		if !s.conditions[i].holds(r.Context) {
			return false
		}
	}
	return true
}

// Caller is a principal with the policies that are its own.
type Caller struct {
	Principal
	// Policies are those of the user and its groups, or of the role.
	Policies []*Document
	// Boundary limits what Policies allow; nil: nothing does.
	Boundary *Document
	// Session limits what a session may, where it was given policies; empty: nothing does.
	Session []*Document
}

// Decision is the outcome.
type Decision struct {
	Allowed bool
	// Reason ends the sentence "… is not authorized to perform: ACTION on resource: RESOURCE …", in AWS's words.
	Reason string
}

// Decide decides by the caller's own policies and the resource's, which may be nil. An explicit denial wins; within one
// account either of them may allow, across accounts both must.
func (c *Caller) Decide(r *Request, resource *Document) Decision {
	r.Principal = &c.Principal
	own, limited := c.own(r)
	theirs := resource.effect(r)
	action := r.Action
	switch {
	case own == deny:
		return Decision{Reason: "with an explicit deny in an identity-based policy"}
	case limited == deny:
		return Decision{Reason: "with an explicit deny in a session policy or permissions boundary"}
	case theirs == deny:
		return Decision{Reason: "with an explicit deny in a resource-based policy"}
	}
	if c.Account == "" { // a service, or somebody unknown
		if theirs == allow {
			return Decision{Allowed: true}
		}
		return Decision{Reason: "because no resource-based policy allows the " + action + " action"}
	}
	within := own == allow && limited == allow
	byResource := theirs == allow && (limited == allow || c.RoleARN == "")
	switch {
	case c.Account == r.Owner && (within || byResource):
		return Decision{Allowed: true}
	case c.Account != r.Owner && within && theirs != silent:
		return Decision{Allowed: true}
	case c.Account != r.Owner && within:
		return Decision{Reason: "because no resource-based policy allows the " + action + " action"}
	case own == allow:
		return Decision{Reason: "because no session policy or permissions boundary allows the " + action + " action"}
	}
	return Decision{Reason: "because no identity-based policy allows the " + action + " action"}
}

// own is what the caller's policies say, and limited what limits them says: allow where there is no limit.
func (c *Caller) own(r *Request) (own, limited effect) {
	if c.Root() {
		own = allow
	}
	for _, d := range c.Policies {
		own = max(own, d.effect(r))
	}
	limited = allow
	if c.Boundary != nil {
		limited = c.Boundary.effect(r)
	}
	if len(c.Session) > 0 && limited != deny {
		session := silent
		for _, d := range c.Session {
			session = max(session, d.effect(r))
		}
		if session == deny || session < limited {
			limited = session
		}
	}
	return own, limited
}

// Trusts says whether a role's trust policy lets a caller assume it: by itself, or by its account and the caller's
// own policies.
func (d *Document) Trusts(c *Caller, r *Request) Decision {
	r.Principal = &c.Principal
	decision := c.Decide(r, d)
	if own, _ := c.own(r); decision.Allowed && own == allow && d.effect(r) == silent {
		// Within an account too, a role can be assumed only by whom it trusts.
		return Decision{Reason: "because no resource-based policy allows the " + r.Action + " action"}
	}
	return decision
}
