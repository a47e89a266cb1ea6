// Package synctrace checks a run of a broker by the system calls it made: whatever was answered must have been written
// to the data directory, and a sync must have begun after that write and succeeded before the answer.
package synctrace

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// Call is one system call of a trace.
type Call struct {
	Name       string
	Path       string // of its first argument
	Data       string // the bytes of its buffers, if it has any
	Result     string
	Start, End int // positions in the trace of its entry and its return
}

var (
	callLine    = regexp.MustCompile(`^(\d+) +[\d.]+ (\w+)\((.*)$`)
	resumedLine = regexp.MustCompile(`^(\d+) +[\d.]+ <\.\.\. (\w+) resumed>(.*)$`)
	firstPath   = regexp.MustCompile(`^\d+<([^>]*)>`)
	result      = regexp.MustCompile(`\) += (.*)$`)
	buffers     = regexp.MustCompile(`"((?:[^"\\]|\\.)*)"`)
)

const unfinished = " <unfinished ...>"

// Parse reads what strace -f -y -ttt wrote. Buffers must be whole (-s), paths must not hold '>'.
func Parse(r io.Reader) ([]Call, error) {
	lines := bufio.NewReaderSize(r, 1<<16)
	var calls []Call
	open := map[string]*Call{}
	for at := 0; ; at++ {
		line, err := lines.ReadString('\n')
		if line == "" {
			if err == io.EOF {
				return calls, nil
			}
			return nil, err
		}
		line = strings.TrimSuffix(line, "\n")
		if m := resumedLine.FindStringSubmatch(line); m != nil {
			c := open[m[1]]
			if c == nil || c.Name != m[2] {
				return nil, fmt.Errorf("line %d resumes a call that was not begun: %.100s", at+1, line)
			}
			delete(open, m[1])
			calls = append(calls, finish(*c, m[3], at))
			continue
		}
		m := callLine.FindStringSubmatch(line)
		if m == nil {
			continue // a signal, an exit
		}
		c := Call{Name: m[2], Start: at}
		if p := firstPath.FindStringSubmatch(m[3]); p != nil {
			c.Path = p[1]
		}
		rest, cut := strings.CutSuffix(m[3], unfinished)
		for _, b := range buffers.FindAllStringSubmatch(rest, -1) {
			c.Data += unescape(b[1])
		}
		if cut {
			open[m[1]] = &c
			continue
		}
		calls = append(calls, finish(c, rest, at))
	}
}

func finish(c Call, rest string, at int) Call {
	c.End = at
	if m := result.FindStringSubmatch(rest); m != nil {
		c.Result = m[1]
	}
	return c
}

// unescape undoes what strace does to a buffer: C's escapes.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		if at := strings.IndexByte("ntrvf", s[i]); at >= 0 {
			b.WriteByte("\n\t\r\v\f"[at])
			continue
		}
		if s[i] < '0' || s[i] > '7' {
			b.WriteByte(s[i])
			continue
		}
		v := 0
		end := min(i+3, len(s))
		for ; i < end && s[i] >= '0' && s[i] <= '7'; i++ {
			v = v*8 + int(s[i]-'0')
		}
		i--
		b.WriteByte(byte(v))
	}
	return b.String()
}
