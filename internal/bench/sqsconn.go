package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// sqsConn is a connection that is kept, with one request at a time, each written in one go.
type sqsConn struct {
	host string
	conn net.Conn
	in   *bufio.Reader
	out  []byte
	body []byte // for whoever makes requests
}

// unsigned names a region and a service, by which servers find their way; none of those measured verifies the signature.
const unsigned = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=00"

func (c *sqsConn) close() {
	if c.conn != nil {
		_ = c.conn.Close() // nothing is outstanding
		c.conn = nil
	}
}

// call sends a request in AWS JSON 1.0 and returns the answer's body, until the next call. An answer that is not 200 is
// an error. A server that closes the connection after an answer is connected to again.
func (c *sqsConn) call(ctx context.Context, action string, body []byte) ([]byte, error) {
	if c.conn == nil {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", c.host)
		if err != nil {
			return nil, err
		}
		c.conn, c.in = conn, bufio.NewReaderSize(conn, 64<<10)
	}
	conn := c.conn
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // which ends what is under way
	defer stop()
	c.out = fmt.Appendf(c.out[:0], "POST / HTTP/1.1\r\nHost: %s\r\nX-Amz-Target: AmazonSQS.%s\r\nContent-Type: application/x-amz-json-1.0\r\n"+
		"Authorization: %s\r\nContent-Length: %d\r\n\r\n", c.host, action, unsigned, len(body))
	c.out = append(c.out, body...)
	if _, err := c.conn.Write(c.out); err != nil {
		c.close()
		return nil, fmt.Errorf("%s: %w", action, err)
	}
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		c.close()
		return nil, fmt.Errorf("%s: %w", action, err)
	}
	answer, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close() // it was read to its end, or failed
	if err != nil {
		c.close()
		return nil, fmt.Errorf("%s: %w", action, err)
	}
	if resp.Close {
		c.close()
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s: %.500s", action, resp.Status, answer)
	}
	return answer, nil
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
