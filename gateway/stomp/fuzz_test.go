package stomp

import (
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/memory"
)

// FuzzSession sends anything, after a login and without, in each dialect: the connection must end when the client goes,
// without a panic, and leave nothing behind.
func FuzzSession(f *testing.F) {
	const sends = "SEND\ndestination:/queue/q\nreceipt:1\n\na\x00\n"
	for _, session := range []string{
		sends + "SUBSCRIBE\nid:1\ndestination:/queue/q\nack:client\n\n\x00ACK\nid:x\n\n\x00DISCONNECT\nreceipt:2\n\n\x00",
		"BEGIN\ntransaction:t\n\n\x00SEND\ndestination:/queue/a,/topic/b\ntransaction:t\n\nx\x00COMMIT\ntransaction:t\n\n\x00",
		"SUBSCRIBE\nid:1\ndestination:/topic/a.>\nactivemq.prefetchSize:1\n\n\x00SEND\ndestination:/topic/a.b\nexpires:1\npriority:9\n\n\x00UNSUBSCRIBE\nid:1\n\n\x00",
		"SUBSCRIBE\nid:1\ndestination:/temp-queue/t\n\n\x00SEND\ndestination:/temp-queue/t\nreply-to:/temp-queue/t\n\nx\x00NACK\nid:1\n\n\x00",
		"SUBSCRIBE\nid:1\ndestination:/queue/w.*?consumer.priority=3&consumer.prefetchSize=x\nack:client\n\n\x00SEND\ndestination:/queue/w.>\n\nx\x00",
		"SUBSCRIBE\nid:1\ndestination:multicast://a\nconsumer-window-size:-1\ndurable-subscription-name:n\n\n\x00SEND\ndestination:a\ndestination-type:MULTICAST\n\n\x00",
		"SEND\ndestination:/exchange/amq.topic/k\npersistent:true\ncontent-length:3\n\na\x00b\x00SEND\ndestination:/queue/q\ncontent-length:99999999999\n\n",
		"SUBSCRIBE\nid:1\ndestination:/queue/w.*\nselector:a > 1\n\n\x00SUBSCRIBE\nid:1\ndestination:/queue/w.*\nactivemq.noLocal:true\n\n\x00SUBSCRIBE\nid:2\ndestination:/queue/q\nbrowser:true\n\n\x00",
		"SEND\ndestination:/queue/q\nJMSXGroupID:a\nJMSXGroupSeq:-1\nAMQ_SCHEDULED_DELAY:1\nAMQ_SCHEDULED_REPEAT:3\n\nx\x00SUBSCRIBE\nid:1\ndestination:/queue/q?consumer.exclusive=true\n\n\x00",
		"\n\n\r\n\x00\x00STOMP\naccept-version:1.1\n\n\x00FOO\n\n\x00SEND\nx\n\n\x00", "CONNECT\nheart-beat:1,\n\n\x00",
	} {
		for kind := range byte(8) {
			f.Add(kind, session)
		}
	}
	logger := slog.New(slog.DiscardHandler)
	logins := []string{"CONNECT\naccept-version:1.2\nclient-id:c\n\n\x00", ""}
	names := []Dialect{Automatic, RabbitMQ, ActiveMQ, Artemis}
	f.Fuzz(func(t *testing.T, kind byte, session string) {
		b, err := broker.Open(t.Context(), memory.NewStore(), broker.Options{
			Logger: logger, MarkDeath: NewDestinations(DestinationOptions{}).MarkDeath, SystemExchanges: []broker.ExchangeSpec{{Name: "amq.topic", Kind: broker.Topic, Durable: true}},
		})
		must(t, err)
		must(t, b.PutUser("guest", "guest", nil))
		must(t, b.SetPermission("guest", "/", broker.Permission{Configure: ".*", Write: ".*", Read: ".*"}))
		s := New(b, Options{Logger: logger, Dialect: names[kind%4], Limits: Limits{Body: 1 << 20}})
		client, server := net.Pipe()
		ended := make(chan struct{})
		go func() {
			s.ServeConn(context.Background(), server)
			server.Close()
			close(ended)
		}()
		go func() { _, _ = io.Copy(io.Discard, client) }()
		_, _ = io.Copy(client, strings.NewReader(logins[kind/4%2]+session))
		client.Close()
		<-ended
		if n := len(b.Connections()); n != 0 {
			t.Errorf("%d connections are left", n)
		}
		if len(s.clients) != 0 || len(s.watching) != 0 {
			t.Errorf("left are %v and %v", s.clients, s.watching)
		}
		s.Close()
		must(t, b.Close())
	})
}
