package iam

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/portico-mq/portico/adapters/awsidentity"
	"github.com/portico-mq/portico/adapters/awspolicy"
	"github.com/portico-mq/portico/adapters/awsproto"
)

const (
	maxManaged  = 6144 // of a managed policy
	maxVersions = 5
)

type policy struct {
	PolicyName                    string
	PolicyID                      string `query:"PolicyId"`
	ARN                           string `query:"Arn"`
	Path                          string
	DefaultVersionID              string `query:"DefaultVersionId"`
	AttachmentCount               int32
	PermissionsBoundaryUsageCount int32
	IsAttachable                  bool
	Description                   string
	CreateDate                    string
	UpdateDate                    string
	Tags                          []tag
}

func (a *adapter) policyOf(p *awsidentity.Policy) policy {
	return policy{
		PolicyName: p.Name, PolicyID: p.ID, ARN: p.ARN(), Path: p.Path, DefaultVersionID: p.Default,
		AttachmentCount: int32(a.directory.AttachmentCount(p.ARN())), IsAttachable: true, Description: p.Description,
		CreateDate: stamp(p.Created), UpdateDate: stamp(p.Updated), Tags: tagsOf(p.Tags),
	}
}

type policyOutput struct{ Policy policy }

type listPoliciesOutput struct {
	Policies []policy
	listed
}

func (a *adapter) createPolicy(_ context.Context, c *awsproto.Call, in *input) (*policyOutput, error) {
	if bad := checkName("policyName", in.PolicyName, 128); bad != nil {
		return nil, bad
	}
	if bad := checkPath(in.Path); bad != nil {
		return nil, bad
	}
	if err := checkDocument(in.PolicyDocument, awspolicy.Identity, maxManaged); err != nil {
		return nil, err
	}
	tags, err := checkTags(in.Tags)
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC().Truncate(time.Second)
	p := &awsidentity.Policy{
		Account: c.Account, Name: in.PolicyName, Path: pathOf(in.Path), ID: awsidentity.NewID("ANPA"), Description: in.description(),
		Created: now, Updated: now, Default: "v1", Tags: tags, Versions: []awsidentity.PolicyVersion{{ID: "v1", Document: in.PolicyDocument, Created: now}},
	}
	if err := a.directory.CreatePolicy(p); err != nil {
		return nil, err
	}
	return &policyOutput{a.policyOf(p)}, nil
}

func (a *adapter) getPolicy(_ context.Context, c *awsproto.Call, in *input) (*policyOutput, error) {
	p, err := a.directory.Policy(c.Account, in.PolicyARN)
	if err != nil {
		return nil, err
	}
	return &policyOutput{a.policyOf(p)}, nil
}

func (a *adapter) listPolicies(_ context.Context, c *awsproto.Call, in *input) (*listPoliciesOutput, error) {
	all := slices.DeleteFunc(a.directory.Policies(c.Account), func(p *awsidentity.Policy) bool {
		return in.Scope == "Local" && p.Account != c.Account || in.Scope == "AWS" && p.Account == c.Account ||
			!strings.HasPrefix(p.Path, in.PathPrefix) || in.OnlyAttached && a.directory.AttachmentCount(p.ARN()) == 0
	})
	items, rest, err := page(in, all)
	if err != nil {
		return nil, err
	}
	out := &listPoliciesOutput{make([]policy, 0, len(items)), rest}
	for _, p := range items {
		shown := a.policyOf(p)
		shown.Tags, shown.Description = nil, "" // AWS leaves them out of lists
		out.Policies = append(out.Policies, shown)
	}
	return out, nil
}

func (a *adapter) deletePolicy(_ context.Context, c *awsproto.Call, in *input) (*empty, error) {
	return nil, a.directory.DeletePolicy(c.Account, in.PolicyARN)
}

// description is what the request says of what it makes.
func (in *input) description() string {
	if in.Description == nil {
		return ""
	}
	return *in.Description
}

func (a *adapter) tagPolicy(_ context.Context, c *awsproto.Call, in *input) (*empty, error) {
	return nil, a.directory.ChangePolicy(c.Account, in.PolicyARN, func(p *awsidentity.Policy) error {
		tags, err := checkTags(append(tagsOf(p.Tags), in.Tags...))
		p.Tags = tags
		return err
	})
}

func (a *adapter) untagPolicy(_ context.Context, c *awsproto.Call, in *input) (*empty, error) {
	return nil, a.directory.ChangePolicy(c.Account, in.PolicyARN, func(p *awsidentity.Policy) error {
		p.Tags = maps.Clone(p.Tags)
		maps.DeleteFunc(p.Tags, func(key, _ string) bool { return slices.Contains(in.TagKeys, key) })
		return nil
	})
}

func (a *adapter) listPolicyTags(_ context.Context, c *awsproto.Call, in *input) (*listTagsOutput, error) {
	p, err := a.directory.Policy(c.Account, in.PolicyARN)
	if err != nil {
		return nil, err
	}
	items, rest, err := page(in, tagsOf(p.Tags))
	return &listTagsOutput{items, rest}, err
}

type version struct {
	Document         string
	VersionID        string `query:"VersionId"`
	IsDefaultVersion bool
	CreateDate       string
}

type versionOutput struct{ PolicyVersion version }

type listVersionsOutput struct {
	Versions []version
	listed
}

func versionOf(p *awsidentity.Policy, v awsidentity.PolicyVersion) version {
	return version{escaped(v.Document), v.ID, v.ID == p.Default, stamp(v.Created)}
}

func (a *adapter) createPolicyVersion(_ context.Context, c *awsproto.Call, in *input) (*versionOutput, error) {
	if err := checkDocument(in.PolicyDocument, awspolicy.Identity, maxManaged); err != nil {
		return nil, err
	}
	now := time.Now().UTC().Truncate(time.Second)
	var out version
	err := a.directory.ChangePolicy(c.Account, in.PolicyARN, func(p *awsidentity.Policy) error {
		if len(p.Versions) >= maxVersions {
			return awsidentity.Fail("LimitExceeded", 409, "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.")
		}
		next := 1
		for _, v := range p.Versions {
			next = max(next, number(v.ID)+1)
		}
		v := awsidentity.PolicyVersion{ID: "v" + itoa(next), Document: in.PolicyDocument, Created: now}
		p.Versions, p.Updated = append(p.Versions, v), now
		if in.SetAsDefault {
			p.Default = v.ID
		}
		out = versionOf(p, v)
		out.Document = ""
		return nil
	})
	return &versionOutput{out}, err
}

func number(id string) int {
	n := 0
	for _, c := range strings.TrimPrefix(id, "v") {
		n = n*10 + int(c-'0')
	}
	return n
}

func noVersion(in *input) error {
	return awsidentity.Fail("NoSuchEntity", 404, "Policy "+in.PolicyARN+" version "+in.Version+" does not exist or is not attachable.")
}

func (a *adapter) getPolicyVersion(_ context.Context, c *awsproto.Call, in *input) (*versionOutput, error) {
	p, err := a.directory.Policy(c.Account, in.PolicyARN)
	if err != nil {
		return nil, err
	}
	v, ok := p.Version(in.Version)
	if !ok || in.Version == "" {
		return nil, noVersion(in)
	}
	return &versionOutput{versionOf(p, v)}, nil
}

func (a *adapter) listPolicyVersions(_ context.Context, c *awsproto.Call, in *input) (*listVersionsOutput, error) {
	p, err := a.directory.Policy(c.Account, in.PolicyARN)
	if err != nil {
		return nil, err
	}
	items, rest, err := page(in, p.Versions)
	if err != nil {
		return nil, err
	}
	out := &listVersionsOutput{make([]version, 0, len(items)), rest}
	for _, v := range items {
		shown := versionOf(p, v)
		shown.Document = ""
		out.Versions = append(out.Versions, shown)
	}
	return out, nil
}

func (a *adapter) setDefaultPolicyVersion(_ context.Context, c *awsproto.Call, in *input) (*empty, error) {
	return nil, a.directory.ChangePolicy(c.Account, in.PolicyARN, func(p *awsidentity.Policy) error {
		if _, ok := p.Version(in.Version); !ok || in.Version == "" {
			return noVersion(in)
		}
		p.Default = in.Version
		return nil
	})
}

func (a *adapter) deletePolicyVersion(_ context.Context, c *awsproto.Call, in *input) (*empty, error) {
	return nil, a.directory.ChangePolicy(c.Account, in.PolicyARN, func(p *awsidentity.Policy) error {
		if _, ok := p.Version(in.Version); !ok || in.Version == "" {
			return noVersion(in)
		}
		if in.Version == p.Default {
			return awsidentity.Fail("DeleteConflict", 409, "Cannot delete the default version of a policy.")
		}
		p.Versions = slices.DeleteFunc(p.Versions, func(v awsidentity.PolicyVersion) bool { return v.ID == in.Version })
		return nil
	})
}
