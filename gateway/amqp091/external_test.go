package amqp091

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// certificate makes one that is signed by parent, or by itself.
func certificate(t *testing.T, name pkix.Name, parent *tls.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: name, NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: parent == nil, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	signer, signerKey := template, any(key)
	if parent != nil {
		signer, signerKey = parent.Leaf, parent.PrivateKey
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, signer, &key.PublicKey, signerKey)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key, Leaf: leaf}
}

// A certificate that was verified names the user; without one there is no EXTERNAL.
func TestExternal(t *testing.T) {
	ca := certificate(t, pkix.Name{CommonName: "ca"}, nil)
	roots := x509.NewCertPool()
	roots.AddCert(ca.Leaf)
	for _, login := range []string{"distinguished_name", "common_name"} {
		s := startServer(t, Options{CertificateLogin: login})
		name := map[string]string{"distinguished_name": "CN=guest,O=portico", "common_name": "guest"}[login]
		if name != "guest" {
			if err := s.broker.PutUser(name, "not used", nil); err != nil {
				t.Fatal(err)
			}
			if err := s.broker.SetPermission(name, "/", everything); err != nil {
				t.Fatal(err)
			}
		}
		l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
			Certificates: []tls.Certificate{certificate(t, pkix.Name{CommonName: "server"}, &ca)},
			ClientAuth:   tls.VerifyClientCertIfGiven, ClientCAs: roots,
		})
		if err != nil {
			t.Fatal(err)
		}
		go s.loop.Serve(l)
		client := certificate(t, pkix.Name{CommonName: "guest", Organization: []string{"portico"}}, &ca)
		stranger := certificate(t, pkix.Name{CommonName: "stranger"}, &ca)
		for _, tt := range []struct {
			certificates []tls.Certificate
			good         bool
		}{{[]tls.Certificate{client}, true}, {[]tls.Certificate{stranger}, false}, {nil, false}} {
			conn, err := amqp.DialConfig("amqps://"+l.Addr().String()+"/", amqp.Config{
				SASL:            []amqp.Authentication{&amqp.ExternalAuth{}},
				TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: tt.certificates},
			})
			if (err == nil) != tt.good {
				t.Errorf("%s, %d certificates: %v", login, len(tt.certificates), err)
			}
			if err == nil {
				declare(t, openChannel(t, conn), "q")
				shown := s.broker.Connections()[0].Attributes
				for name, want := range map[string]any{
					"ssl_protocol": "tlsv1.3", "ssl_key_exchange": "any", "ssl_hash": "aead",
					"peer_cert_subject": "CN=guest,O=portico", "peer_cert_issuer": "CN=ca",
				} {
					if got, _ := shown.Get(name); got != want {
						t.Errorf("%s is %v, want %v", name, got, want)
					}
				}
				conn.Close()
			}
		}
	}
}
