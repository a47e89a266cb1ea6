package awsproto

import (
	"fmt"
	"runtime/debug"
)

// panicError keeps the stack of a panic for the log.
func panicError(p any) error {
	return fmt.Errorf("panic: %v\n%s", p, debug.Stack())
}
