//go:build !linux

package memory

import (
	"errors"
	"fmt"
	"runtime"
)

var errUnknown = fmt.Errorf("memory: the memory of a process cannot be told on %s: %w", runtime.GOOS, errors.ErrUnsupported)

func residentMemory() (int64, error) { return 0, errUnknown }

func totalMemory() (int64, error) { return 0, errUnknown }
