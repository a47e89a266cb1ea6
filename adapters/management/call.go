package management

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/portico-mq/portico/broker"
)

// object is what a resource looks like in JSON. Keys are RabbitMQ's.
type object = map[string]any

// maxBody bounds a request's body, in bytes (rabbit_mgmt_util.erl, ?MAX_BODY_SIZE of 3.13 is 5,000,000 by default).
const maxBody = 5_000_000

// call is one request to the API. It belongs to the goroutine that answers it.
type call struct {
	server *server
	w      http.ResponseWriter
	r      *http.Request
	user   *broker.Principal
	vars   map[string]string // the variables of the resource's path
	spans  map[string]span   // the past that is asked for, by kind
	// expand makes an item of a page out of its name and virtual host; nil when the items are whole already.
	expand func(object) object
}

// answer writes v, which is an object or a list of them, with the columns that were asked for.
func (c *call) answer(v any) {
	if columns := c.columns(); columns != nil {
		switch v := v.(type) {
		case object:
			c.write(http.StatusOK, pick(v, columns))
			return
		case []object:
			c.write(http.StatusOK, pickAll(v, columns))
			return
		}
	}
	c.write(http.StatusOK, v)
}

func (c *call) write(status int, v any) {
	c.w.Header().Set("Cache-Control", "no-cache")
	answer(c.w, status, v)
}

// created and changed are the answers to a PUT that made something, and to one that found it there.
func (c *call) created() { c.w.WriteHeader(http.StatusCreated) }

func (c *call) changed() { c.w.WriteHeader(http.StatusNoContent) }

// put answers a PUT: 201 when it made something, else 204.
func (c *call) put(created bool) {
	if created {
		c.created()
		return
	}
	c.changed()
}

func (c *call) notFound() { notFound(c.w, c.r) }

func (c *call) badRequest(reason string) { c.fail(http.StatusBadRequest, "bad_request", reason) }

func (c *call) fail(status int, name, reason string) { fail(c.w, status, name, reason) }

// decode reads the body, which must be JSON, into v. An empty body leaves v as it is. false: it was answered already.
func (c *call) decode(v any) bool {
	body, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		c.badRequest("Exceeded HTTP request body size limit")
		return false
	case err != nil:
		c.badRequest("The body could not be read")
		return false
	case len(body) == 0:
		return true
	}
	if err := json.Unmarshal(body, v); err != nil {
		c.fail(http.StatusBadRequest, "bad_request", "not_json")
		return false
	}
	return true
}

// session opens a session of the user in {vhost}; nil when it was answered already.
func (c *call) session() *broker.Session {
	s, err := c.server.broker.OpenSession(c.r.Context(), c.user, c.vars["vhost"])
	if err != nil {
		c.failed(err)
		return nil
	}
	s.SetFrontEnd("management")
	return s
}

// sessionFor reads the body into v and opens a session; nil when it was answered already.
func (c *call) sessionFor(v any) *broker.Session {
	if !c.decode(v) {
		return nil
	}
	return c.session()
}

// look opens a session that sees everything in a virtual host, for what is only shown; nil when there is no such
// virtual host and that was answered.
func (c *call) look(vhost string) *broker.Session {
	s, err := c.server.broker.OpenSession(c.r.Context(), c.server.broker.Root(), vhost)
	if err != nil {
		c.failed(err)
		return nil
	}
	return s
}
