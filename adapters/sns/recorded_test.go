package sns

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/portico-mq/portico/adapters/awsmessage"
)

// What was measured on AWS in 2023 and 2024, by the tests that LocalStack's repository marks as validated there
// (tests/aws/services/sns/test_sns.py and its recorded answers).

// sameJSON compares JSON texts.
func sameJSON(t *testing.T, what, got, want string) {
	t.Helper()
	var x, y any
	if err := json.Unmarshal([]byte(got), &x); err != nil {
		t.Errorf("%s: %v in %q", what, err, got)
		return
	}
	if err := json.Unmarshal([]byte(want), &y); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(x, y) {
		t.Errorf("%s\ngot  %s\nwant %s", what, got, want)
	}
}

func TestRecordedDeliveryPolicies(t *testing.T) {
	s := newService(t)
	const schedule = `"numMaxDelayRetries":0,"numNoDelayRetries":0,"numMinDelayRetries":0,"backoffFunction":"linear"`
	effective := func(delays, contentType string) string {
		return `{"http":{"defaultHealthyRetryPolicy":{` + delays + `,` + schedule + `},"disableSubscriptionOverrides":false,"defaultRequestPolicy":{"headerContentType":"` + contentType + `"}}}`
	}
	s.ok("CreateTopic", append([]string{"Name", "t"}, attributes("DeliveryPolicy", `{"http":{"defaultRequestPolicy":{"headerContentType":"application/json"}}}`)...)...)
	const standard, plain = `"minDelayTarget":20,"maxDelayTarget":20,"numRetries":3`, "text/plain; charset=UTF-8"
	for _, tt := range []struct{ set, shown, effective string }{
		{"", `{"http":{"disableSubscriptionOverrides":false,"defaultRequestPolicy":{"headerContentType":"application/json"}}}`, effective(standard, "application/json")},
		{
			`{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":5,"maxDelayTarget":6,"numRetries":1}}}`,
			`{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":5,"maxDelayTarget":6,"numRetries":1},"disableSubscriptionOverrides":false}}`,
			effective(`"minDelayTarget":5,"maxDelayTarget":6,"numRetries":1`, plain),
		},
		{`{"http":{"defaultHealthyRetryPolicy":null}}`, `{"http":{"disableSubscriptionOverrides":false}}`, effective(standard, plain)},
	} {
		if tt.set != "" {
			s.ok("SetTopicAttributes", "TopicArn", testTopic, "AttributeName", "DeliveryPolicy", "AttributeValue", tt.set)
		}
		shown := shownIn(t, s.ok("GetTopicAttributes", "TopicArn", testTopic))
		sameJSON(t, "shown", shown["DeliveryPolicy"], tt.shown)
		sameJSON(t, "effective", shown["EffectiveDeliveryPolicy"], tt.effective)
	}
	s.ok("SetTopicAttributes", "TopicArn", testTopic, "AttributeName", "DeliveryPolicy", "AttributeValue", "")
	if shown := shownIn(t, s.ok("GetTopicAttributes", "TopicArn", testTopic)); shown["DeliveryPolicy"] != "" {
		t.Errorf("after it was taken back: %v", shown)
	}
	e := newEndpoint(t)
	own := s.subscribe("http", e.URL, "DeliveryPolicy", `{"requestPolicy":{"headerContentType":"text/csv"}}`)
	shown := shownIn(t, s.ok("GetSubscriptionAttributes", "SubscriptionArn", own))
	sameJSON(t, "a subscription's", shown["DeliveryPolicy"], `{"healthyRetryPolicy":null,"sicklyRetryPolicy":null,"throttlePolicy":null,"requestPolicy":{"headerContentType":"text/csv"},"guaranteed":false}`)
	sameJSON(t, "in force", shown["EffectiveDeliveryPolicy"], `{"healthyRetryPolicy":{`+standard+`,`+schedule+`},"sicklyRetryPolicy":null,"throttlePolicy":null,"requestPolicy":{"headerContentType":"text/csv"},"guaranteed":false}`)
	if shown["ConfirmationWasAuthenticated"] != "false" || shown["PendingConfirmation"] != "true" || shown["RawMessageDelivery"] != "false" {
		t.Errorf("shown %v", shown)
	}
}

func TestRecordedSubscriptionAttributes(t *testing.T) {
	s := newService(t)
	s.queue("q")
	s.ok("CreateTopic", "Name", "t")
	arn := s.subscribe("sqs", testQueue, "FilterPolicy", `{"attr1":[{"numeric":[">",0,"<=",100]}]}`)
	want := map[string]string{
		"ConfirmationWasAuthenticated": "true", "Endpoint": testQueue, "FilterPolicy": `{"attr1":[{"numeric":[">",0,"<=",100]}]}`,
		"FilterPolicyScope": "MessageAttributes", "Owner": "000000000000", "PendingConfirmation": "false", "Protocol": "sqs",
		"RawMessageDelivery": "false", "SubscriptionArn": arn, "SubscriptionPrincipal": "arn:aws:iam::000000000000:root", "TopicArn": testTopic,
	}
	if shown := shownIn(t, s.ok("GetSubscriptionAttributes", "SubscriptionArn", arn)); !reflect.DeepEqual(shown, want) {
		t.Errorf("shown %v", shown)
	}
	sms := s.subscribe("sms", "+123123123")
	if shown := shownIn(t, s.ok("GetSubscriptionAttributes", "SubscriptionArn", sms)); shown["ConfirmationWasAuthenticated"] != "true" || shown["PendingConfirmation"] != "false" {
		t.Errorf("shown %v", shown)
	}
}

func TestRecordedRefusals(t *testing.T) {
	s := newService(t)
	s.queue("q")
	s.ok("CreateTopic", "Name", "t")
	s.ok("CreateTopic", append([]string{"Name", "f.fifo"}, attributes("FifoTopic", "true")...)...)
	const fifo = "arn:aws:sns:us-east-1:000000000000:f.fifo"
	own := s.subscribe("sqs", testQueue)
	body := s.ok("Subscribe", "TopicArn", fifo, "Protocol", "sqs", "Endpoint", testQueue+".fifo")
	onFIFO := element(t, body, "SubscriptionArn")
	set := func(name, value string) []string {
		return []string{"SubscriptionArn", own, "AttributeName", name, "AttributeValue", value}
	}
	named := func(name, dataType, field, value string) []string {
		return []string{
			"TopicArn", testTopic, "Message", "m", "MessageAttributes.entry.1.Name", name,
			"MessageAttributes.entry.1.Value.DataType", dataType, "MessageAttributes.entry.1.Value." + field, value,
		}
	}
	entry := func(topic string, pairs ...string) []string {
		list := []string{"TopicArn", topic, "PublishBatchRequestEntries.member.1.Id", "1", "PublishBatchRequestEntries.member.1.Message", "m"}
		for i := 0; i < len(pairs); i += 2 {
			list = append(list, "PublishBatchRequestEntries.member.1."+pairs[i], pairs[i+1])
		}
		return list
	}
	const invalid, value = "InvalidParameter", "ParameterValueInvalid"
	for _, tt := range []struct {
		action     string
		pairs      []string
		code, text string
	}{
		{"Publish", []string{"TopicArn", "randomstring", "Message", "m"}, invalid, "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1"},
		{"Publish", []string{"TopicArn", "randomstring:1", "Message", "m"}, invalid, "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 2"},
		{"Publish", []string{"TopicArn", "", "Message", "m"}, invalid, "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1"},
		{"Publish", []string{"TopicArn", "arn:aws:sns:eu-west-1:000000000000:t", "Message", "m"}, invalid, "Invalid parameter: TopicArn"},
		{"PublishBatch", entry("arn:aws:sns:eu-west-1:000000000000:t"), invalid, "Invalid parameter: TopicArn"},
		{"Publish", []string{"TopicArn", testTopic, "Message", "m", "Subject", ""}, invalid, "Invalid parameter: Subject"},
		{"Publish", []string{"TopicArn", testTopic, "Message", `{"default":{"object":"test"}}`, "MessageStructure", "json"}, invalid, "Invalid parameter: Message Structure - No default entry in JSON message body"},
		{"Publish", []string{"TopicArn", testTopic, "Message", "m", "MessageDeduplicationId", "d"}, invalid, "Invalid parameter: MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for this topic type"},
		{"Publish", []string{"PhoneNumber", "+1a234", "Message", "m"}, invalid, "Invalid parameter: PhoneNumber Reason: +1a234 is not valid to publish to"},
		{"Publish", named("attr1", "String", "StringValue", ""), value, "The message attribute 'attr1' must contain non-empty message attribute value for message attribute type 'String'."},
		{"Publish", named("attr1", "Binary", "BinaryValue", ""), value, "The message attribute 'attr1' must contain non-empty message attribute value for message attribute type 'Binary'."},
		{"Publish", named("attr1", "String", "BinaryValue", "MTIz"), value, "The message attribute 'attr1' with type 'String' must use field 'String'."},
		{"Publish", named("attr1", "Number", "BinaryValue", "MTIz"), value, "The message attribute 'attr1' with type 'Number' must use field 'String'."},
		{"Publish", named("attr1", "Binary", "StringValue", "123"), value, "The message attribute 'attr1' with type 'Binary' must use field 'Binary'."},
		{"Publish", named("attr1", "InvalidType", "StringValue", "123"), value, "The message attribute 'attr1' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String."},
		{"Publish", named("attr1", "Stringprefixed", "StringValue", "123"), value, "The message attribute 'attr1' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String."},
		{"Publish", named(strings.Repeat("a", 257), "String", "StringValue", "x"), value, "Length of message attribute name must be less than 256 bytes."},
		{"Publish", named("a^a", "String", "StringValue", "x"), value, "Invalid non-alphanumeric character '#x5E' was found in the message attribute name. Can only include alphanumeric characters, hyphens, underscores, or dots."},
		{"Publish", named(".attr", "String", "StringValue", "x"), value, "Invalid message attribute name starting with character '.' was found."},
		{"Publish", named("attr.", "String", "StringValue", "x"), value, "Invalid message attribute name ending with character '.' was found."},
		{"Publish", named("at..tr", "String", "StringValue", "x"), value, "Message attribute name can not have successive '.' character."},
		{
			"PublishBatch", entry(testTopic, "MessageAttributes.entry.1.Name", "attr1", "MessageAttributes.entry.1.Value.DataType", "String", "MessageAttributes.entry.1.Value.StringValue", ""),
			value, "The message attribute 'attr1' must contain non-empty message attribute value for message attribute type 'String'.",
		},
		{"PublishBatch", entry(fifo), invalid, "Invalid parameter: The MessageGroupId parameter is required for FIFO topics"},
		{"PublishBatch", entry(fifo, "MessageGroupId", "g"), invalid, "Invalid parameter: The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"},
		{"PublishBatch", append(entry(testTopic, "MessageStructure", "json"), "PublishBatchRequestEntries.member.1.Message", `{"sqs":"x"}`), invalid, "Invalid parameter: Message Structure - No default entry in JSON message body"},
		{"Subscribe", []string{"TopicArn", testTopic, "Protocol", "sms", "Endpoint", "NAA+15551234567"}, invalid, "Invalid SMS endpoint: NAA+15551234567"},
		{"Subscribe", append([]string{"TopicArn", testTopic, "Protocol", "sqs", "Endpoint", testQueue + "2"}, attributes("RawMessageDelivery", "wrongvalue")...), invalid, "Invalid parameter: Attributes Reason: RawMessageDelivery: Invalid value [wrongvalue]. Must be true or false."},
		{"SetSubscriptionAttributes", set("RawMessageDelivery", ""), invalid, "Invalid parameter: RawMessageDelivery: Invalid value []. Must be true or false."},
		{"SetSubscriptionAttributes", set("fakeAttribute", "x"), invalid, "Invalid parameter: AttributeName"},
		{"SetSubscriptionAttributes", set("FilterPolicy", "{invalidjson}"), invalid, "Invalid parameter: FilterPolicy: failed to parse JSON. Unexpected character (&apos;i&apos; (code 105)): was expecting double-quote to start field name\n at [Source: (String)&quot;{invalidjson}&quot;; line: 1, column: 3]"},
		{"SetSubscriptionAttributes", set("RedrivePolicy", `{"deadLetterTargetArn": "fake-arn"}`), invalid, "Invalid parameter: RedrivePolicy: deadLetterTargetArn is an invalid arn"},
		{"SetSubscriptionAttributes", []string{"SubscriptionArn", onFIFO, "AttributeName", "RedrivePolicy", "AttributeValue", `{"deadLetterTargetArn":"` + testQueue + `"}`}, invalid, "Invalid parameter: RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic."},
		{"Unsubscribe", []string{"SubscriptionArn", "randomstring"}, invalid, "Invalid parameter: SubscriptionArn Reason: An ARN must have at least 6 elements, not 1"},
		{"Unsubscribe", []string{"SubscriptionArn", "arn:aws:sns:us-east-1:random"}, invalid, "Invalid parameter: SubscriptionArn Reason: An ARN must have at least 6 elements, not 5"},
		{"Unsubscribe", []string{"SubscriptionArn", "arn:aws:sns:us-east-1:111111111111:random"}, invalid, "Invalid parameter: SubscriptionId"},
		{"ConfirmSubscription", []string{"TopicArn", testTopic, "Token", "randomtoken"}, invalid, "Invalid token"},
		{"ConfirmSubscription", []string{"TopicArn", testTopic, "Token", "51b2ff3edb475b7d91550e0ab6edf0c1"}, invalid, "Invalid parameter: Token"},
		{"ConfirmSubscription", []string{"TopicArn", testTopic + "i", "Token", "51b2ff3edb475b7d91550e0ab6edf0c1"}, invalid, "Invalid parameter: Token"},
	} {
		code, body := s.do(tt.action, tt.pairs...)
		text := strings.NewReplacer("&apos;", "'").Replace(tt.text)
		if want := "<Type>Sender</Type><Code>" + tt.code + "</Code><Message>" + text + "</Message></Error>"; code != 400 || !strings.Contains(body, want) {
			t.Errorf("%s %.100s: %d %.700s\nwant %s", tt.action, strings.Join(tt.pairs, " "), code, body, want)
		}
	}
	if code, body := s.do("SetSubscriptionAttributes", set("RedrivePolicy", "{invalidjson}")...); code != 400 || !strings.Contains(body, "Invalid parameter: RedrivePolicy: failed to parse JSON.") {
		t.Errorf("%d %s", code, body)
	}
	s.ok("Unsubscribe", "SubscriptionArn", own)
	s.ok("Unsubscribe", "SubscriptionArn", own)
	s.ok("Publish", "TopicArn", testTopic, "Message", `{"default":"a","default":"b"}`, "MessageStructure", "json")
}

func TestRecordedConfirmations(t *testing.T) {
	s := newService(t)
	s.ok("CreateTopic", "Name", "t")
	e := newEndpoint(t)
	arn := s.subscribe("http", e.URL)
	r, fields, _ := e.next(t)
	for name, want := range map[string]string{
		"Accept-Encoding": "gzip,deflate", "Content-Type": "text/plain; charset=UTF-8", "User-Agent": "Amazon Simple Notification Service Agent",
		"X-Amz-Sns-Message-Type": "SubscriptionConfirmation", "X-Amz-Sns-Topic-Arn": testTopic, "X-Amz-Sns-Subscription-Arn": "",
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	token := fields["Token"].(string)
	confirm := func(topic, token string) (int, string) {
		return s.get("/?Action=ConfirmSubscription&TopicArn="+url.QueryEscape(topic)+"&Token="+token, "203.0.113.9:1")
	}
	for _, tt := range []struct{ topic, token, text string }{
		{"arn:aws:sns", token, "Invalid parameter: Topic"},
		{testTopic, "abc123", "Invalid parameter: Token"},
		{"arn:aws:sns:eu-west-1:000000000000:t", token, "Invalid parameter: Topic"},
	} {
		if code, body := confirm(tt.topic, tt.token); code != 400 || !strings.Contains(body, "<Message>"+tt.text+"</Message>") {
			t.Errorf("%v: %d %s", tt, code, body)
		}
	}
	for _, topic := range []string{testTopic + "x", testTopic, testTopic} { // a topic that there is not does as well, and twice too
		if code, body := confirm(topic, token); code != 200 || element(t, body, "SubscriptionArn") != arn {
			t.Errorf("%s: %d %s", topic, code, body)
		}
	}
}

func TestRecordedTraceOfTheRequest(t *testing.T) {
	s := newService(t)
	s.queue("q")
	s.ok("CreateTopic", "Name", "t")
	s.subscribe("sqs", testQueue)
	const trace = "Root=1-3152b799-8954dae64eda91bc9a23a7e8;Parent=7fa8c0f79203be72;Sampled=1"
	form := url.Values{"Action": {"Publish"}, "TopicArn": {testTopic}, "Message": {"X-Ray propagation test msg"}}
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(form.Encode()))
	r.RemoteAddr = "127.0.0.1:1"
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Amzn-Trace-Id", trace)
	if code, body := s.answer(r); code != 200 {
		t.Fatal(code, body)
	}
	if got := awsmessage.Read(s.await("q").Properties()).Trace; got != trace {
		t.Errorf("trace %q", got)
	}
}

func TestRecordedRawAttributes(t *testing.T) {
	s := newService(t)
	s.queue("q")
	s.ok("CreateTopic", "Name", "t")
	s.subscribe("sqs", testQueue, "RawMessageDelivery", "true")
	s.ok("Publish", "TopicArn", testTopic, "Message", "m", "MessageAttributes.entry.1.Name", "attr1", "MessageAttributes.entry.1.Value.DataType", "Number",
		"MessageAttributes.entry.1.Value.StringValue", "99.12", "MessageAttributes.entry.2.Name", "attr2", "MessageAttributes.entry.2.Value.DataType", "Binary",
		"MessageAttributes.entry.2.Value.BinaryValue", "AgME")
	got := awsmessage.Read(s.await("q").Properties()).Attributes
	if fmt.Sprint(len(got), got["attr1"].DataType, got["attr1"].Text(), got["attr2"].BinaryValue) != "2Number99.12[2 3 4]" {
		t.Errorf("attributes %v", got)
	}
}
