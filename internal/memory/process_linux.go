package memory

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// residentMemory returns the bytes of memory the process holds.
func residentMemory() (int64, error) {
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	fields := bytes.Fields(data)
	if len(fields) < 2 {
		return 0, fmt.Errorf("memory: /proc/self/statm holds %q", data)
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("memory: /proc/self/statm: %w", err)
	}
	return pages * int64(os.Getpagesize()), nil
}

// totalMemory returns the bytes of memory of the machine, or what the control
// group allows when that is less: in a container the machine's memory says nothing.
func totalMemory() (int64, error) {
	data, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	total, err := memTotal(string(data))
	if err != nil {
		return 0, err
	}
	for _, file := range []string{
		"/sys/fs/cgroup/memory.max",                   // version 2
		"/sys/fs/cgroup/memory/memory.limit_in_bytes", // version 1
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		if err == nil && limit > 0 { // "max" is no number
			total = min(total, limit)
		}
	}
	return total, nil
}

// memTotal reads the line "MemTotal: 24000000 kB", whose unit is 1,024 bytes.
func memTotal(meminfo string) (int64, error) {
	for line := range strings.Lines(meminfo) {
		rest, ok := strings.CutPrefix(line, "MemTotal:")
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("memory: MemTotal: %w", err)
		}
		return n << 10, nil
	}
	return 0, fmt.Errorf("memory: /proc/meminfo has no MemTotal")
}
