package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
)

func connectionCommands() map[string]command {
	return map[string]command{
		"close_connection":           {"<connection> <explanation>", "Instructs the broker to close the connection of that name", 2, 2, closeConnection},
		"close_all_user_connections": {"<user> <explanation>", "Instructs the broker to close all connections of a user", 2, 2, closeUserConnections},
		"close_all_connections":      {"[-p <vhost> --global] <explanation>", "Instructs the broker to close all connections for the specified vhost or entire node", 1, 1, closeAllConnections},
	}
}

// endConnection closes a connection, which is named by what list_connections shows as pid or name.
func (c *client) endConnection(name, reason string) error {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodDelete, c.opts.url+api("connections", name), http.NoBody)
	if err != nil {
		return err
	}
	r.SetBasicAuth(c.opts.user, c.opts.password)
	r.Header.Set("X-Reason", reason)
	resp, err := c.http.Do(r)
	if err != nil {
		return &failure{code: exitUnavailable, text: fmt.Sprintf("Error: unable to reach portico at %s: %v", c.opts.url, err)}
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return &refusal{status: resp.StatusCode, reason: resp.Status}
	}
	return nil
}

func closeConnection(c *client, args []string, out io.Writer) error {
	c.sayf(out, "Closing connection %s, reason: %s...", args[0], args[1])
	if err := c.endConnection(args[0], args[1]); !missing(err) { // one that is gone is closed
		return err
	}
	return nil
}

func closeUserConnections(c *client, args []string, out io.Writer) error {
	c.sayf(out, "Closing connections of user %s, reason: %s...", args[0], args[1])
	var connections []struct{ Name, User string }
	if err := c.send(http.MethodGet, api("connections"), nil, &connections); err != nil {
		return err
	}
	for _, conn := range connections {
		if conn.User != args[0] {
			continue
		}
		if err := c.endConnection(conn.Name, args[1]); err != nil && !missing(err) {
			return err
		}
	}
	return nil
}

func closeAllConnections(c *client, args []string, out io.Writer) error {
	path := api("connections")
	if !c.opts.global {
		path = api("vhosts", c.opts.vhost, "connections")
		c.sayf(out, "Closing all connections in vhost %s (limit 0), reason: %s...", c.opts.vhost, args[0])
	} else {
		c.sayf(out, "Closing all connections to node %s (limit 0), reason: %s...", node(), args[0])
	}
	var connections []struct{ Name string }
	if err := c.send(http.MethodGet, path, nil, &connections); err != nil {
		return err
	}
	for _, conn := range connections {
		if err := c.endConnection(conn.Name, args[0]); err != nil && !missing(err) {
			return err
		}
	}
	if !c.opts.quiet {
		fmt.Fprintf(out, "Closed %d connections\n", len(connections))
	}
	return nil
}
