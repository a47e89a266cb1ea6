package iam

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/portico-mq/portico/adapters/awsidentity"
	"github.com/portico-mq/portico/adapters/awspolicy"
	"github.com/portico-mq/portico/adapters/awsproto"
)

type boundary struct {
	PermissionsBoundaryType string
	PermissionsBoundaryARN  string `query:"PermissionsBoundaryArn"`
}

func boundaryOf(e *awsidentity.Entity) *boundary {
	if e.Boundary == "" {
		return nil
	}
	return &boundary{"Policy", e.Boundary}
}

func tagsOf(tags map[string]string) []tag {
	var list []tag
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, tag{key, tags[key]})
	}
	return list
}

type user struct {
	Path                string
	UserName            string
	UserID              string `query:"UserId"`
	ARN                 string `query:"Arn"`
	CreateDate          string
	PermissionsBoundary *boundary
	Tags                []tag
}

func userOf(e *awsidentity.Entity) user {
	return user{e.Path, e.Name, e.ID, e.ARN(), stamp(e.Created), boundaryOf(e), tagsOf(e.Tags)}
}

type userOutput struct{ User user }

type listUsersOutput struct {
	Users []user
	listed
}

// newEntity makes what a request describes.
func (a *adapter) newEntity(c *awsproto.Call, in *input, kind awsidentity.Kind, prefix string) (*awsidentity.Entity, error) {
	name := in.entityName(kind)
	longest := 128
	if kind != awsidentity.Group {
		longest = 64
	}
	if bad := checkName(string(kind)+"Name", name, longest); bad != nil {
		return nil, bad
	}
	if bad := checkPath(in.Path); bad != nil {
		return nil, bad
	}
	tags, err := checkTags(in.Tags)
	if err != nil {
		return nil, err
	}
	if in.PermissionsBoundary != "" {
		if _, err := a.directory.Policy(c.Account, in.PermissionsBoundary); err != nil {
			return nil, err
		}
	}
	return &awsidentity.Entity{
		Kind: kind, Account: c.Account, Name: name, Path: pathOf(in.Path), ID: awsidentity.NewID(prefix),
		Created: time.Now().UTC().Truncate(time.Second), Tags: tags, Boundary: in.PermissionsBoundary,
	}, nil
}

func (a *adapter) createUser(_ context.Context, c *awsproto.Call, in *input) (*userOutput, error) {
	e, err := a.newEntity(c, in, awsidentity.User, "AIDA")
	if err == nil {
		err = a.directory.Create(e)
	}
	if err != nil {
		return nil, err
	}
	return &userOutput{userOf(e)}, nil
}

// userName is the user that a request names, or else who calls.
func userName(c *awsproto.Call, in *input) string {
	if in.UserName == "" && c.Caller != nil && c.Caller.RoleARN == "" {
		return c.Caller.UserName
	}
	return in.UserName
}

func (a *adapter) getUser(_ context.Context, c *awsproto.Call, in *input) (*userOutput, error) {
	name := userName(c, in)
	if name == "" { // the root user asks about himself
		return &userOutput{user{ARN: awspolicy.RootARN(c.Account), UserID: c.Account, CreateDate: "2015-01-01T00:00:00Z"}}, nil
	}
	e, err := a.directory.Get(awsidentity.User, c.Account, name)
	if err != nil {
		return nil, err
	}
	return &userOutput{userOf(e)}, nil
}

// updateUser [IAM UpdateUser] changes the path; a user keeps its name here.
func (a *adapter) updateUser(_ context.Context, c *awsproto.Call, in *input) (*empty, error) {
	if in.NewUserName != "" && in.NewUserName != in.UserName {
		return nil, validation("Renaming users is not supported.")
	}
	if bad := checkPath(in.NewPath); bad != nil {
		return nil, bad
	}
	return nil, a.directory.Change(awsidentity.User, c.Account, in.UserName, func(e *awsidentity.Entity) error {
		if in.NewPath != "" {
			e.Path = in.NewPath
		}
		return nil
	})
}

func (a *adapter) listUsers(_ context.Context, c *awsproto.Call, in *input) (*listUsersOutput, error) {
	items, rest, err := page(in, a.directory.List(awsidentity.User, c.Account, in.PathPrefix))
	if err != nil {
		return nil, err
	}
	out := &listUsersOutput{make([]user, 0, len(items)), rest}
	for _, e := range items {
		u := userOf(e)
		u.Tags, u.PermissionsBoundary = nil, nil // AWS leaves them out of lists
		out.Users = append(out.Users, u)
	}
	return out, nil
}

type accessKey struct {
	UserName        string
	AccessKeyID     string `query:"AccessKeyId"`
	Status          string
	SecretAccessKey string
	CreateDate      string
}

type accessKeyOutput struct{ AccessKey accessKey }

type listKeysOutput struct {
	UserName          string
	AccessKeyMetadata []accessKey
	listed
}

// maxKeys is how many access keys a user may have [IAM quotas].
const maxKeys = 2

func status(inactive bool) string {
	if inactive {
		return "Inactive"
	}
	return "Active"
}

func (a *adapter) createAccessKey(_ context.Context, c *awsproto.Call, in *input) (*accessKeyOutput, error) {
	name := userName(c, in)
	if name == "" {
		return nil, awsidentity.Fail("InvalidInput", 400, "The root user's access key is set in the server's configuration.")
	}
	key := awsidentity.AccessKey{ID: awsidentity.NewID("AKIA"), Secret: awsidentity.NewSecret(), Created: time.Now().UTC().Truncate(time.Second)}
	err := a.directory.Change(awsidentity.User, c.Account, name, func(e *awsidentity.Entity) error {
		if len(e.Keys) >= maxKeys {
			return awsidentity.Fail("LimitExceeded", 409, "Cannot exceed quota for AccessKeysPerUser: 2")
		}
		e.Keys = append(e.Keys, key)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &accessKeyOutput{accessKey{name, key.ID, "Active", key.Secret, stamp(key.Created)}}, nil
}

func (a *adapter) listAccessKeys(_ context.Context, c *awsproto.Call, in *input) (*listKeysOutput, error) {
	name := userName(c, in)
	if name == "" {
		return &listKeysOutput{AccessKeyMetadata: []accessKey{}}, nil
	}
	e, err := a.directory.Get(awsidentity.User, c.Account, name)
	if err != nil {
		return nil, err
	}
	items, rest, err := page(in, e.Keys)
	if err != nil {
		return nil, err
	}
	out := &listKeysOutput{name, make([]accessKey, 0, len(items)), rest}
	for _, k := range items {
		out.AccessKeyMetadata = append(out.AccessKeyMetadata, accessKey{name, k.ID, status(k.Inactive), "", stamp(k.Created)})
	}
	return out, nil
}

// changeKey changes the access key that a request names.
func (a *adapter) changeKey(c *awsproto.Call, in *input, change func(*awsidentity.Entity, int)) error {
	return a.directory.Change(awsidentity.User, c.Account, userName(c, in), func(e *awsidentity.Entity) error {
		at := slices.IndexFunc(e.Keys, func(k awsidentity.AccessKey) bool { return k.ID == in.AccessKeyID })
		if at < 0 {
			return awsidentity.Fail("NoSuchEntity", 404, "The Access Key with id "+in.AccessKeyID+" cannot be found.")
		}
		change(e, at)
		return nil
	})
}

func (a *adapter) updateAccessKey(_ context.Context, c *awsproto.Call, in *input) (*empty, error) {
	if in.Status != "Active" && in.Status != "Inactive" {
		return nil, validation("1 validation error detected: Value at 'status' failed to satisfy constraint: Member must satisfy enum value set: [Active, Inactive]")
	}
	return nil, a.changeKey(c, in, func(e *awsidentity.Entity, at int) { e.Keys[at].Inactive = in.Status == "Inactive" })
}

func (a *adapter) deleteAccessKey(_ context.Context, c *awsproto.Call, in *input) (*empty, error) {
	return nil, a.changeKey(c, in, func(e *awsidentity.Entity, at int) { e.Keys = slices.Delete(e.Keys, at, at+1) })
}
