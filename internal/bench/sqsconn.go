package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// sqsConn is a connection that is kept, with one request at a time. A request is written in one go and its answer read
// in one, out of buffers that are used again, so that it costs little more than these two system calls.
type sqsConn struct {
	host string
	conn net.Conn
	stop func() bool       // ends the watch of the context that conn was opened with
	head map[string][]byte // by action: a request up to its length
	out  []byte
	in   []byte // the answer, and what was read behind it
	body []byte // for whoever makes requests
}

// unsigned names a region and a service, by which servers find their way; none of those measured verifies the signature.
const unsigned = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=00"

// maxAnswer bounds an answer: ten messages of 1 MiB, and what stands around them.
const maxAnswer = 16 << 20

func (c *sqsConn) close() {
	if c.conn != nil {
		c.stop()
		_ = c.conn.Close() // nothing is outstanding
		c.conn = nil
	}
}

// open connects. The end of ctx ends what is under way.
func (c *sqsConn) open(ctx context.Context) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", c.host)
	if err != nil {
		return err
	}
	c.conn, c.in = conn, c.in[:0]
	c.stop = context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	return nil
}

// call sends a request in AWS JSON 1.0 and returns the answer's body, until the next call. An answer that is not 200 is
// an error. A server that closes the connection after an answer is connected to again.
func (c *sqsConn) call(ctx context.Context, action string, body []byte) ([]byte, error) {
	if c.conn == nil {
		if err := c.open(ctx); err != nil {
			return nil, err
		}
	}
	head := c.head[action]
	if head == nil {
		head = fmt.Appendf(nil, "POST / HTTP/1.1\r\nHost: %s\r\nX-Amz-Target: AmazonSQS.%s\r\nContent-Type: application/x-amz-json-1.0\r\n"+
			"Authorization: %s\r\nContent-Length: ", c.host, action, unsigned)
		if c.head == nil {
			c.head = make(map[string][]byte)
		}
		c.head[action] = head
	}
	c.out = append(strconv.AppendInt(append(c.out[:0], head...), int64(len(body)), 10), "\r\n\r\n"...)
	c.out = append(c.out, body...)
	status, answer, err := c.exchange()
	if err != nil {
		c.close()
		return nil, fmt.Errorf("%s: %w", action, err)
	}
	if status != "200" {
		return nil, fmt.Errorf("%s: status %s: %.500s", action, status, answer)
	}
	return answer, nil
}

// exchange writes out and reads the answer.
func (c *sqsConn) exchange() (status string, body []byte, err error) {
	if _, err := c.conn.Write(c.out); err != nil {
		return "", nil, err
	}
	c.in = c.in[:0] // one request at a time: nothing is left from before
	end := -1
	for end < 0 {
		from := max(0, len(c.in)-3)
		if err := c.read(); err != nil {
			return "", nil, err
		}
		if end = bytes.Index(c.in[from:], []byte("\r\n\r\n")); end >= 0 {
			end += from + 4
		}
	}
	head := c.in[:end]
	if len(head) < len("HTTP/1.1 200") || !bytes.HasPrefix(head, []byte("HTTP/1.")) {
		return "", nil, fmt.Errorf("no answer of HTTP: %.100q", head)
	}
	status = "200"
	if s := head[9:12]; string(s) != status {
		status = string(s)
	}
	last := head[7] == '0' || strings.EqualFold(headerValue(head, "Connection"), "close")
	if strings.EqualFold(headerValue(head, "Transfer-Encoding"), "chunked") {
		body, err = c.chunks(end)
	} else {
		var length int
		if length, err = strconv.Atoi(headerValue(head, "Content-Length")); err == nil {
			err = c.fill(end + length)
		}
		if err == nil {
			body = c.in[end : end+length]
		}
	}
	if err == nil && last {
		c.close()
	}
	return status, body, err
}

// chunks reads a body in chunks that begins at in[at], and puts it together.
func (c *sqsConn) chunks(at int) ([]byte, error) {
	var body []byte
	for {
		end := bytes.IndexByte(c.in[at:], '\n')
		if end < 0 {
			if err := c.read(); err != nil {
				return nil, err
			}
			continue
		}
		n, err := strconv.ParseUint(string(bytes.TrimSpace(c.in[at:at+end])), 16, 31)
		if err != nil {
			return nil, err
		}
		at += end + 1
		if err := c.fill(at + int(n) + 2); err != nil {
			return nil, err
		}
		if n == 0 {
			return body, nil
		}
		body = append(body, c.in[at:at+int(n)]...)
		at += int(n) + 2
	}
}

// fill reads until in holds n bytes.
func (c *sqsConn) fill(n int) error {
	for len(c.in) < n {
		if err := c.read(); err != nil {
			return err
		}
	}
	return nil
}

// read appends what there is to in.
func (c *sqsConn) read() error {
	if len(c.in) == cap(c.in) {
		if len(c.in) >= maxAnswer {
			return errors.New("the answer has no end")
		}
		c.in = append(make([]byte, 0, max(16<<10, 2*cap(c.in))), c.in...)
	}
	n, err := c.conn.Read(c.in[len(c.in):cap(c.in)])
	c.in = c.in[:len(c.in)+n]
	if n > 0 {
		return nil
	}
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// headerValue finds a header in the head of an answer; "" when it is not there.
func headerValue(head []byte, name string) string {
	for len(head) > 0 {
		line := head
		if end := bytes.IndexByte(head, '\n'); end >= 0 {
			line, head = head[:end], head[end+1:]
		} else {
			head = nil
		}
		if len(line) > len(name) && line[len(name)] == ':' && strings.EqualFold(string(line[:len(name)]), name) {
			return string(bytes.TrimSpace(line[len(name)+1:]))
		}
	}
	return ""
}

// jsonStrings finds the values of a member that are strings without escapes, as handles and ids are.
func jsonStrings(text []byte, member string) []string {
	var found []string
	for {
		at := bytes.Index(text, []byte(`"`+member+`"`))
		if at < 0 {
			return found
		}
		text = bytes.TrimLeft(text[at+len(member)+2:], ": \n\t")
		if len(text) == 0 || text[0] != '"' {
			continue
		}
		end := bytes.IndexByte(text[1:], '"')
		if end < 0 {
			return found
		}
		found = append(found, strings.ReplaceAll(string(text[1:1+end]), `\/`, "/"))
		text = text[1+end:]
	}
}
