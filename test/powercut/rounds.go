package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/jetstream"
)

// loadEnv makes this program a load, with its settings in JSON.
const loadEnv = "PORTICO_POWERCUT_LOAD"

// child is a load in a process of its own.
type child struct {
	command *exec.Cmd
	history string
	errors  *os.File
}

// startLoad starts this program again as a load, behind wrapper if that is not empty.
func startLoad(s settings, wrapper ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	words := append(wrapper, self)
	c := &child{command: exec.Command(words[0], words[1:]...), history: s.History}
	env, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	c.command.Env = append(os.Environ(), loadEnv+"="+string(env))
	if c.errors, err = os.Create(s.History + ".stderr"); err != nil {
		return nil, err
	}
	c.command.Stderr = c.errors
	return c, c.command.Start()
}

// waitFor waits until the history holds a line with what, from offset on.
func (c *child) waitFor(what string, limit time.Duration) error {
	for end, look := time.Now().Add(limit), time.Tick(10*time.Millisecond); ; <-look {
		raw, err := os.ReadFile(c.history)
		if err == nil && strings.Contains("\n"+string(raw), "\n"+what) {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("the load did not get to %q within %s", what, limit)
		}
	}
}

// kill ends the load at once.
func (c *child) kill() error {
	err := c.command.Process.Kill()
	_ = c.command.Wait() // it was killed: that is its error
	return errors.Join(err, c.errors.Close())
}

// plan says how a round goes.
type plan struct {
	settings settings
	fs       string // of fileSystems; "" for a kill without a cut
	keep     bool   // keep the file system as the cut left it
	run      time.Duration
}

func (p plan) String() string {
	kind, key := p.fs, "plain"
	if kind == "" {
		kind = "kill"
	}
	if p.settings.Key != "" {
		key = "encrypted"
	}
	return fmt.Sprintf("%-20s durability=%s %s after %s", kind, p.settings.Durability, key, p.run.Round(time.Millisecond))
}

// round runs a load below dir, cuts it off, and judges what a new broker finds.
func (p plan) round(dir string) (v *verdict, err error) {
	p.settings.History = filepath.Join(dir, "history")
	p.settings.Dir = filepath.Join(dir, "kept")
	var d *disk
	if p.fs != "" {
		if d, err = newDisk(dir, fileSystems[p.fs], 1024); err != nil {
			return nil, err
		}
		p.settings.Dir = d.mount
		defer func() { err = errors.Join(err, d.detach()) }()
	}
	c, err := startLoad(p.settings)
	if err != nil {
		return nil, err
	}
	if err := c.waitFor("ready", time.Minute); err != nil {
		return nil, errors.Join(err, c.kill())
	}
	if d != nil {
		if err := d.neighbour(); err != nil {
			return nil, errors.Join(err, c.kill())
		}
	}
	<-time.After(p.run) // the moment of the cut
	if p.fs == "" {
		err = c.kill()
	}
	answered, sizeErr := os.Stat(p.settings.History)
	if sizeErr != nil {
		return nil, sizeErr
	}
	if p.fs != "" {
		err = errors.Join(d.cut(), c.kill(), d.detach())
		if err == nil && p.keep { // a start mends what it finds
			err = command("cp", "--sparse=always", d.image, d.image+".cut")
		}
		if err == nil {
			err = d.attach()
		}
	}
	if err != nil {
		return nil, err
	}
	return judgeAfter(p.settings, answered.Size())
}

// judgeAfter opens a broker on what is left and compares it with the history.
func judgeAfter(s settings, answered int64) (*verdict, error) {
	f, err := os.Open(s.History)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	e, err := readHistory(f, answered)
	if err != nil {
		return nil, err
	}
	have, err := look(s, true)
	if err != nil {
		return &verdict{Faults: []string{err.Error()}}, nil
	}
	v := judge(e, have)
	if e.failures > 0 && !s.Hoard {
		v.fault("%d operations failed before the cut", e.failures)
	}
	again, err := look(s, false)
	if err != nil {
		v.fault("second start: %v", err)
	}
	for q := range have {
		if len(have[q])+1 != len(again[q]) {
			v.fault("queue %s: %d messages, and after a second start %d", q, len(have[q])+1, len(again[q]))
		}
	}
	return v, nil
}

// look starts a broker and returns all messages of all queues. With use it then publishes to each, and declares one.
func look(s settings, use bool) (have found, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	events, err := os.OpenFile(s.History+".starts", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, events.Close()) }()
	log := slog.New(slog.NewTextHandler(events, &slog.HandlerOptions{Level: slog.LevelDebug}))
	store, err := jetstream.Open(ctx, jetstream.Options{Dir: filepath.Join(s.Dir, "data"), EncryptionKey: s.Key, Logger: log})
	if err != nil {
		return nil, fmt.Errorf("the store does not open: %w", err)
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	b, err := broker.Open(ctx, store, brokerOptions(log))
	if err != nil {
		return nil, fmt.Errorf("the broker does not open: %w", err)
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	session, err := b.OpenSession(ctx, b.Root(), "/")
	if err != nil {
		return nil, err
	}
	defer session.Close()
	have = found{}
	for _, q := range session.QueueNames() {
		if have[q], err = drain(ctx, session, q); err != nil {
			return nil, fmt.Errorf("queue %s: %w", q, err)
		}
	}
	if !use {
		return have, nil
	}
	if _, _, err := session.DeclareQueue(ctx, broker.QueueSpec{Name: "after", Durable: true}); err != nil {
		return nil, fmt.Errorf("declaring a queue afterwards: %w", err)
	}
	for _, q := range session.QueueNames() {
		done := make(chan error, 1)
		m := broker.NewMessage("", q, nil, newBody(message(q, 1<<30), 100))
		if _, err := session.Publish(m, broker.CompletionFunc(func(err error) { done <- err })); err != nil {
			return nil, fmt.Errorf("publishing to %s afterwards: %w", q, err)
		}
		if err := <-done; err != nil {
			return nil, fmt.Errorf("publishing to %s afterwards: %w", q, err)
		}
	}
	return have, nil
}

// drain leases all of a queue's messages; they go back when the session closes.
func drain(ctx context.Context, s *broker.Session, queue string) ([]string, error) {
	spec, err := s.QueueSpec(queue)
	if err != nil {
		return nil, err
	}
	if spec.Stream {
		return readLog(ctx, s, queue)
	}
	names := []string{}
	for {
		got, _, err := s.Get(ctx, queue, broker.GetOptions{Max: 1000})
		if err != nil || len(got) == 0 {
			return names, err
		}
		for _, d := range got {
			name, err := readBody(d.Message.Body())
			if err != nil {
				return nil, err
			}
			names = append(names, name)
		}
	}
}

// duration draws how long a round runs.
func duration(random *rand.Rand) time.Duration {
	return 200*time.Millisecond + time.Duration(random.Int64N(int64(2500*time.Millisecond)))
}
