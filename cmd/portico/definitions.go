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
)

// definitionsCommand moves definitions between a file and a running broker, over its management port: it works with a
// RabbitMQ, too.
type definitionsCommand struct {
	Import definitionsImport `cmd:"" help:"Import a file; one that has a mistake changes nothing."`
	Export definitionsExport `cmd:"" help:"Export to a file."`
}

// managementPort says where the broker is administrated, and by whom.
type managementPort struct {
	URL      string `help:"The management port." default:"http://localhost:15672" env:"PORTICOCTL_URL"`
	User     string `help:"An administrator." default:"guest" env:"PORTICOCTL_USER"`
	Password string `help:"The administrator's password." default:"guest" env:"PORTICOCTL_PASSWORD"`
	Vhost    string `help:"One virtual host only."`
}

type definitionsImport struct {
	managementPort
	File string `arg:"" help:"The file; - for the standard input."`
}

type definitionsExport struct {
	managementPort
	File string `arg:"" optional:"" default:"-" help:"The file; - for the standard output."`
}

// Run sends the file.
func (d *definitionsImport) Run() error {
	var raw []byte
	var err error
	if d.File == "-" {
		raw, err = io.ReadAll(os.Stdin)
	} else {
		raw, err = os.ReadFile(d.File)
	}
	if err != nil {
		return err
	}
	_, err = d.request(http.MethodPost, bytes.NewReader(raw))
	return err
}

// Run writes the file.
func (d *definitionsExport) Run() error {
	raw, err := d.request(http.MethodGet, http.NoBody)
	if err != nil {
		return err
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, bytes.TrimSpace(raw), "", "  "); err != nil {
		return fmt.Errorf("the answer is no JSON: %w", err)
	}
	pretty.WriteByte('\n')
	if d.File == "-" {
		_, err = os.Stdout.Write(pretty.Bytes())
		return err
	}
	return os.WriteFile(d.File, pretty.Bytes(), 0o600) // it holds hashes of passwords
}

// request asks for the definitions, or sends them.
func (p *managementPort) request(method string, body io.Reader) ([]byte, error) {
	path := strings.TrimSuffix(p.URL, "/") + "/api/definitions"
	r, err := http.NewRequestWithContext(context.Background(), method, path, body)
	if err != nil {
		return nil, err
	}
	if p.Vhost != "" {
		query := r.URL.Query()
		query.Set("vhost", p.Vhost)
		r.URL.RawQuery = query.Encode()
	}
	r.SetBasicAuth(p.User, p.Password)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= 300 {
		var problem struct{ Reason any }
		if json.Unmarshal(raw, &problem) == nil && problem.Reason != nil {
			return nil, fmt.Errorf("%s: %v", resp.Status, problem.Reason)
		}
		return nil, fmt.Errorf("the broker answers %s", resp.Status)
	}
	return raw, nil
}
