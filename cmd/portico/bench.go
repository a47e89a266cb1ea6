package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"runtime/pprof"
	"time"

	"github.com/portico-mq/portico/internal/bench"
)

// benchCommand measures Portico, or any other broker that speaks AMQP 0-9-1.
type benchCommand struct {
	Publish      benchLoad    `cmd:"" help:"Publish persistent messages and count the confirms."`
	Consume      benchLoad    `cmd:"" help:"Fill a queue, then consume it and ack each message."`
	Both         benchLoad    `cmd:"" help:"Publish and consume at once through one queue."`
	Queues       benchLoad    `cmd:"" help:"Publish to many queues at once."`
	Backlog      benchLoad    `cmd:"" help:"Publish behind a large backlog and into an empty queue, in turn."`
	Idle         benchLoad    `cmd:"" help:"Open many connections that do nothing and read the memory of the broker (--broker-pid)."`
	Latency      benchLoad    `cmd:"" help:"Measure publish to delivery at a fixed rate."`
	SQSSend      benchSQS     `cmd:"" name:"sqs-send" help:"Send messages over SQS."`
	SQSReceive   benchSQS     `cmd:"" name:"sqs-receive" help:"Fill a queue, then receive and delete over SQS."`
	SQSPoll      benchSQS     `cmd:"" name:"sqs-poll" help:"Long-poll many empty queues over SQS."`
	STOMPSend    benchSTOMP   `cmd:"" name:"stomp-send" help:"Send messages over STOMP and count the receipts."`
	STOMPReceive benchSTOMP   `cmd:"" name:"stomp-receive" help:"Fill a queue, then receive and ack over STOMP."`
	STOMPTopic   benchSTOMP   `cmd:"" name:"stomp-topic" help:"Measure how long a message takes to all of a topic's STOMP subscribers."`
	Core         benchCore    `cmd:"" help:"Publish to a broker in this process, without a network."`
	Startup      benchStartup `cmd:"" help:"Measure the start and the idle memory of a broker that a command starts."`
	Report       benchReport  `cmd:"" help:"Make a Markdown table out of results written with --json."`
	Peer         benchPeer    `cmd:"" help:"Be a broker that stores nothing, to see what the client alone can do."`
}

// benchLoad is one scenario over AMQP; which one is the command's name.
type benchLoad struct {
	URL         string        `default:"amqp://guest:guest@127.0.0.1:5672/" help:"The broker to measure."`
	Client      string        `enum:"amqp091-go,frames" default:"amqp091-go" help:"Client to use: amqp091-go, or frames, which costs little itself (not in idle and latency)."`
	Label       string        `help:"What to call the broker in the report; its product and version by default."`
	QueueType   string        `placeholder:"TYPE" help:"x-queue-type to declare the queues with: classic, quorum."`
	Size        int           `default:"1024" help:"Bytes of a message's body."`
	Connections int           `help:"Connections that publish (1; in queues 4), or that do nothing (in idle 10000)."`
	Consumers   int           `default:"1" help:"Consumers, each with a connection of its own."`
	InFlight    int           `help:"Unconfirmed messages of a connection (1000; in queues 40 a queue)."`
	Prefetch    int           `default:"500" help:"Prefetch of a consumer."`
	Queues      int           `default:"100" help:"How many queues the scenario queues uses."`
	AckEvery    int           `default:"1" help:"Messages that a consumer acks at a time."`
	Messages    int           `help:"Backlog that a scenario starts with (consume 200000, backlog 5000000)."`
	Rate        int           `default:"1000" help:"Messages per second of the scenario latency."`
	Duration    time.Duration `default:"10s" help:"How long to measure."`
	Warmup      time.Duration `default:"2s" help:"How long the load runs before that."`
	Runs        int           `default:"1" help:"How often to repeat the measurement."`
	BrokerPID   int           `name:"broker-pid" placeholder:"PID" help:"The broker's process, to measure its processor time too."`
	JSON        bool          `help:"Print results as JSON, one a line."`

	scenario bench.Scenario
}

// AfterApply tells each use of the command which scenario it is.
func (c *benchCommand) AfterApply() error {
	c.Publish.scenario = bench.Publish
	c.Consume.scenario = bench.Consume
	c.Both.scenario = bench.Both
	c.Queues.scenario = bench.Queues
	c.Backlog.scenario = bench.Backlog
	c.Idle.scenario = bench.Idle
	c.Latency.scenario = bench.Latency
	c.SQSSend.scenario = bench.SQSSend
	c.SQSReceive.scenario = bench.SQSReceive
	c.SQSPoll.scenario = bench.SQSPoll
	c.STOMPSend.scenario = bench.STOMPSend
	c.STOMPReceive.scenario = bench.STOMPReceive
	c.STOMPTopic.scenario = bench.STOMPTopic
	return nil
}

func (c *benchLoad) Run() error {
	return measure(c.Runs, c.JSON, func(ctx context.Context) (bench.Result, error) {
		return bench.Run(ctx, c.scenario, bench.Options{
			URL: c.URL, Client: c.Client, Label: c.Label, QueueType: c.QueueType, Size: c.Size,
			Connections: c.Connections, Consumers: c.Consumers, InFlight: c.InFlight, Prefetch: c.Prefetch, AckEvery: c.AckEvery,
			Queues: c.Queues, Messages: c.Messages, Rate: c.Rate, Duration: c.Duration, Warmup: c.Warmup,
			BrokerPID: c.BrokerPID,
		})
	})
}

// benchSQS is one scenario over SQS; which one is the command's name.
type benchSQS struct {
	URL       string        `default:"http://127.0.0.1:4566" help:"The endpoint to measure."`
	Label     string        `default:"portico" help:"What to call the server in the report."`
	Clients   int           `default:"1" help:"Clients, each with a connection and one request at a time."`
	Batch     int           `default:"1" help:"Messages of a request, up to 10."`
	Groups    int           `help:"Use a FIFO queue, with so many message groups."`
	Size      int           `default:"1024" help:"Bytes of a message's body."`
	Messages  int           `default:"20000" help:"What sqs-receive fills the queue with."`
	Queues    int           `default:"1000" help:"How many queues sqs-poll polls."`
	Duration  time.Duration `default:"10s" help:"How long to measure, at most."`
	Warmup    time.Duration `default:"2s" help:"How long the load runs before that (not in sqs-receive)."`
	Runs      int           `default:"1" help:"How often to repeat the measurement."`
	BrokerPID int           `name:"broker-pid" placeholder:"PID" help:"The server's process, to measure its processor time too."`
	JSON      bool          `help:"Print results as JSON, one a line."`

	scenario bench.Scenario
}

func (c *benchSQS) Run() error {
	return measure(c.Runs, c.JSON, func(ctx context.Context) (bench.Result, error) {
		return bench.RunSQS(ctx, c.scenario, bench.SQSOptions{
			URL: c.URL, Label: c.Label, Clients: c.Clients, Batch: c.Batch, Groups: c.Groups, Size: c.Size,
			Messages: c.Messages, Queues: c.Queues, Duration: c.Duration, Warmup: c.Warmup, BrokerPID: c.BrokerPID,
		})
	})
}

// benchSTOMP is one scenario over STOMP; which one is the command's name.
type benchSTOMP struct {
	URL         string        `default:"stomp://guest:guest@127.0.0.1:61613" help:"The broker to measure."`
	Label       string        `default:"portico" help:"What to call the broker in the report."`
	Dialect     string        `enum:"rabbitmq,activemq" default:"rabbitmq" help:"Whose clients to speak like: rabbitmq or activemq."`
	Connections int           `help:"Connections that send or receive (1), or that listen to the topic (5000)."`
	InFlight    int           `default:"1" help:"Receipts that a sending connection waits for at a time."`
	Prefetch    int           `default:"500" help:"Prefetch of a subscription."`
	Size        int           `default:"1024" help:"Bytes of a message's body."`
	Messages    int           `default:"100000" help:"What stomp-receive fills the queue with."`
	Duration    time.Duration `default:"10s" help:"How long to measure (not in stomp-receive)."`
	Warmup      time.Duration `default:"2s" help:"How long the load runs before that (not in stomp-receive)."`
	Runs        int           `default:"1" help:"How often to repeat the measurement."`
	BrokerPID   int           `name:"broker-pid" placeholder:"PID" help:"The broker's process, to measure its processor time too."`
	JSON        bool          `help:"Print results as JSON, one a line."`

	scenario bench.Scenario
}

func (c *benchSTOMP) Run() error {
	return measure(c.Runs, c.JSON, func(ctx context.Context) (bench.Result, error) {
		return bench.RunSTOMP(ctx, c.scenario, bench.STOMPOptions{
			URL: c.URL, Label: c.Label, ActiveMQ: c.Dialect == "activemq", Connections: c.Connections, InFlight: c.InFlight,
			Prefetch: c.Prefetch, Size: c.Size, Messages: c.Messages, Duration: c.Duration, Warmup: c.Warmup, BrokerPID: c.BrokerPID,
		})
	})
}

// measure measures so many times, and prints each result, until it is interrupted.
func measure(runs int, asJSON bool, once func(context.Context) (bench.Result, error)) error {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	for range runs {
		r, err := once(ctx)
		if err != nil {
			return err
		}
		if err := printResult(r, asJSON); err != nil {
			return err
		}
	}
	return nil
}

func printResult(r bench.Result, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(r)
	}
	fmt.Println(r.Text())
	return nil
}

type benchCore struct {
	Dir        string        `default:"." help:"Where to make, and remove, the data directory."`
	Durability string        `enum:"fsync,os" default:"fsync" help:"What a confirm means: fsync or os."`
	Publishers int           `default:"1" help:"Publishers, each with a window of its own."`
	Queues     int           `default:"1" help:"Queues, which the publishers take in turn."`
	InFlight   int           `default:"1000" help:"Unconfirmed messages of a publisher."`
	Size       int           `default:"1024" help:"Bytes of a message's body."`
	Duration   time.Duration `default:"10s" help:"How long to measure."`
	Warmup     time.Duration `default:"2s" help:"How long the load runs before that."`
	Runs       int           `default:"1" help:"How often to repeat the measurement."`
	JSON       bool          `help:"Print results as JSON, one a line."`
	Profile    string        `placeholder:"FILE" help:"Write a CPU profile of the measurement."`
}

func (c *benchCore) Run() error {
	if c.Profile != "" {
		f, err := os.Create(c.Profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	return measure(c.Runs, c.JSON, func(ctx context.Context) (bench.Result, error) {
		return bench.RunCore(ctx, bench.CoreOptions{
			Dir: c.Dir, Durability: c.Durability, Publishers: c.Publishers, Queues: c.Queues,
			InFlight: c.InFlight, Size: c.Size, Duration: c.Duration, Warmup: c.Warmup,
		})
	})
}

type benchStartup struct {
	AMQP    []string      `placeholder:"HOST:PORT" help:"AMQP listeners that have to answer."`
	STOMP   []string      `placeholder:"HOST:PORT" help:"STOMP listeners that have to answer."`
	HTTP    []string      `placeholder:"URL" help:"URLs that have to answer."`
	Idle    time.Duration `default:"10s" help:"How long the broker is left alone before its memory is read."`
	Limit   time.Duration `default:"60s" help:"How long the start may take."`
	Label   string        `default:"broker" help:"What to call the broker in the report."`
	Output  string        `placeholder:"FILE" help:"Where the broker's own output goes."`
	JSON    bool          `help:"Print the result as JSON."`
	Command []string      `arg:"" passthrough:"" help:"Command that starts the broker in the foreground."`
}

func (c *benchStartup) Run() error {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	o := bench.StartOptions{
		Command: c.Command, AMQP: c.AMQP, STOMP: c.STOMP, HTTP: c.HTTP,
		Idle: c.Idle, Limit: c.Limit, Label: c.Label,
	}
	if len(o.Command) > 0 && o.Command[0] == "--" {
		o.Command = o.Command[1:]
	}
	if c.Output != "" {
		f, err := os.Create(c.Output)
		if err != nil {
			return err
		}
		defer f.Close()
		o.Output = f
	}
	r, err := bench.Start(ctx, o)
	if err != nil {
		return err
	}
	return printResult(r, c.JSON)
}

type benchReport struct {
	Peers string   `help:"Beginning of the labels that the first one is compared with; all of them by default."`
	Files []string `arg:"" optional:"" type:"existingfile" help:"Files with results; standard input when none."`
}

func (c *benchReport) Run() error {
	var results []bench.Result
	read := func(in io.Reader) error {
		more, err := bench.Read(in)
		results = append(results, more...)
		return err
	}
	if len(c.Files) == 0 {
		if err := read(os.Stdin); err != nil {
			return err
		}
	}
	for _, name := range c.Files {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		err = read(f)
		f.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return bench.Table(os.Stdout, results, c.Peers)
}

type benchPeer struct {
	Listen string `default:"127.0.0.1:5672" help:"Where to listen."`
}

func (c *benchPeer) Run() error {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return err
	}
	fmt.Println("listening on", l.Addr())
	return bench.ServeNull(ctx, l)
}
