package server

import (
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// OwnLoopback gives the test a network of its own, where the usual ports are free: some clients know no others. What it
// starts is in it too, until the test ends. Where the system does not allow it, the ports must be free.
func OwnLoopback(t testing.TB) {
	t.Helper()
	runtime.LockOSThread() // and never unlocked: the thread ends with the test
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Logf("no network of its own: %v", err)
		return
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	up, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	up.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, up); err != nil {
		t.Fatal(err)
	}
}

// network returns the network of the calling thread.
func network() (*os.File, error) { return os.Open("/proc/thread-self/ns/net") }

// enter puts the calling thread into a network, and closes it.
func enter(network *os.File) error {
	defer network.Close()
	own, err := os.Stat("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	wanted, err := network.Stat()
	if err != nil || os.SameFile(own, wanted) { // there is nothing to do, and no right is needed for it
		return err
	}
	return unix.Setns(int(network.Fd()), unix.CLONE_NEWNET)
}
