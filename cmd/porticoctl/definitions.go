package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
)

func definitionCommands() map[string]command {
	return map[string]command{
		"export_definitions": {"<file_path | \"-\">", "Exports definitions in JSON.", 1, 1, exportDefinitions},
		"import_definitions": {"[<file_path | \"-\">]", "Imports definitions in JSON.", 0, 1, importDefinitions},
	}
}

func exportDefinitions(c *client, args []string, out io.Writer) error {
	if err := c.jsonOnly(); err != nil {
		return err
	}
	var definitions json.RawMessage
	if args[0] == "-" {
		if err := c.send(http.MethodGet, api("definitions"), nil, &definitions); err != nil {
			return err
		}
		_, err := out.Write(definitions)
		return err
	}
	c.sayf(out, `Exporting definitions in JSON to a file at "%s" ...`, args[0])
	if err := c.send(http.MethodGet, api("definitions"), nil, &definitions); err != nil {
		return err
	}
	if err := os.WriteFile(args[0], definitions, 0o600); err != nil { //nolint:gosec // the user names the file
		return &failure{code: exitData, text: "Error:\n" + err.Error()}
	}
	return nil
}

func importDefinitions(c *client, args []string, out io.Writer) error {
	if err := c.jsonOnly(); err != nil {
		return err
	}
	var raw []byte
	var err error
	if len(args) == 0 || args[0] == "-" {
		c.sayf(out, "Importing definitions in JSON from standard input ...")
		raw, err = io.ReadAll(c.in)
	} else {
		raw, err = os.ReadFile(args[0]) //nolint:gosec // the user names the file
		if os.IsNotExist(err) {
			return &failure{code: exitData, usage: true, text: fmt.Sprintf("Bad argument: File %s does not exist", args[0])}
		}
		c.sayf(out, `Importing definitions in JSON from a file at "%s" ...`, args[0])
	}
	if err != nil {
		return &failure{code: exitData, text: "Error:\n" + err.Error()}
	}
	return c.send(http.MethodPost, api("definitions"), json.RawMessage(raw), nil)
}

// jsonOnly refuses the other format that rabbitmqctl has.
func (c *client) jsonOnly() error {
	if c.opts.format != "" && c.opts.format != "json" {
		return &failure{code: exitUsage, usage: true, text: "Formatter should be json"}
	}
	return nil
}
