package serve

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// TLSFiles names the files of a TLS listener, all in PEM.
type TLSFiles struct {
	Certificate string // the server's certificate, followed by its chain
	Key         string // its private key
	ClientCA    string // who signs client certificates; "" asks clients for none
	// RequireClient refuses clients without a certificate; otherwise one is verified when it is given.
	RequireClient bool
}

// recheck is how long the files are trusted to be unchanged.
const recheck = time.Second

// NewTLS returns a configuration that follows the files: one that has changed since is read again at the next
// handshake (noticed within a second). What cannot be read or does not fit together is logged, and the former
// configuration stays in force, since a certificate is replaced in two steps. It fails when the files are not good at
// first. TLS 1.2 is the least that is spoken.
func NewTLS(files TLSFiles, log *slog.Logger) (*tls.Config, error) {
	f := &follower{files: files, log: log}
	stamp, err := f.stamp()
	if err != nil {
		return nil, err
	}
	if f.current, err = f.load(); err != nil {
		return nil, err
	}
	f.loaded, f.checked = stamp, time.Now()
	config := f.current.Clone()
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return f.config(), nil }
	return config, nil
}

// follower keeps a configuration as new as its files.
type follower struct {
	files TLSFiles
	log   *slog.Logger

	mu      sync.Mutex
	current *tls.Config
	loaded  string // the stamp of what current was made of, or of what last failed
	checked time.Time
}

func (f *follower) config() *tls.Config {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	if now.Sub(f.checked) < recheck {
		return f.current
	}
	f.checked = now
	stamp, err := f.stamp()
	if err == nil && stamp == f.loaded {
		return f.current
	}
	var config *tls.Config
	if err == nil {
		config, err = f.load()
	}
	if err != nil {
		if stamp != f.loaded { // once for each state of the files
			f.log.Error("TLS files changed but cannot be used; the former ones stay in force", "err", err)
		}
		f.loaded = stamp
		return f.current
	}
	f.log.Info("TLS files reloaded", "certificate", f.files.Certificate)
	f.current, f.loaded = config, stamp
	return config
}

// stamp changes when one of the files does.
func (f *follower) stamp() (string, error) {
	var stamp string
	for _, name := range []string{f.files.Certificate, f.files.Key, f.files.ClientCA} {
		if name == "" {
			continue
		}
		info, err := os.Stat(name)
		if err != nil {
			return "", fmt.Errorf("TLS: %w", err)
		}
		stamp += fmt.Sprintf("%d/%d ", info.ModTime().UnixNano(), info.Size())
	}
	return stamp, nil
}

func (f *follower) load() (*tls.Config, error) {
	certificate, err := tls.LoadX509KeyPair(f.files.Certificate, f.files.Key)
	if err != nil {
		return nil, fmt.Errorf("TLS certificate %s: %w", f.files.Certificate, err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	if f.files.ClientCA == "" {
		if f.files.RequireClient {
			return nil, errors.New("TLS: client certificates are required, but no client CA is given")
		}
		return config, nil
	}
	pem, err := os.ReadFile(f.files.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("TLS client CA: %w", err)
	}
	config.ClientCAs = x509.NewCertPool()
	if !config.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("TLS client CA %s: no certificate in it", f.files.ClientCA)
	}
	config.ClientAuth = tls.VerifyClientCertIfGiven
	if f.files.RequireClient {
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return config, nil
}
