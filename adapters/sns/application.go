package sns

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
)

// Platform applications of mobile push are kept; what is pushed goes into the outbox, to none of the
// platforms' services.

const applicationCollection = "sns.application"

// platforms are those that the service pushes to.
var platforms = []string{
	"ADM", "APNS", "APNS_SANDBOX", "APNS_VOIP", "APNS_VOIP_SANDBOX", "BAIDU", "GCM", "MACOS", "MACOS_SANDBOX", "MPNS", "WNS",
}

// withPrincipal are those that need a PlatformPrincipal beside the credential.
var withPrincipal = []string{"ADM", "APNS", "APNS_SANDBOX", "APNS_VOIP", "APNS_VOIP_SANDBOX", "BAIDU", "MACOS", "MACOS_SANDBOX", "WNS"}

// applicationAttributes are those that can be set.
var applicationAttributes = []string{
	"PlatformCredential", "PlatformPrincipal", "EventEndpointCreated", "EventEndpointDeleted", "EventEndpointUpdated",
	"EventDeliveryFailure", "SuccessFeedbackRoleArn", "FailureFeedbackRoleArn", "SuccessFeedbackSampleRate", "Enabled",
	"ApplePlatformTeamID", "ApplePlatformBundleID",
}

// application is one, as it is kept.
type application struct {
	ARN        string            `json:"arn"`
	Attributes map[string]string `json:"attributes"`
}

// secretAttributes are kept and never shown.
var secretAttributes = []string{"PlatformCredential", "PlatformPrincipal"}

func (p *application) shown() map[string]string {
	shown := map[string]string{"Enabled": "true"}
	for name, value := range p.Attributes {
		if !slices.Contains(secretAttributes, name) {
			shown[name] = value
		}
	}
	return shown
}

func applicationKey(namespace, arn string) broker.DocumentKey {
	return broker.DocumentKey{Collection: applicationCollection, Namespace: namespace, Name: arn}
}

var applicationNotFound = plainError("NotFound", 404, "PlatformApplication does not exist")

// findApplication gives the application of an ARN, app/PLATFORM/NAME.
func (a *Adapter) findApplication(c *awsproto.Call, text string) (*application, broker.DocumentKey, error) {
	parsed, bad := parseARN(text, "PlatformApplicationArn")
	if bad != nil {
		return nil, broker.DocumentKey{}, bad
	}
	if parsed.service != "sns" || !strings.HasPrefix(parsed.resource, "app/") || strings.Count(parsed.resource, "/") != 2 {
		return nil, broker.DocumentKey{}, invalidParameter("PlatformApplicationArn Reason: Wrong number of slashes in relative portion of the ARN.")
	}
	key := applicationKey(awsproto.Namespace(parsed.account, parsed.region, c.Home), text)
	kept, ok := a.broker.Document(key)
	if !ok {
		return nil, key, applicationNotFound
	}
	p := &application{}
	return p, key, json.Unmarshal(kept, p)
}

func (a *Adapter) keepDocument(key broker.DocumentKey, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return a.broker.PutDocument(key, text)
}

func checkApplicationAttributes(attributes map[string]string) *awsproto.Error {
	for name, value := range attributes {
		if !slices.Contains(applicationAttributes, name) {
			return invalidParameter("Attributes Reason: Unknown attribute %s", clip(name))
		}
		if name == "Enabled" && value != "true" && value != "false" {
			return invalidParameter("Attributes Reason: Invalid value for attribute: Enabled")
		}
	}
	return nil
}

// createApplication [SNS CreatePlatformApplication]. The same one again is given back.
func (a *Adapter) createApplication(ctx context.Context, c *awsproto.Call, in *createApplicationInput) (*applicationOutput, error) {
	switch {
	case len(in.Name) > maxTopicName || strings.Trim(in.Name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") != "" || in.Name == "":
		return nil, invalidParameter("Name Reason: must be at most 256 characters long, and only use characters a-z, A-Z, 0-9, '_', '-', and '.'")
	case !slices.Contains(platforms, in.Platform):
		return nil, invalidParameter("Platform Reason: %s is not supported", clip(in.Platform))
	case in.Attributes["PlatformCredential"] == "":
		return nil, invalidParameter("Attributes Reason: PlatformCredential attribute is required")
	case in.Attributes["PlatformPrincipal"] == "" && slices.Contains(withPrincipal, in.Platform):
		return nil, invalidParameter("Attributes Reason: PlatformPrincipal attribute is required")
	}
	if bad := checkApplicationAttributes(in.Attributes); bad != nil {
		return nil, bad
	}
	namespace := c.Namespace(c.Account)
	if _, err := a.broker.Namespace(ctx, namespace, true); err != nil {
		return nil, err
	}
	p := &application{makeARN(c.Region, c.Account, "app/"+in.Platform+"/"+in.Name), in.Attributes}
	return &applicationOutput{p.ARN}, a.keepDocument(applicationKey(namespace, p.ARN), p)
}

// deleteApplication [SNS DeletePlatformApplication] removes it with its endpoints. One that is not
// there is no error.
func (a *Adapter) deleteApplication(_ context.Context, c *awsproto.Call, in *applicationInput) (*empty, error) {
	_, key, err := a.findApplication(c, in.PlatformApplicationARN)
	if errors.Is(err, applicationNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, d := range a.devicesOf(key.Namespace, in.PlatformApplicationARN) {
		if err := a.broker.DeleteDocument(deviceKey(key.Namespace, d.ARN)); err != nil && !broker.IsKind(err, broker.KindNotFound) {
			return nil, err
		}
	}
	return nil, a.broker.DeleteDocument(key)
}

// getApplicationAttributes [SNS GetPlatformApplicationAttributes].
func (a *Adapter) getApplicationAttributes(_ context.Context, c *awsproto.Call, in *applicationInput) (*attributesOutput, error) {
	p, _, err := a.findApplication(c, in.PlatformApplicationARN)
	if err != nil {
		return nil, err
	}
	return &attributesOutput{p.shown()}, nil
}

// setApplicationAttributes [SNS SetPlatformApplicationAttributes].
func (a *Adapter) setApplicationAttributes(_ context.Context, c *awsproto.Call, in *setApplicationInput) (*empty, error) {
	a.changing.Lock()
	defer a.changing.Unlock()
	p, key, err := a.findApplication(c, in.PlatformApplicationARN)
	if err != nil {
		return nil, err
	}
	if bad := checkApplicationAttributes(in.Attributes); bad != nil {
		return nil, bad
	}
	if p.Attributes == nil {
		p.Attributes = make(map[string]string)
	}
	for name, value := range in.Attributes {
		p.Attributes[name] = value
	}
	return nil, a.keepDocument(key, p)
}

// listApplications [SNS ListPlatformApplications].
func (a *Adapter) listApplications(_ context.Context, c *awsproto.Call, in *listInput) (*listApplicationsOutput, error) {
	list := []applicationListed{}
	for key, text := range a.broker.Documents(applicationCollection) {
		if key.Namespace != c.Namespace(c.Account) {
			continue
		}
		var p application
		if err := json.Unmarshal(text, &p); err != nil {
			return nil, err
		}
		list = append(list, applicationListed{p.ARN, p.shown()})
	}
	page, next, err := pageOf(a.tokens, c, in.NextToken, pageSize, list, func(p applicationListed) string { return p.PlatformApplicationARN })
	if err != nil {
		return nil, err
	}
	return &listApplicationsOutput{page, next}, nil
}
