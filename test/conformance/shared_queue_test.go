package conformance

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/portico-mq/portico/test/server"
)

// perClient is how many messages each of the three clients sends before the
// kill, and again after it.
const perClient = 30

// TestOneQueueThreeProtocols is the main job: an AMQP, a STOMP and an SQS
// client share one queue, each sends to it and takes from it, and the server is
// killed in between. Every message that was confirmed is taken by somebody, and
// none whose settlement was answered comes again.
func TestOneQueueThreeProtocols(t *testing.T) {
	s := server.Start(t)
	clients := connectAll(t, s)
	for _, c := range clients {
		for i := range perClient {
			c.send(t, fmt.Sprintf("%s before %d", c.name(), i))
		}
	}
	// Each takes some before the kill, and is answered.
	taken := map[string]string{}
	for _, c := range clients {
		for n := 0; n < perClient/2; {
			if body, ok := c.take(t); ok {
				note(t, taken, body, c.name())
				n++
			}
		}
	}
	s.Kill(t)
	s.Run(t)
	clients = connectAll(t, s)
	for _, c := range clients {
		for i := range perClient {
			c.send(t, fmt.Sprintf("%s after %d", c.name(), i))
		}
	}
	// All of them take what is left, in turns.
	total := 2 * len(clients) * perClient
	deadline := time.Now().Add(time.Minute)
	for i := 0; len(taken) < total && time.Now().Before(deadline); i++ {
		c := clients[i%len(clients)]
		if body, ok := c.take(t); ok {
			note(t, taken, body, c.name())
		}
	}
	for _, c := range clients {
		if counter, can := c.(interface{ count(t *testing.T) int }); can {
			if n := counter.count(t); n != 0 {
				t.Errorf("%s counts %d messages in the empty queue", c.name(), n)
			}
		}
	}
	checkTaken(t, taken, clients)
}

func note(t *testing.T, taken map[string]string, body, by string) {
	t.Helper()
	if before, again := taken[body]; again {
		t.Fatalf("%q was taken by %s and comes again to %s", body, before, by)
	}
	taken[body] = by
}

// checkTaken says whether every message was taken, and whether each client got
// messages of every client.
func checkTaken(t *testing.T, taken map[string]string, clients []client) {
	t.Helper()
	var missing []string
	for _, c := range clients {
		for _, when := range []string{"before", "after"} {
			for i := range perClient {
				if body := fmt.Sprintf("%s %s %d", c.name(), when, i); taken[body] == "" {
					missing = append(missing, body)
				}
			}
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		t.Errorf("%d messages are lost: %q", len(missing), missing)
	}
}

// client is one end of the shared queue. Those whose protocol has a way to ask
// also have count, how many messages the queue holds, ready or out.
type client interface {
	name() string
	// send returns when the message is confirmed.
	send(t *testing.T, body string)
	// take settles one message and returns its body when that is answered, or
	// false when none comes soon.
	take(t *testing.T) (string, bool)
}

const sharedQueue = "shared"

func connectAll(t *testing.T, s *server.Server) []client {
	t.Helper()
	return []client{connectAMQP(t, s), connectSTOMP(t, s), connectSQS(t, s)}
}
