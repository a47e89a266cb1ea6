// Package aws runs the AWS SDK for Go against the AWS endpoint: unmodified clients, over TCP.
package aws

import (
	"log/slog"
	"net"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/portico-mq/portico/adapters/awsproto"
	adapterkinesis "github.com/portico-mq/portico/adapters/kinesis"
	adaptersns "github.com/portico-mq/portico/adapters/sns"
	adaptersqs "github.com/portico-mq/portico/adapters/sqs"
	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/memory"
)

// endpoint is the URL of the endpoint under test: that of PORTICO_AWS_URL, or of one that the test
// starts over a store in memory.
func endpoint(t *testing.T) string {
	t.Helper()
	if url := os.Getenv("PORTICO_AWS_URL"); url != "" {
		return url
	}
	log := slog.New(slog.DiscardHandler)
	store := memory.NewStore()
	b, err := broker.Open(t.Context(), store, broker.Options{Logger: log, Rules: adaptersns.Rules()})
	if err != nil {
		t.Fatal(err)
	}
	secret := awsproto.NewSecret()
	var services []*awsproto.Service
	add := func(s *awsproto.Service, err error) {
		if err != nil {
			t.Fatal(err)
		}
		services = append(services, s)
	}
	add(adaptersqs.New(adaptersqs.Options{Broker: b, Secret: secret}))
	add(adaptersns.New(adaptersns.Options{Broker: b, Secret: secret}))
	add(adapterkinesis.New(adapterkinesis.Options{Broker: b, Secret: secret}))
	handler, err := awsproto.NewEndpoint(awsproto.Options{Services: services, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	var listen net.ListenConfig
	l, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := awsproto.NewServer(handler, log)
	go func() { _ = server.Serve(l) }() // it ends with the Close below
	t.Cleanup(func() {
		_ = server.Close()
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return "http://" + l.Addr().String()
}

func config(url string) aws.Config {
	return aws.Config{
		Region:           "us-east-1",
		BaseEndpoint:     &url,
		Credentials:      credentials.NewStaticCredentialsProvider("test", "test", ""),
		RetryMaxAttempts: 1,
	}
}

func sqsClient(url string) *sqs.Client         { return sqs.NewFromConfig(config(url)) }
func snsClient(url string) *sns.Client         { return sns.NewFromConfig(config(url)) }
func kinesisClient(url string) *kinesis.Client { return kinesis.NewFromConfig(config(url)) }
