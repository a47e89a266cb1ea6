package serve

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// writeCertificate writes a self-signed certificate for 127.0.0.1 with the serial number.
func writeCertificate(t *testing.T, dir string, serial int64) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write(t, cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	write(t, key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
	return cert, key
}

func write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// serialOf reads the certificate that the configuration presents now.
func serialOf(t *testing.T, config *tls.Config) int64 {
	t.Helper()
	current, err := config.GetConfigForClient(nil)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(current.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return leaf.SerialNumber.Int64()
}

func TestTLSFollowsItsFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		cert, key := writeCertificate(t, dir, 1)
		config, err := NewTLS(TLSFiles{Certificate: cert, Key: key}, quiet)
		if err != nil {
			t.Fatal(err)
		}
		if n := serialOf(t, config); n != 1 {
			t.Fatalf("certificate %d, want 1", n)
		}
		touch := func(second int64) { // file times are real, the clock here is not
			for _, name := range []string{cert, key} {
				at := time.Unix(second, 0)
				if err := os.Chtimes(name, at, at); err != nil {
					t.Fatal(err)
				}
			}
			<-time.After(recheck)
		}
		writeCertificate(t, dir, 2)
		touch(2)
		if n := serialOf(t, config); n != 2 {
			t.Errorf("certificate %d after a change, want 2", n)
		}
		write(t, cert, []byte("half a certificate"))
		touch(3)
		if n := serialOf(t, config); n != 2 {
			t.Errorf("certificate %d after a bad change, want 2", n)
		}
		writeCertificate(t, dir, 4)
		touch(4)
		if n := serialOf(t, config); n != 4 {
			t.Errorf("certificate %d after the repair, want 4", n)
		}
		if err := os.Remove(key); err != nil {
			t.Fatal(err)
		}
		<-time.After(recheck)
		if n := serialOf(t, config); n != 4 {
			t.Errorf("certificate %d with its key gone, want 4", n)
		}
	})
}

func TestTLSBadFiles(t *testing.T) {
	dir := t.TempDir()
	cert, key := writeCertificate(t, dir, 1)
	garbage := filepath.Join(dir, "garbage")
	write(t, garbage, []byte("x"))
	for name, files := range map[string]TLSFiles{
		"missing certificate": {Certificate: filepath.Join(dir, "none"), Key: key},
		"bad certificate":     {Certificate: garbage, Key: key},
		"bad CA":              {Certificate: cert, Key: key, ClientCA: garbage},
		"required without CA": {Certificate: cert, Key: key, RequireClient: true},
	} {
		if _, err := NewTLS(files, quiet); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestServeTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := writeCertificate(t, dir, 1)
	config, err := NewTLS(TLSFiles{Certificate: cert, Key: key, ClientCA: cert}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	names := make(chan string, 1)
	h := handlerFunc(func(ctx context.Context, conn net.Conn) {
		name := ""
		if peers := conn.(*tls.Conn).ConnectionState().PeerCertificates; len(peers) > 0 {
			name = peers[0].Subject.CommonName
		}
		names <- name
		echo(ctx, conn)
	})
	l := listen(t)
	s, _ := start(t, h, Options{}, tls.NewListener(l, config))
	roots := x509.NewCertPool()
	pemBytes, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	roots.AppendCertsFromPEM(pemBytes)
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	for _, own := range [][]tls.Certificate{nil, {pair}} {
		conn, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{RootCAs: roots, Certificates: own})
		if err != nil {
			t.Fatal(err)
		}
		c := &client{conn, bufio.NewReader(conn)}
		if got := c.say("secret"); got != "secret" {
			t.Errorf("answer %q", got)
		}
		if want, got := len(own) == 1, <-names; (got == "test") != want {
			t.Errorf("client name %q with %d certificates", got, len(own))
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
	plain := dial(t, l.Addr())
	plain.say("not TLS")
	if got := plain.hear(); got == "not TLS" {
		t.Error("answered in clear")
	}
	if n := s.Stats().Accepted; n != 3 {
		t.Errorf("%d accepted", n)
	}
}
