package amqp091

import (
	"errors"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/gateway/amqp091/wire"
)

// watchClose returns how the server ends the connection by itself.
func watchClose(conn *amqp.Connection) chan *amqp.Error {
	return conn.NotifyClose(make(chan *amqp.Error, 1))
}

func TestDeletionsEndConnections(t *testing.T) {
	s := startServer(t, Options{})
	if _, err := s.broker.PutNamespace("v", broker.NamespaceSpec{}); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		vhost, text string
		end         func() error
	}{
		{"v", "CONNECTION_FORCED - vhost 'v' is deleted", func() error { return s.broker.DeleteNamespace(t.Context(), "v") }},
		{"/", "CONNECTION_FORCED - user 'guest' was deleted", func() error { return s.broker.DeleteUser("guest") }},
	} {
		if err := s.broker.SetPermission("guest", step.vhost, everything); err != nil {
			t.Fatal(err)
		}
		conn, err := amqp.DialConfig(s.url(), amqp.Config{Vhost: step.vhost})
		if err != nil {
			t.Fatal(err)
		}
		closed := watchClose(conn)
		if err := step.end(); err != nil {
			t.Fatal(err)
		}
		if got := receive(t, "close", closed); got.Code != 320 || got.Reason != step.text {
			t.Errorf("closed with %v", got)
		}
	}
}

// RabbitMQ 3.13: rabbit_reader.erl, rabbit_channel.erl.
func TestLimitsInRabbitMQsWords(t *testing.T) {
	s := startServer(t, Options{})
	limit := func(name broker.LimitName, n int64) {
		t.Helper()
		err := s.broker.ChangeNamespaceLimits("/", func(map[broker.LimitName]int64) map[broker.LimitName]int64 {
			return map[broker.LimitName]int64{name: n}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	ended := func(err error, code int, text string) {
		t.Helper()
		var got *amqp.Error
		if !errors.As(err, &got) || got.Code != code || got.Reason != text {
			t.Errorf("got %v, want %d %s", err, code, text)
		}
	}
	limit(broker.LimitQueues, 0)
	_, err := s.channel(t).QueueDeclare("q", false, false, false, false, nil)
	ended(err, 406, "PRECONDITION_FAILED - cannot declare queue 'q': queue limit in vhost '/' (0) is reached")
	limit(broker.LimitConnections, 0)
	raw := connect(t, s)
	raw.start("guest", "guest", true)
	raw.expect(wire.IDConnectionTune)
	raw.send(wire.AppendMethod(wire.AppendMethod(nil, 0, &usualTune), 0, &wire.ConnectionOpen{VirtualHost: []byte("/")}))
	refusal := raw.expect(wire.IDConnectionClose).(*wire.ConnectionClose)
	if want := "NOT_ALLOWED - access to vhost '/' refused for user 'guest': connection limit (0) is reached"; refusal.ReplyCode != 530 || closeText(refusal) != want {
		t.Errorf("closed with %d %s", refusal.ReplyCode, closeText(refusal))
	}
	limit(broker.LimitConnections, -1)
	if err := s.broker.SetUserLimits("guest", map[broker.LimitName]int64{broker.LimitChannels: 1}); err != nil {
		t.Fatal(err)
	}
	conn := s.dial(t)
	closed := watchClose(conn)
	openChannel(t, conn)
	if _, err := conn.Channel(); err == nil {
		t.Error("a second channel was opened")
	}
	ended(receive(t, "close", closed), 530,
		"NOT_ALLOWED - number of channels opened for user 'guest' has reached the maximum allowed user limit of (1)")
}

func TestTopicPermissionInRabbitMQsWords(t *testing.T) {
	s := startServer(t, Options{})
	if err := s.broker.SetTopicPermission("guest", "/", "amq.topic", broker.TopicPermission{Write: "^ok"}); err != nil {
		t.Fatal(err)
	}
	ch := s.channel(t)
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	publish(t, ch, "amq.topic", "no", "x")
	want := "ACCESS_REFUSED - write access to topic 'no' in exchange 'amq.topic' in vhost '/' refused for user 'guest'"
	if got := receive(t, "close", closed); got.Code != 403 || got.Reason != want {
		t.Errorf("closed with %v", got)
	}
}

func TestDefaultQueueType(t *testing.T) {
	s := startServer(t, Options{})
	if _, err := s.broker.PutNamespace("/", broker.NamespaceSpec{DefaultQueueType: "quorum"}); err != nil {
		t.Fatal(err)
	}
	ch := s.channel(t)
	for range 2 { // it is the same queue when it is declared again
		if _, err := ch.QueueDeclare("q", true, false, false, false, nil); err != nil {
			t.Fatal(err)
		}
	}
	session, err := s.broker.OpenSession(t.Context(), s.broker.Root(), "/")
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	info, err := session.Queue(t.Context(), "q")
	if err != nil || QueueType(&info.Spec) != "quorum" {
		t.Errorf("%v, %v", info.Spec, err)
	}
}

// Who declares an exchange with an alternate one, or a queue with a dead letter exchange, must have rights on both
// (rabbit_channel.erl 3.13, handle_method for both declares).
func TestRightsOnOtherExchanges(t *testing.T) {
	s := startServer(t, Options{})
	if err := s.broker.SetPermission("limited", "/", broker.Permission{Configure: "^(ok|unread)", Write: "^ok", Read: "^ok"}); err != nil {
		t.Fatal(err)
	}
	exchange := func(name, alternate string) func(*amqp.Channel) error {
		return func(ch *amqp.Channel) error {
			return ch.ExchangeDeclare(name, "fanout", false, true, false, false, amqp.Table{"alternate-exchange": alternate})
		}
	}
	queue := func(name, dead string) func(*amqp.Channel) error {
		return func(ch *amqp.Channel) error {
			_, err := ch.QueueDeclare(name, false, true, false, false, amqp.Table{"x-dead-letter-exchange": dead})
			return err
		}
	}
	for _, tt := range []struct {
		ask  func(*amqp.Channel) error
		want string
	}{
		{exchange("ok.x", "ok.other"), ""},
		{exchange("unread.x", "ok.other"), "read access to exchange 'unread.x'"},
		{exchange("ok.y", "other"), "write access to exchange 'other'"},
		{queue("ok.q", "ok.other"), ""},
		{queue("unread.q", "ok.other"), "read access to queue 'unread.q'"},
		{queue("ok.r", "other"), "write access to exchange 'other'"},
	} {
		conn, err := amqp.Dial("amqp://limited:limited@" + s.addr + "/")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		want, got := "", ""
		if tt.want != "" {
			want = "ACCESS_REFUSED - " + tt.want + " in vhost '/' refused for user 'limited'"
		}
		var told *amqp.Error
		if err := tt.ask(openChannel(t, conn)); errors.As(err, &told) {
			got = told.Reason
		}
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Rights are checked before it is looked up whether there is such a queue, as RabbitMQ 3.10.8 does (Permissions in the Java
// client's own tests). With the right, deleting what is not there succeeds.
func TestRightsOnQueuesThatDoNotExist(t *testing.T) {
	s := startServer(t, Options{})
	if err := s.broker.SetPermission("limited", "/", broker.Permission{Configure: "^ok", Write: "^ok", Read: "^ok"}); err != nil {
		t.Fatal(err)
	}
	conn, err := amqp.Dial("amqp://limited:limited@" + s.addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := openChannel(t, conn).QueueDelete("ok.missing", false, false, false); err != nil {
		t.Error(err)
	}
	for access, ask := range map[string]func(*amqp.Channel) error{
		"configure": func(ch *amqp.Channel) error { _, err := ch.QueueDelete("missing", false, false, false); return err },
		"read":      func(ch *amqp.Channel) error { _, err := ch.QueuePurge("missing", false); return err },
	} {
		want := "ACCESS_REFUSED - " + access + " access to queue 'missing' in vhost '/' refused for user 'limited'"
		var told *amqp.Error
		if err := ask(openChannel(t, conn)); !errors.As(err, &told) || told.Reason != want {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// A connection's exclusive queue is locked for another connection's queue.unbind too (RabbitMQ 3.10.8; QueueExclusivity in
// the Java client's own tests).
func TestUnbindOfAnotherConnectionsQueue(t *testing.T) {
	s := startServer(t, Options{})
	dial := func() *amqp.Channel {
		conn, err := amqp.Dial("amqp://guest:guest@" + s.addr + "/")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return openChannel(t, conn)
	}
	own := dial()
	if _, err := own.QueueDeclare("own", false, false, true, false, nil); err != nil {
		t.Fatal(err)
	}
	if err := own.QueueBind("own", "key", "amq.direct", false, nil); err != nil {
		t.Fatal(err)
	}
	var told *amqp.Error
	if err := dial().QueueUnbind("own", "key", "amq.direct", nil); !errors.As(err, &told) || told.Code != amqp.ResourceLocked {
		t.Errorf("%v, want 405", err)
	}
	if err := own.QueueUnbind("own", "key", "amq.direct", nil); err != nil {
		t.Error(err)
	}
}
