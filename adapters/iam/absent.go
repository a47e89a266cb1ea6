package iam

import (
	"context"

	"github.com/portico-mq/portico/adapters/awsidentity"
	"github.com/portico-mq/portico/adapters/awsproto"
)

// What users and roles have none of here, and clients ask for before they delete them: the lists are empty.

// none is an empty list of an entity's, which must exist.
func (a *adapter) none(kind awsidentity.Kind, c *awsproto.Call, in *input) ([]empty, error) {
	if in.entityName(kind) == "" {
		return []empty{}, nil // the caller's own
	}
	_, err := a.directory.Get(kind, c.Account, in.entityName(kind))
	return []empty{}, err
}

type listInstanceProfilesOutput struct {
	InstanceProfiles []empty
	listed
}

func (a *adapter) listInstanceProfiles(_ context.Context, c *awsproto.Call, in *input) (*listInstanceProfilesOutput, error) {
	list, err := a.none(awsidentity.Role, c, in)
	return &listInstanceProfilesOutput{InstanceProfiles: list}, err
}

type listSSHKeysOutput struct {
	SSHPublicKeys []empty
	listed
}

func (a *adapter) listSSHKeys(_ context.Context, c *awsproto.Call, in *input) (*listSSHKeysOutput, error) {
	list, err := a.none(awsidentity.User, c, in)
	return &listSSHKeysOutput{SSHPublicKeys: list}, err
}

type listVirtualMFADevicesOutput struct {
	VirtualMFADevices []empty
	listed
}

func (a *adapter) listVirtualMFADevices(context.Context, *awsproto.Call, *input) (*listVirtualMFADevicesOutput, error) {
	return &listVirtualMFADevicesOutput{VirtualMFADevices: []empty{}}, nil
}

type listMFADevicesOutput struct {
	MFADevices []empty
	listed
}

func (a *adapter) listMFADevices(_ context.Context, c *awsproto.Call, in *input) (*listMFADevicesOutput, error) {
	list, err := a.none(awsidentity.User, c, in)
	return &listMFADevicesOutput{MFADevices: list}, err
}

type listCertificatesOutput struct {
	Certificates []empty
	listed
}

func (a *adapter) listCertificates(_ context.Context, c *awsproto.Call, in *input) (*listCertificatesOutput, error) {
	list, err := a.none(awsidentity.User, c, in)
	return &listCertificatesOutput{Certificates: list}, err
}

type listServiceCredentialsOutput struct{ ServiceSpecificCredentials []empty }

func (a *adapter) listServiceCredentials(_ context.Context, c *awsproto.Call, in *input) (*listServiceCredentialsOutput, error) {
	list, err := a.none(awsidentity.User, c, in)
	return &listServiceCredentialsOutput{list}, err
}

func (a *adapter) deleteLoginProfile(_ context.Context, c *awsproto.Call, in *input) (*empty, error) {
	if _, err := a.none(awsidentity.User, c, in); err != nil {
		return nil, err
	}
	return nil, awsidentity.Fail("NoSuchEntity", 404, "Login Profile for User "+in.UserName+" cannot be found.")
}

type lastUsed struct {
	ServiceName string
	Region      string
}

type accessKeyLastUsedOutput struct {
	UserName          string
	AccessKeyLastUsed lastUsed
}

// accessKeyLastUsed [IAM GetAccessKeyLastUsed] tells whose the key is. When it was used is not kept, and shown as of one
// that never was.
func (a *adapter) accessKeyLastUsed(_ context.Context, c *awsproto.Call, in *input) (*accessKeyLastUsedOutput, error) {
	account, name, ok := a.directory.UserOf(in.AccessKeyID)
	if !ok || account != c.Account {
		return nil, awsidentity.Fail("AccessDenied", 403, "The Access Key with id "+in.AccessKeyID+" cannot be found.")
	}
	return &accessKeyLastUsedOutput{name, lastUsed{"N/A", "N/A"}}, nil
}
