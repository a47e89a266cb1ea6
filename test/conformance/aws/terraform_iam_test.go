package aws

import (
	"errors"
	"net/url"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// terraformIdentities makes the calls that the Terraform AWS provider makes for users, access keys, policies, roles and
// groups, in its order: hashicorp/terraform-provider-aws, internal/service/iam/user.go at 058fd40 (resourceUserCreate to
// -Delete, deleteUserGroupMemberships and what force_destroy adds), access_key.go at c7cbd9b, policy.go at 01ccd9a
// (resourcePolicyCreate to -Delete, policyPruneVersions, findPolicyVersion), role.go at 0040ea6 (resourceRoleCreate to
// -Update, DeleteRole, deleteRoleInstanceProfiles). The provider itself is not to be had here.
type terraformIdentities struct {
	*testing.T
	c *iam.Client
}

func (tf *terraformIdentities) must(err error) {
	tf.Helper()
	if err != nil {
		tf.Fatal("the provider stops at ", err)
	}
}

// gone checks for the error that the provider takes as "not there".
func (tf *terraformIdentities) gone(err error) {
	tf.Helper()
	var known smithy.APIError
	if !errors.As(err, &known) || known.ErrorCode() != "NoSuchEntity" {
		tf.Errorf("got %v, want NoSuchEntity", err)
	}
}

const (
	tfDocument = `{"Statement":[{"Action":"sqs:SendMessage","Effect":"Allow","Resource":"*"}],"Version":"2012-10-17"}`
	tfTrust    = `{"Statement":[{"Action":"sts:AssumeRole","Effect":"Allow","Principal":{"AWS":"*"}}],"Version":"2012-10-17"}`
)

var tfTags = []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}

// readDocument is url.QueryUnescape, which the provider compares with what it sent.
func (tf *terraformIdentities) readDocument(escaped *string, want string) {
	tf.Helper()
	got, err := url.QueryUnescape(aws.ToString(escaped))
	tf.must(err)
	if got != want {
		tf.Errorf("the document is %s, sent was %s", got, want)
	}
}

func (tf *terraformIdentities) policy(document string, update bool) string {
	tf.Helper()
	ctx := tf.Context()
	created, err := tf.c.CreatePolicy(ctx, &iam.CreatePolicyInput{
		Description: aws.String(""), Path: aws.String("/"), PolicyDocument: &document, PolicyName: aws.String("tf-policy"), Tags: tfTags,
	})
	tf.must(err)
	arn := created.Policy.Arn
	read := func(want string) {
		tf.Helper()
		p, err := tf.c.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: arn})
		tf.must(err)
		v, err := tf.c.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: arn, VersionId: p.Policy.DefaultVersionId})
		tf.must(err)
		tf.readDocument(v.PolicyVersion.Document, want)
		if len(p.Policy.Tags) != 1 || *p.Policy.Tags[0].Value != "v" {
			tf.Errorf("tags %v", p.Policy.Tags)
		}
	}
	read(document)
	for range 6 { // each update but the first four prunes the oldest version
		if !update {
			break
		}
		versions, err := tf.c.ListPolicyVersions(ctx, &iam.ListPolicyVersionsInput{PolicyArn: arn})
		tf.must(err)
		if len(versions.Versions) >= 5 {
			oldest := versions.Versions[0]
			for _, v := range versions.Versions {
				if oldest.IsDefaultVersion || (!v.IsDefaultVersion && v.CreateDate.Before(*oldest.CreateDate)) {
					oldest = v
				}
			}
			_, err := tf.c.DeletePolicyVersion(ctx, &iam.DeletePolicyVersionInput{PolicyArn: arn, VersionId: oldest.VersionId})
			tf.must(err)
		}
		v, err := tf.c.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: arn, PolicyDocument: aws.String(tfDocument), SetAsDefault: false})
		tf.must(err)
		_, err = tf.c.SetDefaultPolicyVersion(ctx, &iam.SetDefaultPolicyVersionInput{PolicyArn: arn, VersionId: v.PolicyVersion.VersionId})
		tf.must(err)
		read(tfDocument)
	}
	_, err = tf.c.TagPolicy(ctx, &iam.TagPolicyInput{PolicyArn: arn, Tags: []types.Tag{{Key: aws.String("l"), Value: aws.String("w")}}})
	tf.must(err)
	_, err = tf.c.UntagPolicy(ctx, &iam.UntagPolicyInput{PolicyArn: arn, TagKeys: []string{"l"}})
	tf.must(err)
	tags, err := tf.c.ListPolicyTags(ctx, &iam.ListPolicyTagsInput{PolicyArn: arn})
	tf.must(err)
	if len(tags.Tags) != 1 {
		tf.Errorf("tags %v", tags.Tags)
	}
	return *arn
}

func (tf *terraformIdentities) deletePolicy(arn string) {
	tf.Helper()
	versions, err := tf.c.ListPolicyVersions(tf.Context(), &iam.ListPolicyVersionsInput{PolicyArn: &arn})
	tf.must(err)
	for _, v := range versions.Versions {
		if !v.IsDefaultVersion {
			_, err := tf.c.DeletePolicyVersion(tf.Context(), &iam.DeletePolicyVersionInput{PolicyArn: &arn, VersionId: v.VersionId})
			tf.must(err)
		}
	}
	_, err = tf.c.DeletePolicy(tf.Context(), &iam.DeletePolicyInput{PolicyArn: &arn})
	tf.must(err)
	_, err = tf.c.GetPolicy(tf.Context(), &iam.GetPolicyInput{PolicyArn: &arn})
	tf.gone(err)
}

func TestTerraformPolicies(t *testing.T) {
	t.Parallel()
	tf := &terraformIdentities{t, iam.NewFromConfig(endpoint(t).config())}
	tf.deletePolicy(tf.policy(`{"Statement":[{"Action":"sqs:*","Effect":"Deny","Resource":"*"}],"Version":"2012-10-17"}`, true))
}

func TestTerraformUsers(t *testing.T) {
	t.Parallel()
	e := endpoint(t)
	tf, ctx := &terraformIdentities{t, iam.NewFromConfig(e.config())}, t.Context()
	who, err := sts.NewFromConfig(e.config()).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}) // of the provider's configuration
	tf.must(err)
	if *who.Account != e.account {
		t.Errorf("account %s", *who.Account)
	}
	policy := tf.policy(tfDocument, false)
	name := aws.String("tf-user")
	_, err = tf.c.CreateUser(ctx, &iam.CreateUserInput{UserName: name, Path: aws.String("/team/"), Tags: tfTags, PermissionsBoundary: &policy})
	tf.must(err)
	user, err := tf.c.GetUser(ctx, &iam.GetUserInput{UserName: name})
	tf.must(err)
	if u := user.User; *u.Path != "/team/" || *u.PermissionsBoundary.PermissionsBoundaryArn != policy || *u.UserId == "" || len(u.Tags) != 1 {
		t.Errorf("user %+v", u)
	}
	_, err = tf.c.DeleteUserPermissionsBoundary(ctx, &iam.DeleteUserPermissionsBoundaryInput{UserName: name})
	tf.must(err)
	_, err = tf.c.UpdateUser(ctx, &iam.UpdateUserInput{UserName: name, NewUserName: name, NewPath: aws.String("/")})
	tf.must(err)

	key, err := tf.c.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: name})
	tf.must(err)
	_, err = tf.c.UpdateAccessKey(ctx, &iam.UpdateAccessKeyInput{UserName: name, AccessKeyId: key.AccessKey.AccessKeyId, Status: types.StatusTypeInactive})
	tf.must(err)
	keys, err := tf.c.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: name})
	tf.must(err)
	if len(keys.AccessKeyMetadata) != 1 || keys.AccessKeyMetadata[0].Status != types.StatusTypeInactive || *key.AccessKey.SecretAccessKey == "" {
		t.Errorf("keys %+v", keys.AccessKeyMetadata)
	}
	used, err := tf.c.GetAccessKeyLastUsed(ctx, &iam.GetAccessKeyLastUsedInput{AccessKeyId: key.AccessKey.AccessKeyId}) // of an import
	tf.must(err)
	if *used.UserName != *name {
		t.Errorf("the key is %s's", *used.UserName)
	}
	_, err = tf.c.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: name, PolicyName: aws.String("inline"), PolicyDocument: aws.String(tfDocument)})
	tf.must(err)
	inline, err := tf.c.GetUserPolicy(ctx, &iam.GetUserPolicyInput{UserName: name, PolicyName: aws.String("inline")})
	tf.must(err)
	tf.readDocument(inline.PolicyDocument, tfDocument)
	_, err = tf.c.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: name, PolicyArn: &policy})
	tf.must(err)
	attached, err := tf.c.ListAttachedUserPolicies(ctx, &iam.ListAttachedUserPoliciesInput{UserName: name})
	tf.must(err)
	if len(attached.AttachedPolicies) != 1 {
		t.Errorf("attached %+v", attached)
	}
	_, err = tf.c.CreateGroup(ctx, &iam.CreateGroupInput{GroupName: aws.String("tf-group"), Path: aws.String("/")})
	tf.must(err)
	_, err = tf.c.AddUserToGroup(ctx, &iam.AddUserToGroupInput{GroupName: aws.String("tf-group"), UserName: name})
	tf.must(err)
	group, err := tf.c.GetGroup(ctx, &iam.GetGroupInput{GroupName: aws.String("tf-group")})
	tf.must(err)
	if len(group.Users) != 1 {
		t.Errorf("group %+v", group)
	}
	_, err = tf.c.DetachUserPolicy(ctx, &iam.DetachUserPolicyInput{UserName: name, PolicyArn: &policy})
	tf.must(err)
	_, err = tf.c.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: name, PolicyName: aws.String("inline")})
	tf.must(err)
	tf.destroyUser(name)
	_, err = tf.c.DeleteGroup(ctx, &iam.DeleteGroupInput{GroupName: aws.String("tf-group")})
	tf.must(err)
	tf.deletePolicy(policy)
}

// destroyUser is resourceUserDelete with force_destroy.
func (tf *terraformIdentities) destroyUser(name *string) {
	tf.Helper()
	ctx := tf.Context()
	groups, err := tf.c.ListGroupsForUser(ctx, &iam.ListGroupsForUserInput{UserName: name})
	tf.must(err)
	for _, g := range groups.Groups {
		_, err := tf.c.RemoveUserFromGroup(ctx, &iam.RemoveUserFromGroupInput{GroupName: g.GroupName, UserName: name})
		tf.must(err)
	}
	keys, err := tf.c.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: name})
	tf.must(err)
	for _, k := range keys.AccessKeyMetadata {
		_, err := tf.c.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: name, AccessKeyId: k.AccessKeyId})
		tf.must(err)
	}
	_, err = tf.c.ListSSHPublicKeys(ctx, &iam.ListSSHPublicKeysInput{UserName: name})
	tf.must(err)
	_, err = tf.c.ListVirtualMFADevices(ctx, &iam.ListVirtualMFADevicesInput{AssignmentStatus: types.AssignmentStatusTypeAssigned})
	tf.must(err)
	_, err = tf.c.ListMFADevices(ctx, &iam.ListMFADevicesInput{UserName: name})
	tf.must(err)
	_, err = tf.c.DeleteLoginProfile(ctx, &iam.DeleteLoginProfileInput{UserName: name})
	tf.gone(err)
	_, err = tf.c.ListSigningCertificates(ctx, &iam.ListSigningCertificatesInput{UserName: name})
	tf.must(err)
	_, err = tf.c.ListServiceSpecificCredentials(ctx, &iam.ListServiceSpecificCredentialsInput{UserName: name})
	tf.must(err)
	_, err = tf.c.DeleteUser(ctx, &iam.DeleteUserInput{UserName: name})
	tf.must(err)
	_, err = tf.c.GetUser(ctx, &iam.GetUserInput{UserName: name})
	tf.gone(err)
}

func TestTerraformRoles(t *testing.T) {
	t.Parallel()
	tf, ctx := &terraformIdentities{t, iam.NewFromConfig(endpoint(t).config())}, t.Context()
	policy := tf.policy(tfDocument, false)
	name := aws.String("tf-role")
	_, err := tf.c.CreateRole(ctx, &iam.CreateRoleInput{
		AssumeRolePolicyDocument: aws.String(tfTrust), Path: aws.String("/"), RoleName: name, Description: aws.String("first"), Tags: tfTags,
		MaxSessionDuration: aws.Int32(3600),
	})
	tf.must(err)
	_, err = tf.c.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: name, PolicyName: aws.String("inline"), PolicyDocument: aws.String(tfDocument)})
	tf.must(err)
	_, err = tf.c.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: name, PolicyArn: &policy})
	tf.must(err)
	_, err = tf.c.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: name, PolicyDocument: aws.String(tfTrust)})
	tf.must(err)
	_, err = tf.c.UpdateRoleDescription(ctx, &iam.UpdateRoleDescriptionInput{RoleName: name, Description: aws.String("second")})
	tf.must(err)
	_, err = tf.c.UpdateRole(ctx, &iam.UpdateRoleInput{RoleName: name, MaxSessionDuration: aws.Int32(7200)})
	tf.must(err)
	_, err = tf.c.PutRolePermissionsBoundary(ctx, &iam.PutRolePermissionsBoundaryInput{RoleName: name, PermissionsBoundary: &policy})
	tf.must(err)
	_, err = tf.c.DeleteRolePermissionsBoundary(ctx, &iam.DeleteRolePermissionsBoundaryInput{RoleName: name})
	tf.must(err)
	read, err := tf.c.GetRole(ctx, &iam.GetRoleInput{RoleName: name})
	tf.must(err)
	tf.readDocument(read.Role.AssumeRolePolicyDocument, tfTrust)
	if r := read.Role; *r.Description != "second" || *r.MaxSessionDuration != 7200 || len(r.Tags) != 1 || r.PermissionsBoundary != nil {
		t.Errorf("role %+v", r)
	}
	names, err := tf.c.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: name})
	tf.must(err)
	for _, n := range names.PolicyNames {
		got, err := tf.c.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: name, PolicyName: &n})
		tf.must(err)
		tf.readDocument(got.PolicyDocument, tfDocument)
	}
	profiles, err := tf.c.ListInstanceProfilesForRole(ctx, &iam.ListInstanceProfilesForRoleInput{RoleName: name})
	tf.must(err)
	if len(profiles.InstanceProfiles) != 0 {
		t.Errorf("profiles %v", profiles)
	}
	attached, err := tf.c.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: name})
	tf.must(err)
	for _, p := range attached.AttachedPolicies {
		_, err := tf.c.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: name, PolicyArn: p.PolicyArn})
		tf.must(err)
	}
	for _, n := range names.PolicyNames {
		_, err := tf.c.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: name, PolicyName: &n})
		tf.must(err)
	}
	_, err = tf.c.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: name})
	tf.must(err)
	_, err = tf.c.GetRole(ctx, &iam.GetRoleInput{RoleName: name})
	tf.gone(err)
	tf.deletePolicy(policy)
}
