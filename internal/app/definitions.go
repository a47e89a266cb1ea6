package app

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/portico-mq/portico/adapters/management"
	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/memory"
	"github.com/portico-mq/portico/config"
	"github.com/portico-mq/portico/gateway/amqp091"
)

// loadDefinitions imports the files that the configuration names.
func (a *application) loadDefinitions(ctx context.Context) error {
	files, err := definitionFiles(a.config.LoadDefinitions)
	if err != nil {
		return fmt.Errorf("load_definitions: %w", err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("load_definitions: %w", err)
		}
		if err := management.New(a.broker, a.managementOptions()).Import(ctx, raw); err != nil {
			return fmt.Errorf("load_definitions: %s: %w", file, err)
		}
		a.log.Info("definitions imported", "file", file)
	}
	return nil
}

// definitionFiles are the file itself, or the JSON files of a directory in the order of their names.
func definitionFiles(path string) ([]string, error) {
	if path == "" {
		return nil, nil
	}
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return []string{path}, err
	}
	entries, err := os.ReadDir(path)
	var files []string
	for _, e := range entries {
		if !e.IsDir() && strings.HasSuffix(e.Name(), ".json") {
			files = append(files, filepath.Join(path, e.Name()))
		}
	}
	return files, err
}

// managementOptions are those that say what definitions mean.
func (a *application) managementOptions() management.Options {
	return management.Options{
		QueueSpec: amqp091.QueueSpec, ExchangeSpec: amqp091.ExchangeSpec, Health: a.health, Logger: a.log,
		Version: a.config.RabbitMQ.Version,
		Declare: management.Declarations{
			Queue: amqp091.DeclareQueue, Exchange: amqp091.DeclareExchange, Bind: amqp091.Bind, Prepare: amqp091.Prepare,
		},
	}
}

// CheckDefinitions says what is wrong with the definitions that c names, by importing them into a broker that is
// thrown away; nil when nothing is, or there are none.
func CheckDefinitions(ctx context.Context, c *config.Config) error {
	if c.LoadDefinitions == "" {
		return nil
	}
	checked := *c
	checked.AWS.SNS.Sign = false // which would make a key
	a := &application{config: &checked, log: slog.New(slog.DiscardHandler), health: new(management.Health)}
	if err := a.makeRules(); err != nil {
		return err
	}
	b, err := broker.Open(ctx, memory.NewStore(), a.brokerOptions())
	if err != nil {
		return err
	}
	a.broker = b
	err = a.loadDefinitions(ctx)
	if closed := b.Close(); err == nil {
		err = closed
	}
	return err
}
