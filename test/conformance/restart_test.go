package conformance

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/portico-mq/portico/test/server"
)

func TestBunny(t *testing.T) {
	runOverRestart(t, "ruby", filepath.Join("..", "ruby", "bunny_client.rb"))
}

func TestPhpAmqplib(t *testing.T) {
	runOverRestart(t, "php", filepath.Join("..", "php", "php_amqplib_client.php"))
}

func TestSpring(t *testing.T) {
	jars := work(t, "java")
	runOverRestart(t, "java", "-cp", filepath.Join(jars, "*"), filepath.Join("..", "java", "SpringClient.java"))
}

func TestJavaRecovery(t *testing.T) {
	jars := work(t, "java")
	runOverRestart(t, "java", "-cp", filepath.Join(jars, "*"), filepath.Join("..", "java", "RabbitRecovery.java"))
}

// runOverRestart runs a client program against a portico of its own. When the
// program prints the line "restart", portico is stopped and started again on
// the same addresses and data, and the program is sent a line. It must ask for
// that, and end with 0.
func runOverRestart(t *testing.T, name string, args ...string) {
	t.Helper()
	s := server.Start(t)
	ctx, cancel := context.WithTimeout(t.Context(), clientTimeout)
	defer cancel()
	command := exec.CommandContext(ctx, name, args...)
	command.Dir = "python"
	command.Env = append(os.Environ(), "AMQP_URL="+s.AMQPURL(t))
	var stderr strings.Builder
	command.Stderr = &stderr
	stdin, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	restarts := 0
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		t.Log(lines.Text())
		if lines.Text() != "restart" {
			continue
		}
		restarts++
		s.Stop(t)
		s.Run(t)
		if _, err := io.WriteString(stdin, "restarted\n"); err != nil {
			t.Error(err)
		}
	}
	if err := command.Wait(); err != nil {
		t.Fatalf("%s %v: %v\n%s", filepath.Base(name), args, err, stderr.String())
	}
	if restarts != 1 {
		t.Errorf("the client asked for %d restarts, not for one", restarts)
	}
}
