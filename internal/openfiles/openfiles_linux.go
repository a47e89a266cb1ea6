// Package openfiles tells how many file descriptors the process has dir.
package openfiles

import (
	"os"
	"strconv"
	"syscall"
)

// Count tells how many file descriptors the process has open, how many of them are sockets, and how many it may have.
func Count() (used, sockets, limit int, err error) {
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		return 0, 0, 0, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return 0, 0, 0, err
	}
	for _, name := range names {
		fd, err := strconv.Atoi(name)
		if err != nil {
			return 0, 0, 0, err
		}
		// Asked by its number, which needs no walk through a path as reading the link does. One that was closed since is an error, and no socket.
		var s syscall.Stat_t
		if syscall.Fstat(fd, &s) == nil && s.Mode&syscall.S_IFMT == syscall.S_IFSOCK {
			sockets++
		}
	}
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return 0, 0, 0, err
	}
	return len(names), sockets, int(r.Cur), nil
}
