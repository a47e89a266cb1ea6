package management

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/portico-mq/portico/broker"
	brokermemory "github.com/portico-mq/portico/broker/memory"
	"github.com/portico-mq/portico/internal/memory"
)

// fixture is the front end over a broker with two users: admin, who is an
// administrator, and plain, who is not; guest may come from loopback only.
type fixture struct {
	handler http.Handler
	health  *Health
	monitor *memory.Monitor
	alarms  []bool
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	b, err := broker.Open(context.Background(), brokermemory.NewStore(), broker.Options{LoopbackUsers: []string{"guest"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	for name, tags := range map[string][]string{"admin": {"administrator"}, "guest": {"administrator"}, "plain": nil} {
		if err := b.PutUser(name, "secret", tags); err != nil {
			t.Fatal(err)
		}
	}
	f := &fixture{health: new(Health)}
	f.monitor, err = memory.NewMonitor(memory.Limit{Fraction: 1}, func(on bool) { f.alarms = append(f.alarms, on) })
	if err != nil {
		t.Fatal(err)
	}
	f.handler = New(b, Options{Health: f.health, Memory: f.monitor})
	return f
}

// do sends a request; user is "name from address", or "" for none.
func (f *fixture) do(t *testing.T, method, path, user, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.RemoteAddr = "10.0.0.1:1"
	if name, address, ok := strings.Cut(user, " from "); ok {
		r.RemoteAddr = address
		user = name
	}
	if user != "" {
		r.SetBasicAuth(user, "secret")
	}
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	return w
}

func TestHealth(t *testing.T) {
	f := newFixture(t)
	for _, step := range []struct {
		ready bool
		want  int
	}{{false, 503}, {true, 200}, {false, 503}} {
		f.health.SetReady(step.ready)
		if w := f.do(t, "GET", "/health/ready", "", ""); w.Code != step.want {
			t.Errorf("ready is %v: got %d, want %d", step.ready, w.Code, step.want)
		}
		if w := f.do(t, "GET", "/health/live", "", ""); w.Code != 200 {
			t.Errorf("ready is %v: live got %d", step.ready, w.Code)
		}
	}
}

// RabbitMQ 3.13 answers a path of its management API that it does not know like this.
func TestUnknownPath(t *testing.T) {
	f := newFixture(t)
	for _, path := range []string{"/api/nonsense", "/api/queues/%2f/a/b/c", "/", "/portico/v2"} {
		w := f.do(t, "GET", path, "admin", "")
		if got := strings.TrimSpace(w.Body.String()); w.Code != 404 || got != `{"error":"Object Not Found","reason":"Not Found"}` {
			t.Errorf("%s: got %d %s", path, w.Code, got)
		}
	}
}

func TestOnlyAdministrators(t *testing.T) {
	f := newFixture(t)
	for user, want := range map[string]int{
		"": 401, "nobody": 401, "plain": 401, "admin": 200,
		"guest": 401, "guest from 127.0.0.1:9": 200, "guest from [::1]:9": 200, "guest from [::ffff:127.0.0.1]:9": 200,
	} {
		if w := f.do(t, "GET", "/portico/v1/memory", user, ""); w.Code != want {
			t.Errorf("%q: got %d, want %d", user, w.Code, want)
		}
	}
}

func TestMemoryLimit(t *testing.T) {
	f := newFixture(t)
	for body, want := range map[string]int{
		`{"fraction":0.5}`: 204, `{"bytes":1000000000000}`: 204,
		``: 400, `{}`: 400, `[]`: 400, `{"fraction":1.1}`: 400, `{"fraction":-1}`: 400, `{"bytes":0}`: 400,
		`{"bytes":1,"fraction":1}`: 400, `{"byte":1}`: 400, `{"bytes":"1"}`: 400,
		`{"bytes":` + strings.Repeat("1", 2000) + `}`: 400,
	} {
		if w := f.do(t, "PUT", "/portico/v1/memory/limit", "admin", body); w.Code != want {
			t.Errorf("%.40s: got %d %s, want %d", body, w.Code, w.Body, want)
		}
	}
	if len(f.alarms) > 0 {
		t.Fatalf("alarms: %v", f.alarms)
	}
	if w := f.do(t, "PUT", "/portico/v1/memory/limit", "admin", `{"fraction":0.00001}`); w.Code != 204 {
		t.Fatal(w.Code, w.Body)
	}
	if w := f.do(t, "GET", "/portico/v1/memory", "admin", ""); !strings.Contains(w.Body.String(), `"exceeded":true`) {
		t.Errorf("got %s", w.Body)
	}
	if len(f.alarms) != 1 || !f.alarms[0] {
		t.Errorf("alarms: %v, want one", f.alarms)
	}
}

// Every kind of broker error has an answer.
func TestEveryKindIsAnswered(t *testing.T) {
	for _, kind := range broker.Kinds() {
		r, ok := kinds[kind]
		if !ok {
			t.Errorf("%s has no row", kind)
			continue
		}
		if r.reason(&broker.Error{Kind: kind}) == "" {
			t.Errorf("%s has no reason", kind)
		}
	}
}
