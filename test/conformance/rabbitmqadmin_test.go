package conformance

import (
	"net"
	"os/exec"
	"strings"
	"testing"

	"github.com/portico-mq/portico/test/server"
)

// rabbitmqadminPath is where Debian's rabbitmq-server has the tool of RabbitMQ's management plugin.
const rabbitmqadminPath = "/usr/lib/rabbitmq/lib/rabbitmq_server-3.10.8/plugins/rabbitmq_management-3.10.8/priv/www/cli/rabbitmqadmin"

// TestRabbitmqadmin runs RabbitMQ's own command line tool, unmodified.
func TestRabbitmqadmin(t *testing.T) {
	s := server.Start(t)
	host, port, err := net.SplitHostPort(s.Address(t, "management"))
	must(t, err)
	for _, step := range []struct{ command, says string }{
		{"declare queue name=a durable=true arguments={\"x-max-length\":5}", "queue declared"},
		{"declare exchange name=ex type=topic", "exchange declared"},
		{"declare binding source=ex destination=a routing_key=k.#", "binding declared"},
		{"publish exchange=ex routing_key=k.b payload=hello properties={\"delivery_mode\":2}", "Message published"},
		{"publish exchange=ex routing_key=other payload=lost", "Message published but NOT routed"},
		{"-f tsv list queues name messages", "name\tmessages\na\t1"},
		{"-f tsv list exchanges name type", "ex\ttopic"},
		{"-f tsv list bindings source destination routing_key", "ex\ta\tk.#"},
		{"-f tsv get queue=a count=5 ackmode=ack_requeue_false", "hello"},
		{"-f tsv list queues name messages", "a\t0"},
		{"-f tsv show overview", "3.13.7"},
		{"-f tsv list nodes name type", "disc"},
		{"-f tsv list users name tags", "guest\tadministrator"},
		{"-f tsv list connections", "No items"},
		{"purge queue name=a", "queue purged"},
		{"delete queue name=a", "queue deleted"},
		{"delete exchange name=ex", "exchange deleted"},
		{"-f tsv list queues", "No items"},
	} {
		args := append([]string{rabbitmqadminPath, "-H", host, "-P", port}, strings.Fields(step.command)...)
		out, err := exec.CommandContext(t.Context(), "python3", args...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), step.says) {
			t.Errorf("%s: %v\n%s\nwant %q", step.command, err, out, step.says)
		}
	}
}
