package main

import (
	"fmt"
	"runtime"

	"github.com/portico-mq/portico/internal/version"
)

type versionCommand struct{}

func (versionCommand) Run() error {
	line := "portico " + version.Number()
	if r := version.Revision(); r != "" {
		line += " (" + r + ")"
	}
	fmt.Printf("%s %s %s/%s\n", line, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}
