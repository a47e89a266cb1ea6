package aws

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// terraform makes the calls that the Terraform AWS provider makes for queues, in its order, and compares as it does:
// hashicorp/terraform-provider-aws, internal/service/sqs/queue.go (resourceQueueCreate, -Read, -Update, -Delete,
// statusQueueAttributeState), attribute_funcs.go, queue_data_source.go and tags_gen.go, as of v6.
type terraform struct {
	t *testing.T
	c *sqs.Client
}

// all is findQueueAttributesByURL.
func (tf *terraform) all(url string) map[string]string {
	tf.t.Helper()
	out, err := tf.c.GetQueueAttributes(tf.t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{"All"}})
	if err != nil {
		tf.t.Fatal(err)
	}
	return out.Attributes
}

// propagated is statusQueueAttributeState: until it holds, the provider waits, up to minutes.
func (tf *terraform) propagated(url string, expected map[string]string) {
	tf.t.Helper()
	got := tf.all(url)
	for name, want := range expected {
		have, ok := got[name]
		switch {
		case !ok && want == "":
		case !ok && name == "KmsDataKeyReusePeriodSeconds" && (want == "300" || got["SqsManagedSseEnabled"] == "false" && got["KmsMasterKeyId"] == ""):
		case name == "Policy", name == "RedrivePolicy", name == "RedriveAllowPolicy":
			var x, y any
			if json.Unmarshal([]byte(have), &x) != nil || json.Unmarshal([]byte(want), &y) != nil || !reflect.DeepEqual(x, y) {
				tf.t.Errorf("%s is %q, expected %q", name, have, want)
			}
		case have != want:
			tf.t.Errorf("%s is %q, expected %q", name, have, want)
		}
	}
}

// create is resourceQueueCreate, which sends the schema's defaults too.
func (tf *terraform) create(name string, attributes, tags map[string]string) string {
	tf.t.Helper()
	all := map[string]string{
		"DelaySeconds": "0", "MaximumMessageSize": "1048576", "MessageRetentionPeriod": "345600",
		"ReceiveMessageWaitTimeSeconds": "0", "VisibilityTimeout": "30",
	}
	for name, value := range attributes {
		all[name] = value
	}
	out, err := tf.c.CreateQueue(tf.t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: all, Tags: tags})
	if err != nil {
		tf.t.Fatal(err)
	}
	tf.propagated(*out.QueueUrl, all)
	tf.tags(*out.QueueUrl, tags)
	return *out.QueueUrl
}

// set is resourceQueueUpdate, and what the resources of single attributes do.
func (tf *terraform) set(url string, attributes map[string]string) {
	tf.t.Helper()
	if _, err := tf.c.SetQueueAttributes(tf.t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: &url, Attributes: attributes}); err != nil {
		tf.t.Fatal(err)
	}
	tf.propagated(url, attributes)
}

// tags is listTags.
func (tf *terraform) tags(url string, want map[string]string) {
	tf.t.Helper()
	out, err := tf.c.ListQueueTags(tf.t.Context(), &sqs.ListQueueTagsInput{QueueUrl: &url})
	if err != nil {
		tf.t.Fatal(err)
	}
	if len(out.Tags) != len(want) || len(want) > 0 && !reflect.DeepEqual(out.Tags, want) {
		tf.t.Errorf("tags %v, want %v", out.Tags, want)
	}
}

// destroy is resourceQueueDelete and waitQueueDeleted.
func (tf *terraform) destroy(url string) {
	tf.t.Helper()
	if _, err := tf.c.DeleteQueue(tf.t.Context(), &sqs.DeleteQueueInput{QueueUrl: &url}); err != nil {
		tf.t.Fatal(err)
	}
	_, err := tf.c.GetQueueAttributes(tf.t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{"All"}})
	if code(err) != "AWS.SimpleQueueService.NonExistentQueue" {
		tf.t.Errorf("after the delete: %v", err)
	}
	_, err = tf.c.DeleteQueue(tf.t.Context(), &sqs.DeleteQueueInput{QueueUrl: &url})
	if code(err) != "AWS.SimpleQueueService.NonExistentQueue" {
		tf.t.Errorf("a second delete: %v", err)
	}
}

func TestTerraformQueue(t *testing.T) {
	tf := &terraform{t, sqsClient(endpoint(t))}
	dead := tf.create("tf-dead", nil, nil)
	deadARN := tf.all(dead)["QueueArn"]
	redrive := `{"deadLetterTargetArn":"` + deadARN + `","maxReceiveCount":4}`
	url := tf.create("tf-queue", map[string]string{
		"DelaySeconds": "90", "MaximumMessageSize": "2048", "MessageRetentionPeriod": "86400", "ReceiveMessageWaitTimeSeconds": "10",
		"RedrivePolicy": redrive, "SqsManagedSseEnabled": "true",
	}, map[string]string{"Environment": "production"})
	tf.set(url, map[string]string{"DelaySeconds": "0", "VisibilityTimeout": "60", "SqsManagedSseEnabled": "false"})
	tf.set(url, map[string]string{"KmsMasterKeyId": "alias/aws/sqs", "KmsDataKeyReusePeriodSeconds": "60"})
	tf.set(url, map[string]string{"KmsMasterKeyId": "", "KmsDataKeyReusePeriodSeconds": "300"})
	// aws_sqs_queue_policy, aws_sqs_queue_redrive_policy, aws_sqs_queue_redrive_allow_policy, and their ends.
	arn := tf.all(url)["QueueArn"]
	tf.set(url, map[string]string{"Policy": `{"Version":"2012-10-17","Id":"p","Statement":[{"Sid":"First","Effect":"Allow","Principal":"*","Action":"sqs:SendMessage","Resource":"` +
		arn + `","Condition":{"ArnEquals":{"aws:SourceArn":"arn:aws:sns:us-east-1:000000000000:topic"}}}]}`})
	tf.set(url, map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"` + deadARN + `","maxReceiveCount":"5"}`})
	tf.set(dead, map[string]string{"RedriveAllowPolicy": `{"redrivePermission":"byQueue","sourceQueueArns":["` + arn + `"]}`})
	tf.set(url, map[string]string{"Policy": ""})
	tf.set(url, map[string]string{"RedrivePolicy": ""})
	tf.set(dead, map[string]string{"RedriveAllowPolicy": ""})
	// updateTags removes what is gone, then adds what is new.
	if _, err := tf.c.UntagQueue(t.Context(), &sqs.UntagQueueInput{QueueUrl: &url, TagKeys: []string{"Environment"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := tf.c.TagQueue(t.Context(), &sqs.TagQueueInput{QueueUrl: &url, Tags: map[string]string{"Name": "queue", "Cost Center": "a:b/c"}}); err != nil {
		t.Fatal(err)
	}
	tf.tags(url, map[string]string{"Name": "queue", "Cost Center": "a:b/c"})
	// The data sources.
	found, err := tf.c.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("tf-queue")})
	if err != nil || *found.QueueUrl != url {
		t.Error(found, err)
	}
	var urls []string
	for p := sqs.NewListQueuesPaginator(tf.c, &sqs.ListQueuesInput{QueueNamePrefix: aws.String("tf-")}); p.HasMorePages(); {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		urls = append(urls, page.QueueUrls...)
	}
	if !reflect.DeepEqual(urls, []string{dead, url}) {
		t.Errorf("queues %v", urls)
	}
	tf.destroy(url)
	tf.destroy(dead)
}

func TestTerraformFIFOQueue(t *testing.T) {
	tf := &terraform{t, sqsClient(endpoint(t))}
	url := tf.create("tf.fifo", map[string]string{"FifoQueue": "true", "ContentBasedDeduplication": "true"}, nil)
	tf.set(url, map[string]string{"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"})
	tf.set(url, map[string]string{"ContentBasedDeduplication": "false", "DeduplicationScope": "queue", "FifoThroughputLimit": "perQueue"})
	tf.destroy(url)
}
