package stomp

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	stompclient "github.com/go-stomp/stomp/v3"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/jetstream"
	"github.com/portico-mq/portico/broker/memory"
)

// openJetStream opens a store on disk.
func openJetStream(t *testing.T, dir string) *jetstream.Store {
	t.Helper()
	store, err := jetstream.Open(t.Context(), jetstream.Options{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, store.Close()) })
	return store
}

// connectClient connects an unmodified client.
func connectClient(t *testing.T, g *gateway, options ...func(*stompclient.Conn) error) *stompclient.Conn {
	t.Helper()
	options = append([]func(*stompclient.Conn) error{
		stompclient.ConnOpt.Login("guest", "guest"), stompclient.ConnOpt.Host("/"),
		stompclient.ConnOpt.HeartBeat(time.Minute, time.Minute),
	}, options...)
	c, err := stompclient.Dial("tcp", g.addr, options...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func receive(t *testing.T, s *stompclient.Subscription) *stompclient.Message {
	t.Helper()
	select {
	case m := <-s.C:
		if m == nil || m.Err != nil {
			t.Fatalf("message %+v", m)
		}
		return m
	case <-time.After(patience):
		t.Fatal("no message")
	}
	return nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestGoStomp runs one conversation with go-stomp in each version over each store.
func TestGoStomp(t *testing.T) {
	stores := map[string]func(t *testing.T) broker.Store{
		"memory":    func(*testing.T) broker.Store { return memory.NewStore() },
		"jetstream": func(t *testing.T) broker.Store { return openJetStream(t, t.TempDir()) },
	}
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			store := open(t)
			g := startWith(t, store, Options{})
			for _, v := range []stompclient.Version{stompclient.V10, stompclient.V11, stompclient.V12} {
				t.Run(v.String(), func(t *testing.T) { converse(t, g, v) })
			}
		})
	}
}

func converse(t *testing.T, g *gateway, v stompclient.Version) {
	queue := "/queue/go-" + v.String()
	c := connectClient(t, g, stompclient.ConnOpt.AcceptVersion(v))
	if c.Version() != v {
		t.Fatalf("version %s", c.Version())
	}
	must(t, c.Send(queue, "text/plain", []byte("one\x00"), stompclient.SendOpt.Receipt, stompclient.SendOpt.Header("a:b", "x\ny\r\\z:")))
	must(t, c.Send(queue, "", nil, stompclient.SendOpt.Receipt, stompclient.SendOpt.Header("persistent", "true")))
	s, err := c.Subscribe(queue, stompclient.AckClientIndividual)
	must(t, err)
	m := receive(t, s)
	if string(m.Body) != "one\x00" || m.ContentType != "text/plain" || m.Header.Get("a:b") != "x\ny\r\\z:" || m.Destination != queue {
		t.Errorf("%q %v", m.Body, m.Header)
	}
	must(t, c.Ack(m))
	m = receive(t, s)
	if len(m.Body) != 0 || m.Header.Get("persistent") != "true" {
		t.Errorf("%q %v", m.Body, m.Header)
	}
	if v != stompclient.V10 {
		must(t, c.Nack(m))
		if m = receive(t, s); m.Header.Get("redelivered") != "true" {
			t.Errorf("%v", m.Header)
		}
	}
	tx := c.Begin()
	must(t, tx.Ack(m))
	must(t, tx.Send(queue, "text/plain", []byte("two")))
	must(t, tx.Commit())
	if m = receive(t, s); string(m.Body) != "two" {
		t.Errorf("%q", m.Body)
	}
	tx = c.Begin()
	must(t, tx.Ack(m))
	must(t, tx.Abort())
	must(t, c.Ack(m))
	must(t, s.Unsubscribe())
	must(t, c.Disconnect())
	if info, _ := g.info(queue[len("/queue/"):]); info.Ready != 0 || info.Unacked != 0 {
		t.Errorf("%+v", info)
	}
}

func TestGoStompRefusedLogin(t *testing.T) {
	g := start(t)
	_, err := stompclient.Dial("tcp", g.addr, stompclient.ConnOpt.Login("guest", "wrong"), stompclient.ConnOpt.Host("/"))
	if err == nil || err.Error() != "Bad CONNECT" {
		t.Errorf("%v", err)
	}
}

// TestRestart checks what the receipts promise: what was sent and what was acknowledged with one is so after a restart.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	const messages = 20
	t.Run("before", func(t *testing.T) {
		store := openJetStream(t, dir)
		g := startWith(t, store, Options{})
		p := g.login(connect12)
		for i := range messages {
			p.send(fmt.Sprintf("SEND\ndestination:/queue/q\nreceipt:%d\n\n%c\x00", i, 'a'+i))
		}
		for i := range messages {
			p.want(receipt(fmt.Sprint(i)))
		}
		p.send("SUBSCRIBE\nid:1\ndestination:/queue/q\nack:client-individual\n\n\x00")
		for range messages {
			p.next()
		}
		p.send(ack("ACK", "3", p, "receipt:1\n"), ack("NACK", "5", p, "requeue:false\nreceipt:2\n"))
		p.send("BEGIN\ntransaction:t\n\n\x00", ack("ACK", "1", p, "transaction:t\n"),
			"SEND\ndestination:/queue/q\ntransaction:t\n\nz\x00", "COMMIT\ntransaction:t\nreceipt:3\n\n\x00")
		got := map[string]bool{}
		for len(got) < 4 {
			got[p.next()] = true // the message of the transaction among them
		}
		for _, id := range []string{"1", "2", "3"} {
			if !got[receipt(id)] {
				t.Fatalf("no receipt %s in %v", id, got)
			}
		}
	})
	t.Run("after", func(t *testing.T) {
		store := openJetStream(t, dir)
		g := startWith(t, store, Options{})
		p := g.login(connect12)
		p.send("SUBSCRIBE\nid:1\ndestination:/queue/q\n\n\x00")
		bodies := ""
		for range messages - 2 {
			m := p.next()
			bodies += m[len(m)-1:]
		}
		if want := "bdfghijklmnopqrst" + "z"; bodies != want {
			t.Errorf("%q, want %q", bodies, want)
		}
		if _, err := g.session().Queue(context.Background(), "q"); err != nil {
			t.Error(err)
		}
	})
}
