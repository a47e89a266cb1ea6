package sns

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/portico-mq/portico/adapters/awsproto"
)

// inputs are the inputs of all actions.
var inputs = map[string]any{
	"AddPermission": addPermissionInput{}, "CheckIfPhoneNumberIsOptedOut": phoneInput{}, "ConfirmSubscription": confirmInput{},
	"CreatePlatformApplication": createApplicationInput{}, "CreatePlatformEndpoint": createEndpointInput{},
	"CreateSMSSandboxPhoneNumber": sandboxInput{}, "CreateTopic": createTopicInput{}, "DeleteEndpoint": endpointInput{},
	"DeletePlatformApplication": applicationInput{}, "DeleteSMSSandboxPhoneNumber": sandboxInput{}, "DeleteTopic": topicInput{},
	"GetDataProtectionPolicy": resourceInput{}, "GetEndpointAttributes": endpointInput{},
	"GetPlatformApplicationAttributes": applicationInput{}, "GetSMSAttributes": getSMSInput{},
	"GetSMSSandboxAccountStatus": empty{}, "GetSubscriptionAttributes": subscriptionInput{}, "GetTopicAttributes": topicInput{},
	"ListEndpointsByPlatformApplication": listEndpointsInput{}, "ListOriginationNumbers": listNumbersInput{},
	"ListPhoneNumbersOptedOut": listOptedOutInput{}, "ListPlatformApplications": listInput{},
	"ListSMSSandboxPhoneNumbers": listNumbersInput{}, "ListSubscriptions": listInput{}, "ListSubscriptionsByTopic": listByTopicInput{},
	"ListTagsForResource": resourceInput{}, "ListTopics": listInput{}, "OptInPhoneNumber": phoneInput{}, "Publish": publishInput{},
	"PublishBatch": publishBatchInput{}, "PutDataProtectionPolicy": putDataProtectionInput{}, "RemovePermission": removePermissionInput{},
	"SetEndpointAttributes": setEndpointInput{}, "SetPlatformApplicationAttributes": setApplicationInput{},
	"SetSMSAttributes": setSMSInput{}, "SetSubscriptionAttributes": setSubscriptionAttributesInput{},
	"SetTopicAttributes": setTopicAttributesInput{}, "Subscribe": subscribeInput{}, "TagResource": tagResourceInput{},
	"Unsubscribe": subscriptionInput{}, "UntagResource": untagResourceInput{}, "VerifySMSSandboxPhoneNumber": verifySandboxInput{},
}

// TestRecordedRequests decodes each request that the AWS SDK for Go recorded, every member of which is set. No value
// is passed over.
func TestRecordedRequests(t *testing.T) {
	actions := newService(t).adapter.Service().Actions
	if len(actions) != 42 || len(inputs) != 42 {
		t.Errorf("%d actions, %d inputs", len(actions), len(inputs))
	}
	for name := range actions {
		recorded, err := os.ReadFile(filepath.Join("..", "awsproto", "testdata", "requests", "sns-"+name+".snap"))
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.SplitN(string(recorded), "\n\n", 3)
		form, bad := awsproto.ParseForm(parts[2])
		if bad != nil {
			t.Fatal(bad)
		}
		in := reflect.New(reflect.TypeOf(inputs[name]))
		if bad := form.Decode(in.Interface()); bad != nil {
			t.Errorf("%s: %v", name, bad)
			continue
		}
		sent, err := url.ParseQuery(parts[2])
		if err != nil {
			t.Fatal(err)
		}
		var want, got []string
		for parameter, values := range sent {
			if parameter != "Action" && parameter != "Version" {
				want = append(want, values...)
			}
		}
		got = leaves(in.Elem(), got)
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s\ngot  %q\nwant %q", name, got, want)
		}
	}
}

// leaves collects the texts of all values that are set.
func leaves(v reflect.Value, to []string) []string {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			to = leaves(v.Elem(), to)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			to = leaves(v.Field(i), to)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			to = leaves(v.MapIndex(key), append(to, key.String()))
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			if v.Len() > 0 {
				to = append(to, base64.StdEncoding.EncodeToString(v.Bytes()))
			}
			break
		}
		for i := range v.Len() {
			to = leaves(v.Index(i), to)
		}
	case reflect.String:
		if v.Len() > 0 {
			to = append(to, v.String())
		}
	case reflect.Bool:
		if v.Bool() {
			to = append(to, "true")
		}
	default:
		to = append(to, fmt.Sprint(v.Interface()))
	}
	return to
}

// FuzzDecode decodes what anybody may send as each of the inputs.
func FuzzDecode(f *testing.F) {
	paths, err := filepath.Glob(filepath.Join("..", "awsproto", "testdata", "requests", "sns-*.snap"))
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		recorded, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(strings.SplitN(string(recorded), "\n\n", 3)[2])
	}
	f.Fuzz(func(t *testing.T, body string) {
		form, bad := awsproto.ParseForm(body)
		if bad != nil {
			return
		}
		for _, input := range inputs {
			in := reflect.New(reflect.TypeOf(input))
			if form.Decode(in.Interface()) != nil {
				continue
			}
			if p, ok := in.Interface().(*publishInput); ok {
				_, _, _ = p.check()
				_ = checkAttributes(p.MessageAttributes)
			}
		}
	})
}
