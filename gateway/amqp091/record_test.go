package amqp091

import (
	"bytes"
	"encoding/hex"
	"flag"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

var record = flag.String("record", "", "address of a broker to record the streams in wire/testdata/recorded with")

// TestRecord writes what amqp091-go and a broker say to each other, one file for each direction, for the tests of the
// codec. Those in the repository are of RabbitMQ 3.10.8. Without -record it checks that Portico can play the part.
func TestRecord(t *testing.T) {
	addr := *record
	if addr == "" {
		addr = startServer(t, Options{}).addr
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var client, server bytes.Buffer
	var copying sync.WaitGroup
	copying.Go(func() {
		down, err := l.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		up, err := net.Dial("tcp", addr)
		if err != nil {
			t.Error(err)
			return
		}
		defer down.Close()
		defer up.Close()
		copying.Go(func() { io.Copy(io.MultiWriter(down, &server), up); down.Close() })
		io.Copy(io.MultiWriter(up, &client), down)
	})
	converse(t, "amqp://guest:guest@"+l.Addr().String()+"/")
	copying.Wait()
	if client.Len() < 1000 || server.Len() < 1000 {
		t.Errorf("only %d and %d bytes were said", client.Len(), server.Len())
	}
	if *record == "" {
		return
	}
	for name, b := range map[string][]byte{"client": client.Bytes(), "server": server.Bytes()} {
		var text strings.Builder
		for len(b) > 0 {
			n := min(len(b), 60)
			text.WriteString(hex.EncodeToString(b[:n]) + "\n")
			b = b[n:]
		}
		path := filepath.Join("wire", "testdata", "recorded", "amqp091-go-"+name+".hex")
		if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// converse uses as many methods as it can.
func converse(t *testing.T, url string) {
	conn, err := amqp.DialConfig(url, amqp.Config{Properties: amqp.Table{"product": "recorder"}})
	if err != nil {
		t.Fatal(err)
	}
	ch := openChannel(t, conn)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(ch.ExchangeDeclare("recorded.x", "headers", false, true, false, false, nil))
	_, err = ch.QueueDeclare("recorded", false, false, true, false, amqp.Table{"x-expires": int32(60000), "nested": amqp.Table{"list": []any{int64(1), "a", true}}})
	must(err)
	must(ch.QueueBind("recorded", "k", "recorded.x", false, amqp.Table{"x-match": "any", "n": int16(5)}))
	must(ch.Qos(10, 0, false))
	must(ch.Confirm(false))
	confirms := ch.NotifyPublish(make(chan amqp.Confirmation, 8))
	returns := ch.NotifyReturn(make(chan amqp.Return, 1))
	deliveries := consume(t, ch, "recorded", "tag", false)
	must(ch.PublishWithContext(t.Context(), "recorded.x", "k", true, false, amqp.Publishing{
		Headers: amqp.Table{"n": int16(5), "d": 1.5, "b": []byte{1}}, ContentType: "text/plain", DeliveryMode: 2, Priority: 1,
		CorrelationId: "c", ReplyTo: "r", MessageId: "m", Type: "t", UserId: "guest", AppId: "a", Body: []byte("body"),
	}))
	receive(t, "confirm", confirms)
	must(receive(t, "delivery", deliveries).Nack(false, true))
	must(receive(t, "delivery", deliveries).Ack(false))
	must(ch.PublishWithContext(t.Context(), "recorded.x", "nowhere", true, false, amqp.Publishing{}))
	receive(t, "return", returns)
	receive(t, "confirm", confirms)
	must(ch.Cancel("tag", false))
	publish(t, ch, "", "recorded", "to get")
	receive(t, "confirm", confirms)
	_, _, err = ch.Get("recorded", true)
	must(err)
	_, _, err = ch.Get("recorded", true)
	must(err)
	_, err = ch.QueuePurge("recorded", false)
	must(err)
	must(ch.QueueUnbind("recorded", "k", "recorded.x", amqp.Table{"x-match": "any", "n": int16(5)}))
	tx := openChannel(t, conn)
	must(tx.Tx())
	must(tx.TxCommit())
	must(tx.TxRollback())
	if _, err := tx.QueueDeclarePassive("recorded.none", false, false, false, false, nil); err == nil {
		t.Error("a queue that nobody made")
	}
	_, err = ch.QueueDelete("recorded", false, false, false)
	must(err)
	must(ch.Close())
	must(conn.Close())
}
