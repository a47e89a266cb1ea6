package conformance

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	rabbithole "github.com/michaelklishin/rabbit-hole/v2"

	"github.com/portico-mq/portico/test/server"
)

// TestRabbitHole does what Terraform's RabbitMQ provider does with the library that it uses: it makes each resource,
// reads it back and compares, changes it, and removes it (provider resource_*.go of cyrilgdn/terraform-provider-rabbitmq).
func TestRabbitHole(t *testing.T) {
	s := server.Start(t)
	c, err := rabbithole.NewClient("http://"+s.Address(t, "management"), "guest", "guest")
	must(t, err)
	t.Run("vhost and user", func(t *testing.T) { holeRights(t, c) })
	t.Run("topology", func(t *testing.T) { holeTopology(t, c) })
	t.Run("connections", func(t *testing.T) { holeConnections(t, c, s.AMQPURL(t)) })
}

// wants fails the test unless the answer has the status.
func wants(t *testing.T, status int, resp *http.Response, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != status {
		t.Fatalf("got %s, want %d", resp.Status, status)
	}
}

func holeRights(t *testing.T, c *rabbithole.Client) {
	resp, err := c.PutVhost("v/1", rabbithole.VhostSettings{})
	wants(t, http.StatusCreated, resp, err)
	vhost, err := c.GetVhost("v/1")
	must(t, err)
	if vhost.Name != "v/1" {
		t.Errorf("the virtual host is %v", vhost)
	}
	resp, err = c.PutUser("u", rabbithole.UserSettings{Password: "p", Tags: rabbithole.UserTags{"management"}})
	wants(t, http.StatusCreated, resp, err)
	resp, err = c.UpdatePermissionsIn("v/1", "u", rabbithole.Permissions{Configure: ".*", Write: ".*", Read: "^a"})
	wants(t, http.StatusCreated, resp, err)
	p, err := c.GetPermissionsIn("v/1", "u")
	must(t, err)
	if p.Read != "^a" {
		t.Errorf("the permissions are %v", p)
	}
	resp, err = c.PutPolicy("v/1", "ttl", rabbithole.Policy{
		Pattern: "^a", ApplyTo: "queues", Definition: rabbithole.PolicyDefinition{"message-ttl": 1000},
	})
	wants(t, http.StatusCreated, resp, err)
	policy, err := c.GetPolicy("v/1", "ttl")
	must(t, err)
	if policy.Definition["message-ttl"] != 1000.0 || policy.ApplyTo != "queues" {
		t.Errorf("the policy is %v", policy)
	}
	resp, err = c.DeleteUser("u")
	wants(t, http.StatusNoContent, resp, err)
	resp, err = c.DeleteVhost("v/1")
	wants(t, http.StatusNoContent, resp, err)
}

func holeTopology(t *testing.T, c *rabbithole.Client) {
	resp, err := c.DeclareExchange("/", "x", rabbithole.ExchangeSettings{Type: "topic", Durable: true})
	wants(t, http.StatusCreated, resp, err)
	resp, err = c.DeclareExchange("/", "x", rabbithole.ExchangeSettings{Type: "topic", Durable: true})
	wants(t, http.StatusNoContent, resp, err)
	exchange, err := c.GetExchange("/", "x")
	must(t, err)
	if exchange.Type != "topic" || !exchange.Durable || exchange.AutoDelete {
		t.Errorf("the exchange is %v", exchange)
	}
	resp, err = c.DeclareQueue("/", "q", rabbithole.QueueSettings{
		Durable: true, Arguments: map[string]any{"x-max-length": 5, "x-queue-type": "quorum"},
	})
	wants(t, http.StatusCreated, resp, err)
	queue, err := c.GetQueue("/", "q")
	must(t, err)
	if queue.Arguments["x-max-length"] != 5.0 || queue.Type != "quorum" || !queue.Durable {
		t.Errorf("the queue is %v", queue)
	}
	if _, err = c.DeclareQueue("/", "q", rabbithole.QueueSettings{Durable: true}); err == nil {
		t.Error("a queue was declared again with other arguments")
	}
	for _, info := range []rabbithole.BindingInfo{
		{Source: "x", Vhost: "/", Destination: "q", DestinationType: "queue", RoutingKey: "a.#/b ~c", Arguments: map[string]any{}},
		{Source: "x", Vhost: "/", Destination: "q", DestinationType: "queue", RoutingKey: "", Arguments: map[string]any{"k": "v"}},
		{Source: "x", Vhost: "/", Destination: "amq.fanout", DestinationType: "exchange", RoutingKey: "k", Arguments: map[string]any{}},
	} {
		resp, err = c.DeclareBinding("/", info)
		wants(t, http.StatusCreated, resp, err)
		if resp.Header.Get("Location") == "" {
			t.Error("no Location")
		}
		bindings, err := c.ListBindingsIn("/")
		must(t, err)
		found := false
		for _, b := range bindings {
			if b.Source == "x" && b.RoutingKey == info.RoutingKey && b.Destination == info.Destination {
				found, info.PropertiesKey = true, b.PropertiesKey
			}
		}
		if !found {
			t.Fatalf("%v is not among %v", info, bindings)
		}
		resp, err = c.DeleteBinding("/", info)
		wants(t, http.StatusNoContent, resp, err)
	}
	resp, err = c.PurgeQueue("/", "q")
	wants(t, http.StatusNoContent, resp, err)
	resp, err = c.DeleteQueue("/", "q")
	wants(t, http.StatusNoContent, resp, err)
	resp, err = c.DeleteExchange("/", "x")
	wants(t, http.StatusNoContent, resp, err)
	if _, err := c.GetExchange("/", "x"); err == nil {
		t.Error("the exchange is still there")
	}
}

func holeConnections(t *testing.T, c *rabbithole.Client, amqpURL string) {
	conn, err := amqp.DialConfig(amqpURL, amqp.Config{Properties: amqp.Table{"connection_name": "hole"}})
	must(t, err)
	ch, err := conn.Channel()
	must(t, err)
	_, err = ch.QueueDeclare("scaled", true, false, false, false, nil)
	must(t, err)
	for range 3 {
		must(t, ch.Confirm(false))
		sent, err := ch.PublishWithDeferredConfirm("", "scaled", false, false, amqp.Publishing{Body: []byte("x")})
		must(t, err)
		sent.Wait()
	}
	connections, err := c.ListConnections()
	must(t, err)
	if len(connections) != 1 || connections[0].Protocol != "AMQP 0-9-1" || connections[0].Channels != 1 {
		t.Fatalf("the connections are %v", connections)
	}
	channels, err := c.ListChannels()
	must(t, err)
	if len(channels) != 1 || channels[0].Number != 1 {
		t.Errorf("the channels are %v", channels)
	}
	overview, err := c.Overview()
	must(t, err)
	if overview.QueueTotals.Messages != 3 || overview.ObjectTotals.Connections != 1 || overview.MessageStats.Publish != 3 {
		t.Errorf("the overview is %v", overview)
	}
	nodes, err := c.ListNodes()
	must(t, err)
	if len(nodes) != 1 || !nodes[0].IsRunning || nodes[0].MemUsed == 0 || nodes[0].FdUsed == 0 {
		t.Errorf("the nodes are %v", nodes)
	}
	kedaReads(t, c.Endpoint)
	closed := conn.NotifyClose(make(chan *amqp.Error, 1))
	resp, err := c.CloseConnection(connections[0].Name)
	wants(t, http.StatusNoContent, resp, err)
	select {
	case reason := <-closed:
		if reason == nil || reason.Code != amqp.ConnectionForced {
			t.Errorf("closed with %v", reason)
		}
	case <-time.After(stompTimeout):
		t.Error("the connection was not closed")
	}
}

// kedaReads does what KEDA's RabbitMQ scaler does over HTTP (pkg/scalers/rabbitmq_scaler.go of kedacore/keda,
// getQueueInfoViaHTTP): a GET of the queue, or of a page of queues by a pattern, and these fields of it.
func kedaReads(t *testing.T, base string) {
	t.Helper()
	type queue struct {
		Messages               int    `json:"messages"`
		MessagesUnacknowledged int    `json:"messages_unacknowledged"`
		Name                   string `json:"name"`
		MessageStat            struct {
			PublishDetail struct {
				Rate *float64 `json:"rate"`
			} `json:"publish_details"`
		} `json:"message_stats"`
	}
	var one queue
	getJSON(t, base+"/api/queues/%2F/scaled", &one)
	if one.Messages != 3 || one.Name != "scaled" || one.MessageStat.PublishDetail.Rate == nil {
		t.Errorf("KEDA reads %+v", one)
	}
	var page struct{ Items []queue }
	getJSON(t, base+"/api/queues/%2F?page=1&use_regex=true&pagination=false&name="+url.QueryEscape("^sc.*d$")+"&page_size=100", &page)
	if len(page.Items) != 1 || page.Items[0].Messages != 3 {
		t.Errorf("KEDA reads %+v", page)
	}
}

func getJSON(t *testing.T, address string, into any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	must(t, err)
	r.SetBasicAuth("guest", "guest")
	resp, err := http.DefaultClient.Do(r)
	must(t, err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", address, resp.Status)
	}
	must(t, json.NewDecoder(resp.Body).Decode(into))
}
