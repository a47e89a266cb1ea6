// Package signature signs what SNS sends, as its receivers verify it [SNS developer guide,
// "Verifying the signatures of Amazon SNS messages"].
package signature

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // version 1 of the service's signatures is SHA-1
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"time"
)

// Version is a signature's version.
type Version string

// The versions.
const (
	V1 Version = "1" // SHA-1
	V2 Version = "2" // SHA-256
)

// Signer signs with one key. It is safe for concurrent use.
type Signer struct {
	key         *rsa.PrivateKey
	certificate []byte
	path        string

	// One message to many subscriptions has one signature, and making it costs more than all else.
	mu     sync.Mutex
	recent [recentSignatures]made
	next   int
}

const recentSignatures = 64

// made is a signature that was made of a digest.
type made struct {
	digest    string
	signature string
}

// Prefix is what the path of every certificate begins with.
const Prefix = "/SimpleNotificationService-"

// keyBits is the size of the service's own keys.
const keyBits = 2048

// Generate makes a key with a certificate that it signs itself, valid for ten years, as PEM.
func Generate() ([]byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "sns.amazonaws.com", Organization: []string{"Portico"}},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(10, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...), nil
}

// NewSigner reads what Generate made: an RSA key (PKCS #8) and its certificate.
func NewSigner(text []byte) (*Signer, error) {
	private, rest := pem.Decode(text)
	certificate, _ := pem.Decode(rest)
	if private == nil || certificate == nil || certificate.Type != "CERTIFICATE" {
		return nil, errors.New("the signing key of SNS is not a private key followed by a certificate, in PEM")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(private.Bytes)
	if err != nil {
		return nil, fmt.Errorf("the signing key of SNS: %w", err)
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("the signing key of SNS is not an RSA key")
	}
	digest := sha256.Sum256(certificate.Bytes)
	return &Signer{
		key: key, certificate: pem.EncodeToMemory(certificate),
		path: Prefix + hex.EncodeToString(digest[:16]) + ".pem",
	}, nil
}

// Certificate is the certificate in PEM, Path where the endpoint serves it. Its name tells one
// certificate from the next, since receivers keep what they fetched.
func (s *Signer) Certificate() []byte { return s.certificate }

// Path is the path of the certificate's URL.
func (s *Signer) Path() string { return s.path }

// Sign signs names and values that stand in turn, in the order that the message's type has. It gives
// base64.
func (s *Signer) Sign(version Version, pairs ...string) (string, error) {
	text := strings.Join(pairs, "\n") + "\n"
	var digest []byte
	hash := crypto.SHA1
	if version == V2 {
		hash = crypto.SHA256
		sum := sha256.Sum256([]byte(text))
		digest = sum[:]
	} else {
		sum := sha1.Sum([]byte(text))
		digest = sum[:]
	}
	if signature, ok := s.find(string(digest)); ok {
		return signature, nil
	}
	raw, err := rsa.SignPKCS1v15(nil, s.key, hash, digest)
	if err != nil {
		return "", err
	}
	signature := base64.StdEncoding.EncodeToString(raw)
	s.mu.Lock()
	s.recent[s.next] = made{string(digest), signature}
	s.next = (s.next + 1) % recentSignatures
	s.mu.Unlock()
	return signature, nil
}

func (s *Signer) find(digest string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.recent {
		if s.recent[i].digest == digest {
			return s.recent[i].signature, true
		}
	}
	return "", false
}
