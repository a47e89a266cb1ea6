package awsproto

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
)

// listen serves the endpoint on a port of its own.
func listen(t *testing.T, e *Endpoint) (server *Server, address string) {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server = NewServer(e, slog.New(slog.DiscardHandler))
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		_ = server.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serving ended with %v", err)
		}
		server.running.Wait()
	})
	return server, l.Addr().String()
}

func connect(t *testing.T, address string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn, bufio.NewReader(conn)
}

func write(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
}

func readAnswer(t *testing.T, in *bufio.Reader) (*http.Response, string) {
	t.Helper()
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// echoRequest asks for an echo of the text; fields are further lines of the head.
func echoRequest(text string, fields ...string) string {
	body := `{"Text":"` + text + `"}`
	return "POST / HTTP/1.1\r\nHost: aws.example:4566\r\nX-Amz-Target: Echo.Echo\r\nContent-Type: application/x-amz-json-1.0\r\n" +
		strings.Join(append(fields, ""), "\r\n") + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
}

func TestServerAnswersOneAfterTheOther(t *testing.T) {
	_, address := listen(t, newEcho(t, AuthAuto))
	conn, in := connect(t, address)
	check := func(text string) {
		t.Helper()
		resp, body := readAnswer(t, in)
		if resp.StatusCode != 200 || !strings.Contains(body, `"BaseURL":"http://aws.example:4566"`) || !strings.Contains(body, `"Text":"`+text+`"`) {
			t.Errorf("got %s %s, want %.20q", resp.Status, body, text)
		}
		if resp.Header.Get("X-Amzn-Requestid") == "" || resp.Header.Get("Date") == "" || resp.Header.Get("Content-Type") != "application/x-amz-json-1.0" {
			t.Errorf("headers %v", resp.Header)
		}
	}
	write(t, conn, echoRequest("one")+echoRequest("two", "x-unknown:  1 ", "X-Unknown: 2")) // at once
	check("one")
	check("two")
	for _, b := range []byte(echoRequest("three")) {
		write(t, conn, string(b))
	}
	check("three")
	// What only net/http serves, each behind a plain one, and with another behind it.
	large := strings.Repeat("x", 100<<10)
	for name, request := range map[string]string{
		"large":   echoRequest(large),
		"expect":  echoRequest("e", "Expect: 100-continue"),
		"chunked": strings.Replace(strings.Replace(echoRequest("c"), "Content-Length: 12", "Transfer-Encoding: chunked", 1), `{"Text":"c"}`, "c\r\n"+`{"Text":"c"}`+"\r\n0\r\n\r\n", 1),
		"query":   "POST /?Action=Echo&Text=q HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
	} {
		conn, in := connect(t, address)
		write(t, conn, echoRequest("before")+request+echoRequest("behind"))
		for _, want := range []string{"before", map[string]string{"large": large, "expect": "e", "chunked": "c", "query": "q"}[name], "behind"} {
			resp, body := readAnswer(t, in)
			if resp.StatusCode == http.StatusContinue {
				resp, body = readAnswer(t, in)
			}
			if resp.StatusCode != 200 || !strings.Contains(body, want) {
				t.Errorf("%s: %s %.300s", name, resp.Status, body)
			}
		}
	}
}

func TestServerEndsConnections(t *testing.T) {
	_, address := listen(t, newEcho(t, AuthAuto))
	for name, request := range map[string]string{
		"garbage":       "\x16\x03\x01 not HTTP\r\n\r\n",
		"no host":       strings.Replace(echoRequest("x"), "Host: aws.example:4566\r\n", "", 1),
		"two lengths":   echoRequest("x", "Content-Length: 1"),
		"close":         echoRequest("x", "Connection: close"),
		"HTTP/1.0":      strings.Replace(echoRequest("x"), "HTTP/1.1", "HTTP/1.0", 1),
		"a broken line": echoRequest("x", "no colon"),
		"large head":    echoRequest("x", "A: "+strings.Repeat("x", 128<<10)),
	} {
		conn, in := connect(t, address)
		_, _ = io.WriteString(conn, request) // the server may have seen enough before the end
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			continue // cut off, which is an answer to what was not all read
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if ok := name == "close" || name == "HTTP/1.0"; ok != (resp.StatusCode == 200) {
			t.Errorf("%s: %s", name, resp.Status)
		}
		if _, err := in.ReadByte(); err == nil {
			t.Errorf("%s: the connection goes on", name)
		}
	}
	if code, _, _ := serve(t, newEcho(t, AuthAuto), jsonRequest("Echo.Panic", `{}`)); code != 500 {
		t.Errorf("a panic in an action: %d", code)
	}
}

// newWaiting is an endpoint with an action that waits: it tells that it began, and how it ended.
func newWaiting(t *testing.T) (e *Endpoint, began chan struct{}, ended chan error) {
	t.Helper()
	began, ended = make(chan struct{}), make(chan error, 1)
	service := echoService()
	service.Actions["Wait"] = Handle(func(ctx context.Context, c *Call, _ *struct{}) (*struct{}, error) {
		waiting, done := c.Waiting(ctx)
		defer done()
		began <- struct{}{}
		<-waiting.Done()
		ended <- ctx.Err()
		return nil, ctx.Err()
	})
	e, err := NewEndpoint(Options{Services: []*Service{service}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return e, began, ended
}

var waitRequest = strings.Replace(strings.Replace(echoRequest(""), "Echo.Echo", "Echo.Wait", 1), `{"Text":""}`, `{         }`, 1)

func TestServerSeesClientsGo(t *testing.T) {
	e, began, ended := newWaiting(t)
	_, address := listen(t, e)
	conn, _ := connect(t, address)
	write(t, conn, waitRequest)
	<-began
	_ = conn.Close()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the wait ended with %v", err)
	}
}

func TestServerShutdown(t *testing.T) {
	e, began, ended := newWaiting(t)
	server, address := listen(t, e)
	idle, idleIn := connect(t, address)
	write(t, idle, echoRequest("x"))
	readAnswer(t, idleIn)
	conn, in := connect(t, address)
	write(t, conn, waitRequest+echoRequest("never")) // the next one is sent while the first waits
	<-began
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("the wait ended with %v", err)
	}
	if resp, _ := readAnswer(t, in); resp.StatusCode != 200 || !resp.Close {
		t.Errorf("%s, close %v", resp.Status, resp.Close)
	}
	for _, in := range []*bufio.Reader{in, idleIn} {
		if _, err := in.ReadByte(); err == nil {
			t.Error("a connection goes on after the shutdown")
		}
	}
}

// FuzzPlainHead compares what is read of a head with what net/http reads.
func FuzzPlainHead(f *testing.F) {
	f.Add(echoRequest("x", "User-Agent: a", "Connection: keep-alive", "X-A: 1", "x-a:2"))
	f.Add(echoRequest("x", "Content-Length: 12"))
	f.Fuzz(func(t *testing.T, text string) {
		end := strings.Index(text, "\r\n\r\n")
		h := plainHead{header: make(http.Header), values: make([]string, 0, 16)}
		if end < 0 || !h.read(text[:end]) {
			return
		}
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
		if err != nil {
			t.Fatalf("%q was taken: %v", text[:end], err)
		}
		r.Header.Del("Connection")
		h.header.Del("Connection")
		if r.Host != h.host || r.ContentLength != h.length || !reflect.DeepEqual(r.Header, h.header) || r.Method != "POST" || r.Close {
			t.Errorf("%q\ngot  %q %d %v\nwant %q %d %v", text[:end], h.host, h.length, h.header, r.Host, r.ContentLength, r.Header)
		}
	})
}
