package stomp

import (
	"context"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/memory"
)

func TestConnect(t *testing.T) {
	g := start(t)
	for name, c := range map[string]struct{ connect, want string }{
		"1.0 by default":     {"CONNECT\n\n\x00", "heart-beat:0,0\nversion:1.0"},
		"STOMP":              {"STOMP\naccept-version:1.2\nhost:/\n\n\x00", "heart-beat:0,0\nversion:1.2"},
		"highest":            {"CONNECT\naccept-version:1.0,1.1,9.9\n\n\x00", "heart-beat:0,0\nversion:1.1"},
		"heart-beats":        {"CONNECT\nheart-beat:500,2999\n\n\x00", "heart-beat:2000,1000\nversion:1.0"},
		"no passcode":        {"CONNECT\nlogin:guest\n\n\x00", "heart-beat:0,0\nversion:1.0"},
		"spaces, 1.0":        {"CONNECT\nlogin: guest\npasscode: guest\n\n\x00", "heart-beat:0,0\nversion:1.0"},
		"escapes in CONNECT": {"CONNECT\naccept-version:1.2\nunknown:\\t\n\n\x00", "heart-beat:0,0\nversion:1.2"},
	} {
		t.Run(name, func(t *testing.T) {
			p := g.login(c.connect)
			p.send("DISCONNECT\nreceipt:bye\n\n\x00")
			p.want(receipt("bye"), "closed")
			p = g.dial()
			p.send(c.connect)
			lines := strings.Split(p.next(), "\n")
			if lines[0] != "CONNECTED" || lines[1] != "server:RabbitMQ/3.13.7" || !strings.HasPrefix(lines[2], "session:session-") ||
				strings.Join(lines[3:], "\n") != c.want+"\n\n" {
				t.Errorf("%q", lines)
			}
		})
	}
}

// TestConnectRefused checks the words, measured on RabbitMQ 3.10.8, and that the connection takes another CONNECT.
func TestConnectRefused(t *testing.T) {
	g := start(t)
	for name, c := range map[string]struct{ connect, message, body string }{
		"version":     {"CONNECT\naccept-version:9.9\n\n\x00", "Version mismatch", "Supported versions are 1.0,1.1,1.2\n"},
		"password":    {"CONNECT\nlogin:guest\npasscode:x\n\n\x00", "Bad CONNECT", "Access refused for user 'guest'\n"},
		"user":        {"CONNECT\nlogin:gust\npasscode:guest\n\n\x00", "Bad CONNECT", "Access refused for user 'gust'\n"},
		"vhost":       {"CONNECT\nhost:nope\n\n\x00", "Bad CONNECT", "Virtual host 'nope' access denied"},
		"permission":  {"CONNECT\nlogin:outside\npasscode:outside\n\n\x00", "Bad CONNECT", "Virtual host '/' access denied"},
		"heart-beat":  {"CONNECT\nheart-beat:a,b\n\n\x00", "Processing error", "Processing error"},
		"heart-beat1": {"CONNECT\nheart-beat:5\n\n\x00", "Processing error", "Processing error"},
		"other frame": {"SEND\ndestination:/queue/a\n\n\x00", "Illegal command", "You must log in using CONNECT first"},
	} {
		t.Run(name, func(t *testing.T) {
			p := g.dial()
			p.send(c.connect)
			p.want(refusal(c.message, c.body))
			p.send(connect12)
			if f := p.next(); !strings.HasPrefix(f, "CONNECTED\n") {
				t.Errorf("second CONNECT: %q", f)
			}
		})
	}
}

func TestSecondConnectCloses(t *testing.T) {
	p := start(t).login(connect12)
	p.send(connect12)
	p.want(refusal("Illegal command", "Already connected"), "closed")
}

// duplex is a connection within a test's bubble, for the tests of time.
func duplex(t *testing.T, opts Options) (client net.Conn, ended <-chan struct{}) {
	t.Helper()
	b, err := broker.Open(t.Context(), memory.NewStore(), broker.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.PutUser("guest", "guest", nil); err != nil {
		t.Fatal(err)
	}
	if err := b.SetPermission("guest", "/", broker.Permission{Configure: ".*", Write: ".*", Read: ".*"}); err != nil {
		t.Fatal(err)
	}
	opts.Logger = slog.New(slog.DiscardHandler)
	s := New(b, opts)
	client, server := net.Pipe()
	done := make(chan struct{})
	go func() { s.ServeConn(context.WithoutCancel(t.Context()), server); close(done) }()
	t.Cleanup(func() {
		client.Close()
		<-done
		s.Close()
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return client, done
}

// read gathers what comes until the connection ends, with the time since begin of each piece.
func read(nc net.Conn) <-chan []string {
	begin := time.Now()
	all := make(chan []string, 1)
	go func() {
		var got []string
		buf := make([]byte, 4096)
		for {
			n, err := nc.Read(buf)
			if n > 0 {
				command, _, _ := strings.Cut(string(buf[:n]), "\n")
				got = append(got, time.Since(begin).String()+" "+command)
			}
			if err != nil {
				all <- append(got, time.Since(begin).String()+" closed")
				return
			}
		}
	}()
	return all
}

func TestLoginTakesTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nc, ended := duplex(t, Options{})
		got := read(nc)
		for range 9 { // a byte a second is not enough
			<-time.After(time.Second)
			if _, err := nc.Write([]byte("\n")); err != nil {
				t.Fatal(err)
			}
		}
		<-ended
		if all := <-got; !slices.Equal(all, []string{"10s closed"}) {
			t.Error(all)
		}
	})
}

func TestHeartBeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nc, ended := duplex(t, Options{})
		got := read(nc)
		if _, err := nc.Write([]byte("CONNECT\nheart-beat:3000,2000\n\n\x00")); err != nil {
			t.Fatal(err)
		}
		<-time.After(4500 * time.Millisecond)
		// A part of a frame is a sign of life.
		if _, err := nc.Write([]byte("SEND\n")); err != nil {
			t.Fatal(err)
		}
		<-ended
		want := []string{"0s CONNECTED", "1s ", "2s ", "3s ", "4s ", "5s ", "6s ", "7s ", "8s ", "9s ", "10s ", "10.5s closed"}
		if all := <-got; !slices.Equal(all, want) {
			t.Error(all)
		}
	})
}

func TestNoHeartBeatsNoLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nc, ended := duplex(t, Options{})
		got := read(nc)
		if _, err := nc.Write([]byte("CONNECT\n\n\x00")); err != nil {
			t.Fatal(err)
		}
		<-time.After(24 * time.Hour)
		if _, err := nc.Write([]byte("DISCONNECT\nreceipt:1\n\n\x00")); err != nil {
			t.Fatal(err)
		}
		<-ended
		want := []string{"0s CONNECTED", "24h0m0s RECEIPT", "24h0m0s closed"}
		if all := <-got; !slices.Equal(all, want) {
			t.Error(all)
		}
	})
}
