package main

import (
	"encoding/json"
	"io"
	"net/http"
)

const policyArguments = "[--vhost <vhost>] [--priority <priority>] [--apply-to <apply-to>] <name> <pattern> <definition>"

func policyCommands() map[string]command {
	return map[string]command{
		"set_policy":             {policyArguments, "Sets or updates a policy", 3, 3, setPolicy},
		"clear_policy":           {"[--vhost <vhost>] <name>", "Clears (removes) a policy", 1, 1, clearPolicy},
		"list_policies":          {"[--vhost <vhost>]", "Lists all policies in a virtual host", 0, 0, listPolicies},
		"set_operator_policy":    {policyArguments, "Sets an operator policy that overrides a subset of arguments in user policies", 3, 3, setOperatorPolicy},
		"clear_operator_policy":  {"[--vhost <vhost>] <name>", "Clears an operator policy", 1, 1, clearOperatorPolicy},
		"list_operator_policies": {"[--vhost <vhost>]", "Lists operator policy overrides for a virtual host", 0, 0, listOperatorPolicies},
	}
}

// jsonOf refuses an argument that is not JSON.
func jsonOf(text string) (json.RawMessage, error) {
	if !json.Valid([]byte(text)) {
		return nil, &failure{code: exitUnavailable, text: "Error:\nJSON decoding error. Reason: badarg"}
	}
	return json.RawMessage(text), nil
}

func setPolicy(c *client, args []string, out io.Writer) error {
	return c.setPolicy(out, "policy", "policies", args)
}

func setOperatorPolicy(c *client, args []string, out io.Writer) error {
	return c.setPolicy(out, "operator policy override", "operator-policies", args)
}

func (c *client) setPolicy(out io.Writer, what, resource string, args []string) error {
	c.sayf(out, `Setting %s "%s" for pattern "%s" to "%s" with priority "%s" for vhost "%s" ...`,
		what, args[0], args[1], args[2], c.opts.priority, c.opts.vhost)
	definition, err := jsonOf(args[2])
	if err != nil {
		return err
	}
	priority, err := jsonOf(c.opts.priority)
	if err != nil {
		return err
	}
	return c.inVhost(func(vhost string) error {
		return c.put(api(resource, vhost, args[0]), row{
			"pattern": args[1], "definition": definition, "priority": priority, "apply-to": c.opts.applyTo,
		})
	})
}

func clearPolicy(c *client, args []string, out io.Writer) error {
	c.sayf(out, `Clearing policy "%s" on vhost "%s" ...`, args[0], c.opts.vhost)
	return c.clearIn("policies", args[0])
}

func clearOperatorPolicy(c *client, args []string, out io.Writer) error {
	c.sayf(out, `Clearing operator policy "%s" on vhost "%s" ...`, args[0], c.opts.vhost)
	return c.clearIn("operator-policies", args[0])
}

// clearIn removes what has that name in the virtual host.
func (c *client) clearIn(resource, name string) error {
	err := c.send(http.MethodDelete, api(resource, c.opts.vhost, name), nil, nil)
	if missing(err) {
		return noParameter()
	}
	return err
}

func listPolicies(c *client, _ []string, out io.Writer) error {
	c.sayf(out, "Listing policies for vhost %q ...", c.opts.vhost)
	return c.listPolicies(out, "policies")
}

func listOperatorPolicies(c *client, _ []string, out io.Writer) error {
	c.sayf(out, "Listing operator policy overrides for vhost %q ...", c.opts.vhost)
	return c.listPolicies(out, "operator-policies")
}

// listPolicies shows definitions as texts of JSON, in every format, as rabbitmqctl does.
func (c *client) listPolicies(out io.Writer, resource string) error {
	return c.inVhost(func(vhost string) error {
		var rows []row
		if err := c.send(http.MethodGet, api(resource, vhost), nil, &rows); err != nil {
			return err
		}
		for _, r := range rows {
			r["definition"] = compactJSON(r["definition"])
		}
		return c.show(out, columnsNamed("vhost", "name", "pattern", "apply-to", "definition", "priority"), rows)
	})
}
