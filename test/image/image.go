// Package image builds Portico's container image without a container engine:
// the same as the Dockerfile's, from binaries built on this machine.
package image

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// user is who runs in the container: nobody that any distribution knows.
const user = 65532

// names are porticoctl's other names: those of RabbitMQ's tools, which health checks and scripts call.
var names = []string{"rabbitmqctl", "rabbitmq-diagnostics", "rabbitmq-plugins", "rabbitmq-queues"}

// Config is what the image says about how it is run; Dockerfile says the same.
func Config() v1.Config {
	return v1.Config{
		User:       fmt.Sprintf("%d:%d", user, user),
		Env:        []string{"PORTICO_DATA_DIR=/data"},
		Entrypoint: []string{"/usr/local/bin/portico"},
		Volumes:    map[string]struct{}{"/data": {}},
		ExposedPorts: map[string]struct{}{
			"4566": {}, "5671": {}, "5672": {}, "15671": {}, "15672": {}, "15673": {}, "15674": {}, "15692": {},
			"61613": {}, "61614": {}, "61619": {},
		},
	}
}

// Build builds the commands of the repository at root for linux on this
// machine's architecture and returns an image of them.
func Build(ctx context.Context, root string) (v1.Image, error) {
	dir, err := os.MkdirTemp("", "portico-image-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a left-over in the temporary directory is no fault of the image
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	for _, folder := range []string{"usr/", "usr/local/", "usr/local/bin/"} {
		if err := w.WriteHeader(&tar.Header{Name: folder, Typeflag: tar.TypeDir, Mode: 0o755}); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{"portico", "porticoctl"} {
		binary := filepath.Join(dir, name)
		if err := compile(ctx, root, name, binary); err != nil {
			return nil, err
		}
		if err := addFile(w, path.Join("usr/local/bin", name), binary); err != nil {
			return nil, err
		}
	}
	for _, name := range names {
		link := &tar.Header{Name: path.Join("usr/local/bin", name), Typeflag: tar.TypeSymlink, Linkname: "porticoctl", Mode: 0o777}
		if err := w.WriteHeader(link); err != nil {
			return nil, err
		}
	}
	// The data directory belongs to the user, and so does a new volume on it.
	if err := w.WriteHeader(&tar.Header{Name: "data/", Typeflag: tar.TypeDir, Mode: 0o700, Uid: user, Gid: user}); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return assemble(layer.Bytes())
}

func compile(ctx context.Context, root, name, binary string) error {
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "./cmd/"+name)
	command.Dir = root
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+runtime.GOARCH)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", name, err, out)
	}
	return nil
}

func addFile(w *tar.Writer, name, file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(content))}); err != nil {
		return err
	}
	_, err = w.Write(content)
	return err
}

func assemble(layer []byte) (v1.Image, error) {
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(layer)), nil
	})
	if err != nil {
		return nil, err
	}
	img, err := mutate.AppendLayers(empty.Image, l)
	if err != nil {
		return nil, err
	}
	file, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Config = "linux", runtime.GOARCH, Config()
	return mutate.ConfigFile(img, file)
}
