package config

import (
	"fmt"
	"regexp"
)

// regionPattern is what the name of a region looks like, such as us-east-1.
var regionPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// versionPattern is what clients parse as RabbitMQ's version.
var versionPattern = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+$`)

// largestMessage is the largest message that the store takes, in bytes.
const largestMessage = 30 << 20

// validate checks what one key alone cannot tell.
func (l *loader) validate() {
	c := l.config
	if c.DataDir == "" {
		l.invalid("data_dir", "is empty")
	}
	if c.Encryption.Key != "" && c.Encryption.KeyFile != "" {
		l.invalid("encryption.key_file", "is set beside encryption.key")
	}
	if c.Encryption.Key != "" && len(c.Encryption.Key) < MinEncryptionKey {
		l.invalid("encryption.key", fmt.Sprintf("has fewer than %d bytes", MinEncryptionKey))
	}
	if c.MaxMessageSize < 1 || c.MaxMessageSize > largestMessage {
		l.invalid("max_message_size", "is not between 1 byte and 30MiB")
	}
	if c.TLS.Certificate != "" && c.TLS.Key == "" {
		l.invalid("tls.certificate", "needs tls.key")
	}
	if c.TLS.Key != "" && c.TLS.Certificate == "" {
		l.invalid("tls.key", "needs tls.certificate")
	}
	if c.TLS.ClientCA != "" && c.TLS.Certificate == "" {
		l.invalid("tls.client_ca", "needs tls.certificate")
	}
	if c.AWS.Auth == AWSAuthOn && len(c.AWS.Listen) > 0 && c.AWS.Root.AccessKey == "" && c.AWS.Identities == "" {
		l.invalid("aws.auth", `"on" needs somebody who may do something: set aws.root.access_key and aws.root.secret_key, or aws.identities`)
	}
	if c.AWS.Root.AccessKey != "" && c.AWS.Root.SecretKey == "" {
		l.invalid("aws.root.access_key", "needs aws.root.secret_key")
	}
	if !regionPattern.MatchString(c.AWS.Region) {
		l.invalid("aws.region", fmt.Sprintf("%q is not a region's name", c.AWS.Region))
	}
	if !versionPattern.MatchString(c.RabbitMQ.Version) {
		l.invalid("rabbitmq.version", fmt.Sprintf("%q is not a version such as 3.13.7", c.RabbitMQ.Version))
	}
	if c.SMTP.Address != "" && c.SMTP.From == "" {
		l.invalid("smtp.address", "needs smtp.from")
	}
	if c.SMTP.Address != "" && checkAddress(c.SMTP.Address) != nil {
		l.invalid("smtp.address", fmt.Sprintf("%q is not an address such as mail.example.com:25", c.SMTP.Address))
	}
	if c.DefaultUser.Name != "" && c.DefaultUser.Password == "" {
		l.invalid("default_user.password", "is empty")
	}
}

// invalid records a problem with a key at the place where it was set.
func (l *loader) invalid(path, reason string) {
	source := l.origin[path]
	if source == "" {
		source = "default"
	}
	l.fail(source, path, reason)
}
