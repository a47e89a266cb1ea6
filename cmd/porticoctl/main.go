// Command porticoctl administrates a running portico. It has sub-commands of
// rabbitmqctl, with its syntax, output and exit codes, and also answers when it
// is called by that name.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Exit codes, as rabbitmqctl's (they are those of sysexits.h).
const (
	exitUsage       = 64 // the command line is wrong
	exitData        = 65 // an argument's value is wrong
	exitUnavailable = 69 // the server cannot be reached
	exitSoftware    = 70 // the server answered with an error
	exitNoPerm      = 77 // the server refused the user
)

// failure is an error with the code that the process ends with.
type failure struct {
	code int
	text string
	// usage says that the usage line helps.
	usage bool
}

func (f *failure) Error() string { return f.text }

// command is one sub-command.
type command struct {
	arguments string // as the usage line shows them
	help      string
	run       func(c *client, args []string, out io.Writer) error
}

// commands are the sub-commands by name.
var commands = map[string]command{
	"set_vm_memory_high_watermark": {
		arguments: "<fraction> | absolute <value>",
		help:      "Sets the vm_memory_high_watermark setting",
		run:       setMemoryHighWatermark,
	},
}

func main() {
	os.Exit(run(os.Args, os.Getenv, os.Stdout, os.Stderr))
}

// run carries out a command line and returns the exit code.
func run(args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	name := filepath.Base(args[0])
	opts, positional, err := parse(name, args[1:], getenv)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, help(name))
		return 0
	}
	if err == nil && len(positional) == 0 {
		fmt.Fprint(stderr, help(name))
		return exitUsage
	}
	out := stdout
	if opts.quiet {
		out = io.Discard
	}
	if err == nil {
		err = execute(newClient(opts), positional, out)
	}
	var f *failure
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &f):
		f = &failure{code: exitSoftware, text: "Error: " + err.Error()}
	}
	fmt.Fprintln(stderr, f.text)
	if f.usage {
		fmt.Fprint(stderr, usage(name, positional))
	}
	return f.code
}

func execute(c *client, args []string, out io.Writer) error {
	cmd, ok := commands[args[0]]
	if !ok {
		return &failure{code: exitUsage, text: fmt.Sprintf("\nCommand '%s' not found. ", args[0]), usage: true}
	}
	err := cmd.run(c, args[1:], out)
	var f *failure
	if errors.As(err, &f) && f.usage {
		f.text = fmt.Sprintf("Error (argument validation): %s\nArguments given:\n\t%s", f.text, strings.Join(args, " "))
	}
	return err
}

// options are the flags that every sub-command takes.
type options struct {
	url, user, password string
	quiet               bool
}

// parse reads flags before, between and after the other arguments. The
// environment gives their defaults.
func parse(name string, args []string, getenv func(string) string) (options, []string, error) {
	fallback := func(key, value string) string {
		if v := getenv(key); v != "" {
			return v
		}
		return value
	}
	var opts options
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&opts.url, "url", fallback("PORTICOCTL_URL", "http://localhost:15672"), "")
	flags.StringVar(&opts.user, "user", fallback("PORTICOCTL_USER", "guest"), "")
	flags.StringVar(&opts.password, "password", fallback("PORTICOCTL_PASSWORD", "guest"), "")
	flags.BoolVar(&opts.quiet, "quiet", false, "")
	flags.BoolVar(&opts.quiet, "q", false, "")
	var positional []string
	for {
		if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
			return opts, positional, err
		} else if err != nil {
			return opts, positional, &failure{code: exitUsage, text: "Error: " + err.Error(), usage: true}
		}
		if flags.NArg() == 0 {
			return opts, positional, nil
		}
		positional = append(positional, flags.Arg(0))
		args = flags.Args()[1:]
	}
}

// usage returns the usage line of the command in args, or of all of them.
func usage(name string, args []string) string {
	if len(args) > 0 {
		if cmd, ok := commands[args[0]]; ok {
			return fmt.Sprintf("\nUsage\n\n%s [--quiet] %s %s\n", name, args[0], cmd.arguments)
		}
	}
	return help(name)
}

func help(name string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nUsage\n\n%s [flags] <command> [<command options>]\n\nAvailable commands:\n\n", name)
	for _, n := range slices.Sorted(maps.Keys(commands)) {
		fmt.Fprintf(&b, "   %s %s\n      %s\n", n, commands[n].arguments, commands[n].help)
	}
	b.WriteString(`
Flags, with the environment variable that gives their default:

   --url        the management port; PORTICOCTL_URL, else http://localhost:15672
   --user       an administrator; PORTICOCTL_USER, else guest
   --password   PORTICOCTL_PASSWORD, else guest
   -q, --quiet  say nothing but errors
`)
	return b.String()
}
