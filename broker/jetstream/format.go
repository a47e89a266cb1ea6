package jetstream

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// formatVersion is the version of the layout on disk that this code reads and writes. Earlier ones were never released.
const formatVersion = 3

// defaultShards is the number of accounts of a new data directory. Changing it later would be a migration, so each
// directory carries its own.
const defaultShards = 32

// format is what the file "format" in the data directory says.
type format struct {
	Version int    `json:"version"`
	Shards  int    `json:"shards"`
	Key     string `json:"key,omitempty"` // tells the key of what is stored from others; empty when it is not encrypted
}

// keyCheck is what a key is recognised by. With another one the server would pass over all that it cannot read, and
// begin with nothing.
func keyCheck(key string) string {
	if key == "" {
		return ""
	}
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte("portico data directory"))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// readFormat returns the number of shards of the directory, and marks a new one. It refuses another encryption key than
// the one that the directory was made with, none included.
func readFormat(dir, key string) (shards int, err error) {
	path := filepath.Join(dir, "format")
	raw, err := os.ReadFile(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		f := format{Version: formatVersion, Shards: defaultShards, Key: keyCheck(key)}
		if raw, err = json.Marshal(f); err != nil {
			return 0, err
		}
		return f.Shards, writeSynced(path, append(raw, '\n'))
	case err != nil:
		return 0, fmt.Errorf("jetstream: reading the format of the data directory: %w", err)
	}
	var f format
	if err := json.Unmarshal(raw, &f); err != nil {
		return 0, fmt.Errorf("jetstream: the data directory's format file is unreadable: %w", err)
	}
	if f.Version > formatVersion {
		return 0, fmt.Errorf("jetstream: the data directory has format %d, this version reads up to %d", f.Version, formatVersion)
	}
	if f.Version < formatVersion || f.Shards < 1 || f.Shards > 1000 {
		return 0, fmt.Errorf("jetstream: the data directory's format file says %s", raw)
	}
	switch {
	case f.Key == keyCheck(key):
		return f.Shards, nil
	case f.Key == "":
		return 0, errors.New("jetstream: the data directory is not encrypted, and an encryption key is given")
	case key == "":
		return 0, errors.New("jetstream: the data directory is encrypted, and no encryption key is given")
	}
	return 0, errors.New("jetstream: the data directory is encrypted with another key")
}

// writeSynced writes a file so that it is there whole or not at all.
func writeSynced(path string, content []byte) error {
	tmp := path + ".new"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
