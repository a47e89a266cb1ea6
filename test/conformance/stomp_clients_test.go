package conformance

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/portico-mq/portico/test/server"
)

// TestStompPyActiveMQ: stomp.py as an application of ActiveMQ uses it.
func TestStompPyActiveMQ(t *testing.T) {
	address := server.Start(t, "stomp.dialect=activemq").Address(t, "stomp")
	runClient(t, "STOMP_ADDRESS="+address, python(t), "stomp_activemq_client.py")
}

// TestStompJS: @stomp/stompjs over WebSocket, in the dialects that its users know.
func TestStompJS(t *testing.T) {
	for _, dialect := range []string{"rabbitmq", "activemq"} {
		t.Run(dialect, func(t *testing.T) {
			t.Setenv("DIALECT", dialect)
			url := "ws://" + server.Start(t, "ws.dialect="+dialect).Address(t, "ws") + "/ws"
			runClient(t, "STOMP_WS_URL="+url, "node", filepath.Join("..", "node", "stompjs_client.js"))
		})
	}
}

// TestNetStomp: Perl's client, which speaks STOMP 1.0.
func TestNetStomp(t *testing.T) {
	address := server.Start(t, "stomp.dialect=activemq").Address(t, "stomp")
	runClient(t, "STOMP_ADDRESS="+address, "perl", filepath.Join("..", "perl", "net_stomp_client.pl"))
}

// TestSpringRelay: the STOMP broker relay of a Spring application, whose own clients come over SockJS, in the dialects of
// the two brokers that it is used with.
func TestSpringRelay(t *testing.T) {
	addresses := ""
	for _, dialect := range []string{"rabbitmq", "activemq"} {
		if addresses != "" {
			addresses += ","
		}
		addresses += server.Start(t, "stomp.dialect="+dialect).Address(t, "stomp")
	}
	jars := work(t, "java")
	runClient(t, "STOMP_ADDRESSES="+addresses, "java", "-cp", filepath.Join(jars, "*"), filepath.Join("..", "java", "StompRelay.java"))
}

// TestStompJSInChromium: @stomp/stompjs in a page of a real browser, in both dialects.
func TestStompJSInChromium(t *testing.T) {
	for _, dialect := range []string{"rabbitmq", "activemq"} {
		t.Run(dialect, func(t *testing.T) {
			broker := "ws://" + server.Start(t, "ws.dialect="+dialect).Address(t, "ws") + "/ws"
			results := make(chan string, 1)
			pages := http.NewServeMux()
			pages.Handle("GET /", http.FileServer(http.Dir("node")))
			pages.Handle("GET /stomp.umd.js", http.FileServer(http.Dir(filepath.Join("node", "node_modules", "@stomp", "stompjs", "bundles"))))
			pages.HandleFunc("POST /result", func(_ http.ResponseWriter, r *http.Request) {
				text, _ := io.ReadAll(r.Body) // what is missing is not what is wanted
				results <- string(text)
			})
			site := httptest.NewServer(pages)
			defer site.Close()
			var log bytes.Buffer
			browser := exec.CommandContext(t.Context(), "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
				"--no-first-run", "--user-data-dir="+t.TempDir(), "--remote-debugging-port=0",
				site.URL+"/stompjs_page.html?url="+url.QueryEscape(broker))
			browser.Stdout, browser.Stderr = &log, &log
			browser.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it has children, which write its log too
			must(t, browser.Start())
			stop := sync.OnceFunc(func() {
				_ = syscall.Kill(-browser.Process.Pid, syscall.SIGKILL) // one that ended already is as dead
				_ = browser.Wait()                                      // it was killed
			})
			defer stop()
			select {
			case result := <-results:
				if result != "passed" {
					t.Error(result)
				}
			case <-time.After(2 * time.Minute):
				stop() // so that its log is whole
				t.Fatalf("the page told nothing:\n%s", log.String())
			}
		})
	}
}
