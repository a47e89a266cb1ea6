package storetest

import (
	"time"

	"github.com/portico-mq/portico/broker"
)

// fairGroups: a group with many messages out waits for those that have fewer, also after a restart.
func fairGroups(f *fixture) {
	if _, _, err := f.s.DeclareQueue(f.ctx(), broker.QueueSpec{Name: "q", Durable: true, Fair: true}); err != nil {
		f.Fatal(err)
	}
	f.sendMessage("q", broker.NewMessage("", "q", nil, []byte("0")))
	f.sendMessage("q", broker.NewMessage("", "q", nil, []byte("1")))
	f.take("q", 1, "0")
	for _, m := range []string{"a2", "a3", "a4", "a5", "b6"} {
		f.send("q", m[:1], "", m)
	}
	f.take("q", 1, "1")
	out := f.take("q", 3, "a2", "b6", "a3")
	f.settle(broker.Ack, out[0])
	f.settle(broker.Ack, out[2])
	f.send("q", "b", "", "b7")
	f.take("q", 2, "a4", "a5") // nothing of a is out any more
	f.counts("q", 1, 5)
	f.restart()
	f.counts("q", 6, 0)
	got := make(map[string]bool) // in the order in which they are read again
	for len(got) < 6 {
		for _, d := range f.get("q", broker.GetOptions{Max: 6, Lease: time.Hour}) {
			got[string(d.Message.Body())] = true
		}
	}
	f.send("q", "a", "", "a8")
	f.send("q", "c", "", "c9")
	f.take("q", 1, "c9") // nothing of c is out
	f.take("q", 1, "a8")
	if _, err := f.s.PurgeQueue(f.ctx(), "q"); err != nil {
		f.Fatal(err)
	}
	f.send("q", "a", "", "a10")
	f.take("q", 9, "a10")
}
