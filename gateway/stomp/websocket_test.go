package stomp

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/gateway/serve"
)

// listenWith serves a handler on one more listener.
func (g *gateway) listenWith(h serve.Handler, l net.Listener) string {
	g.Helper()
	served := make(chan error, 1)
	server := serve.New("more", h, serve.Options{Logger: g.handler.opts.Logger})
	go func() { served <- server.Serve(l) }()
	g.Cleanup(func() {
		must(g.T, server.Close())
		if err := <-served; !errors.Is(err, serve.ErrServerClosed) {
			g.Error(err)
		}
		if server.Stats().Panics > 0 {
			g.Error("a connection panicked")
		}
	})
	return l.Addr().String()
}

func (g *gateway) listener() net.Listener {
	g.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(g.T, err)
	return l
}

// web opens a WebSocket.
func web(t *testing.T, url string, subProtocols ...string) *websocket.Conn {
	t.Helper()
	dialer := websocket.Dialer{Subprotocols: subProtocols}
	ws, _, err := dialer.Dial(url, nil)
	must(t, err)
	t.Cleanup(func() { ws.Close() })
	must(t, ws.SetReadDeadline(time.Now().Add(patience)))
	return ws
}

func wantMessage(t *testing.T, ws *websocket.Conn, kind int, begin string) string {
	t.Helper()
	got, data, err := ws.ReadMessage()
	must(t, err)
	if got != kind || !strings.HasPrefix(string(data), begin) {
		t.Fatalf("got type %d, %q; want %d, %s", got, data, kind, begin)
	}
	return string(data)
}

// TestWebSocket: frames split over messages and joined in one, each answer a message of the type that the client uses.
func TestWebSocket(t *testing.T) {
	g := start(t)
	url := "ws://" + g.listenWith(WebSocket(g.handler, WebSocketPaths...), g.listener())
	for offered, want := range map[string]string{"v10.stomp v12.stomp v11.stomp": "v12.stomp", "v11.stomp": "v11.stomp", "other": "", "": ""} {
		if ws := web(t, url+"/stomp", strings.Fields(offered)...); ws.Subprotocol() != want {
			t.Errorf("of %q it takes %q", offered, ws.Subprotocol())
		}
	}
	ws := web(t, url+"/ws", "v12.stomp")
	send := func(kind int, pieces ...string) {
		for _, p := range pieces {
			must(t, ws.WriteMessage(kind, []byte(p)))
		}
	}
	text, binary := websocket.TextMessage, websocket.BinaryMessage
	send(text, "CO", "NNECT\naccept-version:1.2\nheart-beat:0,1000\n", "\n\x00")
	wantMessage(t, ws, text, "CONNECTED\n")
	wantMessage(t, ws, text, "\n") // a heart-beat
	send(text, "SUBSCRIBE\nid:1\ndestination:/queue/q\nreceipt:s\n\n\x00SEND\ndestination:/queue/q\nreceipt:r\n\n\u00e4\x00\n\nSEND\ndestination:/queue/q\n\n\xc3", "\xa4\x00")
	var got []string
	for len(got) < 4 {
		if _, data, err := ws.ReadMessage(); err != nil {
			t.Fatal(err)
		} else if s := string(data); s != "\n" {
			command, _, _ := strings.Cut(s, "\n")
			got = append(got, command)
			if command == "MESSAGE" && !strings.HasSuffix(s, "\u00e4\x00\n") {
				t.Errorf("%q", s)
			}
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, []string{"MESSAGE", "MESSAGE", "RECEIPT", "RECEIPT"}) {
		t.Error(got)
	}
	send(text, "SEND\ndestination:/queue/q\n\n\x00") // no text can hold a body that is none
	g.waitText(ws, text)
	send(binary, "SEND\ndestination:/queue/q\n\n\xff\x00")
	g.waitText(ws, binary)
	send(text, "SEND\ndestination:/queue/q\n\n\x00")
	g.waitText(ws, text)
	send(text, "DISCONNECT\nreceipt:bye\n\n\x00")
	for {
		_, data, err := ws.ReadMessage()
		if websocket.IsCloseError(err, websocket.CloseNormalClosure) {
			break
		}
		if err != nil || (string(data) != "\n" && !strings.HasPrefix(string(data), "RECEIPT\nreceipt-id:bye\n")) {
			t.Fatalf("%q, %v", data, err)
		}
	}
	for path, status := range map[string]int{"/other": http.StatusNotFound, "/ws": http.StatusBadRequest} {
		r, err := http.Get("http" + strings.TrimPrefix(url, "ws") + path)
		must(t, err)
		r.Body.Close()
		if r.StatusCode != status {
			t.Errorf("GET %s: %s", path, r.Status)
		}
	}
}

// waitText waits for a MESSAGE that comes as a message of the type.
func (g *gateway) waitText(ws *websocket.Conn, kind int) {
	g.Helper()
	for {
		got, data, err := ws.ReadMessage()
		must(g.T, err)
		if string(data) == "\n" {
			continue
		}
		if got != kind || !strings.HasPrefix(string(data), "MESSAGE\n") {
			g.Fatalf("type %d: %q", got, data)
		}
		return
	}
}

// TestWebSocketBadRequests: what is no request, and one that does not end, cost nobody else anything.
func TestWebSocketBadRequests(t *testing.T) {
	g := start(t)
	addr := g.listenWith(WebSocket(g.handler), g.listener())
	for _, request := range []string{"CONNECT\n\n\x00", "GET /ws HTTP/1.1\r\nA: " + strings.Repeat("x", 20<<10) + "\r\n\r\n", "\x00\x00\x00", "GET / HTTP/1.1\r\n"} {
		nc, err := net.Dial("tcp", addr)
		must(t, err)
		_, _ = nc.Write([]byte(request))
		_ = nc.(*net.TCPConn).CloseWrite() // it may be closed already
		must(t, nc.SetDeadline(time.Now().Add(patience)))
		buf := make([]byte, 100)
		if n, err := nc.Read(buf); err == nil && !strings.HasPrefix(string(buf[:n]), "HTTP/1.1 400") {
			t.Errorf("%.20q is answered by %q", request, buf[:n])
		}
		nc.Close()
	}
	ws := web(t, "ws://"+addr+"/any/path")
	must(t, ws.WriteMessage(websocket.BinaryMessage, []byte("CONNECT\n\n\x00")))
	wantMessage(t, ws, websocket.BinaryMessage, "CONNECTED\n")
}

// certificate makes one that is signed by parent, or by itself.
func certificate(t *testing.T, name pkix.Name, parent *tls.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: name, NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: parent == nil, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	signer, signerKey := template, any(key)
	if parent != nil {
		signer, signerKey = parent.Leaf, parent.PrivateKey
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, signer, &key.PublicKey, signerKey)
	must(t, err)
	leaf, err := x509.ParseCertificate(raw)
	must(t, err)
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key, Leaf: leaf}
}

// TestClientCertificate: a certificate that was verified names the user of who does not log in otherwise, over
// WebSocket too.
func TestClientCertificate(t *testing.T) {
	g := start(t)
	ca := certificate(t, pkix.Name{CommonName: "ca"}, nil)
	roots := x509.NewCertPool()
	roots.AddCert(ca.Leaf)
	const user = "CN=app,O=portico"
	must(t, g.broker.PutUser(user, "not used", nil))
	must(t, g.broker.SetPermission(user, "/", broker.Permission{Configure: ".*", Write: ".*", Read: ".*"}))
	config := &tls.Config{
		Certificates: []tls.Certificate{certificate(t, pkix.Name{CommonName: "server"}, &ca)},
		ClientAuth:   tls.VerifyClientCertIfGiven, ClientCAs: roots,
	}
	plain := g.listenWith(g.handler, tls.NewListener(g.listener(), config))
	overWeb := g.listenWith(WebSocket(g.handler), tls.NewListener(g.listener(), config))
	app := certificate(t, pkix.Name{CommonName: "app", Organization: []string{"portico"}}, &ca)
	stranger := certificate(t, pkix.Name{CommonName: "stranger"}, &ca)
	for _, c := range []struct {
		certificates []tls.Certificate
		login, want  string
	}{
		{[]tls.Certificate{app}, "", user},
		{[]tls.Certificate{app}, "login:guest\npasscode:guest\n", "guest"},
		{[]tls.Certificate{stranger}, "", ""},
		{nil, "", "guest"},
	} {
		client := &tls.Config{RootCAs: roots, Certificates: c.certificates}
		nc, err := tls.Dial("tcp", plain, client)
		must(t, err)
		ws, _, err := (&websocket.Dialer{TLSClientConfig: client}).Dial("wss://"+overWeb+"/", nil)
		must(t, err)
		connect := []byte("CONNECT\n" + c.login + "\n\x00")
		_, err = nc.Write(connect)
		must(t, err)
		must(t, ws.WriteMessage(websocket.TextMessage, connect))
		must(t, nc.SetReadDeadline(time.Now().Add(patience)))
		buf := make([]byte, 1000)
		n, err := nc.Read(buf)
		must(t, err)
		_, answer, err := ws.ReadMessage()
		must(t, err)
		for _, a := range []string{string(buf[:n]), string(answer)} {
			if strings.HasPrefix(a, "CONNECTED\n") != (c.want != "") {
				t.Errorf("%+v: %q", c.login, a)
			}
		}
		users := 0
		for _, one := range g.broker.Connections() {
			if one.User() == c.want && one.Secure {
				users++
			}
		}
		if c.want != "" && users < 2 {
			t.Errorf("%d connections of %s", users, c.want)
		}
		nc.Close()
		ws.Close()
	}
}
