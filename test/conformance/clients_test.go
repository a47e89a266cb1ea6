// Package conformance runs client libraries that other people wrote against
// portico, unmodified. Its README tells how.
package conformance

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/portico-mq/portico/test/server"
)

// clientTimeout is far above what an exchange takes: it ends one that hangs.
const clientTimeout = 5 * time.Minute

func TestMain(m *testing.M) {
	code := m.Run()
	server.Cleanup()
	os.Exit(code)
}

func TestPika(t *testing.T) {
	runClient(t, amqpEnv(t), python(t), "pika_client.py")
}

func TestPikaStreams(t *testing.T) {
	runClient(t, amqpEnv(t), python(t), "pika_stream_client.py")
}

func TestCelery(t *testing.T) {
	runClient(t, amqpEnv(t), python(t), "celery_client.py")
}

func TestAmqplib(t *testing.T) {
	runClient(t, amqpEnv(t), "node", filepath.Join("..", "node", "amqplib_client.js"))
}

func TestJava(t *testing.T) {
	jars := work(t, "java")
	runClient(t, amqpEnv(t), "java", "-cp", filepath.Join(jars, "*"), filepath.Join("..", "java", "RabbitClient.java"))
	runClient(t, amqpEnv(t), "java", "-cp", filepath.Join(jars, "*"), filepath.Join("..", "java", "RabbitStream.java"))
}

func TestStompPy(t *testing.T) {
	runClient(t, stompEnv(t), python(t), "stomp_client.py")
}

func TestBoto3(t *testing.T) {
	env := "AWS_ENDPOINT_URL"
	url := os.Getenv(env)
	if url == "" {
		url = server.Start(t).AWSURL(t)
	}
	runClient(t, env+"="+url, python(t), "boto3_client.py")
}

// amqpEnv returns the environment entry that names the broker: the one that
// the environment names already, or a portico of the test's own.
func amqpEnv(t *testing.T) string {
	t.Helper()
	const env = "AMQP_URL"
	url := os.Getenv(env)
	if url == "" {
		url = server.Start(t).AMQPURL(t)
	}
	return env + "=" + url
}

func stompEnv(t *testing.T) string {
	t.Helper()
	const env = "STOMP_ADDRESS"
	address := os.Getenv(env)
	if address == "" {
		address = server.Start(t).Address(t, "stomp")
	}
	return env + "=" + address
}

// runClient runs a client program in the folder of the Python clients, with
// one entry added to the environment. It passes when the program ends with 0.
func runClient(t *testing.T, env, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), clientTimeout)
	defer cancel()
	command := exec.CommandContext(ctx, name, args...)
	command.Dir = "python"
	command.Env = append(os.Environ(), env)
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", filepath.Base(name), args, err, out)
	}
	t.Logf("%s", out)
}

// python returns the interpreter that has the clients.
func python(t *testing.T) string {
	t.Helper()
	return filepath.Join(work(t, "python"), "bin", "python")
}

// work returns a folder that the install script makes.
func work(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(".work", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("the client is not installed: run test/conformance/run (%v)", err)
	}
	return path
}
