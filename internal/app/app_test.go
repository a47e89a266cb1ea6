package app

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/portico-mq/portico/config"
)

// running is an application in this process.
type running struct {
	started map[string]string // the start line
	stop    context.CancelFunc
	ended   chan error
}

// start runs an application with every listener off but those of settings. It
// is stopped at the end of the test, if the test has not.
func start(t *testing.T, settings ...string) *running {
	t.Helper()
	c := configure(t, settings...)
	ctx, stop := context.WithCancel(t.Context())
	lines := make(chan map[string]string, 1)
	r := &running{stop: stop, ended: make(chan error, 1)}
	reader, writer := io.Pipe()
	go func() {
		defer close(lines)
		for dec := json.NewDecoder(reader); ; {
			var line map[string]any
			if dec.Decode(&line) != nil {
				return
			}
			t.Log(line)
			if line["msg"] == "started" {
				started := map[string]string{}
				for k, v := range line {
					started[k], _ = v.(string)
				}
				lines <- started
			}
		}
	}()
	go func() {
		err := Run(ctx, c, slog.New(slog.NewJSONHandler(writer, nil)))
		writer.Close()
		r.ended <- err
		close(r.ended)
	}()
	t.Cleanup(func() {
		stop()
		for range r.ended { // its data directory is removed next
		}
	})
	select {
	case r.started = <-lines:
	case <-time.After(time.Minute):
	}
	if r.started == nil {
		t.Fatalf("no start line: %v", <-r.ended)
	}
	return r
}

func configure(t *testing.T, settings ...string) *config.Config {
	t.Helper()
	flags := []string{"data_dir=" + t.TempDir()}
	for _, listener := range listenerKeys(t) {
		flags = append(flags, listener+"=off")
	}
	c, _, err := config.Load(config.Sources{Flags: append(flags, settings...)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// listenerKeys lists every key that opens a listener, from the printed default.
func listenerKeys(t *testing.T) []string {
	t.Helper()
	var keys []string
	for _, k := range config.Keys() {
		if k == "listen" || strings.HasSuffix(k, ".listen") {
			keys = append(keys, k)
		}
	}
	return keys
}

func get(t *testing.T, client *http.Client, url string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func TestStartLineNamesEveryBoundAddress(t *testing.T) {
	r := start(t, "management.listen=127.0.0.1:0,[::1]:0")
	addresses := strings.Split(r.started["management"], ",")
	if len(addresses) != 2 {
		t.Fatalf("start line: %v", r.started)
	}
	for _, address := range addresses {
		if got := get(t, http.DefaultClient, "http://"+address+"/health/ready"); got != 200 {
			t.Errorf("%s: ready answers %d", address, got)
		}
	}
	if r.started["management.tls"] != "off" || r.started["version"] == "" {
		t.Errorf("start line: %v", r.started)
	}
	r.stop()
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
	if c, err := new(net.Dialer).DialContext(t.Context(), "tcp", addresses[0]); err == nil {
		c.Close()
		t.Error("it still accepts after the stop")
	}
}

// The default address, without a host, is both families'.
func TestEmptyHostIsBothFamilies(t *testing.T) {
	r := start(t, "management.listen=:0")
	_, port, err := net.SplitHostPort(r.started["management"])
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.0.0.1", "::1"} {
		if got := get(t, http.DefaultClient, "http://"+net.JoinHostPort(host, port)+"/health/live"); got != 200 {
			t.Errorf("%s: live answers %d", host, got)
		}
	}
}

func TestTLSListener(t *testing.T) {
	certificate, key, pool := writeCertificate(t)
	r := start(t, "management.tls.listen=127.0.0.1:0", "tls.certificate="+certificate, "tls.key="+key)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	defer client.CloseIdleConnections()
	if got := get(t, client, "https://"+r.started["management.tls"]+"/health/ready"); got != 200 {
		t.Errorf("ready answers %d", got)
	}
}

func TestAddressInUseEndsTheStart(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := configure(t, "management.listen="+l.Addr().String())
	err = Run(t.Context(), c, slog.New(slog.DiscardHandler))
	if err == nil || !strings.HasPrefix(err.Error(), "management: listen tcp") {
		t.Errorf("got %v", err)
	}
}

func TestBadCertificateEndsTheStart(t *testing.T) {
	c := configure(t, "tls.certificate=missing.pem", "tls.key=missing.pem")
	if err := Run(t.Context(), c, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("it started")
	}
}
