package app

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// secretSize is the length of the installation's secret in bytes.
const secretSize = 32

// readSecret returns the installation's secret, which seals the handles and
// tokens that clients hold over a restart. It is made the first time, in a file
// of the data directory that only this user may read.
func readSecret(dataDir string) ([]byte, error) {
	file := filepath.Join(dataDir, "secret")
	secret, err := readOrMake(file, func() ([]byte, error) {
		secret := make([]byte, secretSize)
		_, _ = rand.Read(secret) // never fails since Go 1.24
		return secret, nil
	})
	if err != nil {
		return nil, err
	}
	if len(secret) != secretSize {
		return nil, fmt.Errorf("%s has %d bytes instead of %d; without it clients' receipt handles are void: delete it to make a new one",
			file, len(secret), secretSize)
	}
	return secret, nil
}

// readOrMake reads a file that only this user may read, or makes it: under
// another name first, so that a crash leaves a whole file or none.
func readOrMake(file string, content func() ([]byte, error)) ([]byte, error) {
	secret, err := os.ReadFile(file)
	if !errors.Is(err, fs.ErrNotExist) {
		return secret, err
	}
	if secret, err = content(); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(file+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = f.Write(secret)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(file+".new", file)
	}
	if err != nil {
		return nil, fmt.Errorf("writing %s: %w", file, err)
	}
	return secret, syncDirectory(filepath.Dir(file))
}

// syncDirectory makes a rename in the directory survive a power cut.
func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// removeSecrets removes the secret, and the key that signs for SNS: handles that clients hold are void then.
func removeSecrets(dataDir string) error {
	var errs []error
	for _, name := range []string{"secret", "sns-signing.pem"} {
		if err := os.Remove(filepath.Join(dataDir, name)); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
