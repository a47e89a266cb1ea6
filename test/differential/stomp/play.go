// Package stomp plays one script of STOMP frames against Portico and compares
// its answers with those that ActiveMQ and RabbitMQ gave.
package stomp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// step is a frame that a connection of the scenario sends.
type step struct {
	conn  string
	frame string // with ^@ for NUL, \n for line ends and names such as {ack 1} for what came before
}

// scenario begins with new connections.
type scenario struct {
	name  string
	steps []step
}

// readScript reads scenarios: a line "== NAME", then a line for each step: the connection's name and the frame.
func readScript(text string) ([]scenario, error) {
	var all []scenario
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		name, isName := strings.CutPrefix(line, "== ")
		conn, frame, ok := strings.Cut(line, " ")
		switch {
		case line == "", strings.HasPrefix(line, "#"):
		case isName:
			all = append(all, scenario{name: name})
		case !ok || len(all) == 0:
			return nil, fmt.Errorf("not a step: %q", line)
		default:
			last := &all[len(all)-1]
			last.steps = append(last.steps, step{conn, frame})
		}
	}
	return all, nil
}

// player plays scenarios against a server.
type player struct {
	address string
	// quiet is how long nothing must come for a step to be over, when it is not known what is to come.
	quiet time.Duration
	// patience is how long is waited for what is to come.
	patience time.Duration

	conns map[string]*connection
	seen  map[string]string // values that are different in every run, by their names
	names map[string]string // the other way round
	count map[string]int
}

type connection struct {
	nc     net.Conn
	in     *bufio.Reader
	closed bool
	// connected says that it has logged in.
	connected bool
}

// play returns the answers to each step, in no order within a step. wanted are those to be waited for; nil when that is
// not known.
func (p *player) play(s scenario, wanted [][]string) ([][]string, error) {
	p.conns, p.seen = map[string]*connection{}, map[string]string{}
	p.names, p.count = map[string]string{}, map[string]int{}
	defer func() {
		for _, c := range p.conns {
			c.nc.Close()
		}
	}()
	var all [][]string
	for i, st := range s.steps {
		var want []string
		if wanted != nil {
			want = wanted[i]
		}
		got, err := p.step(st, want, wanted == nil)
		if err != nil {
			return nil, fmt.Errorf("step %d, %s: %w", i+1, st.frame, err)
		}
		slices.Sort(got)
		all = append(all, got)
	}
	if wanted == nil {
		return all, nil
	}
	return all, p.end()
}

// end says goodbye on the connections that are open, and fails for an answer that no step was to get.
func (p *player) end() error {
	for name, c := range p.conns {
		if c.closed || !c.connected {
			continue
		}
		got, err := p.step(step{name, `DISCONNECT\nreceipt:the end\n\n^@`}, make([]string, 2), false)
		if err != nil {
			return err
		}
		if !c.closed || len(got) > 1 && !slices.Equal(got, []string{`RECEIPT|receipt-id:the end ""`, "closed"}) {
			return fmt.Errorf("connection %s got %q at the end", name, got)
		}
	}
	return nil
}

func (p *player) step(st step, want []string, recording bool) ([]string, error) {
	c := p.conns[st.conn]
	if c == nil {
		nc, err := net.Dial("tcp", p.address)
		if err != nil {
			return nil, err
		}
		c = &connection{nc: nc, in: bufio.NewReader(nc)}
		p.conns[st.conn] = c
	}
	if _, err := io.WriteString(c.nc, p.bytes(st.frame)); err != nil && !c.closed {
		c.closed = true
	}
	var got []string
	for recording || len(got) < len(want) {
		patience := p.patience
		if recording {
			patience = p.quiet
		}
		if err := c.nc.SetReadDeadline(time.Now().Add(patience)); err != nil {
			return got, err
		}
		f, err := c.read()
		var late net.Error
		switch {
		case errors.As(err, &late) && late.Timeout():
			return got, nil
		case err != nil && c.closed:
			return got, nil
		case err != nil:
			c.closed = true
			return append(got, "closed"), nil
		}
		c.connected = c.connected || f[0] == "CONNECTED"
		got = append(got, p.normal(f))
	}
	return got, nil
}

var placeholder = regexp.MustCompile(`\{[a-z-]+ \d+\}`)

// bytes is a frame as it is sent.
func (p *player) bytes(frame string) string {
	frame = strings.NewReplacer(`\n`, "\n", `\r`, "\r", "^@", "\x00").Replace(frame)
	return placeholder.ReplaceAllStringFunc(frame, func(name string) string { return p.seen[name] })
}

// read reads a frame, whose lines it returns.
func (c *connection) read() ([]string, error) {
	var lines []string
	length := -1
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		line = strings.TrimSuffix(line, "\n")
		if line == "" && lines == nil {
			continue // a heart-beat, or the line end after a frame
		}
		if v, ok := strings.CutPrefix(line, "content-length:"); ok {
			if length, err = strconv.Atoi(v); err != nil {
				return nil, err
			}
		}
		if line == "" {
			break
		}
		lines = append(lines, line)
	}
	if length >= 0 {
		body := make([]byte, length+1)
		_, err := io.ReadFull(c.in, body)
		return append(lines, string(body[:length])), err
	}
	body, err := c.in.ReadString(0)
	return append(lines, strings.TrimSuffix(body, "\x00")), err
}

// changing are headers whose values are different in every run.
var changing = []string{
	"session", "message-id", "ack", "server", "reply-to", "scheduledJobId", "originBrokerId", "originBrokerURL",
}

// changingInAdvisories are parts of bodies of ActiveMQ's advisories that are different in every run.
var changingInAdvisories = regexp.MustCompile(`"commandId":\d+|"ID:[^"]*"`)

// plain are values that are not.
var plain = regexp.MustCompile(`^/(queue|topic|exchange|temp-queue|temp-topic)/[a-z.]+$|^[0-9]{1,9}$`)

// generated are names that RabbitMQ makes.
var generated = regexp.MustCompile(`amq\.gen-[A-Za-z0-9_-]+`)

// normal is a frame as it is compared: headers in order, values that change by their names, and without the body of an
// ERROR of ActiveMQ's, which is a stack trace.
func (p *player) normal(f []string) string {
	command, headers, body := f[0], slices.Clone(f[1:len(f)-1]), f[len(f)-1]
	trace := command == "ERROR" && !slices.ContainsFunc(headers, func(h string) bool { return strings.HasPrefix(h, "version:") })
	if trace {
		headers = slices.DeleteFunc(headers, func(h string) bool { return strings.HasPrefix(h, "content-length:") })
		body = "(body)"
	}
	if slices.Contains(headers, "type:Advisory") {
		body = changingInAdvisories.ReplaceAllString(body, `"…"`)
	}
	for i, h := range headers {
		name, v, _ := strings.Cut(h, ":")
		headers[i] = generated.ReplaceAllString(h, "amq.gen-X")
		if name == "timestamp" && len(v) == 13 {
			headers[i] = "timestamp:{time}"
		}
		if slices.Contains(changing, name) && !plain.MatchString(v) {
			headers[i] = name + ":" + p.nameOf(name, v)
		}
	}
	slices.Sort(headers)
	return fmt.Sprintf("%s %q", strings.Join(append([]string{command}, headers...), "|"), body)
}

// nameOf names a value, the same one by the same name.
func (p *player) nameOf(header, value string) string {
	key := header + "=" + value
	if name, ok := p.names[key]; ok {
		return name
	}
	p.count[header]++
	name := fmt.Sprintf("{%s %d}", header, p.count[header])
	p.names[key], p.seen[name] = name, value
	return name
}
