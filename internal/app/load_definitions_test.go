package app

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

const someDefinitions = `{"users":[{"name":"boot","password_hash":"kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR","hashing_algorithm":"rabbit_password_hashing_sha256","tags":["administrator"]}],
"vhosts":[{"name":"/"}],"permissions":[{"user":"boot","vhost":"/","configure":".*","write":".*","read":".*"}],
"queues":[{"name":"q","vhost":"/","durable":true,"auto_delete":false,"arguments":{"x-max-length":5}}],
"bindings":[{"source":"amq.topic","vhost":"/","destination":"q","destination_type":"queue","routing_key":"a.#","arguments":{}}]}`

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Definitions are there before the first client, and again after a start over what they made; their users are the
// only ones.
func TestDefinitionsAreLoadedAtStart(t *testing.T) {
	file := writeFile(t, "definitions.json", someDefinitions)
	r := start(t, "amqp.listen=127.0.0.1:0", "management.listen=127.0.0.1:0", "load_definitions="+filepath.Dir(file))
	conn, err := amqp.Dial("amqp://boot:test12@" + r.started["amqp"])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ch.QueueDeclare("q", true, false, false, false, amqp.Table{"x-max-length": int32(5)}); err != nil {
		t.Error(err)
	}
	if err := ch.PublishWithContext(t.Context(), "amq.topic", "a.b", false, false, amqp.Publishing{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the message", func() bool {
		q, err := ch.QueueDeclarePassive("q", true, false, false, false, nil)
		return err == nil && q.Messages == 1
	})
	if other, err := amqp.Dial("amqp://guest:guest@" + r.started["amqp"]); err == nil {
		other.Close()
		t.Error("there is a default user too")
	}
}

// A mistake in the definitions keeps the broker from starting, and the check of the configuration names it.
func TestBrokenDefinitionsAreNamed(t *testing.T) {
	for _, tt := range []struct{ text, reason string }{
		{`{"queues":[{"name":"q","vhost":"nope","durable":true,"arguments":{}}]}`, "nope"},
		{`{"users":`, "failed_to_parse_json"},
		{`{"policies":[{"name":"p","vhost":"/","pattern":"^a","definition":{"max-age":"x"},"priority":0,"apply-to":"all"}]}`, `<<"x">> is not a valid max age`},
	} {
		file := writeFile(t, "broken.json", tt.text)
		c := configure(t, "load_definitions="+file)
		want := "load_definitions: " + file + ": "
		for name, err := range map[string]error{
			"check": CheckDefinitions(t.Context(), c),
			"start": Run(context.WithoutCancel(t.Context()), c, slog.New(slog.NewTextHandler(io.Discard, nil))),
		} {
			if err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), tt.reason) {
				t.Errorf("%s of %s: %v", name, tt.text, err)
			}
		}
	}
	if err := CheckDefinitions(t.Context(), configure(t, "load_definitions=/nowhere.json")); err == nil {
		t.Error("a file that is not there is taken")
	}
	if err := CheckDefinitions(t.Context(), configure(t, "load_definitions="+writeFile(t, "d.json", someDefinitions))); err != nil {
		t.Error(err)
	}
}
