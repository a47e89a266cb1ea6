package definitions

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/portico-mq/portico/test/server"
)

func TestMain(m *testing.M) {
	code := m.Run()
	server.Cleanup()
	os.Exit(code)
}

// made is what the RabbitMQ is filled with: something of each kind.
var made = []struct{ method, path, body string }{
	{"PUT", "/vhosts/shop", `{"description":"the shop","tags":"a,b","default_queue_type":"quorum"}`},
	{"PUT", "/vhosts/back", ``},
	{"PUT", "/users/app", `{"password":"secret","tags":"monitoring,policymaker"}`},
	{"PUT", "/users/md5", `{"password_hash":"AAAAAKGy","hashing_algorithm":"rabbit_password_hashing_md5","tags":""}`},
	{"PUT", "/users/nopassword", `{"password_hash":"","tags":"administrator"}`},
	{"PUT", "/permissions/shop/app", `{"configure":"^app","write":".*","read":".*"}`},
	{"PUT", "/topic-permissions/shop/app", `{"exchange":"amq.topic","write":"^{username}","read":"^b"}`},
	{"PUT", "/vhost-limits/shop/max-queues", `{"value":60}`},
	{"PUT", "/vhost-limits/shop/max-connections", `{"value":-1}`},
	{"PUT", "/user-limits/app/max-channels", `{"value":9}`},
	{"PUT", "/global-parameters/own", `{"value":{"a":[1,2.5,null,"x"]}}`},
	{"PUT", "/policies/shop/ttl", `{"pattern":"^app","apply-to":"queues","definition":{"message-ttl":60000,"max-length":100},"priority":2}`},
	{"PUT", "/policies/shop/low", `{"pattern":".*","apply-to":"all","definition":{"max-length":5},"priority":1}`},
	{"PUT", "/policies/shop/ae", `{"pattern":"^fan","apply-to":"exchanges","definition":{"alternate-exchange":"amq.fanout"},"priority":7}`},
	{"PUT", "/operator-policies/shop/op", `{"pattern":"^app","apply-to":"queues","definition":{"max-length":50,"expires":3600000}}`},
	{"PUT", "/exchanges/shop/fan", `{"type":"fanout","durable":true}`},
	{"PUT", "/exchanges/shop/head", `{"type":"headers","durable":true,"internal":true,"arguments":{"alternate-exchange":"fan"}}`},
	{"PUT", "/exchanges/shop/auto", `{"type":"direct","durable":false,"auto_delete":true}`},
	{"PUT", "/queues/shop/app.classic", `{"durable":true,"arguments":{"x-message-ttl":70000,"x-max-length":80,"x-dead-letter-exchange":"fan","x-dead-letter-routing-key":"k","x-overflow":"reject-publish","x-max-priority":5}}`},
	{"PUT", "/queues/shop/app.quorum", `{"durable":true,"arguments":{"x-queue-type":"quorum","x-delivery-limit":3}}`},
	{"PUT", "/queues/back/plain", `{"durable":true,"arguments":{"x-own":"kept","x-number":1.5,"x-list":[1,"a"]}}`},
	{"POST", "/bindings/shop/e/fan/q/app.classic", `{"routing_key":"","arguments":{}}`},
	{"POST", "/bindings/shop/e/head/q/app.quorum", `{"routing_key":"","arguments":{"x-match":"any","n":1,"s":"x"}}`},
	{"POST", "/bindings/shop/e/amq.topic/e/fan", `{"routing_key":"a.#","arguments":{}}`},
}

// asked is compared on both brokers after an import.
var asked = []string{
	"/vhosts/shop", "/users", "/permissions", "/topic-permissions", "/vhost-limits", "/user-limits",
	"/policies", "/operator-policies", "/parameters", "/parameters/policy/shop",
	"/queues/shop/app.classic?columns=name,vhost,type,durable,auto_delete,exclusive,arguments,policy,operator_policy,effective_policy_definition",
	"/queues/shop/app.quorum?columns=name,vhost,type,durable,auto_delete,exclusive,arguments,policy,operator_policy,effective_policy_definition",
	"/queues/back/plain?columns=name,vhost,type,durable,auto_delete,exclusive,arguments",
	"/exchanges/shop/head?columns=name,vhost,type,durable,auto_delete,internal,arguments",
	"/exchanges/shop/fan?columns=name,vhost,type,durable,auto_delete,internal,arguments,policy",
	"/bindings/shop?columns=source,destination,destination_type,routing_key,arguments",
}

func TestFromRabbitMQAndBack(t *testing.T) {
	rabbit, portico := startRabbitMQ(t), startPortico(t)
	for _, m := range made {
		rabbit.ask(t, m.method, m.path, m.body)
	}
	exported := rabbit.ask(t, "GET", "/definitions", "")
	portico.ask(t, "POST", "/definitions", text(t, exported))
	compare(t, "what Portico exports", portico.ask(t, "GET", "/definitions", ""), exported)
	for _, path := range asked {
		compare(t, path, portico.ask(t, "GET", path, ""), rabbit.settled(t, path))
	}
	for _, b := range []*broker{rabbit, portico} {
		b.login(t)
	}

	// Back, over portico definitions export and the API of an emptied RabbitMQ.
	file := filepath.Join(t.TempDir(), "definitions.json")
	export := exec.Command(server.Binary(t, "portico"), "definitions", "export", "--url", strings.TrimSuffix(portico.api, "/api"), file)
	if out, err := export.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/vhosts/shop", "/vhosts/back", "/users/app", "/users/md5", "/users/nopassword", "/global-parameters/own"} {
		rabbit.ask(t, "DELETE", path, "")
	}
	rabbit.ask(t, "POST", "/definitions", string(raw))
	compare(t, "what RabbitMQ exports of Portico's", rabbit.ask(t, "GET", "/definitions", ""), exported)
	for _, path := range asked {
		compare(t, path+" on RabbitMQ", rabbit.settled(t, path), portico.ask(t, "GET", path, ""))
	}
	rabbit.login(t)
}

// settled asks for a path until the answer names the policy, if that is asked for: a RabbitMQ gathers what is shown of
// queues every five seconds.
func (b *broker) settled(t *testing.T, path string) any {
	t.Helper()
	ticks := time.NewTicker(200 * time.Millisecond)
	defer ticks.Stop()
	for deadline := time.Now().Add(time.Minute); ; <-ticks.C {
		v := b.ask(t, "GET", path, "")
		o, _ := v.(map[string]any)
		if _, named := o["policy"]; named || !strings.Contains(path, "operator_policy") || time.Now().After(deadline) {
			return v
		}
	}
}

// login opens a connection as a user whose password's hash was imported.
func (b *broker) login(t *testing.T) {
	t.Helper()
	conn, err := amqp.DialConfig("amqp://app:secret@"+b.amqp, amqp.Config{Vhost: "shop"})
	if err != nil {
		t.Errorf("%s: %v", b.name, err)
		return
	}
	conn.Close()
}

func text(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func compare(t *testing.T, what string, got, want any) {
	t.Helper()
	got, want = masked(got), masked(want)
	if reflect.DeepEqual(got, want) {
		return
	}
	g, isObject := got.(map[string]any)
	w, alsoObject := want.(map[string]any)
	if !isObject || !alsoObject {
		t.Errorf("%s:\n got %s\nwant %s", what, text(t, got), text(t, want))
		return
	}
	for key := range w {
		if !reflect.DeepEqual(g[key], w[key]) {
			t.Errorf("%s: %s:\n got %s\nwant %s", what, key, text(t, g[key]), text(t, w[key]))
		}
	}
	for key := range g {
		if _, ok := w[key]; !ok {
			t.Errorf("%s: RabbitMQ has no %s: %s", what, key, text(t, g[key]))
		}
	}
}

// ownKeys are told by one of both only, or differ by nature: versions, nodes, what RabbitMQ 3.10 does not write.
var ownKeys = []string{
	"rabbit_version", "rabbitmq_version", "product_name", "product_version", "cluster_state", "tracing",
	"user_who_performed_action", "messages_details",
}

// masked is v without what must differ, its lists in one order.
func masked(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, inner := range v {
			out[key] = masked(inner)
		}
		for _, key := range ownKeys {
			delete(out, key)
		}
		if list, ok := out["value"].([]any); ok && len(list) == 0 {
			out["value"] = map[string]any{} // Erlang's empty dictionary
		}
		if v["name"] == "guest" { // each has its own password
			delete(out, "password_hash")
		}
		if _, isVhost := v["metadata"]; isVhost || (len(v) == 1 && v["name"] != nil) {
			return map[string]any{"vhost": v["name"]} // 3.10 does not write the rest to files
		}
		if _, isQueue := v["auto_delete"]; isQueue {
			if _, isExchange := v["internal"]; !isExchange {
				delete(out, "type") // of queues in files: later versions write it
			}
		}
		return out
	case []any:
		out := []any{}
		for _, inner := range v {
			if o, ok := inner.(map[string]any); ok && o["name"] == "internal_cluster_id" {
				continue
			}
			out = append(out, masked(inner))
		}
		slices.SortFunc(out, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		return out
	default:
		return v
	}
}
