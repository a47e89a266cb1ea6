package amqp091

import (
	"crypto/tls"
	"testing"
)

func TestCipherParts(t *testing.T) {
	for id, want := range map[uint16][3]string{
		tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256:       {"ecdhe_rsa", "aes_128_gcm", "aead"},
		tls.TLS_AES_256_GCM_SHA384:                      {"any", "aes_256_gcm", "aead"},
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA:        {"ecdhe_ecdsa", "aes_128_cbc", "sha"},
		tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: {"ecdhe_rsa", "chacha20_poly1305", "aead"},
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256:     {"ecdhe_ecdsa", "aes_128_cbc", "sha256"},
	} {
		exchange, cipher, hash := cipherParts(id)
		if got := [3]string{exchange, cipher, hash}; got != want {
			t.Errorf("%s: %v, want %v", tls.CipherSuiteName(id), got, want)
		}
	}
}
