package image

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// TestComposeFile reads the compose file as docker compose does, and has
// portico judge the environment that it sets.
func TestComposeFile(t *testing.T) {
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml")},
		cli.WithName("portico"), cli.WithResolvedPaths(true))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	service, err := project.GetService("portico")
	if err != nil {
		t.Fatal(err)
	}
	if len(service.Volumes) != 1 || service.Volumes[0].Target != "/data" || service.Volumes[0].Type != types.VolumeTypeVolume {
		t.Errorf("the data directory is not on a volume: %v", service.Volumes)
	}
	for _, port := range service.Ports {
		if _, ok := Config().ExposedPorts[port.Published]; !ok || port.HostIP != "127.0.0.1" {
			t.Errorf("port %+v is not one of the image's, or open to other machines", port)
		}
	}
	command := exec.CommandContext(t.Context(), "go", "run", "./cmd/portico", "config", "check")
	command.Dir = root
	command.Env = os.Environ()
	for name, value := range service.Environment {
		command.Env = append(command.Env, name+"="+*value)
	}
	out, err := command.CombinedOutput()
	if err != nil || strings.Contains(string(out), "warning") {
		t.Errorf("portico config check: %v\n%s", err, out)
	}
	if v := service.Environment["PORTICO_AWS_AUTH"]; v == nil || *v != "off" {
		t.Error("other containers' AWS clients are refused")
	}
}
