package bench

import (
	"context"
	"log/slog"
	"net"
	"os"
	"testing"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/memory"
	"github.com/portico-mq/portico/gateway/stomp"
)

// stompURL starts a broker that speaks STOMP and returns where it is.
func stompURL(t *testing.T) string {
	t.Helper()
	b, err := broker.Open(t.Context(), memory.NewStore(), broker.Options{
		Logger: slog.New(slog.DiscardHandler), MarkDeath: stomp.NewDestinations(stomp.DestinationOptions{}).MarkDeath,
		SystemExchanges: []broker.ExchangeSpec{{Name: "amq.topic", Kind: broker.Topic, Durable: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.PutUser("guest", "guest", nil); err != nil {
		t.Fatal(err)
	}
	if err := b.SetPermission("guest", "/", broker.Permission{Configure: ".*", Write: ".*", Read: ".*"}); err != nil {
		t.Fatal(err)
	}
	s := stomp.New(b, stomp.Options{Logger: slog.New(slog.DiscardHandler)})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer nc.Close()
				s.ServeConn(context.Background(), nc)
			}()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		s.Close()
		_ = b.Close()
	})
	return "stomp://guest:guest@" + l.Addr().String()
}

func TestSTOMPScenarios(t *testing.T) {
	url := stompURL(t)
	for _, tt := range []struct {
		scenario Scenario
		options  STOMPOptions
		want     int64 // exactly; 0: some
	}{
		{STOMPSend, STOMPOptions{}, 0},
		{STOMPSend, STOMPOptions{Connections: 3, InFlight: 7, ActiveMQ: true}, 0},
		{STOMPReceive, STOMPOptions{Messages: 2000}, 2000},
		{STOMPReceive, STOMPOptions{Messages: 2000, Connections: 3, Prefetch: 7, ActiveMQ: true}, 2000},
		{STOMPTopic, STOMPOptions{Connections: 20}, 0},
		{STOMPTopic, STOMPOptions{Connections: 20, ActiveMQ: true}, 0},
	} {
		o := tt.options
		o.URL, o.Size, o.Warmup, o.Duration, o.BrokerPID = url, 100, time.Millisecond, 100*time.Millisecond, os.Getpid()
		r, err := RunSTOMP(t.Context(), tt.scenario, o)
		if err != nil {
			t.Errorf("%s %+v: %v", tt.scenario, tt.options, err)
			continue
		}
		if (tt.want > 0 && r.Messages != tt.want) || r.Messages == 0 || r.Rate == 0 || r.Text() == "" {
			t.Errorf("%s %+v: %+v", tt.scenario, tt.options, r)
		}
		if (r.Latency != nil) != (tt.scenario == STOMPTopic) {
			t.Errorf("%s: latency %v", tt.scenario, r.Latency)
		}
	}
}

// TestSTOMPRefusals: what a broker refuses, or answers wrongly, is an error and no figure.
func TestSTOMPRefusals(t *testing.T) {
	url := stompURL(t)
	for s, o := range map[Scenario]STOMPOptions{
		"nope":       {URL: url},
		STOMPSend:    {URL: "stomp://guest:wrong@" + url[len("stomp://guest:guest@"):]},
		STOMPReceive: {URL: url, Size: 17 << 20, Messages: 1}, // larger than a body may be
		STOMPTopic:   {URL: "amqp://localhost"},
	} {
		if r, err := RunSTOMP(t.Context(), s, o); err == nil {
			t.Errorf("%s %+v: %+v", s, o, r)
		}
	}
	sender := &stompSender{window: 2, answered: make([]bool, 2), sent: 1}
	for _, f := range []stompFrame{
		{command: []byte("RECEIPT"), head: []byte("receipt-id:0000000000\n")}, // it has one
		{command: []byte("RECEIPT"), head: []byte("receipt-id:0000000007\n")},
		{command: []byte("RECEIPT")},
		{command: []byte("ERROR"), head: []byte("message:no\n")},
	} {
		if err := sender.receipt(f); err == nil {
			t.Errorf("%s %s was taken", f.command, f.head)
		}
	}
}
