package config

import (
	"fmt"
	"os"
	"strings"
)

// Sources says where Load reads from. The zero value reads nothing and gives the defaults.
type Sources struct {
	// File is the path of a YAML file; empty reads none.
	File string
	// Environ holds NAME=value entries, as os.Environ returns them. Names that
	// do not start with PORTICO_ are passed over.
	Environ []string
	// Flags holds KEY=value entries from the command line.
	Flags []string
}

// Problem is one thing wrong with the configuration.
type Problem struct {
	// Source says where it stands: "portico.yaml:7", an environment variable, "--set".
	Source string
	// Key is the path of the key, or "" when the file as a whole cannot be read.
	Key string
	// Reason is the sentence for a person.
	Reason string
}

// String returns the problem as one line: source, key, reason.
func (p Problem) String() string {
	if p.Key == "" {
		return p.Source + ": " + p.Reason
	}
	return p.Source + ": " + p.Key + ": " + p.Reason
}

// Error is returned by Load and holds everything that is wrong, in the order
// file, environment, flags, combinations of keys.
type Error struct{ Problems []Problem }

func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// loader carries what is known while the sources are read.
type loader struct {
	config   *Config
	keys     []key
	origin   map[string]string // where each key was last set
	problems []Problem
	warnings []Problem
}

// Load reads the sources over the defaults. The error is a *Error. The
// warnings name environment variables that start with PORTICO_ but belong to
// no key: a container platform may have set them for a service of that name.
func Load(src Sources) (c *Config, warnings []Problem, err error) {
	l := &loader{config: Default(), origin: map[string]string{}}
	l.keys = keys(l.config)
	if src.File != "" {
		l.readFile(src.File)
	}
	l.readEnviron(src.Environ)
	for _, f := range src.Flags {
		path, value, ok := strings.Cut(f, "=")
		if !ok {
			l.fail("--set", f, "has no = and value")
			continue
		}
		l.assign("--set", path, value)
	}
	l.validate()
	if len(l.problems) > 0 {
		return nil, l.warnings, &Error{l.problems}
	}
	return l.config, l.warnings, nil
}

func (l *loader) readEnviron(environ []string) {
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, envPrefix) || name == EnvFile {
			continue
		}
		path := ""
		for _, k := range l.keys {
			if k.env() == name {
				path = k.path
			}
		}
		if path == "" {
			l.warnings = append(l.warnings, Problem{Source: name, Reason: "no key has this environment variable"})
			continue
		}
		l.assign(name, path, value)
	}
}

// EnvFile is the environment variable that names the configuration file.
const EnvFile = envPrefix + "CONFIG"

func (l *loader) readFile(path string) {
	data, err := os.ReadFile(path)
	if err != nil {
		l.fail(path, "", "cannot be read: "+unwrapPath(err).Error())
		return
	}
	l.readYAML(path, data)
}

// unwrapPath drops the operation and path that os errors carry: both are said already.
func unwrapPath(err error) error {
	if u, ok := err.(interface{ Unwrap() error }); ok {
		return u.Unwrap()
	}
	return err
}

// assign sets one key from one source.
func (l *loader) assign(source, path, value string) {
	k, ok := find(l.keys, path)
	if !ok {
		reason := "unknown key"
		if near := nearest(l.keys, path); near != "" {
			reason += fmt.Sprintf("; did you mean %s?", near)
		}
		l.fail(source, path, reason)
		return
	}
	if err := k.set(value); err != nil {
		l.fail(source, path, err.Error())
		return
	}
	l.origin[path] = source
}

func (l *loader) fail(source, key, reason string) {
	l.problems = append(l.problems, Problem{Source: source, Key: key, Reason: reason})
}
