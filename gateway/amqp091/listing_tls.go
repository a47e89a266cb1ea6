package amqp091

import (
	"crypto/tls"
	"strings"
	"time"

	"github.com/portico-mq/portico/broker/property"
)

// tlsAttributes are what operators see of a connection's encryption and of the client's certificate, in the words of
// RabbitMQ, which are Erlang's; without encryption every one is nil.
func tlsAttributes(secure *tls.Conn) property.Table {
	values := make(map[string]any)
	if secure != nil {
		state := secure.ConnectionState()
		values["ssl_protocol"] = tlsVersions[state.Version]
		values["ssl_key_exchange"], values["ssl_cipher"], values["ssl_hash"] = cipherParts(state.CipherSuite)
		if len(state.PeerCertificates) > 0 {
			peer := state.PeerCertificates[0]
			values["peer_cert_subject"], values["peer_cert_issuer"] = peer.Subject.String(), peer.Issuer.String()
			values["peer_cert_validity"] = certificateTime(peer.NotBefore) + " - " + certificateTime(peer.NotAfter)
		}
	}
	var table property.Table
	for _, name := range []string{
		"ssl_protocol", "ssl_key_exchange", "ssl_cipher", "ssl_hash", "peer_cert_subject", "peer_cert_issuer", "peer_cert_validity",
	} {
		table = append(table, property.Field{Name: name, Value: values[name]})
	}
	return table
}

var tlsVersions = map[uint16]string{
	tls.VersionTLS10: "tlsv1", tls.VersionTLS11: "tlsv1.1", tls.VersionTLS12: "tlsv1.2", tls.VersionTLS13: "tlsv1.3",
}

// cipherParts takes the name of a cipher suite apart: TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, or, in TLS 1.3, which names
// no key exchange, TLS_AES_128_GCM_SHA256. Where the cipher authenticates, the hash is "aead".
func cipherParts(id uint16) (exchange, cipher, hash string) {
	name := strings.ToLower(strings.TrimPrefix(tls.CipherSuiteName(id), "TLS_"))
	exchange, rest, ok := strings.Cut(name, "_with_")
	if !ok {
		exchange, rest = "any", name
	}
	if i := strings.LastIndex(rest, "_"); i >= 0 && strings.HasPrefix(rest[i+1:], "sha") {
		rest, hash = rest[:i], rest[i+1:]
	}
	if strings.HasSuffix(rest, "_gcm") || strings.HasSuffix(rest, "_poly1305") {
		hash = "aead"
	}
	return exchange, rest, hash
}

func certificateTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
