// Command porticoctl administrates a running portico. It has sub-commands of
// rabbitmqctl and rabbitmq-diagnostics, with their syntax, output and exit
// codes, and also answers when it is called by these names, rabbitmq-queues or
// rabbitmq-plugins.
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
	exitNoUser      = 67 // there is no such user
	exitUnavailable = 69 // the server cannot be reached, or refuses
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
	min, max  int // how many arguments it takes
	run       func(c *client, args []string, out io.Writer) error
}

// many is the largest number of arguments of a command that takes any number.
const many = 1 << 16

// commands are the sub-commands by name.
var commands = joined(
	memoryCommands(), userCommands(), vhostCommands(), permissionCommands(), policyCommands(), parameterCommands(),
	limitCommands(), definitionCommands(), listCommands(), queueCommands(), connectionCommands(), nodeCommands(),
	appCommands(), clusterCommands(), diagnosticsCommands(), refusedCommands(),
)

// commandsOf are the sub-commands of the program by the name that it is called by.
func commandsOf(name string) map[string]command {
	if name == "rabbitmq-plugins" {
		return joined(commands, pluginCommands())
	}
	return commands
}

func joined(groups ...map[string]command) map[string]command {
	all := map[string]command{}
	for _, group := range groups {
		maps.Copy(all, group)
	}
	return all
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
	if err == nil {
		err = execute(name, newClient(opts), positional, stdout)
	}
	if err == nil {
		return 0
	}
	f := failed(err)
	fmt.Fprintln(stderr, f.text)
	if f.usage {
		fmt.Fprint(stderr, usage(name, positional))
	}
	return f.code
}

func execute(name string, c *client, args []string, out io.Writer) error {
	cmd, ok := commandsOf(name)[args[0]]
	if !ok {
		return &failure{code: exitUsage, text: fmt.Sprintf("\nCommand '%s' not found. ", args[0]), usage: true}
	}
	var err error
	switch n := len(args) - 1; {
	case n < cmd.min:
		err = &failure{code: exitUsage, text: "not enough arguments.", usage: true}
	case n > cmd.max:
		err = &failure{code: exitUsage, text: "too many arguments.", usage: true}
	default:
		err = cmd.run(c, args[1:], out)
	}
	if f := wrongState(err, args); f != nil {
		return f
	}
	var f *failure
	if errors.As(err, &f) && f.usage {
		f.text = fmt.Sprintf("Error (argument validation): %s\nArguments given:\n\t%s", f.text, strings.Join(args, " "))
	}
	return err
}

// options are the flags that every sub-command takes.
type options struct {
	url, user, password string
	quiet, noHeaders    bool
	formatter           string
	timeout             int // of a request, in seconds; 0: the default

	vhost, description, tags, defaultQueueType string
	priority, applyTo, format                  string
	global, ifEmpty, ifUnused                  bool
	minimal                                    bool   // only names of plugins
	offline                                    bool   // queues of nodes that are down, of which there are none
	ofUser                                     string // whose limits are listed; "" for guest
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
	flags.StringVar(&opts.user, "user", defaultUser(fallback), "")
	flags.StringVar(&opts.password, "password", fallback("PORTICOCTL_PASSWORD", fallback("PORTICO_DEFAULT_USER_PASSWORD", "guest")), "")
	addFlags(flags, &opts)
	var positional []string
	for {
		if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
			return opts, positional, err
		} else if err != nil {
			return opts, positional, &failure{code: exitUsage, text: "Error: " + err.Error(), usage: true}
		}
		if flags.NArg() == 0 {
			return finish(opts, flags, positional, fallback)
		}
		positional = append(positional, flags.Arg(0))
		args = flags.Args()[1:]
	}
}

// defaultUser is who logs in without --user. In the server's container the environment names its default user.
func defaultUser(fallback func(key, value string) string) string {
	return fallback("PORTICOCTL_USER", fallback("PORTICO_DEFAULT_USER_NAME", "guest"))
}

// addFlags adds those that rabbitmqctl has, too. There is one node, whatever it is called: the one at the URL.
func addFlags(flags *flag.FlagSet, opts *options) {
	for _, f := range []struct {
		to                 *string
		name, short, value string
	}{
		{&opts.vhost, "vhost", "p", "/"},
		{new(string), "node", "n", ""},
		{&opts.formatter, "formatter", "", ""},
		{&opts.description, "description", "", ""},
		{&opts.tags, "tags", "", ""},
		{&opts.defaultQueueType, "default-queue-type", "", ""},
		{&opts.priority, "priority", "", "0"},
		{&opts.applyTo, "apply-to", "", "all"},
		{&opts.format, "format", "", ""},
	} {
		flags.StringVar(f.to, f.name, f.value, "")
		if f.short != "" {
			flags.StringVar(f.to, f.short, f.value, "")
		}
	}
	silent := func(string) error { opts.quiet, opts.noHeaders = true, true; return nil }
	flags.BoolVar(&opts.quiet, "quiet", false, "")
	flags.BoolVar(&opts.quiet, "q", false, "")
	flags.BoolFunc("silent", "", silent)
	flags.BoolFunc("s", "", silent)
	flags.Bool("longnames", false, "")
	flags.Bool("l", false, "")
	flags.BoolVar(&opts.noHeaders, "no-table-headers", false, "")
	flags.BoolVar(&opts.global, "global", false, "")
	for _, name := range []string{"if-empty", "e"} { // and rabbitmq-plugins's --implicitly-enabled, which they all are
		flags.BoolVar(&opts.ifEmpty, name, false, "")
	}
	for _, name := range []string{"enabled", "E", "implicitly-enabled", "verbose", "v", "online", "local"} {
		flags.Bool(name, false, "") // everything is
	}
	flags.BoolVar(&opts.minimal, "minimal", false, "")
	flags.BoolVar(&opts.minimal, "m", false, "")
	flags.BoolVar(&opts.offline, "offline", false, "")
	for _, name := range []string{"if-unused", "u"} {
		flags.BoolVar(&opts.ifUnused, name, false, "")
	}
	flags.IntVar(&opts.timeout, "timeout", 0, "")
	flags.IntVar(&opts.timeout, "t", 0, "")
}

// finish checks what the flags say together.
func finish(opts options, flags *flag.FlagSet, args []string, fallback func(key, value string) string) (options, []string, error) {
	switch opts.formatter {
	case "", "table", "json", "csv", "pretty_table":
	default:
		return opts, args, &failure{code: exitUsage, text: fmt.Sprintf("Error: formatter %s is not supported", opts.formatter), usage: true}
	}
	// rabbitmqctl has --user for whose limits are shown; its caller needs no login.
	if len(args) > 0 && args[0] == "list_user_limits" {
		flags.Visit(func(f *flag.Flag) {
			if f.Name == "user" {
				opts.ofUser, opts.user = opts.user, defaultUser(fallback)
			}
		})
	}
	return opts, args, nil
}

// usage returns the usage line of the command in args, or of all of them.
func usage(name string, args []string) string {
	if len(args) > 0 {
		if cmd, ok := commandsOf(name)[args[0]]; ok {
			return fmt.Sprintf("\nUsage\n\n%s [--quiet] %s %s\n", name, args[0], cmd.arguments)
		}
	}
	return help(name)
}

func help(name string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nUsage\n\n%s [flags] <command> [<command options>]\n\nAvailable commands:\n\n", name)
	all := commandsOf(name)
	for _, n := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "   %s %s\n      %s\n", n, all[n].arguments, all[n].help)
	}
	b.WriteString(`
Flags, with the environment variable that gives their default:

   --url        the management port; PORTICOCTL_URL, else http://localhost:15672
   --user       an administrator; PORTICOCTL_USER, PORTICO_DEFAULT_USER_NAME, else guest
   --password   PORTICOCTL_PASSWORD, PORTICO_DEFAULT_USER_PASSWORD, else guest
   -q, --quiet  say nothing about what is being done
   -s, --silent the same, and no table headers
   -p, --vhost  the virtual host, else /
   --formatter  table, json, csv or pretty_table
   -t, --timeout  seconds that a request may take
   -n, --node, -l, --longnames  taken and of no effect: the server is the one at the URL
`)
	return b.String()
}
