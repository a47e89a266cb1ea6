package sns

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/portico-mq/portico/broker"
)

func TestErrorTexts(t *testing.T) {
	s := newService(t)
	s.queue("q")
	s.ok("CreateTopic", "Name", "t")
	own := s.subscribe("sqs", testQueue)
	member := func(name, dataType, value string) []string {
		return []string{
			"TopicArn", testTopic, "Message", "m", "MessageAttributes.entry.1.Name", name,
			"MessageAttributes.entry.1.Value.DataType", dataType, "MessageAttributes.entry.1.Value.StringValue", value,
		}
	}
	subscribe := func(protocol, endpoint string, set ...string) []string {
		return append([]string{"TopicArn", testTopic, "Protocol", protocol, "Endpoint", endpoint}, attributes(set...)...)
	}
	set := func(name, value string) []string {
		return []string{"SubscriptionArn", own, "AttributeName", name, "AttributeValue", value}
	}
	for _, tt := range []struct {
		action string
		pairs  []string
		status int
		code   string
		text   string
	}{
		{"CreateTopic", []string{"Name", "a b"}, 400, "InvalidParameter", "Invalid parameter: Topic Name"},
		{"CreateTopic", []string{"Name", "x.fifo"}, 400, "InvalidParameter", "Invalid parameter: Topic Name"},
		{"CreateTopic", []string{"Name", strings.Repeat("t", 300<<10)}, 400, "InvalidParameter", "Invalid parameter: Topic Name"},
		{"CreateTopic", append([]string{"Name", "x"}, attributes("DisplayName", "other")...), 200, "", ""},
		{"CreateTopic", append([]string{"Name", "x"}, attributes("DisplayName", "again")...), 400, "InvalidParameter", "Invalid parameter: Attributes Reason: Topic already exists with different attributes"},
		{"CreateTopic", []string{"Name", "x", "Tags.member.1.Key", "k", "Tags.member.1.Value", "v"}, 400, "InvalidParameter", "Invalid parameter: Tags Reason: Topic already exists with different tags"},
		{"CreateTopic", []string{"Name", "y", "Tags.member.1.Key", "k", "Tags.member.1.Value", "v", "Tags.member.2.Key", "k", "Tags.member.2.Value", "w"}, 400, "InvalidParameter", "Invalid parameter: Duplicated keys are not allowed."},
		{"CreateTopic", append([]string{"Name", "y"}, attributes("Nonsense", "1")...), 400, "InvalidParameter", "Invalid parameter: Attributes Reason: Unknown attribute Nonsense"},
		{"SetTopicAttributes", []string{"TopicArn", testTopic, "AttributeName", "Nonsense", "AttributeValue", "1"}, 400, "InvalidParameter", "Invalid parameter: AttributeName"},
		{"SetTopicAttributes", []string{"TopicArn", testTopic, "AttributeName", "Policy", "AttributeValue", "{"}, 400, "InvalidParameter", "Invalid parameter: Policy Error: null"},
		{"SetTopicAttributes", []string{"TopicArn", testTopic, "AttributeName", "SignatureVersion", "AttributeValue", "3"}, 400, "InvalidParameter", "Invalid parameter: SignatureVersion: Invalid value [3]. Must be one of: 1, 2"},
		{"Publish", []string{"TopicArn", "x", "Message", "m"}, 400, "InvalidParameter", "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1"},
		{"Publish", []string{"TopicArn", testTopic + "x", "Message", "m"}, 404, "NotFound", "Topic does not exist"},
		{"Publish", []string{"TopicArn", testTopic}, 400, "InvalidParameter", "Invalid parameter: Empty message"},
		{"Publish", []string{"TopicArn", testTopic, "Message", strings.Repeat("x", 256<<10+1)}, 400, "InvalidParameter", "Invalid parameter: Message too long"},
		{"Publish", []string{"TopicArn", testTopic, "Message", "m", "Subject", "a\nb"}, 400, "InvalidParameter", "Invalid parameter: Subject"},
		{"Publish", []string{"TopicArn", testTopic, "Message", "m", "MessageStructure", "json"}, 400, "InvalidParameter", "Invalid parameter: Message Structure - JSON message body failed to parse"},
		{"Publish", []string{"TopicArn", testTopic, "Message", `{"sqs":"m"}`, "MessageStructure", "json"}, 400, "InvalidParameter", "Invalid parameter: Message Structure - No default entry in JSON message body"},
		{"Publish", []string{"PhoneNumber", "NAA+15551234567", "Message", "m"}, 400, "InvalidParameter", "Invalid parameter: PhoneNumber Reason: NAA+15551234567 is not valid to publish to"},
		{"Publish", []string{"TargetArn", "arn:aws:sns:us-east-1:000000000000:endpoint/GCM/a/b", "Message", "m"}, 400, "InvalidParameter", "Invalid parameter: TargetArn Reason: No endpoint found for the target arn specified"},
		{"Publish", member("a^b", "String", "x"), 400, "ParameterValueInvalid", "Invalid non-alphanumeric character '#x5E' was found in the message attribute name. Can only include alphanumeric characters, hyphens, underscores, or dots."},
		{"Publish", member("a", "Text", "x"), 400, "ParameterValueInvalid", "The message attribute 'a' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String."},
		{"Publish", member("a", "Number", "x"), 400, "ParameterValueInvalid", "Could not cast message attribute 'a' value to number."},
		{"Subscribe", subscribe("pigeon", "x"), 400, "InvalidParameter", "Invalid parameter: Amazon SNS does not support this protocol string: pigeon"},
		{"Subscribe", subscribe("firehose", "x"), 400, "InvalidParameter", "Invalid parameter: Protocol Reason: the protocol firehose is not supported yet"},
		{"Subscribe", subscribe("https", "http://x"), 400, "InvalidParameter", "Invalid parameter: Endpoint must match the specified protocol"},
		{"Subscribe", subscribe("email", "x"), 400, "InvalidParameter", "Invalid parameter: Email address"},
		{"Subscribe", subscribe("sms", "NAA+15551234567"), 400, "InvalidParameter", "Invalid SMS endpoint: NAA+15551234567"},
		{"Subscribe", subscribe("lambda", "x"), 400, "InvalidParameter", "Invalid parameter: Lambda endpoint ARN"},
		{"Subscribe", subscribe("lambda", "arn:aws:lambda:us-east-1:000000000000:function:f"), 400, "InvalidParameter", "Invalid parameter: Protocol Reason: lambda needs aws.lambda.endpoint in the configuration, which is not set"},
		{"Subscribe", subscribe("application", "arn:aws:sns:us-east-1:000000000000:endpoint/GCM/a/b"), 400, "InvalidParameter", "Invalid parameter: Endpoint Reason: Endpoint does not exist for endpoint arnarn:aws:sns:us-east-1:000000000000:endpoint/GCM/a/b"},
		{"Subscribe", subscribe("sqs", "x"), 400, "InvalidParameter", "Invalid parameter: SQS endpoint ARN"},
		{"Subscribe", subscribe("sqs", testQueue+".fifo"), 400, "InvalidParameter", "Invalid parameter: Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics"},
		{"Subscribe", subscribe("sqs", testQueue, "RawMessageDelivery", "true"), 400, "InvalidParameter", "Invalid parameter: Attributes Reason: Subscription already exists with different attributes"},
		{"Subscribe", subscribe("sqs", testQueue+"2", "FilterPolicy", `{"a":{"b":["c"]}}`), 400, "InvalidParameter", "Invalid parameter: Attributes Reason: Filter policy scope MessageAttributes does not support nested filter policy"},
		{"SetSubscriptionAttributes", set("FilterPolicyScope", "RandomValue"), 400, "InvalidParameter", "Invalid parameter: FilterPolicyScope: Invalid value [RandomValue]. Please use either MessageBody or MessageAttributes"},
		{"SetSubscriptionAttributes", set("FilterPolicy", `{"key_a":"value_one"}`), 400, "InvalidParameter", "Invalid parameter: FilterPolicy: &quot;key_a&quot; must be an object or an array\n at [Source: (String)&quot;{&quot;key_a&quot;:&quot;value_one&quot;}&quot;; line: 1, column: 11]"},
		{"SetSubscriptionAttributes", set("RedrivePolicy", `{"deadLetterTargetArn":"x"}`), 400, "InvalidParameter", "Invalid parameter: RedrivePolicy: deadLetterTargetArn is an invalid arn"},
		{"SetSubscriptionAttributes", set("Nonsense", `x`), 400, "InvalidParameter", "Invalid parameter: AttributeName"},
		{"ConfirmSubscription", []string{"TopicArn", testTopic, "Token", "x"}, 400, "InvalidParameter", "Invalid token"},
		{"GetSubscriptionAttributes", []string{"SubscriptionArn", testTopic + ":x"}, 404, "NotFound", "Subscription does not exist"},
		{"GetSubscriptionAttributes", []string{"SubscriptionArn", testTopic}, 400, "InvalidParameter", "Invalid parameter: SubscriptionId"},
		{"PublishBatch", []string{"TopicArn", testTopic}, 400, "EmptyBatchRequest", "The batch request doesn't contain any entries."},
		{"AddPermission", []string{"TopicArn", testTopic, "Label", "l", "AWSAccountId.member.1", "123456789012", "ActionName.member.1", "Nonsense"}, 400, "InvalidParameter", "Invalid parameter: Policy statement action out of service scope!"},
		{"ListTagsForResource", []string{"ResourceArn", testTopic + "x"}, 404, "ResourceNotFound", "Resource does not exist"},
		{"ListTopics", []string{"NextToken", "x"}, 400, "InvalidParameter", "Invalid parameter: NextToken"},
		{"Nonsense", nil, 400, "InvalidAction", "Could not find operation Nonsense for version 2010-03-31"},
	} {
		code, body := s.do(tt.action, tt.pairs...)
		want := "<Type>Sender</Type><Code>" + tt.code + "</Code><Message>" + tt.text + "</Message></Error>"
		if code != tt.status || tt.status != 200 && !strings.Contains(body, want) {
			t.Errorf("%s %.80s: %d %.600s\nwant %d %s", tt.action, strings.Join(tt.pairs, " "), code, body, tt.status, want)
		}
	}
}

func TestTopicAttributes(t *testing.T) {
	s := newService(t)
	s.ok("CreateTopic", append([]string{"Name", "t", "Tags.member.1.Key", "k", "Tags.member.1.Value", ""}, attributes("DisplayName", "d", "TracingConfig", "Active")...)...)
	s.ok("CreateTopic", append([]string{"Name", "t", "Tags.member.1.Key", "k", "Tags.member.1.Value", ""}, attributes("DisplayName", "d")...)...)
	set := func(name, value string) {
		t.Helper()
		s.ok("SetTopicAttributes", "TopicArn", testTopic, "AttributeName", name, "AttributeValue", value)
	}
	set("SignatureVersion", "2")
	set("MaximumMessageSize", "1048576")
	set("DeliveryPolicy", `{"http":{"defaultHealthyRetryPolicy":{"numRetries":7}}}`)
	set("HTTPSuccessFeedbackSampleRate", "50")
	s.restart()
	shown := shownIn(t, s.ok("GetTopicAttributes", "TopicArn", testTopic))
	for name, want := range map[string]string{
		"TopicArn": testTopic, "Owner": "000000000000", "DisplayName": "d", "SignatureVersion": "2", "TracingConfig": "Active",
		"HTTPSuccessFeedbackSampleRate": "50", "SubscriptionsConfirmed": "0", "SubscriptionsPending": "0", "SubscriptionsDeleted": "0",
	} {
		if shown[name] != want {
			t.Errorf("%s is %q, want %q", name, shown[name], want)
		}
	}
	if !strings.Contains(shown["EffectiveDeliveryPolicy"], `"numRetries":7`) || !strings.Contains(shown["Policy"], `"__default_policy_ID"`) {
		t.Errorf("shown %v", shown)
	}
	s.ok("Publish", "TopicArn", testTopic, "Message", strings.Repeat("x", 1<<20))
	s.ok("TagResource", "ResourceArn", testTopic, "Tags.member.1.Key", "k", "Tags.member.1.Value", "2", "Tags.member.2.Key", "l", "Tags.member.2.Value", "3")
	s.ok("UntagResource", "ResourceArn", testTopic, "TagKeys.member.1", "k", "TagKeys.member.2", "m")
	if body := s.ok("ListTagsForResource", "ResourceArn", testTopic); !strings.Contains(body, "<Tags><member><Key>l</Key><Value>3</Value></member></Tags>") {
		t.Errorf("tags %s", body)
	}
	s.ok("PutDataProtectionPolicy", "ResourceArn", testTopic, "DataProtectionPolicy", `{"Name":"x"}`)
	if body := s.ok("GetDataProtectionPolicy", "ResourceArn", testTopic); element(t, body, "DataProtectionPolicy") != `{&quot;Name&quot;:&quot;x&quot;}` {
		t.Errorf("data protection %s", body)
	}
}

func TestPermissionsAreStatementsOfThePolicy(t *testing.T) {
	s := newService(t)
	s.ok("CreateTopic", "Name", "t")
	add := []string{"TopicArn", testTopic, "Label", "l", "AWSAccountId.member.1", "123456789012", "ActionName.member.1", "Publish"}
	s.ok("AddPermission", add...)
	want := `{"Sid":"l","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"SNS:Publish","Resource":"` + testTopic + `"}`
	if shown := shownIn(t, s.ok("GetTopicAttributes", "TopicArn", testTopic)); !strings.HasSuffix(shown["Policy"], ","+want+"]}") || !strings.Contains(shown["Policy"], "__default_statement_ID") {
		t.Errorf("policy %s", shown["Policy"])
	}
	if code, body := s.do("AddPermission", add...); code != 400 || !strings.Contains(body, "Statement already exists") {
		t.Errorf("%d %s", code, body)
	}
	s.ok("RemovePermission", "TopicArn", testTopic, "Label", "l")
	s.ok("RemovePermission", "TopicArn", testTopic, "Label", "l")
	if shown := shownIn(t, s.ok("GetTopicAttributes", "TopicArn", testTopic)); strings.Contains(shown["Policy"], `"l"`) {
		t.Errorf("policy %s", shown["Policy"])
	}
}

func TestExchangesOfOtherFrontEndsAreTopics(t *testing.T) {
	s := newService(t)
	s.queue("q")
	for name, kind := range map[string]broker.ExchangeKind{"t": broker.Fanout, "direct": broker.Direct} {
		if _, _, err := s.session.DeclareExchange(t.Context(), broker.ExchangeSpec{Name: name, Kind: kind, Durable: true}); err != nil {
			t.Fatal(err)
		}
	}
	if body := s.ok("ListTopics"); strings.Count(body, "<TopicArn>") != 1 || !strings.Contains(body, testTopic) {
		t.Errorf("topics %s", body)
	}
	if code, body := s.do("CreateTopic", "Name", "direct"); code != 400 || !strings.Contains(body, "already exists with different attributes") {
		t.Errorf("%d %s", code, body)
	}
	s.subscribe("sqs", testQueue)
	done := make(chan error, 1)
	m := broker.NewMessage("t", "", nil, []byte{0xff})
	if n, err := s.session.Publish(m, broker.CompletionFunc(func(err error) { done <- err })); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	got := s.receive("q")
	if len(got) != 1 || !strings.Contains(string(got[0].Body()), `"Message":"/w==","Timestamp":"`+time.Now().UTC().Format("2006-01-")) ||
		!strings.Contains(string(got[0].Body()), `"Portico.BodyEncoding":{"Type":"String","Value":"base64"}`) {
		t.Errorf("wrapped as %s", got[0].Body())
	}
}

// A queue of any other front end can be bound to a topic, and gets what was published.
func TestTopicBoundFromAnotherFrontEnd(t *testing.T) {
	s := newService(t)
	s.queue("amqp")
	s.ok("CreateTopic", "Name", "t")
	if err := s.session.Bind(context.Background(), broker.Binding{Source: "t", Destination: "amqp", Kind: broker.ToQueue}); err != nil {
		t.Fatal(err)
	}
	s.ok("Publish", "TopicArn", testTopic, "Message", `{"default":"d","sqs":"s"}`, "MessageStructure", "json", "Subject", "about")
	got := s.receive("amqp")
	if len(got) != 1 || string(got[0].Body()) != "d" {
		t.Fatalf("received %v", got)
	}
}

// What nobody should send gets an error of the service, and never breaks an answer.
func TestHostileInput(t *testing.T) {
	s := newService(t)
	s.queue("q")
	s.ok("CreateTopic", "Name", "t")
	s.subscribe("sqs", testQueue)
	for _, text := range []string{"<a>&\"'\r\n\t]]>", "\U0010FFFF\uFFFD\u00A0"} {
		s.ok("Publish", "TopicArn", testTopic, "Message", text)
		var e struct{ Message string }
		if err := json.Unmarshal(s.await("q").Body(), &e); err != nil || e.Message != text {
			t.Errorf("%q came as %q: %v", text, e.Message, err)
		}
		s.ok("SetTopicAttributes", "TopicArn", testTopic, "AttributeName", "KmsMasterKeyId", "AttributeValue", text)
		if got := shownIn(t, s.ok("GetTopicAttributes", "TopicArn", testTopic))["KmsMasterKeyId"]; got != text {
			t.Errorf("%q is shown as %q", text, got)
		}
	}
	deep := strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000)
	for _, tt := range [][]string{
		{"Publish", "TopicArn", testTopic, "Message", "\x00"},
		{"Publish", "TopicArn", testTopic, "Message", "\uFFFE"},
		{"Publish", "TopicArn", testTopic, "Message", "m", "Subject", strings.Repeat("x", 101)},
		{"Publish", "TopicArn", testTopic, "Message", "m", "MessageGroupId", "a b"},
		{"Subscribe", "TopicArn", testTopic, "Protocol", "sms", "Endpoint", "+1555\x00"},
		{"Subscribe", "TopicArn", testTopic, "Protocol", "http", "Endpoint", "http://a b"},
		{"Subscribe", "TopicArn", testTopic, "Protocol", "email", "Endpoint", "a@b\r\nBcc: c@d"},
		append([]string{"Subscribe", "TopicArn", testTopic, "Protocol", "sqs", "Endpoint", testQueue + "x"}, attributes("FilterPolicy", deep, "FilterPolicyScope", "MessageBody")...),
		append([]string{"Subscribe", "TopicArn", testTopic, "Protocol", "sqs", "Endpoint", testQueue + "x"}, attributes("FilterPolicy", "{"+strings.Repeat(" ", 300<<10)+"}")...),
		{"AddPermission", "TopicArn", testTopic, "Label", "a b", "AWSAccountId.member.1", "1", "ActionName.member.1", "Publish"},
		{"TagResource", "ResourceArn", testTopic, "Tags.member.1.Key", "aws:x", "Tags.member.1.Value", ""},
		{"CreatePlatformApplication", "Name", "a/b", "Platform", "GCM"},
		{"CreatePlatformEndpoint", "PlatformApplicationArn", testTopic, "Token", "t"},
		{"SetSMSAttributes", "attributes.entry.1.key", "Nonsense", "attributes.entry.1.value", "1"},
		{"ListSMSSandboxPhoneNumbers", "MaxResults", "x"},
	} {
		if code, body := s.do(tt[0], tt[1:]...); code < 400 || code >= 500 || !strings.Contains(body, "<Type>Sender</Type>") {
			t.Errorf("%.120q: %d %.300s", tt, code, body)
		}
	}
	s.ok("Publish", "TopicArn", testTopic, "Message", deep)
}
