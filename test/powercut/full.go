package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/portico-mq/portico/broker/jetstream"
)

const (
	fullDisk = 96 // MiB: a disk that is soon full
	ballast  = 24 << 20
)

// full lets the disk run full under load. The process must stay alive and answer with errors, confirm nothing that is
// not stored, and have it all after a restart with room again.
func (r *runner) full() error {
	return errors.Join(r.fullWith(""), r.fullWith(testKey))
}

func (r *runner) fullWith(key string) error {
	dir, err := os.MkdirTemp(r.dir, "powercut-")
	if err != nil {
		return err
	}
	d, err := newDisk(dir, fileSystems["ext4"], fullDisk)
	if err != nil {
		return err
	}
	v, err := r.fullOn(d, dir, key)
	if err = errors.Join(err, d.detach()); err != nil {
		return fmt.Errorf("%w (see %s)", err, dir)
	}
	fmt.Printf("full disk: %d confirmed, %d settled, %d transactions, %d queues, %d faults\n",
		v.Confirmed, v.Settled, v.Transactions, v.Queues, len(v.Faults))
	if len(v.Faults) > 0 {
		for _, f := range v.Faults[:min(20, len(v.Faults))] {
			fmt.Println("   ", f)
		}
		return fmt.Errorf("%d promises were broken (see %s)", len(v.Faults), dir)
	}
	return os.RemoveAll(dir)
}

func (r *runner) fullOn(d *disk, dir, key string) (*verdict, error) {
	weight := filepath.Join(d.mount, "ballast")
	if err := os.WriteFile(weight, make([]byte, ballast), 0o600); err != nil {
		return nil, err
	}
	s := settings{
		Dir: d.mount, History: filepath.Join(dir, "history"), Durability: jetstream.Fsync, Key: key, Seed: r.random.Uint64(),
		Hoard: true,
	}
	c, err := startLoad(s)
	if err != nil {
		return nil, err
	}
	if err := c.waitFor("failed store", 2*time.Minute); err != nil {
		return nil, errors.Join(err, c.kill())
	}
	<-time.After(time.Second) // whatever may be confirmed after that, wrongly, is
	if pid, err := syscall.Wait4(c.command.Process.Pid, nil, syscall.WNOHANG, nil); err != nil || pid != 0 {
		return nil, fmt.Errorf("the process did not survive a full disk (see %s.stderr)", s.History)
	}
	if err := c.kill(); err != nil {
		return nil, err
	}
	answered, err := os.Stat(s.History)
	if err != nil {
		return nil, err
	}
	// A start without room may fail, but must not make things worse.
	if _, err := look(s, false); err != nil {
		fmt.Println("full disk: a start on it:", err)
	}
	if err := os.Remove(weight); err != nil {
		return nil, err
	}
	return judgeAfter(s, answered.Size())
}
