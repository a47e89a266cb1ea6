package iam

import (
	"context"
	"maps"
	"slices"

	"github.com/portico-mq/portico/adapters/awsidentity"
	"github.com/portico-mq/portico/adapters/awspolicy"
	"github.com/portico-mq/portico/adapters/awsproto"
)

// What users, groups and roles have alike, an action each: the functions here make it for a kind.

// maxInline bounds a policy of an entity's own; the quotas are 2,048 of a user's, 5,120 of a group's, 10,240 of a role's.
const maxInline = 10240

// change handles an action that changes an entity and answers nothing.
func change(a *adapter, kind awsidentity.Kind, do func(c *awsproto.Call, in *input, e *awsidentity.Entity) error) awsproto.Action {
	return awsproto.Handle(func(_ context.Context, c *awsproto.Call, in *input) (*empty, error) {
		return nil, a.directory.Change(kind, c.Account, in.entityName(kind), func(e *awsidentity.Entity) error { return do(c, in, e) })
	})
}

func handleDelete(a *adapter, kind awsidentity.Kind) awsproto.Action {
	return awsproto.Handle(func(_ context.Context, c *awsproto.Call, in *input) (*empty, error) {
		return nil, a.directory.Delete(kind, c.Account, in.entityName(kind))
	})
}

func handleTag(a *adapter, kind awsidentity.Kind) awsproto.Action {
	return change(a, kind, func(_ *awsproto.Call, in *input, e *awsidentity.Entity) error {
		tags, err := checkTags(append(tagsOf(e.Tags), in.Tags...))
		e.Tags = tags
		return err
	})
}

func handleUntag(a *adapter, kind awsidentity.Kind) awsproto.Action {
	return change(a, kind, func(_ *awsproto.Call, in *input, e *awsidentity.Entity) error {
		maps.DeleteFunc(e.Tags, func(key, _ string) bool { return slices.Contains(in.TagKeys, key) })
		return nil
	})
}

type listTagsOutput struct {
	Tags []tag
	listed
}

func handleListTags(a *adapter, kind awsidentity.Kind) awsproto.Action {
	return awsproto.Handle(func(_ context.Context, c *awsproto.Call, in *input) (*listTagsOutput, error) {
		e, err := a.directory.Get(kind, c.Account, in.entityName(kind))
		if err != nil {
			return nil, err
		}
		items, rest, err := page(in, tagsOf(e.Tags))
		return &listTagsOutput{items, rest}, err
	})
}

func handlePut(a *adapter, kind awsidentity.Kind) awsproto.Action {
	return change(a, kind, func(_ *awsproto.Call, in *input, e *awsidentity.Entity) error {
		if bad := checkName("policyName", in.PolicyName, 128); bad != nil {
			return bad
		}
		if err := checkDocument(in.PolicyDocument, awspolicy.Identity, maxInline); err != nil {
			return err
		}
		if e.Inline == nil {
			e.Inline = make(map[string]string)
		}
		e.Inline[in.PolicyName] = in.PolicyDocument
		size := 0
		for _, text := range e.Inline {
			size += len(text)
		}
		if size > maxInline {
			return awsidentity.Fail("LimitExceeded", 409, "Maximum policy size of "+itoa(maxInline)+" bytes exceeded for "+string(kind)+" "+e.Name)
		}
		return nil
	})
}

func noInline(kind awsidentity.Kind, name string) error {
	return awsidentity.Fail("NoSuchEntity", 404, "The "+string(kind)+" policy with name "+name+" cannot be found.")
}

func handleDeleteInline(a *adapter, kind awsidentity.Kind) awsproto.Action {
	return change(a, kind, func(_ *awsproto.Call, in *input, e *awsidentity.Entity) error {
		if _, ok := e.Inline[in.PolicyName]; !ok {
			return noInline(kind, in.PolicyName)
		}
		delete(e.Inline, in.PolicyName)
		return nil
	})
}

type inlinePolicy struct {
	PolicyName     string
	PolicyDocument string
}

// inline finds the policy of its own that a request names.
func (a *adapter) inline(c *awsproto.Call, in *input, kind awsidentity.Kind) (inlinePolicy, error) {
	e, err := a.directory.Get(kind, c.Account, in.entityName(kind))
	if err != nil {
		return inlinePolicy{}, err
	}
	text, ok := e.Inline[in.PolicyName]
	if !ok {
		return inlinePolicy{}, noInline(kind, in.PolicyName)
	}
	return inlinePolicy{in.PolicyName, escaped(text)}, nil
}

func (a *adapter) getUserPolicy(_ context.Context, c *awsproto.Call, in *input) (*struct {
	UserName string
	inlinePolicy
}, error,
) {
	p, err := a.inline(c, in, awsidentity.User)
	return &struct {
		UserName string
		inlinePolicy
	}{in.UserName, p}, err
}

func (a *adapter) getGroupPolicy(_ context.Context, c *awsproto.Call, in *input) (*struct {
	GroupName string
	inlinePolicy
}, error,
) {
	p, err := a.inline(c, in, awsidentity.Group)
	return &struct {
		GroupName string
		inlinePolicy
	}{in.GroupName, p}, err
}

func (a *adapter) getRolePolicy(_ context.Context, c *awsproto.Call, in *input) (*struct {
	RoleName string
	inlinePolicy
}, error,
) {
	p, err := a.inline(c, in, awsidentity.Role)
	return &struct {
		RoleName string
		inlinePolicy
	}{in.RoleName, p}, err
}

type listInlineOutput struct {
	PolicyNames []string
	listed
}

func handleListInline(a *adapter, kind awsidentity.Kind) awsproto.Action {
	return awsproto.Handle(func(_ context.Context, c *awsproto.Call, in *input) (*listInlineOutput, error) {
		e, err := a.directory.Get(kind, c.Account, in.entityName(kind))
		if err != nil {
			return nil, err
		}
		items, rest, err := page(in, slices.Sorted(maps.Keys(e.Inline)))
		return &listInlineOutput{items, rest}, err
	})
}

// maxAttached is the quota of managed policies of one entity.
const maxAttached = 10

func handleAttach(a *adapter, kind awsidentity.Kind) awsproto.Action {
	return awsproto.Handle(func(_ context.Context, c *awsproto.Call, in *input) (*empty, error) {
		if _, err := a.directory.Policy(c.Account, in.PolicyARN); err != nil {
			return nil, err
		}
		return nil, a.directory.Change(kind, c.Account, in.entityName(kind), func(e *awsidentity.Entity) error {
			if slices.Contains(e.Attached, in.PolicyARN) {
				return nil
			}
			if len(e.Attached) >= maxAttached {
				return awsidentity.Fail("LimitExceeded", 409, "Cannot exceed quota for PoliciesPer"+map[awsidentity.Kind]string{
					awsidentity.User: "User", awsidentity.Group: "Group", awsidentity.Role: "Role",
				}[kind]+": 10")
			}
			e.Attached = append(e.Attached, in.PolicyARN)
			return nil
		})
	})
}

func handleDetach(a *adapter, kind awsidentity.Kind) awsproto.Action {
	return change(a, kind, func(_ *awsproto.Call, in *input, e *awsidentity.Entity) error {
		at := slices.Index(e.Attached, in.PolicyARN)
		if at < 0 {
			return awsidentity.Fail("NoSuchEntity", 404, "Policy "+in.PolicyARN+" was not found.")
		}
		e.Attached = slices.Delete(e.Attached, at, at+1)
		return nil
	})
}

type attachedPolicy struct {
	PolicyName string
	PolicyARN  string `query:"PolicyArn"`
}

type listAttachedOutput struct {
	AttachedPolicies []attachedPolicy
	listed
}

func handleListAttached(a *adapter, kind awsidentity.Kind) awsproto.Action {
	return awsproto.Handle(func(_ context.Context, c *awsproto.Call, in *input) (*listAttachedOutput, error) {
		e, err := a.directory.Get(kind, c.Account, in.entityName(kind))
		if err != nil {
			return nil, err
		}
		items, rest, err := page(in, e.Attached)
		if err != nil {
			return nil, err
		}
		out := &listAttachedOutput{make([]attachedPolicy, 0, len(items)), rest}
		for _, arn := range items {
			p, err := a.directory.Policy(c.Account, arn)
			if err != nil {
				return nil, err
			}
			out.AttachedPolicies = append(out.AttachedPolicies, attachedPolicy{p.Name, arn})
		}
		return out, nil
	})
}

func handleBoundary(a *adapter, kind awsidentity.Kind) awsproto.Action {
	return awsproto.Handle(func(_ context.Context, c *awsproto.Call, in *input) (*empty, error) {
		if _, err := a.directory.Policy(c.Account, in.PermissionsBoundary); err != nil {
			return nil, err
		}
		return nil, a.directory.Change(kind, c.Account, in.entityName(kind), func(e *awsidentity.Entity) error {
			e.Boundary = in.PermissionsBoundary
			return nil
		})
	})
}

func handleNoBoundary(a *adapter, kind awsidentity.Kind) awsproto.Action {
	return change(a, kind, func(_ *awsproto.Call, _ *input, e *awsidentity.Entity) error {
		if e.Boundary == "" {
			return awsidentity.Fail("NoSuchEntity", 404, "No permissions boundary found for "+string(kind)+" "+e.Name)
		}
		e.Boundary = ""
		return nil
	})
}
