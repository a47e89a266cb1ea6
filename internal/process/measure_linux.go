// Package process tells what the operating system has counted of this process.
package process

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// Numbers are counted since the start of the process.
type Numbers struct {
	BytesRead       uint64 // from disks, not from their cache
	BytesWritten    uint64 // for disks, into their cache
	ContextSwitches uint64 // of all threads
}

// Measure reads the numbers. The error is fs.ErrNotExist or fs.ErrPermission where the system does not tell them.
func Measure() (Numbers, error) {
	var n Numbers
	raw, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return n, fmt.Errorf("process: %w", err)
	}
	for line := range strings.Lines(string(raw)) {
		for name, to := range map[string]*uint64{"read_bytes:": &n.BytesRead, "write_bytes:": &n.BytesWritten} {
			if value, ok := strings.CutPrefix(line, name); ok {
				if _, err := fmt.Sscan(value, to); err != nil {
					return n, fmt.Errorf("process: %q: %w", line, err)
				}
			}
		}
	}
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return n, fmt.Errorf("process: %w", err)
	}
	n.ContextSwitches = uint64(usage.Nvcsw) + uint64(usage.Nivcsw)
	return n, nil
}
