package stomp

import (
	"context"
	"strconv"
	"strings"

	"github.com/portico-mq/portico/broker"
)

// Temporary destinations. A client calls them by names of its own (/temp-queue/x), which its connection translates to
// names that nobody else has; other connections see those as /remote-temp-queue/ID:…, and can send there. A temporary
// queue is in memory and goes with its connection; a temporary topic is a topic.

// maxTemporary bounds the temporary destinations of a connection.
const maxTemporary = 1000

// temporary is the name of a temporary destination of the connection's.
func (c *conn) temporary(topic bool, alias string) (string, error) {
	key := "queue " + alias
	if topic {
		key = "topic " + alias
	}
	name, ok := c.temps[key]
	if !ok {
		if len(c.temps) >= maxTemporary {
			return "", activeMQFault("Too many temporary destinations (limit " + strconv.Itoa(maxTemporary) + ")")
		}
		if c.temps == nil {
			c.temps = make(map[string]string)
		}
		name = c.ownID + ":" + strconv.Itoa(len(c.temps)+1)
		c.mu.Lock()
		c.temps[key] = name
		c.mu.Unlock()
		if topic {
			c.server.advisories.topicUsed(c, place{topic: true, temp: true, name: name})
		}
	}
	return name, nil
}

// aliasOf is the client's own name for a temporary destination, "" for another connection's. The caller holds c.mu.
func (c *conn) aliasOf(topic bool, name string) string {
	if !strings.HasPrefix(name, c.ownID+":") {
		return ""
	}
	for key, have := range c.temps {
		if have != name {
			continue
		}
		if alias, ok := strings.CutPrefix(key, "queue "); ok && !topic {
			return "/temp-queue/" + alias
		}
		if alias, ok := strings.CutPrefix(key, "topic "); ok && topic {
			return "/temp-topic/" + alias
		}
	}
	return ""
}

// isTemporary reports whether a queue's or topic's name is one that temporary made.
func isTemporary(name string) bool { return strings.HasPrefix(name, ownIDPrefix) }

// ownIDPrefix begins the name of every connection of this program.
const ownIDPrefix = "ID:portico-"

// declareTemporary makes the queue of a temporary destination that the connection owns; another's is used as it is, while
// it is there.
func (c *conn) declareTemporary(ctx context.Context, p place) error {
	if !strings.HasPrefix(p.name, c.ownID+":") {
		if _, err := c.session.QueueSpec(p.name); broker.IsKind(err, broker.KindNotFound) {
			return &fault{message: p.uri(), body: "The destination " + p.uri() + " does not exist."}
		}
		return nil
	}
	if _, ok := c.declared[p.name]; ok {
		return nil
	}
	if err := c.authorize(rightToMake, p); err != nil {
		return err
	}
	_, _, err := c.session.DeclareQueue(ctx, broker.QueueSpec{Name: p.name, Exclusive: true})
	if err == nil {
		c.declared[p.name] = struct{}{}
	}
	return err
}
