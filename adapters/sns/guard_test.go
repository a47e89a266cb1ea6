package sns

import (
	"testing"

	"github.com/portico-mq/portico/adapters/awspolicy"
)

func TestQueuePoliciesDecideDeliveries(t *testing.T) {
	const (
		queue = "arn:aws:sqs:us-east-1:111122223333:jobs"
		topic = "arn:aws:sns:us-east-1:444455556666:news"
	)
	statement := func(principal, action, condition string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":` + principal + `,"Action":"` + action +
			`","Resource":"` + queue + `","Condition":{` + condition + `}}]}`
	}
	const sns, equals = `{"Service":"sns.amazonaws.com"}`, `"ArnEquals":{"aws:SourceArn":"` + topic + `"}`
	for _, tt := range []struct {
		policy string
		ok     bool
	}{
		{"", false},
		{statement(sns, "sqs:SendMessage", equals), true},
		{statement(sns, "SQS:*", equals), true},
		{statement(`"*"`, "sqs:SendMessage", equals), true},
		{statement(`{"AWS":"*"}`, "sqs:SendMessage", `"ArnLike":{"aws:SourceArn":"arn:aws:sns:*:444455556666:*"}`), true},
		{statement(sns, "sqs:SendMessage", `"StringEquals":{"aws:SourceAccount":"444455556666"}`), true},
		{statement(sns, "sqs:SendMessage", `"StringEquals":{"aws:SourceAccount":"111122223333"}`), false},
		{statement(sns, "sqs:ReceiveMessage", equals), false},
		{statement(sns, "sqs:SendMessage", `"ArnEquals":{"aws:SourceArn":"`+topic+`-other"}`), false},
		{statement(`{"AWS":"444455556666"}`, "sqs:SendMessage", equals), false},
		{statement(`{"Service":"s3.amazonaws.com"}`, "sqs:SendMessage", equals), false},
	} {
		var document *awspolicy.Document
		if tt.policy != "" {
			var err error
			if document, err = awspolicy.Parse(tt.policy, awspolicy.Resource); err != nil {
				t.Fatal(err)
			}
		}
		if got := mayDeliver(document, queue, topic); got != tt.ok {
			t.Errorf("%s: %v", tt.policy, got)
		}
	}
}
