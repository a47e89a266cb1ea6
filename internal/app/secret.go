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
	secret, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return makeSecret(file)
	}
	if err != nil {
		return nil, err
	}
	if len(secret) != secretSize {
		return nil, fmt.Errorf("%s has %d bytes instead of %d; without it clients' receipt handles are void: delete it to make a new one",
			file, len(secret), secretSize)
	}
	return secret, nil
}

// makeSecret writes a new secret under another name first, so that a crash
// leaves a whole file or none.
func makeSecret(file string) ([]byte, error) {
	secret := make([]byte, secretSize)
	_, _ = rand.Read(secret) // never fails since Go 1.24
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
		return nil, fmt.Errorf("writing the secret: %w", err)
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
