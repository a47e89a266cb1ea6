package broker

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"hash"
	"slices"
)

// PasswordHashing names how a password is hashed: base64 of a salt of four bytes and the digest of salt and password.
type PasswordHashing string

// The ways of hashing that RabbitMQ has. New passwords are hashed with HashSHA256; the others come with imported users.
const (
	HashSHA256 PasswordHashing = "sha256"
	HashSHA512 PasswordHashing = "sha512"
	HashMD5    PasswordHashing = "md5"
)

const saltSize = 4

func (h PasswordHashing) new() hash.Hash {
	switch h {
	case HashSHA512:
		return sha512.New()
	case HashMD5:
		return md5.New()
	default:
		return sha256.New()
	}
}

// valid reports whether the hashing is one of those above.
func (h PasswordHashing) valid() bool { return h == HashSHA256 || h == HashSHA512 || h == HashMD5 }

// HashPassword hashes a password with a new salt.
func HashPassword(password string, how PasswordHashing) string {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails since Go 1.24
	return base64.StdEncoding.EncodeToString(append(slices.Clone(salt), how.digest(salt, password)...))
}

func (h PasswordHashing) digest(salt []byte, password string) []byte {
	d := h.new()
	d.Write(salt) // a hash's Write never fails
	d.Write([]byte(password))
	return d.Sum(nil)
}

// verify reports whether the password has that hash. The empty hash is that of no password, and neither does the
// empty password fit any.
func (h PasswordHashing) verify(encoded, password string) bool {
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(raw) <= saltSize || password == "" {
		return false
	}
	return subtle.ConstantTimeCompare(h.digest(raw[:saltSize], password), raw[saltSize:]) == 1
}
