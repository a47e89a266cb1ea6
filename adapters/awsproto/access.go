package awsproto

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/portico-mq/portico/adapters/awspolicy"
)

// Key is what an access key stands for.
type Key struct {
	// Secret signs its requests.
	Secret string
	// Caller is who it belongs to, with the policies in force. It is not changed any more.
	Caller *awspolicy.Caller
	// Issued is when the session that it belongs to began; zero for a lasting key.
	Issued time.Time
}

// Access is one thing that a request wants to do.
type Access struct {
	// Action is SERVICE:NAME as the service writes it in its refusals.
	Action string
	// Resource is the ARN of what it is done to, or "*".
	Resource string
	// Owner is the account of the resource; "" is the caller's.
	Owner string
	// OwnerOnly says that no policy lets another account do it.
	OwnerOnly bool
	// Policy is the resource's; nil for none.
	Policy *awspolicy.Document
	// Conditions are the condition keys that the service has, in lower case.
	Conditions awspolicy.Context
}

// checkAccess decides whether the caller may do what the request asks for.
func (e *Endpoint) checkAccess(ctx context.Context, x *exchange, in any) error {
	switch c := &x.credential; {
	case c.accessKey == "" && e.anonymous(x.r):
		return nil
	case c.accessKey == "" && !x.service.AnyCaller:
		return missingToken()
	case c.accessKey != "" && c.service != x.service.Name:
		return signatureMismatch("Credential should be scoped to correct service: '" + x.service.Name + "'. ")
	}
	all := []Access{{Action: x.service.Name + ":" + x.call.Action, Resource: "*"}}
	if x.service.Access != nil {
		var err error
		if all, err = x.service.Access(ctx, &x.call, in); err != nil {
			return err
		}
	}
	for i := range all {
		if decision := x.call.Decide(&all[i]); !decision.Allowed {
			return x.service.denied(&x.call, &all[i], decision.Reason)
		}
	}
	return nil
}

// Decide decides about one thing that the request wants to do. Where access is not controlled everybody may do all.
func (c *Call) Decide(a *Access) awspolicy.Decision {
	if c.Caller == nil {
		return awspolicy.Decision{Allowed: true}
	}
	owner := a.Owner
	if owner == "" {
		owner = c.Account
	}
	if a.OwnerOnly && owner != c.Caller.Account {
		return awspolicy.Decision{Reason: "because no resource-based policy allows the " + a.Action + " action"}
	}
	return c.Caller.Decide(&awspolicy.Request{Action: a.Action, Resource: a.Resource, Owner: owner, Context: c.conditions(a, owner)}, a.Policy)
}

// conditions are the condition keys of a request.
func (c *Call) conditions(a *Access, owner string) awspolicy.Context {
	all := make(awspolicy.Context, 16)
	for key, values := range a.Conditions {
		all[key] = values
	}
	all.SetPrincipal(&c.Caller.Principal)
	all.SetTime(time.Now())
	all.SetSource(c.source, c.secure)
	all.Set("aws:UserAgent", c.userAgent)
	all.Set("aws:RequestedRegion", c.Region)
	all.Set("aws:ResourceAccount", owner)
	all.Set("aws:ViaAWSService", "false")
	if !c.issued.IsZero() {
		all.Set("aws:TokenIssueTime", c.issued.UTC().Format(time.RFC3339))
	}
	return all
}

// denied words a refusal.
func (s *Service) denied(c *Call, a *Access, reason string) *Error {
	who := c.Caller.ARN
	if who == "" {
		who = "anonymous"
	}
	text := "User: " + who + " is not authorized to perform: " + a.Action
	if a.Resource != "*" {
		text += " on resource: " + a.Resource
	}
	text += " " + reason
	if s.Denied != nil {
		return s.Denied(text)
	}
	return accessDenied(text)
}

func accessDenied(text string) *Error {
	e := Errorf("AccessDeniedException", 403, "%s", text)
	e.QueryCode = "AccessDenied"
	return e
}

// identify finds who signed a request, if anybody did.
func (e *Endpoint) identify(x *exchange, c credential) *Error {
	x.call.Account = DefaultAccount
	if c.accessKey == "" {
		x.call.Caller = &awspolicy.Caller{}
		return nil
	}
	if bad := c.checkTime(time.Now()); bad != nil {
		return bad
	}
	key, bad := e.keys(c.accessKey, c.token)
	if bad != nil {
		return bad
	}
	x.secret, x.call.Caller, x.call.issued, x.call.Account = key.Secret, key.Caller, key.Issued, key.Caller.Account
	return nil
}

// checkSignature checks the signature of a request whose body is here. Nothing of the request may be acted on before.
func (e *Endpoint) checkSignature(x *exchange, body []byte) *Error {
	if e.auth != AuthOn || x.credential.accessKey == "" {
		return nil
	}
	return x.credential.verify(x.r, body, e.signing.key(&x.credential, x.secret))
}

func sourceOf(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	ip, _ := netip.ParseAddr(host) // a zero address is none
	return ip
}

// DecideTrust decides by a role's trust policy, which stands in Policy, whether the caller may assume it.
func (c *Call) DecideTrust(a *Access) awspolicy.Decision {
	return a.Policy.Trusts(c.Caller, &awspolicy.Request{Action: a.Action, Resource: a.Resource, Owner: a.Owner, Context: c.conditions(a, a.Owner)})
}

// Sender is the id of who sends: the caller's user id, or the account where nobody is known.
func (c *Call) Sender() string {
	if c.Caller != nil && c.Caller.UserID != "" {
		return c.Caller.UserID
	}
	return c.Account
}
