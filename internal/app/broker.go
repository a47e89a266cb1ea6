package app

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/portico-mq/portico/adapters/awsmessage"
	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/jetstream"
	"github.com/portico-mq/portico/broker/property"
	"github.com/portico-mq/portico/config"
	"github.com/portico-mq/portico/gateway/amqp091"
)

// defaultNamespace is the AMQP vhost /, which is account 000000000000 in the home region too.
const defaultNamespace = "/"

// startStore opens the data directory.
func (a *application) startStore(ctx context.Context) error {
	key, err := encryptionKey(&a.config.Encryption)
	if err != nil {
		return err
	}
	s, err := jetstream.Open(ctx, jetstream.Options{
		Dir:           a.config.DataDir,
		Durability:    jetstream.Durability(a.config.Durability),
		EncryptionKey: key,
		Logger:        a.log,
		OnFailure:     func(error) { close(a.storeFailed) }, // called once at most
	})
	if err != nil {
		return err
	}
	a.encrypted = key != ""
	a.store = s
	a.closes = append(a.closes, s.Close)
	return nil
}

// encryptionKey is the key of the data directory; "" for none.
func encryptionKey(c *config.Encryption) (string, error) {
	if c.KeyFile == "" {
		return c.Key, nil
	}
	text, err := os.ReadFile(c.KeyFile)
	if err != nil {
		return "", fmt.Errorf("encryption.key_file: %w", err)
	}
	key := strings.TrimSpace(string(text))
	if len(key) < config.MinEncryptionKey {
		return "", fmt.Errorf("encryption.key_file: %s holds fewer than %d bytes", c.KeyFile, config.MinEncryptionKey)
	}
	return key, nil
}

// brokerOptions are the options of the broker; rules are made before.
func (a *application) brokerOptions() broker.Options {
	opts := broker.Options{
		Logger: a.log, DefaultNamespace: defaultNamespace, MaxMessageSize: int(a.config.MaxMessageSize),
		DefaultDescription: "Default virtual host", Rules: a.rules.Compilers(),
		SystemExchanges: amqp091.SystemExchanges(), ReservedPrefix: amqp091.ReservedPrefix,
		MarkDeath: a.markDeath, ForgetsHistory: amqp091.ForgetsHistory,
		Delay: amqp091.Delay, MarkDelayed: amqp091.MarkDelayed, QueueType: amqp091.QueueType,
		Trace: amqp091.Trace(nodeName()),
	}
	opts.NamespaceOwner = a.config.DefaultUser.Name
	if u := a.config.DefaultUser; u.LoopbackOnly {
		opts.LoopbackUsers = []string{u.Name}
	}
	return opts
}

func (a *application) startBroker(ctx context.Context) error {
	if err := a.makeRules(); err != nil {
		return err
	}
	var err error
	if a.destinations, err = destinations(&a.config.STOMP.ActiveMQ); err != nil {
		return err
	}
	b, err := broker.Open(ctx, a.store, a.brokerOptions())
	if err != nil {
		return err
	}
	a.broker = b
	a.closes = append(a.closes, b.Close)
	go a.watchStore(ctx)
	if err := a.loadDefinitions(ctx); err != nil {
		return err
	}
	return a.makeDefaultUser()
}

// markDeath makes the properties of a dead letter: RabbitMQ's headers, or ActiveMQ's in its own dead letter queues, and
// what SQS tells.
func (a *application) markDeath(m *broker.Message, d broker.Death) (property.Block, []string, error) {
	mark := amqp091.MarkDeath
	if a.destinations.OwnsDeath(m, d) {
		mark = a.destinations.MarkDeath
	}
	block, not, err := mark(m, d)
	if err != nil {
		return nil, nil, err
	}
	block, err = awsmessage.MarkDeath(m, d, block)
	return block, not, err
}

// watchStore stops publishers when the store has failed for good, so that
// nobody waits for a confirm that will not come.
func (a *application) watchStore(ctx context.Context) {
	select {
	case <-a.storeFailed:
		a.broker.SetAlarm(broker.AlarmStorage, true)
	case <-ctx.Done():
	}
}

// makeDefaultUser makes the configured user when there is none at all, as on an
// empty data directory: one that was deleted or changed stays so.
func (a *application) makeDefaultUser() error {
	u := a.config.DefaultUser
	if u.Name == "" || a.config.LoadDefinitions != "" { // definitions bring users of their own, as in RabbitMQ
		return nil
	}
	if len(a.broker.Users()) > 0 {
		return nil
	}
	if err := a.broker.PutUser(u.Name, u.Password, []string{"administrator"}); err != nil {
		return fmt.Errorf("making the default user: %w", err)
	}
	everything := broker.Permission{Configure: ".*", Write: ".*", Read: ".*"}
	if err := a.broker.SetPermission(u.Name, defaultNamespace, everything); err != nil {
		return fmt.Errorf("making the default user: %w", err)
	}
	return nil
}
