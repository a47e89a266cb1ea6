package definitions

import (
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestRabbitmqadmin runs RabbitMQ's own tool, as Debian's package carries it, against Portico.
func TestRabbitmqadmin(t *testing.T) {
	found, err := filepath.Glob("/usr/lib/rabbitmq/lib/*/plugins/rabbitmq_management-*/priv/www/cli/rabbitmqadmin")
	if err != nil || len(found) == 0 {
		t.Fatalf("rabbitmqadmin is not installed: %v", err)
	}
	portico := startPortico(t)
	u, err := url.Parse(portico.api)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "definitions.json")
	for _, step := range []struct{ args, says string }{
		{"declare vhost name=v", "vhost declared"},
		{"declare user name=u password=x tags=management", "user declared"},
		{"declare permission vhost=v user=u configure=.* write=^w read=", "permission declared"},
		{`declare policy -V v name=p pattern=^q definition={"max-length":3} apply-to=queues priority=4`, "policy declared"},
		{`declare operator_policy -V v name=o pattern=^q definition={"expires":60000} apply-to=queues`, "operator_policy declared"},
		{"declare vhost_limit vhost=v name=max-queues value=5", "vhost_limit declared"},
		{`declare parameter component=vhost-limits name=limits value={"max-queues":7}`, "parameter declared"},
		{"-f tsv list users name tags", "u\tmanagement"},
		{"-f tsv list permissions user vhost write", "u\tv\t^w"},
		{"-f tsv list policies name pattern apply-to priority", "p\t^q\tqueues\t4"},
		{"-f tsv list vhost_limits vhost value", "v\t" + `{"max-queues": 5}`},
		{"export " + file, "Exported definitions"},
		{"delete policy -V v name=p", "policy deleted"},
		{"delete permission vhost=v user=u", "permission deleted"},
		{"delete user name=u", "user deleted"},
		{"delete vhost name=v", "vhost deleted"},
		{"import " + file, "Uploaded definitions"},
		{"-f tsv list policies vhost name pattern", "v\tp\t^q"},
		{"-f tsv list permissions user vhost write", "u\tv\t^w"},
	} {
		args := append([]string{found[0], "-H", u.Hostname(), "-P", u.Port()}, strings.Fields(step.args)...)
		out, err := exec.Command("python3", args...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), step.says) {
			t.Errorf("%s: %v\n%s", step.args, err, out)
		}
	}
}
