package sns

import (
	"context"
	"encoding/json"
	"maps"
	"strings"

	"github.com/portico-mq/portico/adapters/awsmessage"
	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
)

// Platform endpoints, the devices of mobile push.

const deviceCollection = "sns.endpoint"

// device is one, as it is kept.
type device struct {
	ARN         string            `json:"arn"`
	Application string            `json:"application"` // its ARN
	Attributes  map[string]string `json:"attributes"`  // Token and Enabled among them
}

func (d *device) enabled() bool { return d.Attributes["Enabled"] == "true" }

// platform is the platform in the ARN, endpoint/PLATFORM/NAME/ID.
func (d *device) platform() string {
	_, rest, _ := strings.Cut(d.ARN, ":endpoint/")
	platform, _, _ := strings.Cut(rest, "/")
	return platform
}

// text is what a device gets of a message: the text for its platform where there is one.
func (d *device) text(m *broker.Message, text string) string {
	if special, ok := awsmessage.Read(m.Properties()).Texts[d.platform()]; ok {
		return special
	}
	return text
}

func deviceKey(namespace, arn string) broker.DocumentKey {
	return broker.DocumentKey{Collection: deviceCollection, Namespace: namespace, Name: arn}
}

var deviceNotFound = plainError("NotFound", 404, "Endpoint does not exist")

// device gives the device of an ARN.
func (a *Adapter) device(text string) (*device, error) {
	parsed, bad := parseARN(text, "EndpointArn")
	if bad != nil {
		return nil, bad
	}
	if parsed.service != "sns" || !strings.HasPrefix(parsed.resource, "endpoint/") || strings.Count(parsed.resource, "/") != 3 {
		return nil, invalidParameter("EndpointArn Reason: Wrong number of slashes in relative portion of the ARN.")
	}
	kept, ok := a.broker.Document(deviceKey(a.namespaceOf(parsed), text))
	if !ok {
		return nil, deviceNotFound
	}
	d := &device{}
	return d, json.Unmarshal(kept, d)
}

// checkDeviceEndpoint says whether a device can be subscribed.
func (a *Adapter) checkDeviceEndpoint(text string) *awsproto.Error {
	if _, err := a.device(text); err != nil {
		// The words run together as the service's do.
		return invalidParameter("Endpoint Reason: Endpoint does not exist for endpoint arn%s", clip(text))
	}
	return nil
}

// devicesOf lists the devices of an application.
func (a *Adapter) devicesOf(namespace, applicationARN string) []*device {
	var list []*device
	for key, text := range a.broker.Documents(deviceCollection) {
		d := &device{}
		if key.Namespace == namespace && json.Unmarshal(text, d) == nil && d.Application == applicationARN {
			list = append(list, d)
		}
	}
	return list
}

const maxUserData = 2048

func checkDeviceAttributes(attributes map[string]string) *awsproto.Error {
	for name, value := range attributes {
		switch name {
		case "Token":
			if value == "" {
				return invalidParameter("Attributes Reason: Invalid value for attribute: Token: must not be empty")
			}
		case "CustomUserData":
			if len(value) > maxUserData {
				return invalidParameter("Attributes Reason: Invalid value for attribute: CustomUserData: must be at most 2048 bytes long in UTF-8 encoding")
			}
		case "Enabled":
			if value != "true" && value != "false" {
				return invalidParameter("Attributes Reason: Invalid value for attribute: Enabled")
			}
		default:
			return invalidParameter("Attributes Reason: Unknown attribute %s", clip(name))
		}
	}
	return nil
}

// createEndpoint [SNS CreatePlatformEndpoint]. The same one again is given back.
func (a *Adapter) createEndpoint(_ context.Context, c *awsproto.Call, in *createEndpointInput) (*endpointOutput, error) {
	a.changing.Lock()
	defer a.changing.Unlock()
	p, key, err := a.findApplication(c, in.PlatformApplicationARN)
	if err != nil {
		return nil, err
	}
	if p.shown()["Enabled"] != "true" {
		return nil, plainError("PlatformApplicationDisabled", 400, "Platform application is disabled")
	}
	if in.Token == "" {
		return nil, invalidParameter("Token Reason: no value for required parameter")
	}
	d := &device{Application: p.ARN, Attributes: map[string]string{"Enabled": "true"}}
	maps.Copy(d.Attributes, in.Attributes)
	d.Attributes["Token"] = in.Token
	if in.CustomUserData != "" {
		d.Attributes["CustomUserData"] = in.CustomUserData
	}
	if bad := checkDeviceAttributes(d.Attributes); bad != nil {
		return nil, bad
	}
	for _, old := range a.devicesOf(key.Namespace, p.ARN) {
		if old.Attributes["Token"] != in.Token {
			continue
		}
		if !maps.Equal(old.Attributes, d.Attributes) {
			return nil, invalidParameter("Token Reason: Endpoint %s already exists with the same Token, but different attributes.", old.ARN)
		}
		return &endpointOutput{old.ARN}, nil
	}
	d.ARN = strings.Replace(p.ARN, ":app/", ":endpoint/", 1) + "/" + awsproto.NewID()
	return &endpointOutput{d.ARN}, a.keepDocument(deviceKey(key.Namespace, d.ARN), d)
}

// deleteEndpoint [SNS DeleteEndpoint]. One that is not there is no error.
func (a *Adapter) deleteEndpoint(_ context.Context, _ *awsproto.Call, in *endpointInput) (*empty, error) {
	parsed, bad := parseARN(in.EndpointARN, "EndpointArn")
	if bad != nil {
		return nil, bad
	}
	err := a.broker.DeleteDocument(deviceKey(a.namespaceOf(parsed), in.EndpointARN))
	if err != nil && !broker.IsKind(err, broker.KindNotFound) {
		return nil, err
	}
	return nil, nil
}

// getEndpointAttributes [SNS GetEndpointAttributes].
func (a *Adapter) getEndpointAttributes(_ context.Context, _ *awsproto.Call, in *endpointInput) (*attributesOutput, error) {
	d, err := a.device(in.EndpointARN)
	if err != nil {
		return nil, err
	}
	return &attributesOutput{d.Attributes}, nil
}

// setEndpointAttributes [SNS SetEndpointAttributes].
func (a *Adapter) setEndpointAttributes(_ context.Context, _ *awsproto.Call, in *setEndpointInput) (*empty, error) {
	a.changing.Lock()
	defer a.changing.Unlock()
	d, err := a.device(in.EndpointARN)
	if err != nil {
		return nil, err
	}
	if bad := checkDeviceAttributes(in.Attributes); bad != nil {
		return nil, bad
	}
	maps.Copy(d.Attributes, in.Attributes)
	parsed, bad := parseARN(in.EndpointARN, "EndpointArn")
	if bad != nil {
		return nil, bad
	}
	return nil, a.keepDocument(deviceKey(a.namespaceOf(parsed), d.ARN), d)
}

// listEndpoints [SNS ListEndpointsByPlatformApplication].
func (a *Adapter) listEndpoints(_ context.Context, c *awsproto.Call, in *listEndpointsInput) (*listEndpointsOutput, error) {
	p, key, err := a.findApplication(c, in.PlatformApplicationARN)
	if err != nil {
		return nil, err
	}
	list := []endpointListed{}
	for _, d := range a.devicesOf(key.Namespace, p.ARN) {
		list = append(list, endpointListed{d.ARN, d.Attributes})
	}
	page, next, err := pageOf(a.tokens, c, in.NextToken, pageSize, list, func(e endpointListed) string { return e.EndpointARN })
	if err != nil {
		return nil, err
	}
	return &listEndpointsOutput{page, next}, nil
}

// publishToDevice publishes to one device.
func (a *Adapter) publishToDevice(ctx context.Context, c *awsproto.Call, target string, in *publishInput) (*publishOutput, error) {
	d, err := a.device(target)
	if err != nil {
		return nil, invalidParameter("TargetArn Reason: No endpoint found for the target arn specified")
	}
	if !d.enabled() {
		return nil, plainError("EndpointDisabled", 400, "Endpoint is disabled")
	}
	text, texts, bad := in.check()
	if bad == nil {
		bad = checkAttributes(in.MessageAttributes)
	}
	if bad != nil {
		return nil, bad
	}
	if in.size() > defaultMessageSize {
		return nil, invalidParameter("Message too long")
	}
	if special, ok := texts[d.platform()]; ok {
		text = special
	}
	id, err := a.addDirect(ctx, c, protocolApplication, d.ARN, &in.messageInput, text)
	return &publishOutput{MessageID: id}, err
}
