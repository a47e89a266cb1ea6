// Command portico is the message broker.
package main

import (
	"fmt"
	"os"

	"github.com/alecthomas/kong"
)

// commandLine is every command with its flags.
type commandLine struct {
	Serve  serveCommand  `cmd:"" default:"withargs" help:"Start the broker (what portico does without a command)."`
	Config configCommand `cmd:"" help:"Look at the configuration."`
	Bench  benchCommand  `cmd:"" help:"Measure this broker or another one."`

	Definitions definitionsCommand `cmd:"" help:"Import or export everything that is declared, in RabbitMQ's format."`

	Version versionCommand `cmd:"" help:"Print the version."`
}

func main() {
	var cli commandLine
	ctx := kong.Parse(&cli,
		kong.Name("portico"),
		kong.Description("A message broker for the clients of RabbitMQ, STOMP brokers, SQS, SNS and Kinesis."),
		kong.UsageOnError(),
	)
	if err := ctx.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "portico:", err)
		os.Exit(1)
	}
}
