package app

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-stomp/stomp/v3"
	amqp "github.com/rabbitmq/amqp091-go"
)

// api calls the management API of a running application as guest.
type api struct {
	t    *testing.T
	base string
}

// call returns the status and the body.
func (a *api) call(method, path, body string) (int, string) {
	a.t.Helper()
	r, err := http.NewRequestWithContext(a.t.Context(), method, a.base+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	r.SetBasicAuth("guest", "guest")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return resp.StatusCode, strings.TrimSpace(string(data))
}

// object gets one object.
func (a *api) object(path string) map[string]any {
	a.t.Helper()
	code, body := a.call("GET", path, "")
	var o map[string]any
	if err := json.Unmarshal([]byte(body), &o); err != nil || code != 200 {
		a.t.Fatalf("%s: %d %s", path, code, body)
	}
	return o
}

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline, look := time.After(20*time.Second), time.NewTicker(5*time.Millisecond)
	defer look.Stop()
	for !condition() {
		select {
		case <-look.C:
		case <-deadline:
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}

func dig(o map[string]any, path ...string) any {
	var v any = o
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

// A client publishes, consumes and leaves messages; the API and the metrics tell the same of it.
func TestManagementTellsTheTruth(t *testing.T) {
	r := start(t, "management.listen=127.0.0.1:0", "amqp.listen=127.0.0.1:0", "metrics.listen=127.0.0.1:0")
	a := &api{t, "http://" + r.started["management"] + "/api"}
	conn, err := amqp.DialConfig("amqp://guest:guest@"+r.started["amqp"], amqp.Config{
		Properties: amqp.Table{"connection_name": "worker"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	busy(t, conn)
	a.checkQueue()
	a.checkLists()
	a.checkMetrics(r.started["metrics"])
	closed := conn.NotifyClose(make(chan *amqp.Error, 1))
	name := conn.LocalAddr().String() + " -> " + r.started["amqp"]
	if code, body := a.call("DELETE", "/connections/"+strings.ReplaceAll(name, " ", "%20"), ""); code != 204 {
		t.Fatal(code, body)
	}
	if got := <-closed; got == nil || got.Code != 320 || got.Reason != "CONNECTION_FORCED - Closed via management plugin" {
		t.Errorf("closed with %v", got)
	}
	eventually(t, "no connection", func() bool { _, body := a.call("GET", "/connections", ""); return body == "[]" })
	r.stop()
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
}

// busy declares q and does a known number of things: 5 published and confirmed, of which 2 are delivered and 1 of
// these acknowledged; 1 more is returned and 1 dropped.
func busy(t *testing.T, conn *amqp.Connection) {
	t.Helper()
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ch.QueueDeclare("q", true, false, false, false, amqp.Table{"x-max-length": int32(100)}); err != nil {
		t.Fatal(err)
	}
	if err := ch.Confirm(false); err != nil {
		t.Fatal(err)
	}
	for i, key := range []string{"q", "q", "q", "q", "q", "nowhere", "nowhere"} {
		sent, err := ch.PublishWithDeferredConfirmWithContext(t.Context(), "", key, i == 5, false, amqp.Publishing{Body: []byte("x")})
		if err != nil {
			t.Fatal(err)
		}
		sent.Wait()
	}
	if err := ch.Qos(2, 0, false); err != nil {
		t.Fatal(err)
	}
	deliveries, err := ch.ConsumeWithContext(context.WithoutCancel(t.Context()), "q", "tag", false, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	first := <-deliveries
	<-deliveries
	if err := ch.Qos(1, 0, false); err != nil { // of consumers to come: it changes nothing here
		t.Fatal(err)
	}
	if err := first.Ack(false); err != nil {
		t.Fatal(err)
	}
	<-deliveries
}

func (a *api) checkQueue() {
	a.t.Helper()
	eventually(a.t, "the acknowledgement", func() bool { return dig(a.object("/queues/%2F/q"), "message_stats", "ack") == 1.0 })
	q := a.object("/queues/%2F/q")
	for path, want := range map[string]any{
		"messages": 4.0, "messages_ready": 2.0, "messages_unacknowledged": 2.0, "consumers": 1.0, "durable": true, "type": "classic",
		"message_stats.publish": 5.0, "message_stats.deliver": 3.0, "message_stats.deliver_get": 3.0, "message_stats.ack": 1.0,
		"arguments.x-max-length": 100.0, "state": "running", "message_bytes": 4.0, "message_bytes_ready": 2.0,
		"message_bytes_unacknowledged": 2.0, "messages_persistent": 4.0, "message_bytes_persistent": 4.0,
	} {
		if got := dig(q, strings.Split(path, ".")...); got != want {
			a.t.Errorf("queue: %s is %v, want %v", path, got, want)
		}
	}
	if details, _ := q["consumer_details"].([]any); len(details) != 1 || dig(details[0].(map[string]any), "consumer_tag") != "tag" {
		a.t.Errorf("consumer_details: %v", q["consumer_details"])
	}
}

func (a *api) checkLists() {
	a.t.Helper()
	for path, want := range map[string]string{
		"/connections?columns=user_provided_name,user,vhost,protocol,channels,state":                                                  `[{"channels":1,"protocol":"AMQP 0-9-1","state":"running","user":"guest","user_provided_name":"worker","vhost":"/"}]`,
		"/vhosts/%2F/connections?columns=user":                                                                                        `[{"user":"guest"}]`,
		"/channels?columns=number,confirm,prefetch_count,messages_unacknowledged,messages_unconfirmed,consumer_count,transactional":   `[{"confirm":true,"consumer_count":1,"messages_unacknowledged":2,"messages_unconfirmed":0,"number":1,"prefetch_count":1,"transactional":false}]`,
		"/channels?columns=message_stats.confirm,message_stats.return_unroutable,message_stats.drop_unroutable,message_stats.publish": `[{"message_stats":{"confirm":7,"drop_unroutable":1,"publish":7,"return_unroutable":1}}]`,
		"/consumers?columns=consumer_tag,ack_required,prefetch_count,queue.name":                                                      `[{"ack_required":true,"consumer_tag":"tag","prefetch_count":2,"queue":{"name":"q"}}]`,
		"/bindings/%2F/e/amq.default/q/q":                                                                                             `[{"arguments":{},"destination":"q","destination_type":"queue","properties_key":"q","routing_key":"q","source":"","vhost":"/"}]`,
		"/exchanges/%2F/amq.default?columns=message_stats.publish_in,message_stats.publish_out":                                       `{"message_stats":{"publish_in":7,"publish_out":5}}`,
		"/overview?columns=object_totals.queues,object_totals.connections,queue_totals.messages,product_name":                         `{"object_totals":{"connections":1,"queues":1},"product_name":"RabbitMQ","queue_totals":{"messages":4}}`,
		"/queues/%2F?page=1&page_size=10&name=Q&columns=name":                                                                         `{"filtered_count":1,"item_count":1,"items":[{"name":"q"}],"page":1,"page_count":1,"page_size":10,"total_count":1}`,
		"/health/checks/alarms":                    `{"status":"ok"}`,
		"/health/checks/protocol-listener/amqp091": `{"protocol":"amqp091","status":"ok"}`,
	} {
		if code, body := a.call("GET", path, ""); code != 200 || body != want {
			a.t.Errorf("%s: %d %s\nwant %s", path, code, body, want)
		}
	}
	if code, body := a.call("GET", "/aliveness-test/%2F", ""); code != 200 || body != `{"status":"ok"}` {
		a.t.Errorf("aliveness: %d %s", code, body)
	}
	if n := dig(a.object("/overview"), "message_stats", "publish"); n != 8.0 { // the aliveness test is one
		a.t.Errorf("overview: %v published, want 8", n)
	}
	for _, path := range []string{"/nodes", "/extensions", "/feature-flags", "/deprecated-features", "/cluster-name", "/version", "/auth"} {
		if code, body := a.call("GET", path, ""); code != 200 || !json.Valid([]byte(body)) {
			a.t.Errorf("%s: %d %s", path, code, body)
		}
	}
}

// checkMetrics compares every number that both tell.
func (a *api) checkMetrics(address string) {
	a.t.Helper()
	scraped := scrape(a.t, "http://"+address+"/metrics")
	o := a.object("/overview")
	for name, path := range map[string]string{
		"rabbitmq_queues": "object_totals.queues", "rabbitmq_connections": "object_totals.connections",
		"rabbitmq_channels": "object_totals.channels", "rabbitmq_consumers": "object_totals.consumers",
		"rabbitmq_queue_messages_ready": "queue_totals.messages_ready", "rabbitmq_queue_messages_unacked": "queue_totals.messages_unacknowledged",
		"rabbitmq_global_messages_received_total":           "message_stats.publish",
		"rabbitmq_global_messages_confirmed_total":          "message_stats.confirm",
		"rabbitmq_global_messages_delivered_total":          "message_stats.deliver_get",
		"rabbitmq_global_messages_acknowledged_total":       "message_stats.ack",
		"rabbitmq_global_messages_unroutable_dropped_total": "message_stats.drop_unroutable",
		"rabbitmq_queues_created_total":                     "churn_rates.queue_created",
	} {
		if got, want := sumOf(scraped, name), dig(o, strings.Split(path, ".")...); got != want || want == 0.0 {
			a.t.Errorf("%s is %v, %s is %v", name, got, path, want)
		}
	}
	objects := scrape(a.t, "http://"+address+"/metrics/per-object")
	if got := objects[`rabbitmq_queue_messages_ready{queue="q",vhost="/"}`]; got != 2 {
		a.t.Errorf("per object: %v ready in q, want 2; there are %v", got, slices.Sorted(maps.Keys(objects)))
	}
	detailed := scrape(a.t, "http://"+address+"/metrics/detailed?family=queue_consumer_count&vhost=/")
	if len(detailed) != 4 || detailed[`rabbitmq_detailed_queue_consumers{queue="q",vhost="/"}`] != 1 { // the aliveness test has a queue; two say who it is
		a.t.Errorf("detailed: %v", detailed)
	}
}

// sumOf adds up a metric over its labels.
func sumOf(scraped map[string]float64, name string) (sum float64) {
	for series, n := range scraped {
		if metric, _, _ := strings.Cut(series, "{"); metric == name {
			sum += n
		}
	}
	return sum
}

func scrape(t *testing.T, url string) map[string]float64 {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	values := map[string]float64{}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		name, value, ok := strings.Cut(lines.Text(), " ")
		if strings.HasPrefix(name, "#") || !ok {
			continue
		}
		if i := strings.LastIndex(lines.Text(), "} "); i >= 0 {
			name, value = lines.Text()[:i+1], lines.Text()[i+2:]
		}
		if values[name], err = strconv.ParseFloat(value, 64); err != nil {
			t.Fatal(lines.Text())
		}
	}
	return values
}

// A STOMP client is in the same lists, and is told in its own protocol's words that it was closed.
func TestSTOMPClientsAreListed(t *testing.T) {
	r := start(t, "management.listen=127.0.0.1:0", "stomp.listen=127.0.0.1:0")
	a := &api{t, "http://" + r.started["management"] + "/api"}
	conn, err := stomp.Dial("tcp", r.started["stomp"], stomp.ConnOpt.Login("guest", "guest"), stomp.ConnOpt.Host("/"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.MustDisconnect() }() // the broker has closed it
	sub, err := conn.Subscribe("/queue/s", stomp.AckClientIndividual, stomp.SubscribeOpt.Id("1"), stomp.SubscribeOpt.Header("prefetch-count", "5"))
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Send("/queue/s", "text/plain", []byte("x")); err != nil {
		t.Fatal(err)
	}
	<-sub.C
	for path, want := range map[string]string{
		"/connections?columns=user,protocol,channels":                     `[{"channels":1,"protocol":"STOMP 1.2","user":"guest"}]`,
		"/channels?columns=number,messages_unacknowledged,consumer_count": `[{"consumer_count":1,"messages_unacknowledged":1,"number":1}]`,
		"/channels?columns=message_stats.publish,message_stats.deliver":   `[{"message_stats":{"deliver":1,"publish":1}}]`,
		"/consumers?columns=consumer_tag,prefetch_count,queue.name":       `[{"consumer_tag":"T_1","prefetch_count":5,"queue":{"name":"s"}}]`,
	} {
		if code, body := a.call("GET", path, ""); code != 200 || body != want {
			t.Errorf("%s: %d %s\nwant %s", path, code, body, want)
		}
	}
	_, body := a.call("GET", "/connections", "")
	var list []struct{ Name string }
	if err := json.Unmarshal([]byte(body), &list); err != nil || len(list) != 1 {
		t.Fatal(body, err)
	}
	if code, body := a.call("DELETE", "/connections/"+strings.ReplaceAll(list[0].Name, " ", "%20"), ""); code != 204 {
		t.Fatal(code, body)
	}
	if m := <-sub.C; m == nil || m.Err == nil || !strings.Contains(m.Err.Error(), "connection_forced") {
		t.Errorf("the client was told %v", m)
	}
	r.stop()
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
}
