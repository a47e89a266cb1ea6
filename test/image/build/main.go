// Command build writes Portico's container image, built without a container
// engine, as a file that "docker load" reads:
//
//	go -C test run ./image/build ../dist/portico.tar
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/portico-mq/portico/test/image"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: build FILE")
		os.Exit(2)
	}
	if err := write(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
}

func write(ctx context.Context, file string) error {
	img, err := image.Build(ctx, "..")
	if err != nil {
		return err
	}
	tag, err := name.NewTag("portico:latest")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return tarball.WriteToFile(file, tag, img)
}
