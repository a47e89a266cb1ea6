package image

import (
	"archive/tar"
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// root is the repository's, from this package.
const root = "../.."

// TestImageStarts unpacks the image's layers and starts its entry point with
// the unpacked folder as its root, as the image's user: whatever the binary
// needs and the image lacks is missing there too.
func TestImageStarts(t *testing.T) {
	if os.Getuid() != 0 {
		t.Fatal("this test changes its root directory and user, so it must be run as root")
	}
	img, err := Build(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	makeReachable(t, dir)
	unpack(t, img, dir)
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), file.Config.Entrypoint[0],
		"--set", "log.format=json", "--set", "management.listen=127.0.0.1:0", "--set", "amqp.listen=127.0.0.1:0",
		"--set", "stomp.listen=127.0.0.1:0", "--set", "aws.listen=127.0.0.1:0",
		"--set", "metrics.listen=127.0.0.1:0", "--set", "ws.listen=127.0.0.1:0")
	command.Env = file.Config.Env
	command.Dir = "/"
	command.SysProcAttr = &syscall.SysProcAttr{
		Chroot: dir, Credential: &syscall.Credential{Uid: user, Gid: user}, Pdeathsig: syscall.SIGKILL,
	}
	stderr, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	address := managementAddress(t, stderr)
	if code := get(t, "http://"+address+"/health/ready"); code != http.StatusOK {
		t.Errorf("ready answers %d", code)
	}
	checkHealth(t, dir, address)
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

// checkHealth calls what health checks call, under RabbitMQ's names.
func checkHealth(t *testing.T, dir, address string) {
	t.Helper()
	for _, line := range []string{
		"rabbitmq-diagnostics -q ping", "rabbitmq-diagnostics -q check_running", "rabbitmq-diagnostics -q check_local_alarms",
		"rabbitmqctl status", "rabbitmq-queues check_if_node_is_quorum_critical", "rabbitmq-plugins list -m",
	} {
		args := strings.Fields(line)
		command := exec.Command(filepath.Join(dir, "usr/local/bin", args[0]), args[1:]...)
		command.Env = []string{"PORTICOCTL_URL=http://" + address}
		if out, err := command.CombinedOutput(); err != nil || len(out) == 0 {
			t.Errorf("%s: %v %s", line, err, out)
		}
	}
}

// makeReachable lets the image's user through the test's own folders.
func makeReachable(t *testing.T, dir string) {
	t.Helper()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

func unpack(t *testing.T, img v1.Image, dir string) {
	t.Helper()
	content := mutate.Extract(img)
	defer content.Close()
	for r := tar.NewReader(content); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		target := filepath.Join(dir, filepath.Clean("/"+h.Name))
		switch h.Typeflag {
		case tar.TypeDir:
			err = os.MkdirAll(target, h.FileInfo().Mode().Perm())
		case tar.TypeSymlink:
			err = os.Symlink(h.Linkname, target)
		default:
			err = writeFile(target, r, h.FileInfo().Mode().Perm())
		}
		if err == nil {
			err = os.Lchown(target, h.Uid, h.Gid)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func writeFile(target string, r io.Reader, mode os.FileMode) error {
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	return os.WriteFile(target, content, mode)
}

// managementAddress reads the log up to the start line.
func managementAddress(t *testing.T, stderr io.Reader) string {
	t.Helper()
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		t.Log(lines.Text())
		var line struct{ Msg, Management string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "started" {
			go func() { _, _ = io.Copy(io.Discard, stderr) }()
			return line.Management
		}
	}
	t.Fatal("it ended without a start line")
	return ""
}

func get(t *testing.T, url string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// TestDockerfileSaysTheSame compares the last stage of the Dockerfile with the
// image that is built here.
func TestDockerfileSaysTheSame(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	_, stage, ok := strings.Cut(string(text), "\nFROM scratch\n")
	if !ok {
		t.Fatal("the last stage is not FROM scratch")
	}
	said := map[string][]string{}
	for line := range strings.Lines(stage) {
		instruction, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		said[instruction] = append(said[instruction], rest)
	}
	config := Config()
	entrypoint, err := json.Marshal(config.Entrypoint)
	if err != nil {
		t.Fatal(err)
	}
	ports := strings.Fields(strings.Join(said["EXPOSE"], " "))
	for _, port := range ports {
		if _, ok := config.ExposedPorts[port]; !ok {
			t.Errorf("the Dockerfile exposes %s, the image does not", port)
		}
	}
	if len(ports) != len(config.ExposedPorts) {
		t.Errorf("the Dockerfile exposes %v, the image %v", ports, config.ExposedPorts)
	}
	if !strings.Contains(string(text), "for name in "+strings.Join(names, " ")+"; do ln -s porticoctl /out/$name; done") {
		t.Errorf("the Dockerfile does not link %v", names)
	}
	for instruction, want := range map[string][]string{
		"USER": {config.User}, "ENV": config.Env, "VOLUME": {"/data"}, "ENTRYPOINT": {string(entrypoint)},
	} {
		if !slices.Equal(said[instruction], want) {
			t.Errorf("the Dockerfile says %s %q, the image %q", instruction, said[instruction], want)
		}
	}
}
