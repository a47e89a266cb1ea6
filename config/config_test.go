package config

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

const exampleFile = "portico.example.yaml"

// The example file is what people copy: it holds every key, with the default.
func TestExampleFileHoldsEveryKeyWithItsDefault(t *testing.T) {
	got, warnings, err := Load(Sources{File: exampleFile})
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	if want := Default(); !reflect.DeepEqual(got, want) {
		t.Errorf("the example file sets something else than the default:\n got %+v\nwant %+v", got, want)
	}
	l := &loader{config: Default(), origin: map[string]string{}}
	l.keys = keys(l.config)
	l.readFile(exampleFile)
	for _, k := range l.keys {
		if l.origin[k.path] == "" {
			t.Errorf("the example file does not show %s", k.path)
		}
	}
}

func TestPrintIsReadBack(t *testing.T) {
	c := Default()
	c.DefaultUser.Password = "" // a secret is not printed
	c.DefaultUser.Name = ""
	c.Management.Listen = Addresses{}
	c.DataDir = "yes: #3"
	var out bytes.Buffer
	if err := Print(&out, c); err != nil {
		t.Fatal(err)
	}
	file := write(t, out.String())
	got, _, err := Load(Sources{File: file})
	if err != nil {
		t.Fatalf("%v in\n%s", err, out.String())
	}
	if !reflect.DeepEqual(got, c) {
		t.Errorf("printed:\n%s\n got %+v\nwant %+v", out.String(), got, c)
	}
}

func TestPrintHidesSecrets(t *testing.T) {
	c := Default()
	c.DefaultUser.Password = "hunter2"
	var out bytes.Buffer
	if err := Print(&out, c); err != nil {
		t.Fatal(err)
	}
	if s := out.String(); strings.Contains(s, "hunter2") || !strings.Contains(s, `password: '******'`) && !strings.Contains(s, `password: "******"`) {
		t.Errorf("printed:\n%s", s)
	}
}

// The names that other systems' files spell out: changing one breaks them.
func TestEnvironmentNames(t *testing.T) {
	names := map[string]string{}
	for _, k := range keys(Default()) {
		if other, taken := names[k.env()]; taken {
			t.Errorf("%s and %s share %s", other, k.path, k.env())
		}
		names[k.env()] = k.path
	}
	for _, want := range []string{
		"PORTICO_AWS_LISTEN", "PORTICO_DATA_DIR", "PORTICO_MANAGEMENT_LISTEN", "PORTICO_MANAGEMENT_TLS_LISTEN",
	} {
		if names[want] == "" {
			t.Errorf("no key has the environment variable %s", want)
		}
	}
}

func TestLaterSourceWins(t *testing.T) {
	file := write(t, "data_dir: from-file\ndurability: os\nmanagement:\n  listen: [127.0.0.1:1, '[::1]:1']\nshutdown: {timeout: 3s}\n")
	c, _, err := Load(Sources{
		File:    file,
		Environ: []string{"PORTICO_DATA_DIR=from-env", "PORTICO_CONFIG=x", "HOME=/", "PORTICO_DEFAULT_USER_NAME=env"},
		Flags:   []string{"default_user.name=flag"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.DataDir != "from-env" || c.DefaultUser.Name != "flag" || c.Durability != DurabilityOS || c.Shutdown.Timeout != 3*time.Second {
		t.Errorf("got %+v", c)
	}
	if want := (Addresses{"127.0.0.1:1", "[::1]:1"}); !reflect.DeepEqual(c.Management.Listen, want) {
		t.Errorf("management.listen = %q, want %q", c.Management.Listen, want)
	}
}

func TestUnknownEnvironmentVariableWarns(t *testing.T) {
	_, warnings, err := Load(Sources{Environ: []string{"PORTICO_SERVICE_HOST=10.0.0.1"}})
	if err != nil || len(warnings) != 1 || warnings[0].Source != "PORTICO_SERVICE_HOST" {
		t.Errorf("got %v, %v", warnings, err)
	}
}

func TestProblemsNameKeyAndLine(t *testing.T) {
	tests := []struct{ name, file, want string }{
		{"unknown key", "log:\n  level: info\n\nmannagement:\n  listen: off\n", `:4: mannagement: unknown key`},
		{"unknown key in a section", "log:\n  levell: info\n", `:2: log.levell: unknown key; did you mean log.level?`},
		{"not one of", "durability: sometimes\n", `:1: durability: "sometimes" is not one of fsync, os`},
		{"address", "management:\n  listen: 15672\n", `:2: management.listen: "15672" is not an address such as :5672, 127.0.0.1:5672 or [::1]:5672`},
		{"port", "management: {listen: ':70000'}\n", `:1: management.listen: ":70000" has no port from 0 to 65535`},
		{"empty address", "management: {listen: ''}\n", `:1: management.listen: no address; to close the listener write "off"`},
		{"bool", "default_user:\n  loopback_only: maybe\n", `:2: default_user.loopback_only: "maybe" is neither true nor false`},
		{"duration", "shutdown:\n  timeout: 10\n", `:2: shutdown.timeout: "10" is not a duration such as 500ms, 10s or 2m`},
		{"twice", "durability: os\ndurability: fsync\n", `:2: durability: is set twice, first in line 1`},
		{"no value", "data_dir:\n", `:1: data_dir: has no value`},
		{"value for a section", "log: debug\n", `:1: log: takes keys of its own, not a value`},
		{"keys for a value", "data_dir:\n  x: y\n", `:2: data_dir: takes a value, not keys of its own`},
		{"nested list", "data_dir: [[a]]\n", `:1: data_dir: takes a list of plain values only`},
		{"alias", "data_dir: &a x\ndurability: *a\n", `:2: durability: aliases are not supported`},
		{"syntax", "log:\n\tlevel: info\n", `:2: found character that cannot start any token`},
		{"two documents", "durability: os\n---\ndurability: os\n", `: holds more than one document`},
		{"a short encryption key", "encryption:\n  key: short\n", `:2: encryption.key: has fewer than 16 bytes`},
		{"two encryption keys", "encryption:\n  key: a key of the tests\n  key_file: f\n", `:3: encryption.key_file: is set beside encryption.key`},
		{"certificate without key", "tls:\n  certificate: a.pem\n", `:2: tls.certificate: needs tls.key`},
		{"auth of nobody", "aws:\n  auth: on\n", `:2: aws.auth: "on" needs somebody who may do something: set aws.root.access_key and aws.root.secret_key, or aws.identities`},
		{"root without secret", "aws:\n  root:\n    access_key: AKIA\n", `:3: aws.root.access_key: needs aws.root.secret_key`},
		{"region", "aws:\n  region: US\n", `:2: aws.region: "US" is not a region's name`},
		{"a list at the top", "- a\n", `:1: : `},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := write(t, tt.file)
			_, _, err := Load(Sources{File: file})
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want a *Error", err)
			}
			if tt.name == "a list at the top" {
				return // refused is enough
			}
			if got := strings.TrimPrefix(err.Error(), file); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestEverythingWrongIsReportedAtOnce(t *testing.T) {
	_, _, err := Load(Sources{
		File:    write(t, "durability: x\nlog: {level: y}\n"),
		Environ: []string{"PORTICO_SHUTDOWN_TIMEOUT=z"},
		Flags:   []string{"nonsense", "data_dir="},
	})
	var e *Error
	if !errors.As(err, &e) || len(e.Problems) != 5 {
		t.Fatalf("got %v, want five problems", err)
	}
	if got := e.Problems[2].Source; got != "PORTICO_SHUTDOWN_TIMEOUT" {
		t.Errorf("the third problem comes from %q", got)
	}
}

func TestEmptyFileAndSectionsAreFine(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "log:\n#  level: debug\n"} {
		if c, _, err := Load(Sources{File: write(t, text)}); err != nil || !reflect.DeepEqual(c, Default()) {
			t.Errorf("%q: got %+v, %v", text, c, err)
		}
	}
}

func TestMissingFile(t *testing.T) {
	_, _, err := Load(Sources{File: filepath.Join(t.TempDir(), "none.yaml")})
	if err == nil || !regexp.MustCompile(`none\.yaml: cannot be read: no such file`).MatchString(err.Error()) {
		t.Errorf("got %v", err)
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]Size{"0": 0, "65536": 65536, "64KiB": 65536, "16 MiB": 16 << 20, "1GB": 1e9, "2kB": 2000} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want {
			t.Errorf("%q: got %d, %v", text, s, err)
		}
		out, err := s.MarshalText()
		var back Size
		if err != nil || back.UnmarshalText(out) != nil || back != s {
			t.Errorf("%d is written as %q", s, out)
		}
	}
	for _, text := range []string{"", "-1", "1TB", "x", "99999999999GiB"} {
		if err := new(Size).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestWatermark(t *testing.T) {
	for text, want := range map[string]Watermark{
		"0.4": {Fraction: 0.4}, "1": {Fraction: 1}, "0": {}, "2GiB": {Size: 2 << 30}, "2": {Size: 2},
	} {
		var w Watermark
		if err := w.UnmarshalText([]byte(text)); err != nil || w != want {
			t.Errorf("%q: got %+v, %v", text, w, err)
		}
		if out, err := w.MarshalText(); err != nil || string(out) != text {
			t.Errorf("%+v is written as %q", w, out)
		}
	}
	for _, text := range []string{"", "1.5", "-1", "NaN", "40%"} {
		if err := new(Watermark).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func FuzzYAML(f *testing.F) {
	example, err := os.ReadFile(exampleFile)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(example))
	f.Add("log: {level: debug}\n? [a]\n: b\n")
	f.Add("&a [*a]")
	f.Fuzz(func(t *testing.T, text string) {
		l := &loader{config: Default(), origin: map[string]string{}}
		l.keys = keys(l.config)
		l.readYAML("fuzz.yaml", []byte(text))
		for _, p := range l.problems {
			if !strings.HasPrefix(p.Source, "fuzz.yaml") || p.Reason == "" {
				t.Errorf("a problem without place or reason: %+v", p)
			}
		}
	})
}

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "portico.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
