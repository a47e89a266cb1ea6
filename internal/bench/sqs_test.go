package bench

import (
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/adapters/sqs"
	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/memory"
)

func TestSQSScenarios(t *testing.T) {
	store := memory.NewStore()
	b, err := broker.Open(t.Context(), store, broker.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	a, err := sqs.New(sqs.Options{Broker: b, Secret: awsproto.NewSecret()})
	if err != nil {
		t.Fatal(err)
	}
	e, err := awsproto.NewEndpoint(awsproto.Options{Services: []*awsproto.Service{a.Service()}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(e)
	t.Cleanup(func() {
		e.Close()
		server.Close()
		_ = a.Close()
		_ = b.Close()
		_ = store.Close()
	})
	for _, tt := range []struct {
		scenario Scenario
		options  SQSOptions
		want     int64 // exactly; 0: some
	}{
		{SQSSend, SQSOptions{}, 0},
		{SQSSend, SQSOptions{Clients: 3, Batch: 10, Groups: 5}, 0},
		{SQSReceive, SQSOptions{Messages: 200}, 200},
		{SQSReceive, SQSOptions{Messages: 300, Clients: 4, Batch: 10, Groups: 7}, 300},
		{SQSPoll, SQSOptions{Queues: 5}, -1},
	} {
		o := tt.options
		o.URL, o.Size, o.Warmup, o.Duration = server.URL, 100, time.Millisecond, 200*time.Millisecond
		if tt.want > 0 {
			o.Duration = time.Minute
		}
		r, err := RunSQS(t.Context(), tt.scenario, o)
		if err != nil {
			t.Errorf("%s %+v: %v", tt.scenario, tt.options, err)
			continue
		}
		if (tt.want > 0 && r.Messages != tt.want) || (tt.want == 0 && r.Messages == 0) || r.Text() == "" {
			t.Errorf("%s %+v: %+v", tt.scenario, tt.options, r)
		}
	}
	if left := b.Namespaces(); len(left) != 1 {
		t.Errorf("namespaces %v", left)
	}
}

func TestSQSRefusesErrors(t *testing.T) {
	server := httptest.NewServer(nil) // answers 404
	defer server.Close()
	if _, err := RunSQS(t.Context(), SQSSend, SQSOptions{URL: server.URL}); err == nil {
		t.Error("an endpoint that is none was measured")
	}
	if _, err := RunSQS(t.Context(), SQSSend, SQSOptions{URL: server.URL, Batch: 11}); err == nil {
		t.Error("a batch of 11")
	}
}
