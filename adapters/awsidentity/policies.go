package awsidentity

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/portico-mq/portico/adapters/awspolicy"
)

// Policy gives a copy of a managed policy that an account can use.
func (d *Directory) Policy(account, arn string) (*Policy, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	p := d.policies[arn]
	if p == nil || p.Account != account && p.Account != managedAccount {
		return nil, NoSuchPolicy(arn)
	}
	return p.clone(), nil
}

// Policies gives copies of the policies that an account made, and of AWS's, by ARN.
func (d *Directory) Policies(account string) []*Policy {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var all []*Policy
	for _, p := range d.policies {
		if p.Account == account || p.Account == managedAccount {
			all = append(all, p.clone())
		}
	}
	slices.SortFunc(all, func(a, b *Policy) int { return strings.Compare(a.ARN(), b.ARN()) })
	return all
}

// CreatePolicy makes a managed policy and returns when that is durable.
func (d *Directory) CreatePolicy(p *Policy) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, other := range d.policies {
		if other.Account == p.Account && strings.EqualFold(other.Name, p.Name) {
			return Fail("EntityAlreadyExists", 409, "A policy called "+p.Name+" already exists. Duplicate names are not allowed.")
		}
	}
	if err := d.storePolicy(p); err != nil {
		return err
	}
	d.policies[p.ARN()] = p.clone()
	return nil
}

func (d *Directory) storePolicy(p *Policy) error {
	if d.broker == nil {
		return nil
	}
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return d.broker.PutDocument(documentKey(policyKind, p.Account, p.Name), text)
}

// ChangePolicy changes a managed policy as Change does an entity.
func (d *Directory) ChangePolicy(account, arn string, change func(*Policy) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	old := d.policies[arn]
	switch {
	case old == nil || old.Account != account:
		return NoSuchPolicy(arn)
	case old.Fixed:
		return errFixed(arn)
	}
	p := old.clone()
	if err := change(p); err != nil {
		return err
	}
	if err := d.storePolicy(p); err != nil {
		return err
	}
	d.policies[arn] = p
	clear(d.callers)
	return nil
}

// DeletePolicy removes a managed policy that is attached to nothing.
func (d *Directory) DeletePolicy(account, arn string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.policies[arn]
	switch {
	case p == nil || p.Account != account:
		return NoSuchPolicy(arn)
	case p.Fixed:
		return errFixed(arn)
	case d.attached(arn) > 0:
		return Fail("DeleteConflict", 409, "Cannot delete a policy attached to entities.")
	case len(p.Versions) > 1:
		return Fail("DeleteConflict", 409, "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
	}
	if d.broker != nil {
		if err := d.broker.DeleteDocument(documentKey(policyKind, account, p.Name)); err != nil {
			return err
		}
	}
	delete(d.policies, arn)
	return nil
}

func (d *Directory) attached(arn string) int {
	count := 0
	for _, e := range d.entities {
		if slices.Contains(e.Attached, arn) || e.Boundary == arn {
			count++
		}
	}
	return count
}

// AttachmentCount is how many entities have a policy.
func (d *Directory) AttachmentCount(arn string) int {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.attached(arn)
}

// callerOf gives the caller that a user or role is, with the policies in force. d.mu is held, for writing.
func (d *Directory) callerOf(at entityKey) *awspolicy.Caller {
	if c := d.callers[at]; c != nil {
		return c
	}
	e := d.entities[at]
	c := &awspolicy.Caller{Principal: awspolicy.Principal{
		ARN: e.ARN(), Account: e.Account, UserID: e.ID, UserName: e.Name, Tags: e.Tags,
	}}
	if e.Kind == Role {
		c.RoleARN = e.ARN()
	}
	c.Policies = d.documentsOf(e)
	for _, group := range e.Groups {
		if g := d.entities[keyOf(Group, e.Account, group)]; g != nil {
			c.Policies = append(c.Policies, d.documentsOf(g)...)
		}
	}
	if e.Boundary != "" {
		if c.Boundary = d.managed(e.Boundary); c.Boundary == nil {
			c.Boundary = new(awspolicy.Document) // the boundary is gone, and nothing is within it
		}
	}
	d.callers[at] = c
	return c
}

func (d *Directory) documentsOf(e *Entity) []*awspolicy.Document {
	var all []*awspolicy.Document
	for name, text := range e.Inline {
		document, err := awspolicy.Parse(text, awspolicy.Identity)
		if err != nil { // it was checked when it was made
			d.log.Warn("a policy cannot be read", "proto", "iam", "of", e.ARN(), "policy", name, "err", err)
			continue
		}
		all = append(all, document)
	}
	for _, arn := range e.Attached {
		if document := d.managed(arn); document != nil {
			all = append(all, document)
		}
	}
	return all
}

// managed compiles the version in force of a managed policy; nil when there is none.
func (d *Directory) managed(arn string) *awspolicy.Document {
	p := d.policies[arn]
	if p == nil {
		return nil
	}
	v, _ := p.Version("")
	document, err := awspolicy.Parse(v.Document, awspolicy.Identity)
	if err != nil {
		d.log.Warn("a policy cannot be read", "proto", "iam", "policy", arn, "err", err)
		return nil
	}
	return document
}
