package signature_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"testing"

	"github.com/portico-mq/portico/adapters/sns/signature"
)

func TestSignaturesVerify(t *testing.T) {
	text, err := signature.Generate()
	if err != nil {
		t.Fatal(err)
	}
	s, err := signature.NewSigner(text)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(s.Certificate())
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	again, err := signature.NewSigner(text)
	if err != nil || again.Path() != s.Path() {
		t.Error("the certificate's path changes over a restart")
	}
	for version, algorithm := range map[signature.Version]x509.SignatureAlgorithm{signature.V1: x509.SHA1WithRSA, signature.V2: x509.SHA256WithRSA} {
		for range 2 { // the second one is remembered
			signed, err := s.Sign(version, "Message", "m", "Type", "Notification")
			if err != nil {
				t.Fatal(err)
			}
			raw, err := base64.StdEncoding.DecodeString(signed)
			if err != nil {
				t.Fatal(err)
			}
			// CheckSignature refuses SHA-1 in certificates only.
			if err := certificate.CheckSignature(algorithm, []byte("Message\nm\nType\nNotification\n"), raw); err != nil {
				t.Errorf("version %s: %v", version, err)
			}
		}
	}
	for _, bad := range []string{"", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", string(s.Certificate())} {
		if _, err := signature.NewSigner([]byte(bad)); err == nil {
			t.Errorf("%q is taken for a key", bad)
		}
	}
}
