package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// client talks to the management port.
type client struct {
	opts options
	http *http.Client
}

func newClient(opts options) *client {
	return &client{opts: opts, http: &http.Client{Timeout: 60 * time.Second}}
}

// put sends a value to a path and wants no answer but success.
func (c *client) put(path string, value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return err
	}
	url := strings.TrimSuffix(c.opts.url, "/") + path
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPut, url, bytes.NewReader(body))
	if err != nil {
		return &failure{code: exitUsage, text: "Error: " + err.Error()}
	}
	r.SetBasicAuth(c.opts.user, c.opts.password)
	r.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(r)
	if err != nil {
		return &failure{code: exitUnavailable, text: fmt.Sprintf("Error: unable to reach portico at %s: %v", c.opts.url, err)}
	}
	defer resp.Body.Close()
	if resp.StatusCode < 300 {
		return nil
	}
	var problem struct{ Reason string }
	data, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if json.Unmarshal(data, &problem) != nil || problem.Reason == "" {
		problem.Reason = resp.Status
	}
	code := exitSoftware
	if resp.StatusCode == http.StatusUnauthorized {
		code = exitNoPerm
	}
	return &failure{code: code, text: "Error: " + problem.Reason}
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
