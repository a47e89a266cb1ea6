package app

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

// everything is a file with something of each kind, as RabbitMQ 3.10.8 exports it.
const everything = `{"rabbit_version":"3.10.8","rabbitmq_version":"3.10.8","product_name":"RabbitMQ","product_version":"3.10.8",
"users":[{"name":"app","password_hash":"kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR",
 "hashing_algorithm":"rabbit_password_hashing_sha256","tags":["monitoring"],"limits":{"max-channels":7}}],
"vhosts":[{"name":"shop","description":"d","tags":["a"],"metadata":{"description":"d","tags":["a"],"default_queue_type":"quorum"}}],
"permissions":[{"user":"app","vhost":"shop","configure":"^app","write":".*","read":""}],
"topic_permissions":[{"user":"app","vhost":"shop","exchange":"amq.topic","write":"^a","read":"^b"}],
"parameters":[{"vhost":"shop","component":"vhost-limits","name":"limits","value":{"max-queues":50}},
 {"vhost":"shop","component":"operator_policy","name":"op","value":{"pattern":"","definition":{"max-length":9},"priority":1,"apply-to":"queues"}}],
"global_parameters":[{"name":"cluster_name","value":"c"}],
"policies":[{"vhost":"shop","name":"p","pattern":"^q","apply-to":"queues","definition":{"message-ttl":5000},"priority":3}],
"queues":[{"name":"q","vhost":"shop","durable":true,"auto_delete":false,
 "arguments":{"x-message-ttl":1000,"x-queue-type":"quorum","x-own":{"list":[1,2.5,true,"s"]}}}],
"exchanges":[{"name":"x","vhost":"shop","type":"headers","durable":true,"auto_delete":false,"internal":true,"arguments":{"x-own":1}}],
"bindings":[{"source":"x","vhost":"shop","destination":"q","destination_type":"queue","routing_key":"k","arguments":{"x-match":"any","n":1}},
 {"source":"amq.topic","vhost":"shop","destination":"x","destination_type":"exchange","routing_key":"#","arguments":{}}]}`

func TestDefinitionsComeBackAsTheyWere(t *testing.T) {
	first, second := managed(t), managed(t)
	post := func(r *running, definitions string) {
		t.Helper()
		if status, body := ask(t, "http://"+r.started["management"]+"/api", "POST /definitions "+definitions); status != "204" {
			t.Fatal(status, body)
		}
	}
	export := func(r *running) string {
		t.Helper()
		_, body := ask(t, "http://"+r.started["management"]+"/api", "GET /definitions")
		return body
	}
	post(first, strings.ReplaceAll(everything, "\n", " "))
	exported := export(first)
	for _, part := range []string{
		`"limits":{"max-channels":7}`, `"default_queue_type":"quorum"`, `"x-own":{"list":[1,2.5,true,"s"]}`, `"n":1`, `"max-queues":50`,
		`"tags":["monitoring"]`, `"password_hash":"kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"`, `"internal":true`, `"value":"c"`,
		`"definition":{"message-ttl":5000}`, `"definition":{"max-length":9}`, `"write":"^a"`, `"configure":"^app"`,
	} {
		if !strings.Contains(exported, part) {
			t.Errorf("%s is missing in %s", part, exported)
		}
	}
	post(second, exported)
	if got, want := decoded(t, export(second)), decoded(t, exported); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	post(first, exported) // again changes nothing
	if got := export(first); got != exported {
		t.Errorf("got %s\nwant %s", got, exported)
	}
}

// A file with one mistake changes nothing, however much of it is right, and the answer names the mistake.
func TestBrokenDefinitionsChangeNothing(t *testing.T) {
	r := managed(t)
	base := "http://" + r.started["management"] + "/api"
	_, before := ask(t, base, "GET /definitions")
	whole := strings.ReplaceAll(everything, "\n", " ")
	for _, tt := range []struct{ old, broken, names string }{
		{`"hashing_algorithm":"rabbit_password_hashing_sha256"`, `"hashing_algorithm":"x"`, `user 'app'`},
		{`"user":"app","vhost":"shop","configure"`, `"user":"nope","vhost":"shop","configure"`, `nope`},
		{`"write":"^a"`, `"write":"("`, `shop/app`},
		{`"message-ttl":5000`, `"message-ttl":-1`, `-1 is not a valid message TTL`},
		{`"max-length":9`, `"max-length":"x"`, `shop/operator_policy/op`},
		{`"max-queues":50`, `"queues":50`, `shop/vhost-limits/limits`},
		{`"x-message-ttl":1000`, `"x-message-ttl":-1`, `invalid arg 'x-message-ttl' for queue 'q'`},
		{`"type":"headers"`, `"type":"nope"`, `unknown exchange type 'nope'`},
		{`"destination":"q"`, `"destination":"gone"`, `no queue 'gone' in vhost 'shop'`},
		{`"durable":true,"auto_delete":false,"internal"`, `"durable":5,"auto_delete":false,"internal"`, `exchanges`},
		{`"bindings":`, `"bindings":{},"bindings":`, `bindings`},
		{`]}`, `]`, `failed_to_parse_json`},
	} {
		if !strings.Contains(whole, tt.old) {
			t.Fatalf("%s is not in the file", tt.old)
		}
		broken := strings.Replace(whole, tt.old, tt.broken, 1)
		if tt.old == "]}" {
			broken = whole[:len(whole)-1]
		}
		status, body := ask(t, base, "POST /definitions "+broken)
		if status != "400" || !strings.Contains(strings.ReplaceAll(body, `\"`, `"`), tt.names) {
			t.Errorf("%s: %s %s", tt.broken, status, body)
		}
		if _, after := ask(t, base, "GET /definitions"); after != before {
			t.Fatalf("%s: something changed: %s", tt.broken, after)
		}
	}
}

// Browsers send the file in a form.
func TestDefinitionsFromAForm(t *testing.T) {
	r := managed(t)
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "definitions.json")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(part, `{"vhosts":[{"name":"from a form"}]}`)
	form.Close()
	url := "http://" + r.started["management"] + "/api/definitions"
	q, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodPost, url, &body)
	if err != nil {
		t.Fatal(err)
	}
	q.SetBasicAuth("guest", "guest")
	q.Header.Set("Content-Type", form.FormDataContentType())
	resp, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if answer, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusNoContent {
		t.Fatal(resp.Status, string(answer))
	}
	if status, _ := ask(t, strings.TrimSuffix(url, "/definitions"), "GET /vhosts/from%20a%20form"); status != "200" {
		t.Error(status)
	}
}
