// Package openfiles tells how many file descriptors the process has open.
package openfiles

import (
	"os"
	"strings"
	"syscall"
)

// Count tells how many file descriptors the process has open, how many of them are sockets, and how many it may have.
func Count() (used, sockets, limit int, err error) {
	const dir = "/proc/self/fd"
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, 0, 0, err
	}
	for _, e := range entries {
		// A descriptor that was closed since has no target any more.
		if target, err := os.Readlink(dir + "/" + e.Name()); err == nil && strings.HasPrefix(target, "socket:") {
			sockets++
		}
	}
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return 0, 0, 0, err
	}
	return len(entries), sockets, int(r.Cur), nil
}
