package sqs

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/portico-mq/portico/adapters/awsproto"
)

// encode is the JSON of a request.
func encode(t testing.TB, in map[string]any) string {
	t.Helper()
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// shown gives attributes of a queue.
func (s *service) shown(queueURL string, names ...string) map[string]any {
	s.t.Helper()
	attributes, _ := s.ok("GetQueueAttributes", encode(s.t, map[string]any{"QueueUrl": queueURL, "AttributeNames": names}))["Attributes"].(map[string]any)
	return attributes
}

func (s *service) set(name, value string) (int, map[string]any) {
	s.t.Helper()
	return s.json("SetQueueAttributes", encode(s.t, map[string]any{"QueueUrl": testURL, "Attributes": map[string]string{name: value}}))
}

func TestAttributesOfANewQueue(t *testing.T) {
	s := newService(t)
	s.ok("CreateQueue", `{"QueueName":"q"}`)
	got := s.shown(testURL, "All")
	for _, name := range []string{"CreatedTimestamp", "LastModifiedTimestamp"} {
		if len(fmt.Sprint(got[name])) != 10 {
			t.Errorf("%s is %v", name, got[name])
		}
		delete(got, name)
	}
	want := "map[ApproximateNumberOfMessages:0 ApproximateNumberOfMessagesDelayed:0 ApproximateNumberOfMessagesNotVisible:0 DelaySeconds:0 " +
		"MaximumMessageSize:1048576 MessageRetentionPeriod:345600 QueueArn:arn:aws:sqs:us-east-1:000000000000:q ReceiveMessageWaitTimeSeconds:0 " +
		"SqsManagedSseEnabled:false VisibilityTimeout:30]"
	if fmt.Sprint(got) != want {
		t.Errorf("got  %v\nwant %s", got, want)
	}
	if out := s.ok("GetQueueAttributes", `{"QueueUrl":"`+testURL+`"}`); out["Attributes"] != nil {
		t.Errorf("attributes that nobody asked for: %v", out)
	}
	if got := newServiceWith(t, Options{Encrypted: true}); got != nil {
		got.ok("CreateQueue", `{"QueueName":"q"}`)
		if sse := got.shown(testURL, "SqsManagedSseEnabled"); fmt.Sprint(sse) != "map[SqsManagedSseEnabled:true]" {
			t.Errorf("over a store that encrypts: %v", sse)
		}
	}
}

func TestAttributeRanges(t *testing.T) {
	s := newService(t)
	s.ok("CreateQueue", `{"QueueName":"q"}`)
	for name, values := range map[string][2][]string{ // good and bad ones
		"DelaySeconds":                  {{"0", "900"}, {"-1", "901", "", " 1", "1.5", "x", "01", "99999999999999999999"}},
		"MaximumMessageSize":            {{"1024", "1048576"}, {"1023", "1048577", ""}},
		"MessageRetentionPeriod":        {{"60", "1209600"}, {"59", "1209601", ""}},
		"ReceiveMessageWaitTimeSeconds": {{"0", "20"}, {"-1", "21"}},
		"VisibilityTimeout":             {{"0", "43200"}, {"-1", "43201"}},
		"KmsDataKeyReusePeriodSeconds":  {{"60", "86400"}, {"59", "86401"}},
		"KmsMasterKeyId":                {{"alias/aws/sqs", ""}, {"\u0000", strings.Repeat("k", 2049)}},
		"SqsManagedSseEnabled":          {{"true", "false"}, {"", "True", "1"}},
		"Policy":                        {{""}, {"x", "[]", "{}", `{"Version":"2012-10-17","Statement":[]}`, `{"Statement":[{"Effect":"Allow"}]}`}},
		"RedriveAllowPolicy": {
			{
				"", `{"redrivePermission":"allowAll"}`, `{"redrivePermission":"denyAll"}`,
				`{"redrivePermission":"byQueue","sourceQueueArns":["arn:aws:sqs:us-east-1:000000000000:a"]}`,
			},
			{"x", "{}", `{"redrivePermission":"some"}`, `{"redrivePermission":"allowAll","more":1}`},
		},
	} {
		for _, v := range values[0] {
			if code, out := s.set(name, v); code != 200 {
				t.Errorf("%s %q: %d %v", name, v, code, out)
			}
			if got := s.shown(testURL, name)[name]; v != "" && got != v {
				t.Errorf("%s was set to %q and is %v", name, v, got)
			}
		}
		for _, v := range values[1] {
			code, out := s.set(name, v)
			if code != 400 || out["__type"] != "com.amazonaws.sqs#InvalidAttributeValue" || !strings.HasPrefix(fmt.Sprint(out["message"]), "Invalid value for the parameter "+name+".") {
				t.Errorf("%s %.30q: %d %v", name, v, code, out)
			}
		}
	}
}

func TestRedrivePolicyTexts(t *testing.T) {
	for value, want := range map[string]string{
		`[]`:                    "Redrive policy is not a valid JSON map.",
		`{}`:                    "Redrive policy does not contain mandatory attribute: maxReceiveCount.",
		`{"maxReceiveCount":3}`: "Redrive policy does not contain mandatory attribute: deadLetterTargetArn.",
		`{"maxReceiveCount":0,"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:d"}`:         "Invalid value for maxReceiveCount: 0, valid values are from 1 to 1000 both inclusive.",
		`{"maxReceiveCount":"1001","deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:d"}`:    "Invalid value for maxReceiveCount: 1001, valid values are from 1 to 1000 both inclusive.",
		`{"maxReceiveCount":3,"deadLetterTargetArn":"d"}`:                                            "Invalid value for deadLetterTargetArn.",
		`{"maxReceiveCount":3,"deadLetterTargetArn":7}`:                                              "Redrive policy is not a valid JSON map.",
		`{"maxReceiveCount":3,"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:d","x":"y"}`: "Only following attributes are supported: [deadLetterTargetArn, maxReceiveCount].",
		`{"maxReceiveCount":"3","deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:d"}`:       "",
	} {
		if _, reason := parseRedrivePolicy(value); reason != want {
			t.Errorf("%s: %q", value, reason)
		}
	}
}

func TestKindsOfEncryptionExclude(t *testing.T) {
	s := newService(t)
	code, out := s.json("CreateQueue", `{"QueueName":"q","Attributes":{"SqsManagedSseEnabled":"true","KmsMasterKeyId":"k"}}`)
	if code != 400 || out["__type"] != "com.amazonaws.sqs#InvalidAttributeName" {
		t.Errorf("both at once: %d %v", code, out)
	}
	s.ok("CreateQueue", `{"QueueName":"q","Attributes":{"SqsManagedSseEnabled":"true"}}`)
	s.set("KmsMasterKeyId", "k")
	if got := s.shown(testURL, "KmsMasterKeyId", "SqsManagedSseEnabled", "KmsDataKeyReusePeriodSeconds"); fmt.Sprint(got) != "map[KmsDataKeyReusePeriodSeconds:300 KmsMasterKeyId:k SqsManagedSseEnabled:false]" {
		t.Errorf("after a key: %v", got)
	}
	s.set("SqsManagedSseEnabled", "true")
	if got := s.shown(testURL, "KmsMasterKeyId", "SqsManagedSseEnabled"); fmt.Sprint(got) != "map[SqsManagedSseEnabled:true]" {
		t.Errorf("after it was switched on: %v", got)
	}
}

func TestTags(t *testing.T) {
	s := newService(t)
	s.ok("CreateQueue", `{"QueueName":"q","tags":{"a":"1","`+strings.Repeat("ä", 128)+`":""}}`)
	s.ok("TagQueue", `{"QueueUrl":"`+testURL+`","Tags":{"a":"2","b":"3"}}`)
	s.ok("UntagQueue", `{"QueueUrl":"`+testURL+`","TagKeys":["`+strings.Repeat("ä", 128)+`","none"]}`)
	if got := s.ok("ListQueueTags", `{"QueueUrl":"`+testURL+`"}`); fmt.Sprint(got) != "map[Tags:map[a:2 b:3]]" {
		t.Errorf("tags %v", got)
	}
	if code, body := s.query("/", url.Values{"Action": {"ListQueueTags"}, "QueueUrl": {testURL}}); code != 200 || !strings.Contains(body, "<ListQueueTagsResult><Tag><Key>a</Key><Value>2</Value></Tag><Tag><Key>b</Key><Value>3</Value></Tag></ListQueueTagsResult>") {
		t.Error(code, body)
	}
	many := make(map[string]string)
	for i := range 49 {
		many[fmt.Sprint("key", i)] = ""
	}
	for _, bad := range []map[string]string{many, {"": "v"}, {strings.Repeat("k", 129): "v"}, {"k": strings.Repeat("v", 257)}, {"aws:k": "v"}, {"k": "\u0000"}} {
		if code, out := s.json("TagQueue", encode(t, map[string]any{"QueueUrl": testURL, "Tags": bad})); code != 400 || out["query"] != "InvalidParameterValue;Sender" {
			t.Errorf("%.60v: %d %v", bad, code, out)
		}
	}
	for _, request := range [][2]string{{"TagQueue", ""}, {"TagQueue", `,"Tags":{}`}, {"UntagQueue", ""}} {
		if code, _ := s.json(request[0], `{"QueueUrl":"`+testURL+`"`+request[1]+`}`); code != 400 {
			t.Errorf("%v: %d", request, code)
		}
	}
}

func TestPermissions(t *testing.T) {
	s := newService(t)
	s.ok("CreateQueue", `{"QueueName":"q"}`)
	add := func(label, accounts, actions string) (int, map[string]any) {
		return s.json("AddPermission", `{"QueueUrl":"`+testURL+`","Label":"`+label+`","AWSAccountIds":`+accounts+`,"Actions":`+actions+`}`)
	}
	add("one", `["111122223333"]`, `["SendMessage"]`)
	add("two", `["111122223333","444455556666"]`, `["*"]`)
	add("three", `["111122223333"]`, `["SendMessage","ReceiveMessage"]`)
	want := `{"Version":"2008-10-17","Id":"arn:aws:sqs:us-east-1:000000000000:q/SQSDefaultPolicy","Statement":[` +
		`{"Sid":"one","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"SQS:SendMessage","Resource":"arn:aws:sqs:us-east-1:000000000000:q"},` +
		`{"Sid":"two","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:root","arn:aws:iam::444455556666:root"]},"Action":"SQS:*","Resource":"arn:aws:sqs:us-east-1:000000000000:q"},` +
		`{"Sid":"three","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":["SQS:SendMessage","SQS:ReceiveMessage"],"Resource":"arn:aws:sqs:us-east-1:000000000000:q"}]}`
	if got := s.shown(testURL, "Policy")["Policy"]; got != want {
		t.Errorf("policy\n%v, want\n%s", got, want)
	}
	if code, out := s.set("Policy", want); code != 200 { // what we write we take
		t.Error(code, out)
	}
	eight := strings.TrimSuffix(strings.Repeat(`"SendMessage",`, 8), ",")
	for _, tt := range []struct{ label, accounts, actions, query, text string }{
		{"one", `["111122223333"]`, `["SendMessage"]`, "InvalidParameterValue", "Value one for parameter Label is invalid. Reason: Already exists."},
		{"", `["111122223333"]`, `["SendMessage"]`, "MissingParameter", "The request must contain the parameter Label."},
		{"a b", `["111122223333"]`, `["SendMessage"]`, "InvalidParameterValue", "Value a b for parameter Label is invalid. Reason: Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length."},
		{"x", `[]`, `["SendMessage"]`, "MissingParameter", "The request must contain the parameter AWSAccountIds."},
		{"x", `["111122223333"]`, `[]`, "MissingParameter", "The request must contain the parameter Actions."},
		{"x", `["1"]`, `["SendMessage"]`, "InvalidParameterValue", "Value [1] for parameter PrincipalId is invalid. Reason: Unable to verify."},
		{"x", `["111122223333"]`, `["CreateQueue"]`, "InvalidParameterValue", "Value SQS:CreateQueue for parameter ActionName is invalid. Reason: Only the queue owner is allowed to invoke this action."},
		{"x", `["111122223333"]`, `["Nonsense"]`, "InvalidParameterValue", "Value SQS:Nonsense for parameter ActionName is invalid. Reason: Please refer to the appropriate WSDL for a list of valid actions."},
		{"x", `["111122223333"]`, `[` + eight + `]`, "OverLimit", "8 Actions were found, maximum allowed is 7."},
	} {
		if code, out := add(tt.label, tt.accounts, tt.actions); code < 400 || out["query"] != tt.query+";Sender" || out["message"] != tt.text {
			t.Errorf("%+v: %d %v", tt, code, out)
		}
	}
	for _, label := range []string{"two", "one", "three"} {
		s.ok("RemovePermission", `{"QueueUrl":"`+testURL+`","Label":"`+label+`"}`)
	}
	if got := s.shown(testURL, "All")["Policy"]; got != nil {
		t.Errorf("policy %v", got)
	}
	if code, out := s.json("RemovePermission", `{"QueueUrl":"`+testURL+`","Label":"one"}`); code != 400 || out["message"] != "Value one for parameter Label is invalid. Reason: can't find label." {
		t.Error(code, out)
	}
}

func TestQueueURLForms(t *testing.T) {
	c := &awsproto.Call{Path: "/", Account: "111122223333", Region: "us-east-1"}
	for text, want := range map[string]string{
		"https://sqs.eu-west-1.amazonaws.com/000000000000/q":                      "eu-west-1 000000000000 q",
		"http://sqs.us-gov-east-1.localhost.localstack.cloud:4566/000000000000/q": "us-gov-east-1 000000000000 q",
		"http://eu-west-1.queue.localhost.localstack.cloud:4566/000000000000/q":   "eu-west-1 000000000000 q",
		"http://localhost:4566/queue/eu-west-1/000000000000/q":                    "eu-west-1 000000000000 q",
		"http://localhost:4566/000000000000/q":                                    "us-east-1 000000000000 q",
		"http://sqs.internal.example.com/000000000000/q":                          "us-east-1 000000000000 q",
		"http://localhost:9324/queue/q":                                           "us-east-1 111122223333 q",
		"http://localhost/context/000000000000/q":                                 "us-east-1 000000000000 q",
		"000000000000/q": "us-east-1 000000000000 q",
		"q":              "us-east-1 111122223333 q", "http://localhost/q": "", "http://localhost/abc/q": "", "": "", "http://%zz/": "",
	} {
		got := ""
		if a, bad := parseQueueURL(c, text); bad == nil {
			got = a.region + " " + a.account + " " + a.name
		}
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestListQueuesPages(t *testing.T) {
	s := newService(t)
	for _, name := range []string{"a1", "a2", "a3", "b1", "a4", "a5"} {
		s.ok("CreateQueue", `{"QueueName":"`+name+`"}`)
	}
	var got []string
	token := ""
	for range 3 {
		out := s.ok("ListQueues", `{"QueueNamePrefix":"a","MaxResults":2,"NextToken":"`+token+`"}`)
		for _, u := range out["QueueUrls"].([]any) {
			got = append(got, u.(string)[len(testURL)-1:])
		}
		token, _ = out["NextToken"].(string)
	}
	if !slices.Equal(got, []string{"a1", "a2", "a3", "a4", "a5"}) || token != "" {
		t.Errorf("pages %v, token %q", got, token)
	}
	if out := s.ok("ListQueues", `{}`); len(out["QueueUrls"].([]any)) != 6 || out["NextToken"] != nil {
		t.Errorf("all of them: %v", out)
	}
	for _, bad := range []string{`{"MaxResults":0}`, `{"MaxResults":1001}`, `{"NextToken":"x","MaxResults":1}`} {
		if code, out := s.json("ListQueues", bad); code != 400 || out["query"] != "InvalidParameterValue;Sender" {
			t.Errorf("%s: %d %v", bad, code, out)
		}
	}
}

func TestPauses(t *testing.T) {
	s := newServiceWith(t, Options{Pauses: true})
	s.ok("CreateQueue", `{"QueueName":"q"}`)
	s.ok("PurgeQueue", `{"QueueUrl":"`+testURL+`"}`)
	if code, out := s.json("PurgeQueue", `{"QueueUrl":"`+testURL+`"}`); code != 403 || out["__type"] != "com.amazonaws.sqs#PurgeQueueInProgress" || out["message"] != "Only one PurgeQueue operation on q is allowed every 60 seconds." {
		t.Error(code, out)
	}
	s.ok("DeleteQueue", `{"QueueUrl":"`+testURL+`"}`)
	if code, out := s.json("CreateQueue", `{"QueueName":"q"}`); code != 400 || out["__type"] != "com.amazonaws.sqs#QueueDeletedRecently" {
		t.Error(code, out)
	}
	s.ok("CreateQueue", `{"QueueName":"other"}`)
}
