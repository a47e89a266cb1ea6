//go:build linux

// Command powercut shows that what the broker has answered survives what it promises to survive. It runs a broker
// under load in a process of its own, ends that at a random moment, starts a new broker on what is left, and compares
// with the history of what had been answered.
//
//	powercut cut    the power fails: a file system on a loop device stops writing (root)
//	powercut kill   the process is killed
//	powercut purge  the power fails right after a purge that rewrote a block (root)
//	powercut full   the disk is full (root)
//	powercut trace  no cut: the system calls of a run are checked message by message (strace)
//
// Each also shows that it sees a broken promise: the same with the sync taken out must fail.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/portico-mq/portico/broker/jetstream"
)

func main() {
	if env := os.Getenv(loadEnv); env != "" {
		exit(loadMain(env))
	}
	rounds := flag.Int("rounds", 6, "rounds of each kind")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano()), "of the random moments and sizes")
	fs := flag.String("fs", "ext4 ext4,noauto_da_alloc", "file systems to cut, separated by spaces; also xfs")
	dir := flag.String("dir", os.TempDir(), "where the images go")
	keep := flag.Bool("keep", false, "keep what a faulty round leaves behind")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: powercut [flags] cut|purge|kill|full|trace ...")
		flag.PrintDefaults()
	}
	flag.Parse()
	r := &runner{rounds: *rounds, random: rand.New(rand.NewPCG(*seed, 0)), dir: *dir, keep: *keep}
	fmt.Printf("seed %d\n", *seed)
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	for _, what := range flag.Args() {
		var err error
		switch what {
		case "cut":
			err = r.cut(strings.Fields(*fs))
		case "purge":
			err = r.purge(strings.Fields(*fs))
		case "kill":
			err = r.kill()
		case "full":
			err = r.full()
		case "trace":
			err = r.trace()
		default:
			err = fmt.Errorf("no such test: %s", what)
		}
		if err != nil {
			exit(fmt.Errorf("%s: %w", what, err))
		}
	}
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func loadMain(env string) error {
	var s settings
	if err := json.Unmarshal([]byte(env), &s); err != nil {
		return err
	}
	return runLoad(context.Background(), s)
}

// runner runs rounds.
type runner struct {
	rounds int
	random *rand.Rand
	dir    string
	keep   bool
}

const testKey = "a key for tests"

func (r *runner) plan(fs string, d jetstream.Durability, encrypted bool) plan {
	p := plan{fs: fs, keep: r.keep, run: duration(r.random), settings: settings{Durability: d, Seed: r.random.Uint64()}}
	if encrypted {
		p.settings.Key = testKey
	}
	return p
}

// round runs one and prints what came of it. It returns how many faults there were.
func (r *runner) round(p plan) (int, error) {
	dir, err := os.MkdirTemp(r.dir, "powercut-")
	if err != nil {
		return 0, err
	}
	v, err := p.round(dir)
	if err != nil {
		return 0, fmt.Errorf("%s: %w (see %s)", p, err, dir)
	}
	fmt.Printf("%s: %d confirmed, %d settled, %d transactions, %d queues, %d offsets, %d faults\n",
		p, v.Confirmed, v.Settled, v.Transactions, v.Queues, v.Offsets, len(v.Faults))
	if len(v.Faults) > 0 && p.settings.Durability == jetstream.Fsync {
		for _, f := range v.Faults[:min(20, len(v.Faults))] {
			fmt.Println("   ", f)
		}
		if r.keep {
			fmt.Println("    kept in", dir)
			return len(v.Faults), nil
		}
	}
	return len(v.Faults), os.RemoveAll(dir)
}

// cut cuts the power, with each file system, with and without encryption, and once without syncs.
func (r *runner) cut(kinds []string) error {
	faults := 0
	for i := range r.rounds {
		for _, fs := range kinds {
			if _, ok := fileSystems[fs]; !ok {
				return fmt.Errorf("no such file system: %s", fs)
			}
			n, err := r.round(r.plan(fs, jetstream.Fsync, i%2 == 1))
			if err != nil {
				return err
			}
			faults += n
		}
	}
	if faults > 0 {
		return fmt.Errorf("%d promises were broken", faults)
	}
	n, err := r.round(r.plan(kinds[0], jetstream.OS, false))
	if err == nil && n == 0 {
		err = fmt.Errorf("the syncs were taken out and nothing was lost: this test sees nothing")
	}
	return err
}

// kill kills the process.
func (r *runner) kill() error {
	faults := 0
	for i := range r.rounds {
		n, err := r.round(r.plan("", []jetstream.Durability{jetstream.Fsync, jetstream.OS}[i%2], i%4 > 1))
		if err != nil {
			return err
		}
		faults += n
	}
	if faults > 0 {
		return fmt.Errorf("%d promises were broken", faults)
	}
	return nil
}
