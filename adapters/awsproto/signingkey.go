package awsproto

import (
	"strings"
	"sync"
)

// signingKey derives the key that the secret makes for the credential's scope.
func (c *credential) signingKey(secret string) []byte {
	key := []byte("AWS4" + secret)
	for _, part := range []string{c.date, c.region, c.service, c.term} {
		key = hmacSHA256(key, part)
	}
	return key
}

// signingKeys keeps keys that were derived: a client signs with the same one for a day. It is safe for concurrent use.
type signingKeys struct {
	mu sync.RWMutex
	of map[signingScope][]byte
}

type signingScope struct {
	secret, date, region, service, term string
}

// maxSigningKeys is how many are kept; then it begins anew.
const maxSigningKeys = 4096

// key gives the key for the credential's scope. Whether the secret signed anything does not matter to it.
func (k *signingKeys) key(c *credential, secret string) []byte {
	scope := signingScope{secret, c.date, c.region, c.service, c.term}
	k.mu.RLock()
	key := k.of[scope]
	k.mu.RUnlock()
	if key != nil {
		return key
	}
	key = c.signingKey(secret)
	if len(c.date)+len(c.region)+len(c.service)+len(c.term) > 128 {
		return key // nobody's scope is that long
	}
	// A copy of its own, since what was sent is part of a whole request.
	scope = signingScope{secret, strings.Clone(c.date), strings.Clone(c.region), strings.Clone(c.service), strings.Clone(c.term)}
	k.mu.Lock()
	if k.of == nil || len(k.of) >= maxSigningKeys {
		k.of = make(map[signingScope][]byte)
	}
	k.of[scope] = key
	k.mu.Unlock()
	return key
}
