package conformance

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/portico-mq/portico/test/server"
)

// defaultAddress is where suites that cannot be told otherwise look for the server.
const defaultAddress = "amqp.listen=127.0.0.1:5672,[::1]:5672"

// TestSuiteAmqplib runs the tests of the last version of amqplib whose package has them.
func TestSuiteAmqplib(t *testing.T) {
	t.Parallel()
	server.OwnLoopback(t)
	server.Start(t, defaultAddress)
	modules, err := filepath.Abs(filepath.Join("node", "node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	// A copy, since node finds no tests in node_modules.
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(modules, "amqplib-suite"))); err != nil {
		t.Fatal(err)
	}
	s := suite{
		name: "amqplib", dir: dir, env: []string{"NODE_PATH=" + modules}, passes: 250,
		command: []string{"node", "--test", "--test-timeout=20000", "--test-reporter=junit", "--test-reporter-destination=" + suiteReport, "test/"},
	}
	s.run(t)
}

func TestSuiteKombu(t *testing.T) {
	t.Parallel()
	host, port := startedAt(t)
	s := suite{
		name: "kombu", dir: unpacked(t, "kombu"), env: []string{"RABBITMQ_HOST=" + host, "RABBITMQ_5672_TCP=" + port},
		command: pytest(t, "t/integration/test_py_amqp.py"), passes: 50,
	}
	s.run(t)
}

// TestSuiteCelery runs the tests of tasks and remote control with RabbitMQ as broker and result back end.
func TestSuiteCelery(t *testing.T) {
	t.Parallel()
	host, port := startedAt(t)
	s := suite{
		name: "celery", dir: unpacked(t, "celery"),
		env:     []string{"TEST_BROKER=pyamqp://guest:guest@" + net.JoinHostPort(host, port) + "//", "TEST_BACKEND=rpc", "WORKER_LOGLEVEL=INFO"},
		command: pytest(t, "-p", "celery.contrib.pytest", "t/integration/test_tasks.py", "t/integration/test_inspect.py"), passes: 40,
	}
	s.run(t)
}

// TestSuiteDramatiq runs Dramatiq's tests of its RabbitMQ broker. Their fixtures are ours: the package has none.
func TestSuiteDramatiq(t *testing.T) {
	t.Parallel()
	server.OwnLoopback(t)
	server.Start(t, defaultAddress)
	dir := unpacked(t, "dramatiq")
	if err := os.CopyFS(filepath.Join(dir, "tests"), os.DirFS(filepath.Join("python", "dramatiq_tests"))); err != nil {
		t.Fatal(err)
	}
	s := suite{
		name: "dramatiq", dir: dir, env: []string{"RABBITMQ_USERNAME=guest", "RABBITMQ_PASSWORD=guest"},
		command: pytest(t, "-o", "addopts=", "tests/test_rabbitmq.py"), passes: 25,
	}
	s.run(t)
}

// TestSuiteAioPika runs aio-pika's tests, without those of reconnecting, which take many minutes. They start RabbitMQ with
// Docker's API, which is answered here with the server's port.
func TestSuiteAioPika(t *testing.T) {
	t.Parallel()
	_, port := startedAt(t)
	docker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"Id":"portico","NetworkSettings":{"Ports":{"5672/tcp":[{"HostPort":"` + port + `"}]}}}`))
	}))
	defer docker.Close()
	s := suite{
		name: "aio-pika", dir: unpacked(t, "aio_pika"), env: []string{"DOCKER_HOST=tcp://" + docker.Listener.Addr().String()},
		command: pytest(t, "tests/test_amqp.py", "tests/test_rpc.py", "tests/test_master.py", "tests/test_json_rpc.py",
			"tests/test_nowait.py", "tests/test_consumer_publish_errors.py"),
		passes: 150,
	}
	s.run(t)
}

// startedAt starts a server and returns its AMQP host and port.
func startedAt(t *testing.T) (host, port string) {
	t.Helper()
	host, port, err := net.SplitHostPort(server.Start(t).Address(t, "amqp"))
	if err != nil {
		t.Fatal(err)
	}
	return host, port
}

// pytest is the command that runs these tests.
func pytest(t *testing.T, args ...string) []string {
	t.Helper()
	return append([]string{
		python(t), "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore", "--tb=short", "-o", "log_cli=false",
		"-o", "timeout=60", "-o", "junit_logging=no", "--junit-xml=" + suiteReport,
	}, args...)
}
