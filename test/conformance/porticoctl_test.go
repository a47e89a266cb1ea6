package conformance

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/portico-mq/portico/test/server"
)

// TestPorticoctlLists compares what porticoctl says and how it ends with what rabbitmqctl 3.10.8 said and did.
func TestPorticoctlLists(t *testing.T) {
	s := server.Start(t)
	conn, err := amqp.Dial(s.AMQPURL(t))
	must(t, err)
	ch, err := conn.Channel()
	must(t, err)
	_, err = ch.QueueDeclare("q", true, false, false, false, amqp.Table{"x-max-length": int32(10)})
	must(t, err)
	must(t, ch.Confirm(false))
	sent, err := ch.PublishWithDeferredConfirm("", "q", false, false, amqp.Publishing{Body: []byte("x")})
	must(t, err)
	sent.Wait()
	name := conn.LocalAddr().String() + " -> " + conn.RemoteAddr().String()
	closed := conn.NotifyClose(make(chan *amqp.Error, 1))
	other, err := amqp.Dial(s.AMQPURL(t))
	must(t, err)
	otherClosed := other.NotifyClose(make(chan *amqp.Error, 1))
	for _, step := range []struct {
		args []string
		says string
		code int
	}{
		{[]string{"list_queues"}, "Timeout: 60.0 seconds ...\nListing queues for vhost / ...\nname\tmessages\nq\t1\n", 0},
		{[]string{"list_queues", "-q", "--no-table-headers", "name", "messages_ready", "arguments"}, "q\t1\t[{\"x-max-length\",10}]\n", 0},
		{[]string{"list_queues", "--formatter", "json", "name", "durable"}, "[\n{\"name\":\"q\",\"durable\":true}\n]\n", 0},
		{[]string{"list_queues", "-q", "-p", "nope"}, "", 0},
		{[]string{"list_queues", "bogus"}, "Info key(s) bogus are not supported", 64},
		{[]string{"list_exchanges", "-q"}, "name\ttype\n\tdirect\namq.direct\tdirect\n", 0},
		{[]string{"list_bindings", "-q"}, "source_name\tsource_kind\tdestination_name\tdestination_kind\trouting_key\targuments\n\texchange\tq\tqueue\tq\t[]\n", 0},
		{[]string{"list_connections", "-q", "user", "state", "channels"}, "user\tstate\tchannels\nguest\trunning\t1\n", 0},
		{[]string{"list_channels", "-q", "number", "confirm"}, "number\tconfirm\n1\ttrue\n", 0},
		{[]string{"list_consumers", "-q"}, "", 0},
		{[]string{"purge_queue", "q"}, "Purging queue 'q' in vhost '/' ...\n", 0},
		{[]string{"purge_queue", "-q", "nope"}, "Error:\nnot_found\n", 69},
		{[]string{"delete_queue", "-q", "nope"}, "Error:\nQueue not found\n", 64},
		{[]string{"delete_queue", "q"}, "Queue was successfully deleted with 0 ready messages\n", 0},
		{[]string{"status"}, "RabbitMQ version: 3.13.7\n", 0},
		{[]string{"ping"}, "Ping succeeded\n", 0},
		{[]string{"await_startup"}, "", 0},
		{[]string{"check_running"}, "is fully booted and running\n", 0},
		{[]string{"check_alarms"}, "reported no alarms", 0},
		{[]string{"check_port_listener", "1"}, "No listener for port 1 is active on node rabbit@", 69},
		{[]string{"check_protocol_listener", "amqp"}, "A listener for protocol amqp is running", 0},
		{[]string{"eval", "1+1."}, "eval is not supported", 69},
		{[]string{"close_connection", name, "enough"}, "reason: enough...\n", 0},
		{[]string{"close_all_connections", "-p", "/", "all out"}, "Closing all connections in vhost / (limit 0), reason: all out...\n", 0},
		{[]string{"close_all_user_connections", "nobody", "x"}, "Closing connections of user nobody, reason: x...\n", 0},
		{[]string{"set_cluster_name", "abc"}, "Setting cluster name to abc ...\n", 0},
		{[]string{"cluster_status"}, "Cluster name: abc\n", 0},
		{[]string{"set_vhost_tags", "/", "a", "b"}, "Setting tags for virtual host \"/\" to [a, b] ...\n", 0},
		{[]string{"trace_on"}, "Starting tracing for vhost \"/\" ...\nTrace enabled for vhost /\n", 0},
		{[]string{"list_vhosts", "-q", "name", "tags", "tracing", "description"}, "name\ttags\ttracing\tdescription\n/\t[a, b]\ttrue\tDefault virtual host\n", 0},
		{[]string{"trace_off"}, "Stopping tracing for vhost \"/\" ...\nTrace disabled for vhost /\n", 0},
		{[]string{"list_vhosts", "-q", "name", "tracing"}, "name\ttracing\n/\tfalse\n", 0},
		{[]string{"restart_vhost"}, "' is already running on node '", 0},
		{[]string{"enable_feature_flag", "all"}, "Enabling all feature flags ...\n", 0},
		{[]string{"enable_feature_flag", "nope"}, "Error:\nThis feature flag is not supported by node ", 64},
		{[]string{"await_online_nodes", "1"}, "Will wait for at least 1 nodes to join the cluster of ", 0},
		{[]string{"rotate_logs"}, "Error:\nThis command does not rotate logs anymore [deprecated]\n", 69},
		{[]string{"list_node_auth_attempt_stats", "-q"}, "protocol\tauth_attempts\tauth_attempts_failed\tauth_attempts_succeeded\namqp091\t2\t0\t2\nhttp\t", 0},
		{[]string{"list_queues", "-q", "name", "message_bytes"}, "", 0},
		{[]string{"environment"}, ",\n {rabbit,\n     [{channel_max,2047},\n", 0},
		{[]string{"reset"}, "Error: this command requires the 'rabbit' app to be stopped on the target node. Stop it with 'rabbitmqctl stop_app'.\nArguments given:\n\treset\n", 64},
		{[]string{"stop_app"}, "Stopping rabbit application on node rabbit@", 0},
		{[]string{"status"}, "Error: this command requires the 'rabbit' app to be running on the target node. Start it with 'rabbitmqctl start_app'.\nArguments given:\n\tstatus\n", 64},
		{[]string{"list_queues", "name"}, "Error: this command requires the 'rabbit' app to be running on the target node. Start it with 'rabbitmqctl start_app'.\nArguments given:\n\tlist_queues name\n", 64},
		{[]string{"ping"}, "Ping succeeded\n", 0},
		{[]string{"check_running"}, "is not running or has not fully booted yet (check with is_booting)\n", 69},
		{[]string{"is_running"}, "is not running or has not fully booted yet (check with is_booting)\n", 0},
		{[]string{"await_startup", "--timeout", "1"}, "Error:\nrabbit_is_not_running\n", 69},
		{[]string{"stop_app"}, "Stopping rabbit application on node rabbit@", 0},
		{[]string{"reset"}, "Resetting node rabbit@", 0},
		{[]string{"force_reset"}, "Forcefully resetting node rabbit@", 0},
		{[]string{"start_app"}, "Starting node rabbit@", 0},
		{[]string{"start_app", "-q"}, "", 0},
		{[]string{"await_startup"}, "", 0},
		{[]string{"is_running"}, "is fully booted and running\n", 0},
	} {
		command := exec.CommandContext(t.Context(), server.Binary(t, "porticoctl"), step.args...)
		command.Env = append(os.Environ(), "PORTICOCTL_URL=http://"+s.Address(t, "management"))
		out, err := command.CombinedOutput()
		code := 0
		var ended *exec.ExitError
		if errors.As(err, &ended) {
			code = ended.ExitCode()
		} else if err != nil {
			t.Fatal(err)
		}
		if code != step.code || !strings.Contains(string(out), step.says) {
			t.Errorf("%v: code %d\n%s\nwant code %d\n%s", step.args, code, out, step.code, step.says)
		}
	}
	if reason := <-closed; reason == nil || reason.Reason != "CONNECTION_FORCED - enough" {
		t.Errorf("closed with %v", reason)
	}
	if reason := <-otherClosed; reason == nil || reason.Reason != "CONNECTION_FORCED - all out" {
		t.Errorf("the other one closed with %v", reason)
	}
}
