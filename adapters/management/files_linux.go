package management

import (
	"os"
	"syscall"
)

// openFiles tells how many file descriptors the process has open, and how many it may have.
func openFiles() (used, limit int, err error) {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0, 0, err
	}
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return 0, 0, err
	}
	return len(entries), int(r.Cur), nil
}
