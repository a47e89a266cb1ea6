package conformance

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/portico-mq/portico/test/server"
)

// awsEnv returns the environment entry that names the AWS endpoint: the one that the environment names already, or
// that of a portico of the test's own.
func awsEnv(t *testing.T) string {
	t.Helper()
	const env = "AWS_ENDPOINT_URL"
	url := os.Getenv(env)
	if url == "" {
		url = server.Start(t).AWSURL(t)
	}
	return env + "=" + url
}

func TestSQSBoto3(t *testing.T) {
	t.Parallel()
	runClient(t, awsEnv(t), python(t), "sqs_client.py")
}

// TestSQSBoto3Debian runs the same with Debian 12's boto3 1.26, which speaks the query protocol.
func TestSQSBoto3Debian(t *testing.T) {
	t.Parallel()
	runClient(t, awsEnv(t), "/usr/bin/python3", "sqs_client.py")
}

// accessEnv starts a portico that verifies signatures. Its root user's key is that of access_client.py.
func accessEnv(t *testing.T) string {
	t.Helper()
	s := server.Start(t, "aws.auth=on", "aws.root.access_key=AKIAROOTOFTHETESTS00", "aws.root.secret_key=the+secret/of+the+root")
	return "AWS_ENDPOINT_URL=" + s.AWSURL(t)
}

func TestAccessBoto3(t *testing.T) {
	t.Parallel()
	runClient(t, accessEnv(t), python(t), "access_client.py")
}

func TestAccessBoto3Debian(t *testing.T) {
	t.Parallel()
	runClient(t, accessEnv(t), "/usr/bin/python3", "access_client.py")
}

func TestSQSNode(t *testing.T) {
	t.Parallel()
	runClient(t, awsEnv(t), "node", filepath.Join("..", "node", "sqs_client.js"))
}

func TestSQSJava(t *testing.T) {
	t.Parallel() // it waits most of its time for long polls to end
	runClient(t, awsEnv(t), "java", "-cp", filepath.Join(work(t, "java"), "*"), filepath.Join("..", "java", "SqsClients.java"))
}

// TestSQSSpring runs Spring Cloud AWS's listeners and template.
func TestSQSSpring(t *testing.T) {
	t.Parallel() // like the above
	runClient(t, awsEnv(t), "java", "-cp", filepath.Join(work(t, "java"), "*"), filepath.Join("..", "java", "SpringSqsClient.java"))
}

func TestCelerySQS(t *testing.T) {
	t.Parallel()
	runClient(t, awsEnv(t), python(t), "celery_sqs_client.py")
}

// awsCLI is the AWS command line interface.
type awsCLI struct {
	t        *testing.T
	endpoint string
	program  string
	service  string
}

// run runs a command and gives its output as JSON; nil when there is none.
func (c *awsCLI) run(args ...string) map[string]any {
	c.t.Helper()
	out, errors, err := c.try(args...)
	if err != nil {
		c.t.Fatalf("aws %s %v: %v\n%s", c.service, args, err, errors)
	}
	return out
}

func (c *awsCLI) try(args ...string) (out map[string]any, errors string, err error) {
	c.t.Helper()
	command := exec.CommandContext(c.t.Context(), c.program, append([]string{c.service, "--output", "json", "--endpoint-url", c.endpoint}, args...)...)
	command.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_DEFAULT_REGION=us-east-1")
	var stderr bytes.Buffer
	command.Stderr = &stderr
	text, err := command.Output()
	if err == nil && len(bytes.TrimSpace(text)) > 0 {
		if err := json.Unmarshal(text, &out); err != nil {
			c.t.Fatalf("%v in %s", err, text)
		}
	}
	return out, stderr.String(), err
}

func TestAWSCLI(t *testing.T) {
	t.Parallel()
	_, endpoint, _ := strings.Cut(awsEnv(t), "=")
	c := &awsCLI{t, endpoint, filepath.Join(work(t, "python"), "bin", "aws"), "sqs"}
	dead := c.run("create-queue", "--queue-name", "cli-dead")["QueueUrl"].(string)
	deadARN := c.run("get-queue-attributes", "--queue-url", dead, "--attribute-names", "QueueArn")["Attributes"].(map[string]any)["QueueArn"].(string)
	url := c.run("create-queue", "--queue-name", "cli", "--tags", "team=a", "--attributes",
		`{"RedrivePolicy":"{\"deadLetterTargetArn\":\"`+deadARN+`\",\"maxReceiveCount\":\"1\"}","VisibilityTimeout":"0"}`)["QueueUrl"].(string)
	if got := c.run("list-queues", "--queue-name-prefix", "cli", "--page-size", "1")["QueueUrls"].([]any); len(got) != 2 {
		t.Errorf("queues %v", got)
	}
	c.run("send-message", "--queue-url", url, "--message-body", "hello", "--message-attributes", `{"a":{"DataType":"String","StringValue":"v"}}`)
	messages := c.run("receive-message", "--queue-url", url, "--wait-time-seconds", "5", "--attribute-names", "All", "--message-attribute-names", "All")["Messages"].([]any)
	if m := messages[0].(map[string]any); m["Body"] != "hello" || m["MessageAttributes"].(map[string]any)["a"].(map[string]any)["StringValue"] != "v" {
		t.Errorf("message %v", m)
	}
	if got := c.run("receive-message", "--queue-url", dead, "--wait-time-seconds", "5", "--visibility-timeout", "0"); got == nil {
		t.Error("no dead letter")
	}
	c.run("start-message-move-task", "--source-arn", deadARN)
	if got := c.run("list-message-move-tasks", "--source-arn", deadARN)["Results"].([]any); len(got) != 1 {
		t.Errorf("tasks %v", got)
	}
	c.run("add-permission", "--queue-url", url, "--label", "l", "--aws-account-ids", "111122223333", "--actions", "SendMessage")
	c.run("remove-permission", "--queue-url", url, "--label", "l")
	if got := c.run("list-queue-tags", "--queue-url", url)["Tags"].(map[string]any); got["team"] != "a" {
		t.Errorf("tags %v", got)
	}
	c.run("purge-queue", "--queue-url", url)
	c.run("delete-queue", "--queue-url", url)
	if _, errors, err := c.try("get-queue-url", "--queue-name", "cli"); err == nil || !strings.Contains(errors, "(AWS.SimpleQueueService.NonExistentQueue) when calling the GetQueueUrl operation: The specified queue does not exist.") {
		t.Errorf("%v: %s", err, errors)
	}
}
