package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// What rabbitmq-diagnostics 3.10.8 says: NODE and PORT stand for the server's.
func TestDiagnostics(t *testing.T) {
	address := startPortico(t)
	port := address[strings.LastIndex(address, ":")+1:]
	names := strings.NewReplacer("NODE", node(), "PORT", port)
	for _, tt := range []struct {
		line, stdout, stderr string
		code                 int
	}{
		{"-q ping", "Ping succeeded\n", "", 0},
		{"-s ping", "Ping succeeded\n", "", 0},
		{"-q check_running", "RabbitMQ on node NODE is fully booted and running\n", "", 0},
		{"check_local_alarms", "Asking node NODE to report any local resource alarms ...\nNode NODE reported no local alarms\n", "", 0},
		{"alarms", "Asking node NODE to report any known resource alarms ...\nNode NODE reported no alarms, local or clusterwide\n", "", 0},
		{"check_port_listener PORT", "Asking node NODE if there's an active listener on port PORT ...\nA listener for port PORT is running on node NODE.\n", "", 0},
		{"-q check_port_listener 1", "", "No listener for port 1 is active on node NODE. Found listeners that use the following ports: PORT\n", 69},
		{"-q check_protocol_listener mqtt", "", "Error:\nNo listener for protocol mqtt is active on node NODE. Found listeners for the following protocols: http\n", 69},
		{"check_port_connectivity", "Testing TCP connections to all active listeners on node NODE ...\nSuccessfully connected to ports PORT on node NODE.\n", "", 0},
		{"server_version", "Asking node NODE for its RabbitMQ version...\n3.13.7\n", "", 0},
		{"listeners", "Asking node NODE to report its protocol listeners ...\nInterface: 127.0.0.1, port: PORT, protocol: http, purpose: HTTP API\n", "", 0},
		{"check_if_node_is_quorum_critical", "Checking if node NODE is critical for quorum of any quorum queues ...\nNode NODE seems to be the only one in a single node cluster, the check does not apply\n", "", 0},
		{"-q enable_feature_flag quorum_queue", "", "", 0},
		{"-q enable_feature_flag nonsense", "", "Error:\nThis feature flag is not supported by node NODE\n", 64},
		{"-s list_queues --online", "", "", 0},
		{"join_cluster x", "", "Error: join_cluster is not supported: Portico runs as one node\n", 69},
	} {
		code, stdout, stderr := ctl(t, address, strings.Fields(names.Replace(tt.line))...)
		if code != tt.code || stdout != names.Replace(tt.stdout) || stderr != names.Replace(tt.stderr) {
			t.Errorf("%s: code %d, want %d\n got %q %q\nwant %q %q", tt.line, code, tt.code, stdout, stderr, tt.stdout, tt.stderr)
		}
	}
	_, stdout, stderr := ctl(t, address, "memory_breakdown", "--formatter", "json")
	var parts map[string]struct{ Bytes, Percentage float64 }
	if err := json.Unmarshal([]byte(stdout), &parts); err != nil || parts["other_proc"].Bytes == 0 || parts["other_system"].Percentage == 0 {
		t.Errorf("memory_breakdown: %v %q %s", err, stdout, stderr)
	}
}

// When something does not answer, its port is named.
func TestDiagnosticsWithoutAServer(t *testing.T) {
	for _, line := range []string{"-q ping", "-q check_running", "-q check_local_alarms", "-q check_port_connectivity", "-q listeners"} {
		if code, stdout, stderr := ctl(t, "http://127.0.0.1:1", strings.Fields(line)...); code != 69 || stdout != "" || stderr == "" {
			t.Errorf("%s: code %d, said %q %q", line, code, stdout, stderr)
		}
	}
}

// The limit counts at once: publishers are stopped, and go on.
func TestSetDiskFreeLimit(t *testing.T) {
	address := startPortico(t)
	for _, tt := range []struct {
		limit string
		code  int // of check_local_alarms afterwards
	}{{"1000000GB", 70}, {"100MB", 0}, {"mem_relative 1000.0", 70}, {"mem_relative 0.0", 0}} {
		code, stdout, stderr := ctl(t, address, append([]string{"set_disk_free_limit"}, strings.Fields(tt.limit)...)...)
		if code != 0 || !strings.HasPrefix(stdout, "Setting disk free limit on "+node()+" to ") {
			t.Errorf("%s: code %d, said %q %q", tt.limit, code, stdout, stderr)
		}
		if code, _, _ := ctl(t, address, "check_local_alarms"); code != tt.code {
			t.Errorf("%s: the check of alarms ends with %d, want %d", tt.limit, code, tt.code)
		}
	}
	for limit, text := range map[string]string{"foo": "Bad argument.\n", "mem_relative x": "Bad argument.\n", "": "not enough arguments.\n"} {
		code, _, stderr := ctl(t, address, append([]string{"set_disk_free_limit"}, strings.Fields(limit)...)...)
		if want := 65; (code != want && limit != "") || !strings.HasPrefix(stderr, "Error (argument validation): "+text) {
			t.Errorf("%q: code %d, %q", limit, code, stderr)
		}
	}
}

// What is built in is a plugin that is enabled; nothing else can be.
func TestPlugins(t *testing.T) {
	address := startPortico(t)
	plugin := func(line string) (int, string, string) {
		var out, errOut strings.Builder
		code := run(append([]string{"rabbitmq-plugins"}, strings.Fields(line)...), func(key string) string {
			return map[string]string{"PORTICOCTL_URL": address}[key]
		}, &out, &errOut)
		return code, out.String(), errOut.String()
	}
	for line, want := range map[string]string{
		"list":                               "[E*] rabbitmq_management               3.13.7\n",
		"list -q -e -m ^rabbitmq_management": "rabbitmq_management\nrabbitmq_management_agent\n",
		"enable rabbitmq_stomp":              "Plugin configuration unchanged.\n",
		"-q is_enabled rabbitmq_stomp":       "",
	} {
		if code, stdout, stderr := plugin(line); code != 0 || !strings.Contains(stdout, want) {
			t.Errorf("%s: code %d, said %q %q", line, code, stdout, stderr)
		}
	}
	for line, want := range map[string]string{
		"enable rabbitmq_mqtt":     "Error:\n{:plugins_not_found, [:rabbitmq_mqtt]}\n",
		"is_enabled rabbitmq_mqtt": "Error:\nPlugin rabbitmq_mqtt is not enabled on node " + node() + "\n",
		"disable rabbitmq_stomp":   "Error: disable is not supported: plugins are built in; a listener is not opened when its address is off\n",
	} {
		if code, _, stderr := plugin(line); code == 0 || stderr != want {
			t.Errorf("%s: code %d, said %q", line, code, stderr)
		}
	}
	if code, _, stderr := ctl(t, address, "list"); code != 64 {
		t.Errorf("rabbitmqctl has no list: code %d, %q", code, stderr)
	}
}
