package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/portico-mq/portico/adapters/awsidentity"
	"github.com/portico-mq/portico/adapters/awspolicy"
	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/adapters/iam"
	"github.com/portico-mq/portico/adapters/invocation"
	"github.com/portico-mq/portico/adapters/kinesis"
	"github.com/portico-mq/portico/adapters/lambda"
	"github.com/portico-mq/portico/adapters/sns"
	"github.com/portico-mq/portico/adapters/sns/signature"
	"github.com/portico-mq/portico/adapters/sqs"
	"github.com/portico-mq/portico/adapters/sts"
	"github.com/portico-mq/portico/config"
)

func (a *application) startAWS(ctx context.Context) error {
	secret, err := readSecret(a.config.DataDir)
	if err != nil {
		return err
	}
	var topics *sns.Adapter
	sqsAdapter, err := sqs.New(sqs.Options{
		Broker: a.broker, Secret: secret, Pauses: a.config.AWS.SQS.Pauses, Log: a.log, Encrypted: a.encrypted,
		Changed: func(namespace, name string) { topics.QueueChanged(namespace, name) },
	})
	if err != nil {
		return err
	}
	a.closes = append(a.closes, sqsAdapter.Close)
	functions, err := invocation.Parse(a.config.AWS.Lambda.Endpoint)
	if err != nil {
		return fmt.Errorf("aws.lambda.endpoint: %w", err)
	}
	topics, err = sns.New(sns.Options{
		QueuePolicy: a.queuePolicies(sqsAdapter),
		Broker:      a.broker, Rules: a.rules, Secret: secret, Home: a.config.AWS.Region, Log: a.log,
		Functions: functions, Limits: a.config.AWS.SNS.Limits,
		Mail: sns.Mail{
			Address: a.config.SMTP.Address, From: a.config.SMTP.From, User: a.config.SMTP.User, Password: a.config.SMTP.Password,
		},
	})
	if err != nil {
		return err
	}
	a.closes = append(a.closes, topics.Close)
	kinesisService, err := kinesis.New(kinesis.Options{Broker: a.broker, Secret: secret})
	if err != nil {
		return err
	}
	mappings, err := lambda.New(lambda.Options{
		Broker: a.broker, SQS: sqsAdapter.Service(), Kinesis: kinesisService, Functions: functions, Home: a.config.AWS.Region, Log: a.log,
	})
	if err != nil {
		return err
	}
	a.closes = append(a.closes, mappings.Close)
	return a.serveAWS(ctx, secret, sqsAdapter.Service(), topics.Service(), kinesisService, mappings.Service())
}

// serveAWS opens the endpoint of the services, and of those that say who may use them.
func (a *application) serveAWS(ctx context.Context, secret []byte, services ...*awsproto.Service) error {
	identities, err := a.openIdentities(secret)
	if err != nil {
		return err
	}
	endpoint, err := awsproto.NewEndpoint(awsproto.Options{
		Auth:       awsproto.AuthMode(a.config.AWS.Auth),
		Keys:       identities.Key,
		RequireTLS: a.config.AWS.RequireTLS,
		Region:     a.config.AWS.Region,
		Services:   append(services, iam.New(identities), sts.New(identities)),
		Log:        a.log,
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

// openIdentities opens who may use the AWS endpoint.
func (a *application) openIdentities(secret []byte) (*awsidentity.Directory, error) {
	o := awsidentity.Options{
		Broker: a.broker, Secret: secret, RootAccessKey: a.config.AWS.Root.AccessKey, RootSecret: a.config.AWS.Root.SecretKey, Log: a.log,
	}
	if a.config.AWS.Identities != "" {
		var err error
		if o.File, err = os.ReadFile(a.config.AWS.Identities); err != nil {
			return nil, fmt.Errorf("aws.identities: %w", err)
		}
	}
	identities, err := awsidentity.Open(o)
	if err != nil {
		return nil, fmt.Errorf("aws.identities: %w", err)
	}
	if a.config.AWS.Auth == config.AWSAuthOn && len(a.config.AWS.Listen) > 0 && identities.Empty() {
		return nil, errors.New("aws.auth: on, and there is no access key")
	}
	return identities, nil
}

// queuePolicies gives SNS the policies of queues where access is controlled; nil elsewhere.
func (a *application) queuePolicies(queues *sqs.Adapter) func(context.Context, string) *awspolicy.Document {
	if a.config.AWS.Auth != config.AWSAuthOn {
		return nil
	}
	return func(ctx context.Context, arn string) *awspolicy.Document {
		return queues.QueuePolicy(ctx, arn, a.config.AWS.Region)
	}
}

// makeRules makes the rules of SNS subscriptions, which the broker needs before there are any. The key
// that signs is made when the first one is.
func (a *application) makeRules() error {
	file := filepath.Join(a.config.DataDir, "sns-signing.pem")
	load := func() (*signature.Signer, error) {
		key, err := readOrMake(file, signature.Generate)
		if err != nil {
			return nil, err
		}
		return signature.NewSigner(key)
	}
	if !a.config.AWS.SNS.Sign {
		load = nil
	}
	a.rules = sns.NewRules(load, a.config.TLS.Certificate != "")
	if _, err := os.Stat(file); err != nil {
		return nil //nolint:nilerr // there is none yet
	}
	return a.rules.Prepare()
}
