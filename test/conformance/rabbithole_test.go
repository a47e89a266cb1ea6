package conformance

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	rabbithole "github.com/michaelklishin/rabbit-hole/v2"

	"github.com/portico-mq/portico/test/server"
)

// TestRabbitHole reads connections, channels, nodes and the overview with rabbit-hole, and closes a connection.
func TestRabbitHole(t *testing.T) {
	s := server.Start(t)
	c, err := rabbithole.NewClient("http://"+s.Address(t, "management"), "guest", "guest")
	must(t, err)
	holeConnections(t, c, s.AMQPURL(t))
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
