package stomp

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/memory"
)

func TestShutdownTellsClients(t *testing.T) {
	g := start(t)
	p := g.login(connect12)
	if err := g.server.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	p.want(refusal("connection_forced", "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'"))
	p.wantClosed()
}

// TestClientThatNeverReads checks that what waits for it stays bounded, that others go on, and that nothing is lost.
func TestClientThatNeverReads(t *testing.T) {
	g := start(t)
	deaf, other := g.login(connect12), g.login(connect12)
	deaf.send(subscribeClient)
	deaf.want(receipt("s"))
	body := strings.Repeat("x", 64<<10)
	const messages = 1000 // 64 MB, more than the sockets and the output hold
	for range messages {
		other.send("SEND\ndestination:/queue/q\n\n" + body + "\x00")
	}
	other.sync()
	info, _ := g.info("q")
	if info.Ready == 0 || info.Ready+info.Unacked != messages {
		t.Errorf("%d ready and %d handed out", info.Ready, info.Unacked)
	}
	for i := range messages {
		if m := deaf.next(); !strings.HasSuffix(m, body) {
			t.Fatalf("message %d is not whole", i)
		}
	}
	g.wantCounts(0, messages)
	deaf.nc.Close()
	g.waitEnd()
	g.wantCounts(messages, 0)
}

// TestClientThatOnlySends asks for receipts and reads none until it cannot send any more.
func TestClientThatOnlySends(t *testing.T) {
	g := start(t)
	p := g.login(connect12)
	id := strings.Repeat("r", 1000)
	if err := p.nc.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	sent := 0
	for ; sent < 200_000; sent++ { // 200 MB
		if _, err := io.WriteString(p.nc, "SEND\ndestination:/topic/nobody\nreceipt:"+id+"\n\n\x00"); err != nil {
			break
		}
	}
	if sent == 200_000 {
		t.Fatal("all was taken")
	}
	p.want(receipt(id))
}

// failingStore stops storing on demand.
type failingStore struct {
	*memory.Store
	fail chan struct{}
}

func (s *failingStore) Sync(done broker.Completion) {
	select {
	case <-s.fail:
		done.Done(&broker.Error{Kind: broker.KindUnavailable})
	default:
		s.Store.Sync(done)
	}
}

func TestNoReceiptWhenNotStored(t *testing.T) {
	store := &failingStore{memory.NewStore(), make(chan struct{})}
	p := startWith(t, store, Options{}).login(connect12)
	p.fill("a")
	close(store.fail)
	p.send("SEND\ndestination:/queue/q\nreceipt:r\n\nb\x00")
	p.want(refusal("resource_error", "RESOURCE_ERROR - the message store refuses to write"))
	p.wantClosed()
}

func TestAlarmStopsPublishers(t *testing.T) {
	g := start(t)
	p := g.login(connect12)
	g.broker.SetAlarm(broker.AlarmDisk, true)
	p.sync() // others than SEND go on
	p.send("SEND\ndestination:/queue/q\nreceipt:r\n\na\x00")
	if err := p.nc.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := p.r.Peek(2); !isTimeout(err) {
		t.Errorf("answered during the alarm: %v", err)
	}
	if err := p.nc.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	g.broker.SetAlarm(broker.AlarmDisk, false)
	p.want(receipt("r"))
}
