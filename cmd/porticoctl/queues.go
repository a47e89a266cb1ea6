package main

import (
	"fmt"
	"io"
	"net/http"
)

func queueCommands() map[string]command {
	return map[string]command{
		"purge_queue":  {"<queue>", "Purges a queue (removes all messages in it)", 1, 1, purgeQueue},
		"delete_queue": {"<queue> [--if-empty|-e] [--if-unused|-u]", "Deletes a queue", 1, 1, deleteQueue},
	}
}

func purgeQueue(c *client, args []string, out io.Writer) error {
	c.sayf(out, "Purging queue '%s' in vhost '%s' ...", args[0], c.opts.vhost)
	return c.inVhost(func(vhost string) error {
		err := c.send(http.MethodDelete, api("queues", vhost, args[0], "contents"), nil, nil)
		if missing(err) {
			return &failure{code: exitUnavailable, text: "Error:\nnot_found"}
		}
		return err
	})
}

func deleteQueue(c *client, args []string, out io.Writer) error {
	c.sayf(out, "Deleting queue '%s' on vhost '%s' ...", args[0], c.opts.vhost)
	return c.inVhost(func(vhost string) error {
		path := api("queues", vhost, args[0])
		var info struct {
			Ready int `json:"messages_ready"`
		}
		err := c.send(http.MethodGet, path, nil, &info)
		if err == nil {
			err = c.send(http.MethodDelete, fmt.Sprintf("%s?if-empty=%t&if-unused=%t", path, c.opts.ifEmpty, c.opts.ifUnused), nil, nil)
		}
		switch {
		case missing(err):
			return &failure{code: exitUsage, text: "Error:\nQueue not found"}
		case err != nil:
			return err
		}
		if !c.opts.quiet {
			fmt.Fprintf(out, "Queue was successfully deleted with %d ready messages\n", info.Ready)
		}
		return nil
	})
}
