package conformance

import (
	"path/filepath"
	"testing"

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
