package conformance

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/portico-mq/portico/test/server"
)

func TestSNSBoto3(t *testing.T) {
	t.Parallel()
	runClient(t, awsEnv(t), python(t), "sns_client.py")
}

// TestSNSBoto3Debian runs the same with Debian 12's boto3 1.26.
func TestSNSBoto3Debian(t *testing.T) {
	t.Parallel()
	runClient(t, awsEnv(t), "/usr/bin/python3", "sns_client.py")
}

// TestSNSNode runs the SDK for JavaScript and sns-validator, which takes certificates over HTTPS only.
func TestSNSNode(t *testing.T) {
	t.Parallel()
	certificate, key := makeCertificate(t)
	s := server.Start(t, "tls.certificate="+certificate, "tls.key="+key)
	url := strings.Replace(s.AWSURL(t), "http://", "https://", 1)
	runClient(t, "AWS_ENDPOINT_URL="+url, "env", "NODE_EXTRA_CA_CERTS="+certificate, "node", filepath.Join("..", "node", "sns_client.js"))
}

func TestSNSJava(t *testing.T) {
	t.Parallel()
	runClient(t, awsEnv(t), "java", "-cp", filepath.Join(work(t, "java"), "*"), filepath.Join("..", "java", "SnsClientTest.java"))
}

func TestAWSCLISNS(t *testing.T) {
	t.Parallel()
	_, endpoint, _ := strings.Cut(awsEnv(t), "=")
	c := &awsCLI{t, endpoint, filepath.Join(work(t, "python"), "bin", "aws"), "sns"}
	topic := c.run("create-topic", "--name", "cli", "--attributes", "DisplayName=d", "--tags", "Key=a,Value=b")["TopicArn"].(string)
	subscription := c.run("subscribe", "--topic-arn", topic, "--protocol", "sms", "--notification-endpoint", "+15551234567",
		"--attributes", `{"FilterPolicy":"{\"a\":[{\"prefix\":\"b\"}]}"}`)["SubscriptionArn"].(string)
	if got := c.run("get-subscription-attributes", "--subscription-arn", subscription)["Attributes"].(map[string]any); got["FilterPolicyScope"] != "MessageAttributes" {
		t.Errorf("subscription %v", got)
	}
	if got := c.run("publish", "--topic-arn", topic, "--message", "m", "--message-attributes", `{"a":{"DataType":"String","StringValue":"bc"}}`); got["MessageId"] == "" {
		t.Errorf("published %v", got)
	}
	if got := c.run("list-subscriptions", "--max-items", "5")["Subscriptions"].([]any); len(got) != 1 {
		t.Errorf("subscriptions %v", got)
	}
	if got := c.run("list-tags-for-resource", "--resource-arn", topic)["Tags"].([]any); len(got) != 1 {
		t.Errorf("tags %v", got)
	}
	c.run("set-topic-attributes", "--topic-arn", topic, "--attribute-name", "TracingConfig", "--attribute-value", "Active")
	c.run("unsubscribe", "--subscription-arn", subscription)
	c.run("delete-topic", "--topic-arn", topic)
	if _, errors, err := c.try("publish", "--topic-arn", topic, "--message", "m"); err == nil || !strings.Contains(errors, "(NotFound) when calling the Publish operation: Topic does not exist") {
		t.Errorf("%v: %s", err, errors)
	}
}

// makeCertificate makes a certificate for 127.0.0.1 that signs itself, and gives the files that hold it and its key.
func makeCertificate(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "127.0.0.1"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	must(t, err)
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	must(t, err)
	write := func(name, kind string, content []byte) string {
		path := filepath.Join(t.TempDir(), name)
		must(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600))
		return path
	}
	return write("certificate.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", raw)
}
