//go:build !linux

package management

import "errors"

func openFiles() (used, limit int, err error) { return 0, 0, errors.ErrUnsupported }
