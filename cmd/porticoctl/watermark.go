package main

import (
	"io"
	"strconv"
	"strings"
)

func memoryCommands() map[string]command {
	return map[string]command{
		"set_vm_memory_high_watermark": {
			"<fraction> | absolute <value>", "Sets the vm_memory_high_watermark setting", 0, many, setMemoryHighWatermark,
		},
		"set_disk_free_limit": {
			"<disk_limit> | mem_relative <fraction>", "Sets the disk_free_limit setting", 0, many, setDiskFreeLimit,
		},
	}
}

// withWord tells whether a limit's value stands behind a word that says what it is. There must be one value.
func withWord(args []string, word string) (bool, error) {
	found, want := len(args) > 0 && args[0] == word, 1
	if found {
		want = 2
	}
	switch {
	case len(args) < want:
		return found, &failure{code: exitUsage, text: "not enough arguments.", usage: true}
	case len(args) > want:
		return found, &failure{code: exitUsage, text: "too many arguments.", usage: true}
	}
	return found, nil
}

// setMemoryHighWatermark is "set_vm_memory_high_watermark <fraction>" and
// "... absolute <value>". Words and codes are those of rabbitmqctl 3.10.8.
func setMemoryHighWatermark(c *client, args []string, out io.Writer) error {
	absolute, err := withWord(args, "absolute")
	if err != nil {
		return err
	}
	if absolute {
		n, err := parseBytes(args[1])
		if err != nil {
			return err
		}
		if err := c.put("/portico/v1/memory/limit", map[string]int64{"bytes": n}); err != nil {
			return err
		}
		c.sayf(out, "Setting memory threshold on %s to %s bytes ...", node(), args[1])
		return nil
	}
	f, err := parseFraction(args[0])
	if err != nil {
		return err
	}
	if err := c.put("/portico/v1/memory/limit", map[string]float64{"fraction": f}); err != nil {
		return err
	}
	c.sayf(out, "Setting memory threshold on %s to %s ...", node(), args[0])
	return nil
}

// setDiskFreeLimit is "set_disk_free_limit <bytes>" and "... mem_relative <fraction of the memory>".
func setDiskFreeLimit(c *client, args []string, out io.Writer) error {
	relative, err := withWord(args, "mem_relative")
	if err != nil {
		return err
	}
	if relative {
		f, err := strconv.ParseFloat(args[1], 64)
		if err != nil || f < 0 || args[1][0] < '0' || args[1][0] > '9' {
			return &failure{code: exitData, text: "Bad argument.", usage: true}
		}
		c.sayf(out, "Setting disk free limit on %s to %s times the total RAM ...", node(), args[1])
		return c.put("/portico/v1/disk/limit", map[string]float64{"fraction": f})
	}
	n, err := parseBytes(args[0])
	if err != nil {
		return err
	}
	c.sayf(out, "Setting disk free limit on %s to %s bytes ...", node(), args[0])
	return c.put("/portico/v1/disk/limit", map[string]int64{"bytes": n})
}

// parseFraction reads a number from 0 to 1 that starts with a digit.
func parseFraction(s string) (float64, error) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || s[0] < '0' || s[0] > '9' {
		return 0, &failure{code: exitData, text: "Bad argument.", usage: true}
	}
	if f > 1 {
		return 0, &failure{
			code: exitData, usage: true,
			text: "Bad argument: The threshold should be a fraction between 0.0 and 1.0",
		}
	}
	return f, nil
}

// byteUnits are those of rabbitmqctl: k, M and G are binary.
var byteUnits = map[string]int64{
	"":  1,
	"k": 1 << 10, "kiB": 1 << 10, "kB": 1e3,
	"M": 1 << 20, "MiB": 1 << 20, "MB": 1e6,
	"G": 1 << 30, "GiB": 1 << 30, "GB": 1e9,
}

// parseBytes reads a whole number of bytes, with a unit or without.
func parseBytes(s string) (int64, error) {
	digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
	if digits == 0 {
		return 0, &failure{code: exitData, text: "Bad argument.", usage: true}
	}
	if s[digits:] != "" && s[digits] == '.' {
		return 0, &failure{code: exitData, text: "Bad argument: The threshold should be an integer.", usage: true}
	}
	factor, ok := byteUnits[s[digits:]]
	if !ok {
		return 0, &failure{code: exitData, text: "Bad argument: Invalid units.", usage: true}
	}
	n, err := strconv.ParseInt(s[:digits], 10, 64)
	if err != nil || n > (1<<63-1)/factor {
		return 0, &failure{code: exitData, text: "Bad argument.", usage: true}
	}
	if n == 0 {
		// rabbitmqctl takes it and fails with a stack trace.
		return 0, &failure{code: exitData, text: "Bad argument.", usage: true}
	}
	return n * factor, nil
}
