// Package sts serves AWS's Security Token Service: who a caller is, and sessions with credentials of their own.
package sts

import (
	"context"
	"regexp"
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
		Name: "sts", QueryVersion: "2011-06-15", XMLNamespace: "https://sts.amazonaws.com/doc/2011-06-15/", MaxBody: 256 << 10,
		Actions: map[string]awsproto.Action{
			"AssumeRole":        awsproto.Handle(a.assumeRole),
			"GetAccessKeyInfo":  awsproto.Handle(a.getAccessKeyInfo),
			"GetCallerIdentity": awsproto.Handle(a.getCallerIdentity),
			"GetSessionToken":   awsproto.Handle(a.getSessionToken),
		},
		Unbuilt: []string{
			"AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "AssumeRoot", "DecodeAuthorizationMessage", "GetDelegatedAccessToken",
			"GetFederationToken", "GetWebIdentityToken",
		},
		Refuse: func(action string) *awsproto.Error {
			return awsidentity.Fail("InvalidAction", 400, "The action "+action+" is not supported yet.")
		},
		UnknownQueryAction: func(action, version string) *awsproto.Error {
			return awsidentity.Fail("InvalidAction", 400, "Could not find operation "+action+" for version "+version)
		},
		// Who may assume a role is the role's to say; the rest everybody may do for himself.
		Access:    func(context.Context, *awsproto.Call, any) ([]awsproto.Access, error) { return nil, nil },
		Denied:    denied,
		Translate: func(error) *awsproto.Error { return nil },
		Internal:  awsidentity.Fail("InternalFailure", 500, "The request processing has failed because of an unknown error, exception or failure."),
	}
}

func denied(text string) *awsproto.Error { return awsidentity.Fail("AccessDenied", 403, text) }

func invalid(text string) *awsproto.Error { return awsidentity.Fail("ValidationError", 400, text) }

type empty struct{}

type identityOutput struct {
	UserID  string `query:"UserId"`
	Account string
	ARN     string `query:"Arn"`
}

// callerOf is who calls; where signatures are not verified, the root of the account that is used.
func callerOf(c *awsproto.Call) *awspolicy.Caller {
	if c.Caller != nil && c.Caller.ARN != "" {
		return c.Caller
	}
	return &awspolicy.Caller{Principal: awspolicy.Principal{ARN: awspolicy.RootARN(c.Account), Account: c.Account, UserID: c.Account}}
}

// getCallerIdentity [STS GetCallerIdentity].
func (a *adapter) getCallerIdentity(_ context.Context, c *awsproto.Call, _ *empty) (*identityOutput, error) {
	caller := callerOf(c)
	return &identityOutput{UserID: caller.UserID, Account: caller.Account, ARN: caller.ARN}, nil
}

type keyInfoInput struct {
	AccessKeyID string `query:"AccessKeyId"`
}

type keyInfoOutput struct{ Account string }

// getAccessKeyInfo [STS GetAccessKeyInfo].
func (a *adapter) getAccessKeyInfo(_ context.Context, c *awsproto.Call, in *keyInfoInput) (*keyInfoOutput, error) {
	if account, _, ok := a.directory.UserOf(in.AccessKeyID); ok {
		return &keyInfoOutput{account}, nil
	}
	if in.AccessKeyID == "" {
		return nil, invalid("1 validation error detected: Value null at 'accessKeyId' failed to satisfy constraint: Member must not be null")
	}
	return &keyInfoOutput{c.Account}, nil
}

type credentialsOutput struct {
	AccessKeyID     string `query:"AccessKeyId"`
	SecretAccessKey string
	SessionToken    string
	Expiration      string
}

type policyARN struct {
	ARN string `query:"arn"`
}

type tag struct{ Key, Value string }

type assumeRoleInput struct {
	RoleARN         string `query:"RoleArn"`
	RoleSessionName string
	DurationSeconds *int32
	Policy          string
	PolicyARNs      []policyARN `query:"PolicyArns"`
	ExternalID      string      `query:"ExternalId"`
	SourceIdentity  string
	Tags            []tag
}

type assumedRoleUser struct {
	ARN           string `query:"Arn"`
	AssumedRoleID string `query:"AssumedRoleId"`
}

type assumeRoleOutput struct {
	AssumedRoleUser assumedRoleUser
	Credentials     credentialsOutput
}

var (
	sessionName = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	roleARN     = regexp.MustCompile(`^arn:aws:iam::([0-9]{12}):role/(?:[!-~]+/)?([\w+=,.@-]{1,64})$`)
)

const (
	defaultDuration = 3600
	maxDocument     = 2048
)

// assumeRole [STS AssumeRole].
func (a *adapter) assumeRole(_ context.Context, c *awsproto.Call, in *assumeRoleInput) (*assumeRoleOutput, error) {
	match := roleARN.FindStringSubmatch(in.RoleARN)
	switch {
	case match == nil:
		return nil, invalid(in.shortARN() + " is invalid")
	case !sessionName.MatchString(in.RoleSessionName):
		return nil, invalid("1 validation error detected: Value at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*")
	case len(in.Tags) > 0 || in.SourceIdentity != "":
		return nil, invalid("Session tags and source identities are not supported yet.")
	case callerOf(c).Root() && c.Caller != nil:
		return nil, denied("Roles may not be assumed by root accounts.")
	}
	session := &awsidentity.Session{Account: match[1], Role: match[2], Name: in.RoleSessionName}
	role, _ := a.directory.Get(awsidentity.Role, match[1], match[2])
	if role != nil && role.ARN() != in.RoleARN {
		role = nil
	}
	if err := a.mayAssume(c, role, in); err != nil {
		return nil, err
	}
	longest, id := 43200, "AROA"+match[2]
	if role != nil {
		longest, id = role.MaxSession, role.ID
	}
	if c.Caller != nil && c.Caller.RoleARN != "" {
		longest = min(longest, defaultDuration) // of a role by a role
	}
	if err := in.limit(a.directory, session); err != nil {
		return nil, err
	}
	credentials, err := a.begin(session, in.DurationSeconds, defaultDuration, longest)
	if err != nil {
		return nil, err
	}
	return &assumeRoleOutput{
		AssumedRoleUser: assumedRoleUser{
			ARN:           "arn:aws:sts::" + match[1] + ":assumed-role/" + match[2] + "/" + in.RoleSessionName,
			AssumedRoleID: id + ":" + in.RoleSessionName,
		},
		Credentials: *credentials,
	}, nil
}

func (in *assumeRoleInput) shortARN() string {
	if len(in.RoleARN) > 256 {
		return in.RoleARN[:256]
	}
	return in.RoleARN
}

// mayAssume asks the role's trust policy. Where access is not controlled any role can be assumed.
func (a *adapter) mayAssume(c *awsproto.Call, role *awsidentity.Entity, in *assumeRoleInput) error {
	if c.Caller == nil {
		return nil
	}
	refusal := "User: " + c.Caller.ARN + " is not authorized to perform: sts:AssumeRole on resource: " + in.RoleARN
	if role == nil {
		return denied(refusal)
	}
	trust, err := awspolicy.Parse(role.Trust, awspolicy.Trust)
	if err != nil {
		return err
	}
	access := &awsproto.Access{
		Action: "sts:AssumeRole", Resource: in.RoleARN, Owner: role.Account, Policy: trust, Conditions: awspolicy.Context{},
	}
	access.Conditions.Set("sts:ExternalId", in.ExternalID)
	access.Conditions.Set("sts:RoleSessionName", in.RoleSessionName)
	if decision := c.DecideTrust(access); !decision.Allowed {
		return denied(refusal)
	}
	return nil
}

// limit reads the policies that limit the session.
func (in *assumeRoleInput) limit(directory *awsidentity.Directory, session *awsidentity.Session) error {
	if len(in.Policy) > maxDocument || len(in.PolicyARNs) > 10 {
		return awsidentity.Fail("PackedPolicyTooLarge", 400, "The total packed size of the session policies is over the limit.")
	}
	if in.Policy != "" {
		if _, err := awspolicy.Parse(in.Policy, awspolicy.Identity); err != nil {
			return awsidentity.Fail("MalformedPolicyDocument", 400, err.Error())
		}
		session.Policies = []string{in.Policy}
	}
	for _, p := range in.PolicyARNs {
		if _, err := directory.Policy(session.Account, p.ARN); err != nil {
			return err
		}
		session.Managed = append(session.Managed, p.ARN)
	}
	return nil
}

type sessionTokenInput struct {
	DurationSeconds *int32
	SerialNumber    string
	TokenCode       string
}

type sessionTokenOutput struct{ Credentials credentialsOutput }

// getSessionToken [STS GetSessionToken].
func (a *adapter) getSessionToken(_ context.Context, c *awsproto.Call, in *sessionTokenInput) (*sessionTokenOutput, error) {
	caller := callerOf(c)
	switch {
	case in.SerialNumber != "" || in.TokenCode != "":
		return nil, denied("MultiFactorAuthentication failed with invalid MFA one time pass code. ")
	case caller.RoleARN != "":
		return nil, denied("Cannot call GetSessionToken with session credentials")
	}
	session := &awsidentity.Session{Account: caller.Account, User: caller.UserName}
	longest := 129600
	if caller.Root() {
		longest = 3600
	}
	credentials, err := a.begin(session, in.DurationSeconds, min(43200, longest), longest)
	if err != nil {
		return nil, err
	}
	return &sessionTokenOutput{*credentials}, nil
}

// begin gives a session its credentials.
func (a *adapter) begin(s *awsidentity.Session, wanted *int32, usual, longest int) (*credentialsOutput, error) {
	seconds := min(usual, longest)
	if wanted != nil {
		if seconds = int(*wanted); seconds < 900 || seconds > 129600 {
			return nil, invalid("1 validation error detected: Value at 'durationSeconds' failed to satisfy constraint: Member must have value between 900 and 129600")
		}
	}
	if seconds > longest {
		return nil, invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	s.Issued = time.Now().UTC().Truncate(time.Second)
	s.Expires = s.Issued.Add(time.Duration(seconds) * time.Second)
	token, err := a.directory.NewSession(s)
	if err != nil {
		return nil, err
	}
	return &credentialsOutput{s.AccessKey, s.Secret, token, s.Expires.Format(time.RFC3339)}, nil
}
