package definitions

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// samples asks for histories of everything, as the management UI does.
const samples = "lengths_age=60&lengths_incr=5&msg_rates_age=60&msg_rates_incr=5&data_rates_age=60&data_rates_incr=5&node_stats_age=60&node_stats_incr=5"

// shown are the resources whose fields are compared. NODE and CONNECTION stand for names that differ.
var shown = []string{
	"/overview?" + samples, "/cluster-name", "/nodes?" + samples, "/nodes/NODE?" + samples, "/nodes/NODE?memory=true&" + samples,
	"/nodes/NODE/memory", "/nodes/NODE/memory/relative", "/extensions", "/definitions", "/definitions/%2F", "/feature-flags",
	"/connections?" + samples, "/connections/CONNECTION?" + samples, "/connections/CONNECTION/channels", "/connections/username/guest",
	"/vhosts/%2F/connections", "/vhosts/%2F/channels", "/channels?" + samples, "/channels/CONNECTION%20(1)?" + samples,
	"/consumers", "/consumers/%2F", "/exchanges?" + samples, "/exchanges/%2F/events?" + samples, "/exchanges/%2F/events/bindings/source",
	"/exchanges/%2F/events/bindings/destination", "/queues?" + samples, "/queues/%2F/work?" + samples, "/queues/%2F/safe?" + samples,
	"/queues/%2F/log?" + samples, "/queues/%2F/work?disable_stats=true", "/queues?disable_stats=true&enable_queue_totals=true",
	"/queues?disable_stats=true", "/queues?page=1", "/queues/%2F/work/bindings", "/bindings", "/bindings/%2F/e/events/q/work",
	"/vhosts?" + samples, "/vhosts/%2F?" + samples, "/vhosts/%2F/permissions", "/vhosts/%2F/topic-permissions", "/users", "/users/guest",
	"/users/guest/permissions", "/users/guest/topic-permissions", "/users/without-permissions", "/user-limits", "/user-limits/guest",
	"/whoami", "/permissions", "/permissions/%2F/guest", "/topic-permissions", "/parameters", "/global-parameters",
	"/policies", "/policies/%2F/limit", "/operator-policies", "/vhost-limits", "/vhost-limits/%2F", "/auth", "/auth/attempts/NODE",
	"/auth/attempts/NODE/source", "/aliveness-test/%2F", "/healthchecks/node", "/health/checks/alarms", "/health/checks/local-alarms",
	"/health/checks/virtual-hosts", "/health/checks/port-listener/PORT", "/health/checks/port-listener/1", "/health/checks/protocol-listener/amqp091",
	"/health/checks/protocol-listener/mqtt", "/health/checks/certificate-expiration/1/days", "/health/checks/node-is-quorum-critical",
	"/health/checks/node-is-mirror-sync-critical",
}

// kinds are the fields of a resource with the types of their values.
type kinds map[string]string

// TestFieldsOfTheAPI compares the fields of every resource with those that RabbitMQ shows under the same load. Those
// that are missing (-), that RabbitMQ does not have (+) and of another type (~) are in fields.txt with the reason.
func TestFieldsOfTheAPI(t *testing.T) {
	rabbit, portico := startRabbitMQ(t), startPortico(t)
	var want, got map[string]kinds
	t.Run("load", func(t *testing.T) {
		t.Run("RabbitMQ", func(t *testing.T) { t.Parallel(); want = rabbit.fields(t) })
		t.Run("Portico", func(t *testing.T) { t.Parallel(); got = portico.fields(t) })
	})
	reasons := readReasons(t)
	for _, resource := range slices.Sorted(maps.Keys(want)) {
		found := map[string]bool{}
		for field, kinds := range want[resource] {
			switch have, ok := got[resource][field]; {
			case !ok:
				found[fmt.Sprintf("- %s %s", resource, field)] = true
			case have != kinds:
				found[fmt.Sprintf("~ %s %s %s, not %s", resource, field, have, kinds)] = true
			}
		}
		for field := range got[resource] {
			if _, ok := want[resource][field]; !ok {
				found[fmt.Sprintf("+ %s %s", resource, field)] = true
			}
		}
		for _, difference := range slices.Sorted(maps.Keys(found)) {
			if !reasons.explain(difference) {
				t.Error(difference)
			}
		}
	}
	for _, r := range reasons {
		if !r.used {
			t.Errorf("fields.txt explains what is not there: %s", r.pattern)
		}
	}
}

// reason is a line of fields.txt.
type reason struct {
	pattern *regexp.Regexp
	used    bool
}

type reasons []*reason

// explain tells whether a line explains the difference.
func (list reasons) explain(difference string) bool {
	explained := false
	for _, r := range list {
		if r.pattern.MatchString(difference) {
			r.used, explained = true, true
		}
	}
	return explained
}

// readReasons reads fields.txt: headings that begin with # are the reasons of the lines below them. A * in a line stands
// for anything.
func readReasons(t *testing.T) reasons {
	t.Helper()
	raw, err := os.ReadFile("fields.txt")
	if err != nil {
		t.Fatal(err)
	}
	var list reasons
	for line := range strings.Lines(string(raw)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			pattern := strings.ReplaceAll(regexp.QuoteMeta(line), `\*`, ".*")
			list = append(list, &reason{pattern: regexp.MustCompile("^" + pattern + "$")})
		}
	}
	return list
}

// fields loads the broker and asks for everything that is shown while it works.
func (b *broker) fields(t *testing.T) map[string]kinds {
	t.Helper()
	b.setup(t)
	stop := b.load(t)
	defer stop()
	names := strings.NewReplacer("NODE", b.nodeName(t), "CONNECTION", url.PathEscape(b.connectionName(t)), "PORT", b.amqp[strings.LastIndex(b.amqp, ":")+1:])
	b.wait(t)
	found := map[string]kinds{}
	for _, path := range shown {
		name := strings.TrimRight(strings.TrimSuffix(path, samples), "?&")
		found[name] = kinds{}
		status, raw, err := b.request("GET", names.Replace(path), "")
		if err != nil {
			t.Fatal(err)
		}
		found[name]["status "+fmt.Sprint(status)] = ""
		var v any
		if json.Unmarshal([]byte(raw), &v) == nil {
			found[name].collect("", v)
		}
	}
	return found
}

// setup makes what the load uses, and something of every kind that has a resource.
func (b *broker) setup(t *testing.T) {
	t.Helper()
	b.ask(t, "PUT", "/exchanges/%2F/events", `{"type":"topic"}`)
	b.ask(t, "PUT", "/queues/%2F/work", `{"durable":true,"arguments":{"x-max-length":1000}}`)
	b.ask(t, "PUT", "/queues/%2F/safe", `{"durable":true,"arguments":{"x-queue-type":"quorum"}}`)
	b.ask(t, "PUT", "/queues/%2F/log", `{"durable":true,"arguments":{"x-queue-type":"stream"}}`)
	b.ask(t, "PUT", "/policies/%2F/limit", `{"pattern":"^work$","apply-to":"queues","definition":{"max-length":500}}`)
	b.ask(t, "PUT", "/operator-policies/%2F/limit", `{"pattern":"^work$","apply-to":"queues","definition":{"max-length":900}}`)
	b.ask(t, "PUT", "/topic-permissions/%2F/guest", `{"exchange":"events","write":".*","read":".*"}`)
	b.ask(t, "PUT", "/vhost-limits/%2F/max-queues", `{"value":1000}`)
	b.ask(t, "PUT", "/user-limits/guest/max-channels", `{"value":1000}`)
	b.ask(t, "POST", "/users/bulk-delete", `{"users":[]}`)
	b.ask(t, "PUT", "/users/idle", `{"password":"x","tags":"monitoring"}`)
	b.ask(t, "PUT", "/vhost-limits/%2F/max-connections", `{"value":1000}`)
	for _, queue := range []string{"work", "safe", "log"} {
		b.ask(t, "POST", "/bindings/%2F/e/events/q/"+queue, `{"routing_key":"a.*"}`)
	}
}

// collect adds the fields of v, which is at path.
func (f kinds) collect(path string, v any) {
	kind := fmt.Sprintf("%T", v)
	switch v := v.(type) {
	case map[string]any:
		kind = "object"
		for name, inner := range v {
			if strings.HasPrefix(name, "rabbit@") || strings.HasPrefix(name, "portico-bench@") {
				name = "NODE"
			}
			f.collect(strings.TrimPrefix(path+"."+name, "."), inner)
		}
	case []any:
		kind = "list"
		for _, inner := range v {
			f.collect(path+"[]", inner)
		}
	case float64:
		kind = "number"
	case nil:
		kind = "null"
	}
	if path == "" {
		return
	}
	if had := f[path]; had != "" && had != kind {
		list := append(strings.Split(had, "|"), kind)
		slices.Sort(list)
		kind = strings.Join(slices.Compact(list), "|")
	}
	f[path] = kind
}
