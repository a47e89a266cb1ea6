package conformance

import (
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/go-stomp/stomp/v3"

	"github.com/portico-mq/portico/test/server"
)

// stompTimeout is far above what an answer takes.
const stompTimeout = 30 * time.Second

// TestGoStomp exchanges messages with go-stomp: receipts, the three ack modes,
// transactions, topics, heart-beats, and what comes again after a connection ends.
func TestGoStomp(t *testing.T) {
	address := os.Getenv("STOMP_ADDRESS")
	if address == "" {
		address = server.Start(t).Address(t, "stomp")
	}
	dial := func(t *testing.T, options ...func(*stomp.Conn) error) *stomp.Conn {
		t.Helper()
		options = append([]func(*stomp.Conn) error{
			stomp.ConnOpt.Login("guest", "guest"), stomp.ConnOpt.Host("/"),
			stomp.ConnOpt.UnsubscribeReceiptTimeout(5 * time.Second),
		}, options...)
		conn, err := stomp.Dial("tcp", address, options...)
		must(t, err)
		t.Cleanup(func() { _ = conn.MustDisconnect() }) // the test may have closed it
		return conn
	}
	for _, version := range []stomp.Version{stomp.V10, stomp.V11, stomp.V12} {
		t.Run("version "+version.String(), func(t *testing.T) {
			conn := dial(t, stomp.ConnOpt.AcceptVersion(version))
			if conn.Version() != version {
				t.Fatalf("the server took version %s", conn.Version())
			}
			exchangeAcks(t, conn, "/queue/gostomp."+version.String())
		})
	}
	t.Run("transaction", func(t *testing.T) { exchangeTransaction(t, dial(t)) })
	t.Run("requeue", func(t *testing.T) {
		exchangeRequeue(t, func() *stomp.Conn { return dial(t) })
	})
	t.Run("topic", func(t *testing.T) { exchangeTopic(t, dial(t), dial(t)) })
	t.Run("heart-beat", func(t *testing.T) {
		conn := dial(t, stomp.ConnOpt.HeartBeat(200*time.Millisecond, 200*time.Millisecond))
		// Silence longer than the interval: the client gives up on a server that does not beat.
		<-time.After(time.Second)
		exchangeAcks(t, conn, "/queue/gostomp.beat")
	})
}

func exchangeAcks(t *testing.T, conn *stomp.Conn, destination string) {
	t.Helper()
	for _, mode := range []stomp.AckMode{stomp.AckAuto, stomp.AckClient, stomp.AckClientIndividual} {
		if mode == stomp.AckClientIndividual && conn.Version() == stomp.V10 {
			continue // STOMP 1.0 does not have it
		}
		subscription, err := conn.Subscribe(destination, mode)
		must(t, err)
		for _, body := range []string{"one", "two", "three"} {
			must(t, conn.Send(destination, "text/plain", []byte(body), stomp.SendOpt.Receipt,
				stomp.SendOpt.Header("colour", "red")))
		}
		for _, want := range []string{"one", "two", "three"} {
			m := read(t, subscription)
			if string(m.Body) != want || m.Header.Get("colour") != "red" || m.ContentType != "text/plain" {
				t.Fatalf("got %q with %v, want %q", m.Body, m.Header, want)
			}
			if mode != stomp.AckAuto {
				must(t, conn.Ack(m))
			}
		}
		unsubscribe(t, subscription)
	}
}

func exchangeTransaction(t *testing.T, conn *stomp.Conn) {
	t.Helper()
	const destination = "/queue/gostomp.tx"
	subscription, err := conn.Subscribe(destination, stomp.AckAuto)
	must(t, err)
	tx := conn.Begin()
	must(t, tx.Send(destination, "text/plain", []byte("aborted")))
	must(t, tx.Abort())
	tx = conn.Begin()
	must(t, tx.Send(destination, "text/plain", []byte("first")))
	must(t, tx.Send(destination, "text/plain", []byte("second")))
	must(t, tx.Commit())
	got := []string{string(read(t, subscription).Body), string(read(t, subscription).Body)}
	if !slices.Equal(got, []string{"first", "second"}) {
		t.Errorf("got %q", got)
	}
	unsubscribe(t, subscription)
}

func exchangeRequeue(t *testing.T, dial func() *stomp.Conn) {
	t.Helper()
	const destination = "/queue/gostomp.requeue"
	conn := dial()
	for _, body := range []string{"one", "two"} {
		must(t, conn.Send(destination, "text/plain", []byte(body), stomp.SendOpt.Receipt))
	}
	subscription, err := conn.Subscribe(destination, stomp.AckClientIndividual)
	must(t, err)
	read(t, subscription)
	must(t, conn.Ack(read(t, subscription)))
	must(t, conn.Disconnect()) // waits for its receipt, so the ack is done
	conn = dial()
	subscription, err = conn.Subscribe(destination, stomp.AckClientIndividual)
	must(t, err)
	m := read(t, subscription)
	if string(m.Body) != "one" || m.Header.Get("redelivered") != "true" {
		t.Errorf("got %q with %v", m.Body, m.Header)
	}
	must(t, conn.Ack(m))
	unsubscribe(t, subscription)
}

func exchangeTopic(t *testing.T, sender, listener *stomp.Conn) {
	t.Helper()
	const destination = "/topic/gostomp.news"
	subscription, err := listener.Subscribe(destination, stomp.AckAuto)
	must(t, err)
	// go-stomp gives no word of a SUBSCRIBE's receipt; one of a later frame says that it was handled.
	must(t, listener.Send("/queue/gostomp.marker", "text/plain", nil, stomp.SendOpt.Receipt))
	must(t, sender.Send(destination, "text/plain", []byte("extra"), stomp.SendOpt.Receipt))
	if m := read(t, subscription); string(m.Body) != "extra" {
		t.Errorf("got %q", m.Body)
	}
}

// unsubscribe ends a subscription and wants its receipt. go-stomp 3.1.5 can miss
// its own signal that the receipt has come, and reports a timeout then; what it
// does with the receipt, closing the channel, tells the truth.
func unsubscribe(t *testing.T, s *stomp.Subscription) {
	t.Helper()
	err := s.Unsubscribe()
	if err == nil || !errors.Is(err, &stomp.ErrUnsubscribeReceiptTimeout) {
		must(t, err)
		return
	}
	if m, open := <-s.C; open {
		t.Fatalf("no receipt came: %v", m.Err)
	}
}

func read(t *testing.T, s *stomp.Subscription) *stomp.Message {
	t.Helper()
	select {
	case m := <-s.C:
		must(t, m.Err)
		return m
	case <-time.After(stompTimeout):
		t.Fatal("no message came")
		return nil
	}
}
