package awsproto

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// Sealer makes the opaque tokens that a service hands to clients and takes back: receipt handles,
// shard iterators, paging tokens. A token can neither be read nor made without the key. Safe for
// concurrent use.
type Sealer struct {
	aead cipher.AEAD
}

// NewSealer derives a key for one purpose from the installation's secret, so that a token of one kind
// is never taken for one of another. The secret must be the same as before for tokens to outlive a
// restart; it has at least 32 bytes.
func NewSealer(secret []byte, purpose string) (*Sealer, error) {
	if len(secret) < 32 {
		return nil, fmt.Errorf("the secret for %s has %d bytes, and needs 32", purpose, len(secret))
	}
	key, err := hkdf.Key(sha256.New, secret, nil, purpose, 32)
	if err != nil {
		return nil, fmt.Errorf("derive the key for %s: %w", purpose, err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &Sealer{aead}, nil
}

// Seal makes a token of the content. The context is not in the token, but must be the same again to
// open it.
func (s *Sealer) Seal(content []byte, context string) string {
	sealed := s.aead.Seal(nil, nil, content, []byte(context)) // this AEAD makes its own random nonce
	return base64.StdEncoding.EncodeToString(sealed)
}

// maxToken bounds a token that is taken back.
const maxToken = 8192

// Open gives the content of a token, and false for one that was not made by Seal with this key and
// context.
func (s *Sealer) Open(token, context string) ([]byte, bool) {
	if len(token) > maxToken {
		return nil, false
	}
	sealed, err := base64.StdEncoding.DecodeString(token)
	if err != nil || len(sealed) < s.aead.Overhead() {
		return nil, false
	}
	content, err := s.aead.Open(nil, nil, sealed, []byte(context))
	return content, err == nil
}

// NewSecret makes a secret for NewSealer.
func NewSecret() []byte {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // it never fails: crypto/rand stops the program instead
	return secret
}
