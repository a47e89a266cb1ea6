package main

import (
	"context"
	"fmt"
	"os"

	"github.com/portico-mq/portico/config"
	"github.com/portico-mq/portico/internal/app"
)

// configFlags are the flags of every command that reads the configuration.
type configFlags struct {
	Config  string   `placeholder:"FILE" env:"PORTICO_CONFIG" help:"YAML file with the configuration."`
	DataDir string   `placeholder:"DIR" help:"Directory that holds everything durable; the same as --set data_dir=DIR."`
	Set     []string `placeholder:"KEY=VALUE" sep:"none" help:"Set one key of the configuration; may be repeated."`
}

// load reads the configuration and prints its warnings to standard error.
func (f *configFlags) load() (*config.Config, error) {
	src := config.Sources{File: f.Config, Environ: os.Environ(), Flags: f.Set}
	if f.DataDir != "" {
		src.Flags = append(src.Flags, "data_dir="+f.DataDir)
	}
	c, warnings, err := config.Load(src)
	for _, w := range warnings {
		fmt.Fprintln(os.Stderr, "portico: warning:", w)
	}
	if err != nil {
		return nil, fmt.Errorf("the configuration is wrong:\n%w", err)
	}
	return c, nil
}

type configCommand struct {
	Check configCheckCommand `cmd:"" help:"Say what is wrong with the configuration, by key and line."`
	Print configPrintCommand `cmd:"" help:"Print every key with the value in force; secrets are hidden."`
}

type configCheckCommand struct {
	configFlags
}

func (c *configCheckCommand) Run() error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	if err := app.CheckDefinitions(context.Background(), cfg); err != nil {
		return fmt.Errorf("the configuration is wrong:\n%w", err)
	}
	fmt.Println("The configuration is right.")
	return nil
}

type configPrintCommand struct {
	configFlags
}

func (c *configPrintCommand) Run() error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	return config.Print(os.Stdout, cfg)
}
