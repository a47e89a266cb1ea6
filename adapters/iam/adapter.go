// Package iam serves the part of AWS's Identity and Access Management that makes users, groups, roles, access keys and
// policies. Its README says what is what.
package iam

import (
	"context"
	"maps"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/portico-mq/portico/adapters/awsidentity"
	"github.com/portico-mq/portico/adapters/awspolicy"
	"github.com/portico-mq/portico/adapters/awsproto"
)

type adapter struct{ directory *awsidentity.Directory }

// New makes the service.
func New(directory *awsidentity.Directory) *awsproto.Service {
	a := &adapter{directory}
	return &awsproto.Service{
		Name: "iam", QueryVersion: "2010-05-08", XMLNamespace: "https://iam.amazonaws.com/doc/2010-05-08/", MaxBody: 1 << 20,
		Actions: a.actions(),
		UnknownQueryAction: func(action, version string) *awsproto.Error {
			return awsidentity.Fail("InvalidAction", 400, "Could not find operation "+action+" for version "+version)
		},
		Access:    a.access,
		Denied:    func(text string) *awsproto.Error { return awsidentity.Fail("AccessDenied", 403, text) },
		Translate: func(error) *awsproto.Error { return nil },
		Internal:  awsidentity.Fail("ServiceFailure", 500, "The request processing has failed because of an unknown error, exception or failure."),
	}
}

func (a *adapter) actions() map[string]awsproto.Action {
	all := map[string]awsproto.Action{
		"CreateUser":             awsproto.Handle(a.createUser),
		"GetUser":                awsproto.Handle(a.getUser),
		"UpdateUser":             awsproto.Handle(a.updateUser),
		"ListUsers":              awsproto.Handle(a.listUsers),
		"DeleteUser":             handleDelete(a, awsidentity.User),
		"TagUser":                handleTag(a, awsidentity.User),
		"UntagUser":              handleUntag(a, awsidentity.User),
		"ListUserTags":           handleListTags(a, awsidentity.User),
		"CreateAccessKey":        awsproto.Handle(a.createAccessKey),
		"ListAccessKeys":         awsproto.Handle(a.listAccessKeys),
		"UpdateAccessKey":        awsproto.Handle(a.updateAccessKey),
		"DeleteAccessKey":        awsproto.Handle(a.deleteAccessKey),
		"GetAccessKeyLastUsed":   awsproto.Handle(a.accessKeyLastUsed),
		"CreateGroup":            awsproto.Handle(a.createGroup),
		"GetGroup":               awsproto.Handle(a.getGroup),
		"ListGroups":             awsproto.Handle(a.listGroups),
		"DeleteGroup":            handleDelete(a, awsidentity.Group),
		"AddUserToGroup":         awsproto.Handle(a.addUserToGroup),
		"RemoveUserFromGroup":    awsproto.Handle(a.removeUserFromGroup),
		"ListGroupsForUser":      awsproto.Handle(a.listGroupsForUser),
		"CreateRole":             awsproto.Handle(a.createRole),
		"GetRole":                awsproto.Handle(a.getRole),
		"UpdateRole":             awsproto.Handle(a.updateRole),
		"UpdateRoleDescription":  awsproto.Handle(a.updateRoleDescription),
		"UpdateAssumeRolePolicy": awsproto.Handle(a.updateTrust),
		"ListRoles":              awsproto.Handle(a.listRoles),
		"DeleteRole":             handleDelete(a, awsidentity.Role),
		"TagRole":                handleTag(a, awsidentity.Role),
		"UntagRole":              handleUntag(a, awsidentity.Role),
		"ListRoleTags":           handleListTags(a, awsidentity.Role),

		"PutUserPolicy": handlePut(a, awsidentity.User), "PutGroupPolicy": handlePut(a, awsidentity.Group), "PutRolePolicy": handlePut(a, awsidentity.Role),
		"GetUserPolicy": awsproto.Handle(a.getUserPolicy), "GetGroupPolicy": awsproto.Handle(a.getGroupPolicy), "GetRolePolicy": awsproto.Handle(a.getRolePolicy),
		"ListUserPolicies": handleListInline(a, awsidentity.User), "ListGroupPolicies": handleListInline(a, awsidentity.Group), "ListRolePolicies": handleListInline(a, awsidentity.Role),
		"DeleteUserPolicy": handleDeleteInline(a, awsidentity.User), "DeleteGroupPolicy": handleDeleteInline(a, awsidentity.Group), "DeleteRolePolicy": handleDeleteInline(a, awsidentity.Role),
		"AttachUserPolicy": handleAttach(a, awsidentity.User), "AttachGroupPolicy": handleAttach(a, awsidentity.Group), "AttachRolePolicy": handleAttach(a, awsidentity.Role),
		"DetachUserPolicy": handleDetach(a, awsidentity.User), "DetachGroupPolicy": handleDetach(a, awsidentity.Group), "DetachRolePolicy": handleDetach(a, awsidentity.Role),
		"ListAttachedUserPolicies": handleListAttached(a, awsidentity.User), "ListAttachedGroupPolicies": handleListAttached(a, awsidentity.Group), "ListAttachedRolePolicies": handleListAttached(a, awsidentity.Role),
		"PutUserPermissionsBoundary": handleBoundary(a, awsidentity.User), "PutRolePermissionsBoundary": handleBoundary(a, awsidentity.Role),
		"DeleteUserPermissionsBoundary": handleNoBoundary(a, awsidentity.User), "DeleteRolePermissionsBoundary": handleNoBoundary(a, awsidentity.Role),

		"CreatePolicy":            awsproto.Handle(a.createPolicy),
		"GetPolicy":               awsproto.Handle(a.getPolicy),
		"ListPolicies":            awsproto.Handle(a.listPolicies),
		"DeletePolicy":            awsproto.Handle(a.deletePolicy),
		"CreatePolicyVersion":     awsproto.Handle(a.createPolicyVersion),
		"GetPolicyVersion":        awsproto.Handle(a.getPolicyVersion),
		"ListPolicyVersions":      awsproto.Handle(a.listPolicyVersions),
		"SetDefaultPolicyVersion": awsproto.Handle(a.setDefaultPolicyVersion),
		"DeletePolicyVersion":     awsproto.Handle(a.deletePolicyVersion),
		"TagPolicy":               awsproto.Handle(a.tagPolicy),
		"UntagPolicy":             awsproto.Handle(a.untagPolicy),
		"ListPolicyTags":          awsproto.Handle(a.listPolicyTags),
	}
	maps.Copy(all, a.absentActions())
	return all
}

// absentActions are those about what there is none of.
func (a *adapter) absentActions() map[string]awsproto.Action {
	return map[string]awsproto.Action{
		"ListInstanceProfilesForRole":    awsproto.Handle(a.listInstanceProfiles),
		"ListSSHPublicKeys":              awsproto.Handle(a.listSSHKeys),
		"ListVirtualMFADevices":          awsproto.Handle(a.listVirtualMFADevices),
		"ListMFADevices":                 awsproto.Handle(a.listMFADevices),
		"ListSigningCertificates":        awsproto.Handle(a.listCertificates),
		"ListServiceSpecificCredentials": awsproto.Handle(a.listServiceCredentials),
		"DeleteLoginProfile":             awsproto.Handle(a.deleteLoginProfile),
	}
}

// input is that of every action: the service's parameters have the same names everywhere.
type input struct {
	UserName, GroupName, RoleName, NewUserName, NewPath string
	PolicyName, PolicyDocument                          string
	PolicyARN                                           string `query:"PolicyArn"`
	Version                                             string `query:"VersionId"`
	SetAsDefault, OnlyAttached                          bool
	Scope                                               string
	AccessKeyID                                         string `query:"AccessKeyId"`
	Status                                              string
	Path, PathPrefix                                    string
	AssumeRolePolicyDocument                            string
	Description                                         *string
	MaxSessionDuration                                  *int32
	PermissionsBoundary                                 string
	Tags                                                []tag
	TagKeys                                             []string
	Marker                                              string
	MaxItems                                            *int32
}

type tag struct {
	Key   string
	Value string `query:"Value,keep"`
}

type empty struct{}

// access says what a request wants to do, to the resource that it names.
func (a *adapter) access(_ context.Context, c *awsproto.Call, in any) ([]awsproto.Access, error) {
	p := in.(*input)
	if p.UserName == "" && c.Action == "GetUser" {
		return nil, nil // everybody may ask who he is
	}
	one := awsproto.Access{Action: "iam:" + c.Action, Resource: a.resource(c, p), Conditions: awspolicy.Context{}}
	one.Conditions.Set("iam:PolicyARN", p.PolicyARN)
	one.Conditions.Set("iam:PermissionsBoundary", p.PermissionsBoundary)
	return []awsproto.Access{one}, nil
}

// resource is the ARN of what a request is about: an entity, with the path that it has, before a policy.
func (a *adapter) resource(c *awsproto.Call, in *input) string {
	for _, kind := range []awsidentity.Kind{awsidentity.Group, awsidentity.Role, awsidentity.User} {
		name := in.entityName(kind)
		if name == "" {
			continue
		}
		e, err := a.directory.Get(kind, c.Account, name)
		if err != nil { // it is to be made, or is not there
			e = &awsidentity.Entity{Kind: kind, Account: c.Account, Name: name, Path: pathOf(in.Path)}
		}
		return e.ARN()
	}
	switch {
	case in.PolicyARN != "":
		return in.PolicyARN
	case in.PolicyName != "":
		return (&awsidentity.Policy{Account: c.Account, Name: in.PolicyName, Path: pathOf(in.Path)}).ARN()
	}
	return "*"
}

// entityName is the name that the request gives an entity of a kind.
func (in *input) entityName(kind awsidentity.Kind) string {
	switch kind {
	case awsidentity.User:
		return in.UserName
	case awsidentity.Group:
		return in.GroupName
	case awsidentity.Role:
		return in.RoleName
	}
	return ""
}

func validation(text string) *awsproto.Error { return awsidentity.Fail("ValidationError", 400, text) }

var (
	namePattern = regexp.MustCompile(`^[\w+=,.@-]{1,128}$`)
	pathPattern = regexp.MustCompile(`^(/|/[!-~]{1,510}/)$`)
)

// checkName checks the name of a new entity or policy.
func checkName(member, name string, longest int) *awsproto.Error {
	switch {
	case name == "":
		return validation("1 validation error detected: Value null at '" + member + "' failed to satisfy constraint: Member must not be null")
	case len(name) > longest || !namePattern.MatchString(name):
		return validation("The specified value for " + member + " is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-")
	}
	return nil
}

func pathOf(path string) string {
	if path == "" {
		return "/"
	}
	return path
}

func checkPath(path string) *awsproto.Error {
	if path != "" && !pathPattern.MatchString(path) {
		return validation("The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.")
	}
	return nil
}

// checkDocument checks a policy; the error is IAM's.
func checkDocument(text string, kind awspolicy.Kind, longest int) error {
	if len(text) > longest {
		return awsidentity.Fail("LimitExceeded", 409, "Cannot exceed quota for PolicySize: "+itoa(longest))
	}
	if _, err := awspolicy.Parse(text, kind); err != nil {
		return awsidentity.Fail("MalformedPolicyDocument", 400, err.Error())
	}
	return nil
}

// checkTags reads tags.
func checkTags(list []tag) (map[string]string, error) {
	tags := make(map[string]string, len(list))
	for _, t := range list {
		if t.Key == "" || len(t.Key) > 128 || len(t.Value) > 256 || strings.HasPrefix(strings.ToLower(t.Key), "aws:") {
			return nil, awsidentity.Fail("InvalidInput", 400, "A tag's key has 1 to 128 characters and does not begin with aws:, its value has up to 256.")
		}
		tags[t.Key] = t.Value
	}
	if len(tags) > 50 {
		return nil, awsidentity.Fail("LimitExceeded", 409, "The number of tags has reached the maximum limit.")
	}
	return tags, nil
}

// escaped is a document as answers carry it: percent-encoded.
func escaped(document string) string {
	return strings.ReplaceAll(url.QueryEscape(document), "+", "%20")
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
