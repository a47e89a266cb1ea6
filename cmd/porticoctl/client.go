package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// client talks to the management port.
type client struct {
	opts options
	http *http.Client
	in   io.Reader // the standard input
}

func newClient(opts options) *client {
	timeout := 60 * time.Second
	if opts.timeout > 0 {
		timeout = time.Duration(opts.timeout) * time.Second
	}
	return &client{opts: opts, http: &http.Client{Timeout: timeout}, in: os.Stdin}
}

// refusal is an answer of the server that is no success.
type refusal struct {
	status int
	name   string // of the error
	reason string
}

func (r *refusal) Error() string { return r.reason }

// put sends a value to a path and wants no answer but success.
func (c *client) put(path string, value any) error {
	return c.send(http.MethodPut, path, value, nil)
}

// send sends a request with a value, if there is one, and reads the answer, if one is wanted. An answer that is no
// success is a *refusal.
func (c *client) send(method, path string, value, answer any) error {
	var body io.Reader = http.NoBody
	switch value := value.(type) {
	case nil:
	case json.RawMessage:
		body = bytes.NewReader(value)
	default:
		raw, err := json.Marshal(value)
		if err != nil {
			return err
		}
		body = bytes.NewReader(raw)
	}
	resp, err := c.request(method, path, c.opts.user, c.opts.password, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode < 300 {
		if answer == nil {
			return nil
		}
		return json.NewDecoder(resp.Body).Decode(answer)
	}
	var problem struct {
		Error  string
		Reason json.RawMessage
	}
	data, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	r := &refusal{status: resp.StatusCode, reason: resp.Status}
	if json.Unmarshal(data, &problem) == nil && problem.Reason != nil {
		r.name, r.reason = problem.Error, string(problem.Reason)
		_ = json.Unmarshal(problem.Reason, &r.reason) // a reason that is no text stays as it is
		r.reason = html.UnescapeString(r.reason)
	}
	return r
}

// request sends a request as a user.
func (c *client) request(method, path, user, password string, body io.Reader) (*http.Response, error) {
	r, err := http.NewRequestWithContext(context.Background(), method, strings.TrimSuffix(c.opts.url, "/")+path, body)
	if err != nil {
		return nil, &failure{code: exitUsage, text: "Error: " + err.Error()}
	}
	r.SetBasicAuth(user, password)
	r.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, &failure{code: exitUnavailable, text: fmt.Sprintf("Error: unable to reach portico at %s: %v", c.opts.url, err)}
	}
	return resp, nil
}

// api is the path of a resource of RabbitMQ's management API.
func api(segments ...string) string {
	path := "/api"
	for _, s := range segments {
		path += "/" + url.PathEscape(s)
	}
	return path
}

// sayf tells what is being done, unless the user wants quiet or a program reads what comes.
func (c *client) sayf(out io.Writer, format string, args ...any) {
	if f := c.opts.formatter; !c.opts.quiet && f != "json" && f != "csv" {
		fmt.Fprintf(out, format+"\n", args...)
	}
}

// node names the server in messages as RabbitMQ names its nodes.
func node() string {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	short, _, _ := strings.Cut(host, ".")
	return "rabbit@" + short
}
