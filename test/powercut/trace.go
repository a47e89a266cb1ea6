package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/portico-mq/portico/broker/jetstream"
	"github.com/portico-mq/portico/test/powercut/synctrace"
)

// traced is how many messages a traced run publishes.
const traced = 1500

// trace checks a run by its system calls; and another one without syncs, in which it must find fault with everything.
func (r *runner) trace() error {
	v, err := r.traceOnce(jetstream.Fsync)
	if err != nil {
		return err
	}
	fmt.Printf("trace: %d confirms, %d declares, %d deletes, %d settlements, %d transactions: %d faults\n",
		v.Confirms, v.Declares, v.Deletes, v.Settlements, v.Commits, len(v.Faults))
	for _, f := range v.Faults[:min(20, len(v.Faults))] {
		fmt.Println("   ", f)
	}
	if len(v.Faults) > 0 {
		return fmt.Errorf("%d answers came too early", len(v.Faults))
	}
	if v.Confirms == 0 || v.Declares == 0 || v.Deletes == 0 || v.Settlements == 0 || v.Commits == 0 {
		return errors.New("the run did not do everything that is to be checked")
	}
	without, err := r.traceOnce(jetstream.OS)
	if err != nil {
		return err
	}
	fmt.Printf("trace without syncs: %d confirms, %d faults\n", without.Confirms, len(without.Faults))
	if answers := without.Confirms + without.Declares + without.Deletes + without.Settlements; len(without.Faults) < answers {
		return fmt.Errorf("the syncs were taken out, and only %d of %d answers were found fault with", len(without.Faults), answers)
	}
	return nil
}

// traceOnce runs a load under strace and checks what that wrote.
func (r *runner) traceOnce(d jetstream.Durability) (*synctrace.Verdict, error) {
	dir, err := os.MkdirTemp(r.dir, "powercut-")
	if err != nil {
		return nil, err
	}
	// As strace will show it.
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, err
	}
	s := settings{
		Dir: dir, History: filepath.Join(dir, "history"), Durability: d, Seed: r.random.Uint64(), Limit: traced,
	}
	out := filepath.Join(dir, "trace")
	c, err := startLoad(s, "strace", "-f", "-y", "-ttt", "-s", "16777216", "-o", out,
		"-e", "trace=write,pwrite64,writev,pwritev,pwritev2,syncfs")
	if err != nil {
		return nil, err
	}
	if err := errors.Join(c.command.Wait(), c.errors.Close()); err != nil {
		return nil, fmt.Errorf("the traced run (see %s): %w", dir, err)
	}
	f, err := os.Open(out)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	calls, err := synctrace.Parse(f)
	if err != nil {
		return nil, err
	}
	v := synctrace.Check(calls, s.History, filepath.Join(dir, "data"))
	if len(v.Faults) > 0 && r.keep {
		fmt.Println("    kept in", dir)
		return &v, nil
	}
	return &v, os.RemoveAll(dir)
}
