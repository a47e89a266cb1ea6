package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// differs says where Portico answers otherwise than RabbitMQ 3.10.8 does, and why: the request, and its status and, if
// it matters, body.
var differs = map[string]string{
	// Refused, where RabbitMQ makes a virtual host whose queues cannot be declared.
	`PUT /vhosts/v6 {"default_queue_type":"zzz"}`: "400",
	// Refused, where RabbitMQ takes the name of any module.
	`PUT /users/u10 {"password_hash":"abcd","hashing_algorithm":"nope","tags":""}`: "400",
	// RabbitMQ crashes (500).
	`PUT /users/u12 {"password":5,"tags":""}`:                             "400",
	`PUT /users/u13 {"password":"x","tags":5}`:                            "400",
	`POST /users/bulk-delete {"users":"x"}`:                               "400",
	`PUT /policies/%2F/p19 {"pattern":"^a","definition":{"max-age":"x"}}`: "400",
	`PUT /policies/%2F/p21 {"pattern":"^a","definition":[]}`:              "400",
	`DELETE /user-limits/nope/max-connections`:                            "400",
	`POST /definitions {"users":5}`:                                       "400",
	`GET /vhosts/v1`:                                                      "200",
	`GET /vhosts?page=1&page_size=2&sort=name&columns=name`:               "200",
	// Refused, and named, where RabbitMQ makes a virtual host "undefined" or leaves a binding out.
	`POST /definitions {"vhosts":[{"nam":"z"}]}`: "400",
	`POST /definitions {"bindings":[{"vhost":"/","source":"nope","destination":"x","destination_type":"queue","routing_key":"","arguments":{}}]}`: `400 {"error":"bad_request","reason":"no exchange 'nope' in vhost '/'"}`,
	// The reason says which one it is.
	`POST /definitions {"users":[{"name":"z"}]}`: `400 {"error":"bad_request","reason":"tags_not_present (user 'z')"}`,
	`POST /definitions {"bindings":[{"vhost":"/","source":"amq.topic","destination":"aq","destination_type":"zz","routing_key":"","arguments":{}}]}`: "400",
	// RabbitMQ 3.13 knows it (rabbit_mgmt_wm_hash_password.erl).
	`GET /auth/hash_password/foo`:           "200",
	`GET /auth/hash_password/foo  AS u1:p1`: "200",
}

// recorded reads the requests of a transcript with their answers.
func recorded(t *testing.T) (requests, answers []string) {
	t.Helper()
	raw, err := os.ReadFile("testdata/rights-rabbitmq-3.10.8.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		switch line = strings.TrimSpace(line); {
		case strings.HasPrefix(line, "#"), line == "":
		case len(requests) == len(answers):
			requests = append(requests, line)
		default:
			answers = append(answers, line)
		}
	}
	return requests, answers
}

// managed starts an application with its management port, until the end of the test.
func managed(t *testing.T) *running {
	t.Helper()
	r := start(t, "management.listen=127.0.0.1:0")
	t.Cleanup(func() {
		r.stop()
		if err := <-r.ended; err != nil {
			t.Error(err)
		}
	})
	return r
}

func TestRightsAnswerAsRabbitMQ(t *testing.T) {
	r := managed(t)
	requests, answers := recorded(t)
	for i, request := range requests {
		status, body := ask(t, "http://"+r.started["management"]+"/api", request)
		want := answers[i]
		own, other := differs[request]
		if other {
			want = own
		}
		wantStatus, wantBody, _ := strings.Cut(want, " ")
		if status != wantStatus {
			t.Errorf("%s\n got %s %s\nwant %s", request, status, body, want)
			continue
		}
		if wantBody == "..." || (other && wantBody == "") || strings.Contains(wantBody, `"reason":[`) {
			continue // an Erlang term as a reason is not imitated
		}
		if got, want := decoded(t, body), decoded(t, wantBody); !reflect.DeepEqual(got, want) {
			t.Errorf("%s\n got %s\nwant %s", request, body, wantBody)
		}
	}
}

// ask sends a request of a transcript: method, path, body, "AS user:password".
func ask(t *testing.T, base, request string) (status, body string) {
	t.Helper()
	user := "guest:guest"
	if before, as, ok := strings.Cut(request, " AS "); ok {
		request, user = before, as
	}
	method, rest, _ := strings.Cut(request, " ")
	path, content, _ := strings.Cut(rest, " ")
	q, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, base+path, strings.NewReader(strings.TrimSpace(content)))
	if err != nil {
		t.Fatal(err)
	}
	name, password, _ := strings.Cut(user, ":")
	q.SetBasicAuth(name, password)
	q.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.Status[:3], strings.TrimSpace(string(raw))
}

// decoded decodes a body without what differs between any two brokers.
func decoded(t *testing.T, body string) any {
	t.Helper()
	if body == "" {
		return nil
	}
	var v any
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return mask(v)
}

func mask(v any) any {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "cluster_state")
		delete(v, "default_queue_type")
		delete(v, "rabbit_version")
		for key := range v { // what is measured is there when RabbitMQ has looked for long enough
			if strings.HasPrefix(key, "messages") || strings.HasPrefix(key, "message_stats") || strings.HasPrefix(key, "recv_oct") || strings.HasPrefix(key, "send_oct") {
				delete(v, key)
			}
		}
		if list, ok := v["value"].([]any); ok && len(list) == 0 {
			v["value"] = map[string]any{} // Erlang's empty dictionary
		}
		if _, ok := v["password_hash"]; ok {
			v["password_hash"] = "..."
		}
		for name, inner := range v {
			v[name] = mask(inner)
		}
		return v
	case []any:
		out := []any{}
		for _, inner := range v {
			o, ok := inner.(map[string]any)
			name, _ := o["name"].(string)
			if !ok || (!slices.Contains([]string{"internal_cluster_id", "v6", "aq", "q1"}, name) && o["vhost"] != "v6") {
				out = append(out, mask(inner))
			}
		}
		slices.SortFunc(out, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		return out
	default:
		return v
	}
}
