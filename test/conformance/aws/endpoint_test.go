// Package aws runs the AWS SDK for Go against the AWS endpoint: unmodified clients, over TCP.
package aws

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/portico-mq/portico/adapters/awsidentity"
	"github.com/portico-mq/portico/adapters/awsproto"
	adapteriam "github.com/portico-mq/portico/adapters/iam"
	adapterkinesis "github.com/portico-mq/portico/adapters/kinesis"
	adaptersns "github.com/portico-mq/portico/adapters/sns"
	adaptersqs "github.com/portico-mq/portico/adapters/sqs"
	adaptersts "github.com/portico-mq/portico/adapters/sts"
	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/memory"
)

// target is an endpoint under test, and an account of the test's own on it.
type target struct {
	url, account string
}

// endpoint is that of PORTICO_AWS_URL, or one that the test starts over a store in memory.
func endpoint(t *testing.T) target {
	t.Helper()
	account := fmt.Sprintf("%012d", 1+rand.Int64N(1e12-1))
	if url := os.Getenv("PORTICO_AWS_URL"); url != "" {
		return target{url, account}
	}
	return target{start(t, nil), account}
}

// start starts an endpoint over a store in memory, and gives its URL. With an identities file, signatures are verified and
// policies decide.
func start(t *testing.T, identities []byte) string {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	store := memory.NewStore()
	rules := adaptersns.NewRules(nil, false)
	b, err := broker.Open(t.Context(), store, broker.Options{Logger: log, Rules: rules.Compilers()})
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
	queues, err := adaptersqs.New(adaptersqs.Options{Broker: b, Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	add(queues.Service(), nil)
	topics, err := adaptersns.New(adaptersns.Options{Broker: b, Rules: rules, Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	add(topics.Service(), nil)
	add(adapterkinesis.New(adapterkinesis.Options{Broker: b, Secret: secret}))
	directory, err := awsidentity.Open(awsidentity.Options{Broker: b, Secret: secret, File: identities, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	add(adapteriam.New(directory), nil)
	add(adaptersts.New(directory), nil)
	options := awsproto.Options{Services: services, Keys: directory.Key, Log: log}
	if identities != nil {
		options.Auth = awsproto.AuthOn
	}
	handler, err := awsproto.NewEndpoint(options)
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
		for _, closing := range []io.Closer{queues, topics} {
			if err := closing.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return "http://" + l.Addr().String()
}

func (e target) config() aws.Config {
	return aws.Config{
		Region:           "us-east-1",
		BaseEndpoint:     &e.url,
		Credentials:      credentials.NewStaticCredentialsProvider(e.account, "secret", ""),
		RetryMaxAttempts: 1,
	}
}

func (e target) arn(service, resource string) string {
	return "arn:aws:" + service + ":us-east-1:" + e.account + ":" + resource
}

func sqsClient(e target) *sqs.Client         { return sqs.NewFromConfig(e.config()) }
func snsClient(e target) *sns.Client         { return sns.NewFromConfig(e.config()) }
func kinesisClient(e target) *kinesis.Client { return kinesis.NewFromConfig(e.config()) }
