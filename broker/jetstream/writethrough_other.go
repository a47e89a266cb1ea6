//go:build !linux

package jetstream

import "errors"

// writeThrough is for Linux, where file systems have a flag for it.
func writeThrough(string, string) (after func() error, err error) { return nil, errors.ErrUnsupported }
