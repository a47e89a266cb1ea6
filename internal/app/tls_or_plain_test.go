package app

import (
	"crypto/tls"
	"net"
	"net/http"
	"testing"
)

func TestOnePortTakesHTTPAndHTTPS(t *testing.T) {
	certificate, key, pool := writeCertificate(t)
	r := start(t, "aws.listen=127.0.0.1:0", "tls.certificate="+certificate, "tls.key="+key)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	defer client.CloseIdleConnections()
	// A client that says nothing holds nobody up.
	silent, err := new(net.Dialer).DialContext(t.Context(), "tcp", r.started["aws"])
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for _, scheme := range []string{"http://", "https://"} {
		if got := get(t, client, scheme+r.started["aws"]+"/?Action=ListQueues&Version=2012-11-05"); got != 200 {
			t.Errorf("%s answers %d", scheme, got)
		}
	}
	r.stop()
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
}

func TestSecretIsKept(t *testing.T) {
	dir := t.TempDir()
	first, err := readSecret(dir)
	if err != nil || len(first) != secretSize {
		t.Fatal(first, err)
	}
	second, err := readSecret(dir)
	if err != nil || string(first) != string(second) {
		t.Errorf("got %x, then %x, %v", first, second, err)
	}
}
