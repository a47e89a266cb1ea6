package app

import (
	"context"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/adapters/kinesis"
	"github.com/portico-mq/portico/adapters/sns"
	"github.com/portico-mq/portico/adapters/sqs"
)

func (a *application) startAWS(ctx context.Context) error {
	secret, err := readSecret(a.config.DataDir)
	if err != nil {
		return err
	}
	sqsAdapter, err := sqs.New(sqs.Options{Broker: a.broker, Secret: secret, Pauses: a.config.AWS.SQS.Pauses, Log: a.log})
	if err != nil {
		return err
	}
	a.closes = append(a.closes, sqsAdapter.Close)
	snsService, err := sns.New(sns.Options{Broker: a.broker, Secret: secret})
	if err != nil {
		return err
	}
	kinesisService, err := kinesis.New(kinesis.Options{Broker: a.broker, Secret: secret})
	if err != nil {
		return err
	}
	endpoint, err := awsproto.NewEndpoint(awsproto.Options{
		Auth:     awsproto.AuthMode(a.config.AWS.Auth),
		Region:   a.config.AWS.Region,
		Services: []*awsproto.Service{sqsAdapter.Service(), snsService, kinesisService},
		Log:      a.log,
	})
	if err != nil {
		return err
	}
	b, err := a.listenBoth(ctx, "aws", a.config.AWS.Listen)
	if err != nil {
		return err
	}
	a.serveHTTP("aws", awsproto.NewServer(endpoint, a.log), b)
	return nil
}
