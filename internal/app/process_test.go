package app

import (
	"net"
	"net/http"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

// control sends an order to the process and returns the answer's status.
func (a *api) control(what string) int {
	a.t.Helper()
	base := strings.TrimSuffix(a.base, "/api")
	r, err := http.NewRequestWithContext(a.t.Context(), http.MethodPost, base+"/portico/v1/app/"+what, http.NoBody)
	if err != nil {
		a.t.Fatal(err)
	}
	r.SetBasicAuth("guest", "guest")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func (a *api) wantControl(what string, status int) {
	a.t.Helper()
	if got := a.control(what); got != status {
		a.t.Fatalf("%s: answered %d, want %d", what, got, status)
	}
}

// An operator stops the broker, whose process stays, and starts it again on its addresses with what it had; or resets
// it in between.
func TestAppIsStoppedStartedAndReset(t *testing.T) {
	r := start(t, "management.listen=127.0.0.1:0", "amqp.listen=127.0.0.1:0", "metrics.listen=127.0.0.1:0")
	a := &api{t, "http://" + r.started["management"] + "/api"}
	health := "http://" + r.started["management"] + "/health/"
	dial := func() *amqp.Connection {
		conn, err := amqp.Dial("amqp://guest:guest@" + r.started["amqp"])
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	conn := dial()
	busy(t, conn)
	closed := conn.NotifyClose(make(chan *amqp.Error, 1))
	a.wantControl("reset", http.StatusConflict)
	a.wantControl("stop", http.StatusNoContent)
	if got := <-closed; got == nil || got.Reason != "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'" {
		t.Errorf("closed with %v", got)
	}
	if c, err := net.Dial("tcp", r.started["amqp"]); err == nil {
		c.Close()
		t.Error("the AMQP port is still open")
	}
	if live, ready := get(t, http.DefaultClient, health+"live"), get(t, http.DefaultClient, health+"ready"); live != 200 || ready != 503 {
		t.Errorf("live answers %d, ready %d", live, ready)
	}
	if code, body := a.call("GET", "/overview", ""); code != 503 || !strings.Contains(body, "not_running") {
		t.Errorf("the API answers %d %s", code, body)
	}
	a.wantControl("stop", http.StatusNoContent)
	a.wantControl("start", http.StatusNoContent)
	a.wantControl("start", http.StatusNoContent)
	if ready := get(t, http.DefaultClient, health+"ready"); ready != 200 {
		t.Errorf("ready answers %d", ready)
	}
	if q := a.object("/queues/%2F/q"); q["messages"] != 4.0 {
		t.Errorf("the queue is %v", q)
	}
	dial().Close()
	a.wantControl("stop", http.StatusNoContent)
	a.wantControl("reset", http.StatusNoContent)
	a.wantControl("start", http.StatusNoContent)
	if code, body := a.call("GET", "/queues", ""); code != 200 || body != "[]" {
		t.Errorf("after a reset there are %d %s", code, body)
	}
	dial().Close() // the default user is there again
	a.wantControl("stop", http.StatusNoContent)
	r.stop() // a stopped broker does not keep the process
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
}

// A broker that cannot be started again stays stopped, says why, and can be started later.
func TestAppThatCannotStartStaysStopped(t *testing.T) {
	r := start(t, "management.listen=127.0.0.1:0", "amqp.listen=127.0.0.1:0")
	a := &api{t, "http://" + r.started["management"] + "/api"}
	a.wantControl("stop", http.StatusNoContent)
	taken, err := net.Listen("tcp", r.started["amqp"])
	if err != nil {
		t.Fatal(err)
	}
	a.wantControl("start", http.StatusInternalServerError)
	if code, _ := a.call("GET", "/overview", ""); code != 503 {
		t.Errorf("the API answers %d", code)
	}
	taken.Close()
	a.wantControl("start", http.StatusNoContent)
	if code, _ := a.call("GET", "/overview", ""); code != 200 {
		t.Errorf("the API answers %d", code)
	}
}
