package iam

import (
	"context"

	"github.com/portico-mq/portico/adapters/awsidentity"
	"github.com/portico-mq/portico/adapters/awspolicy"
	"github.com/portico-mq/portico/adapters/awsproto"
)

type role struct {
	Path                     string
	RoleName                 string
	RoleID                   string `query:"RoleId"`
	ARN                      string `query:"Arn"`
	CreateDate               string
	AssumeRolePolicyDocument string
	Description              string
	MaxSessionDuration       int32
	PermissionsBoundary      *boundary
	Tags                     []tag
}

func roleOf(e *awsidentity.Entity) role {
	return role{
		e.Path, e.Name, e.ID, e.ARN(), stamp(e.Created), escaped(e.Trust), e.Description, int32(e.MaxSession), boundaryOf(e), tagsOf(e.Tags),
	}
}

type roleOutput struct{ Role role }

type listRolesOutput struct {
	Roles []role
	listed
}

const (
	maxTrust       = 4096 // the highest that the quota can be raised to
	defaultSession = 3600
	longestSession = 43200
)

func (in *input) session() (int, error) {
	if in.MaxSessionDuration == nil {
		return defaultSession, nil
	}
	n := int(*in.MaxSessionDuration)
	if n < defaultSession || n > longestSession {
		return 0, validation("1 validation error detected: Value '" + itoa(n) + "' at 'maxSessionDuration' failed to satisfy constraint: Member must have value between 3600 and 43200")
	}
	return n, nil
}

func (a *adapter) createRole(_ context.Context, c *awsproto.Call, in *input) (*roleOutput, error) {
	e, err := a.newEntity(c, in, awsidentity.Role, "AROA")
	if err != nil {
		return nil, err
	}
	if err := checkDocument(in.AssumeRolePolicyDocument, awspolicy.Trust, maxTrust); err != nil {
		return nil, err
	}
	if e.MaxSession, err = in.session(); err != nil {
		return nil, err
	}
	e.Trust, e.Description = in.AssumeRolePolicyDocument, in.description()
	if err := a.directory.Create(e); err != nil {
		return nil, err
	}
	return &roleOutput{roleOf(e)}, nil
}

func (a *adapter) getRole(_ context.Context, c *awsproto.Call, in *input) (*roleOutput, error) {
	e, err := a.directory.Get(awsidentity.Role, c.Account, in.RoleName)
	if err != nil {
		return nil, err
	}
	return &roleOutput{roleOf(e)}, nil
}

func (a *adapter) updateRole(_ context.Context, c *awsproto.Call, in *input) (*struct{ UpdateRoleResult empty }, error) {
	session, err := in.session()
	if err != nil {
		return nil, err
	}
	return nil, a.directory.Change(awsidentity.Role, c.Account, in.RoleName, func(e *awsidentity.Entity) error {
		if in.Description != nil { // Terraform changes the duration alone
			e.Description = *in.Description
		}
		if in.MaxSessionDuration != nil {
			e.MaxSession = session
		}
		return nil
	})
}

// updateRoleDescription [IAM UpdateRoleDescription].
func (a *adapter) updateRoleDescription(ctx context.Context, c *awsproto.Call, in *input) (*roleOutput, error) {
	err := a.directory.Change(awsidentity.Role, c.Account, in.RoleName, func(e *awsidentity.Entity) error {
		e.Description = in.description()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return a.getRole(ctx, c, in)
}

func (a *adapter) updateTrust(_ context.Context, c *awsproto.Call, in *input) (*empty, error) {
	if err := checkDocument(in.PolicyDocument, awspolicy.Trust, maxTrust); err != nil {
		return nil, err
	}
	return nil, a.directory.Change(awsidentity.Role, c.Account, in.RoleName, func(e *awsidentity.Entity) error {
		e.Trust = in.PolicyDocument
		return nil
	})
}

func (a *adapter) listRoles(_ context.Context, c *awsproto.Call, in *input) (*listRolesOutput, error) {
	items, rest, err := page(in, a.directory.List(awsidentity.Role, c.Account, in.PathPrefix))
	if err != nil {
		return nil, err
	}
	out := &listRolesOutput{make([]role, 0, len(items)), rest}
	for _, e := range items {
		r := roleOf(e)
		r.Tags, r.PermissionsBoundary = nil, nil // AWS leaves them out of lists
		out.Roles = append(out.Roles, r)
	}
	return out, nil
}
