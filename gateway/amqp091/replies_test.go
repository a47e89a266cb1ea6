package amqp091

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

// reply is what was asked for and what the answer is: "" when it is granted.
type reply struct {
	name string
	ask  func(ch *amqp.Channel) error
	want string
	// before is what RabbitMQ 3.10 said, where that was something else.
	before string
}

func queueWith(name string, args amqp.Table) func(ch *amqp.Channel) error {
	return func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclare(name, true, false, false, false, args)
		return err
	}
}

// publishAndWait publishes and asks for something after it, so that the answer to the publication has come.
func publishAndWait(exchange, key string, p amqp.Publishing) func(ch *amqp.Channel) error {
	return func(ch *amqp.Channel) error {
		closed := ch.NotifyClose(make(chan *amqp.Error, 1))
		if err := ch.PublishWithContext(context.Background(), exchange, key, false, false, p); err != nil {
			return err
		}
		return afterwards(ch, closed)
	}
}

func afterwards(ch *amqp.Channel, closed chan *amqp.Error) error {
	if err := ch.Qos(1, 0, false); err != nil {
		if e := <-closed; e != nil {
			return e
		}
		return err
	}
	return nil
}

func inequivalent(what string) string { return "PRECONDITION_FAILED - inequivalent arg " + what }

var replies313 = []reply{
	{"queue", queueWith("r.q", nil), "", ""},
	{"queue again", queueWith("r.q", amqp.Table{"x-foo": "unknown arguments are not compared", "x-queue-type": "classic"}), "", ""},
	{"queue with a TTL", queueWith("r.ttl", amqp.Table{"x-message-ttl": int32(1000)}), "", ""},
	{"TTL of another width", queueWith("r.ttl", amqp.Table{"x-message-ttl": int64(1000)}), "", ""},
	{
		"another TTL", queueWith("r.ttl", amqp.Table{"x-message-ttl": int32(2000)}),
		inequivalent("'x-message-ttl' for queue 'r.ttl' in vhost '/': received '2000' but current is '1000'"), "",
	},
	{
		"no TTL", queueWith("r.ttl", nil),
		inequivalent("'x-message-ttl' for queue 'r.ttl' in vhost '/': received none but current is the value '1000' of type 'signedint'"), "",
	},
	{
		"a TTL too much", queueWith("r.q", amqp.Table{"x-message-ttl": int32(1000)}),
		inequivalent("'x-message-ttl' for queue 'r.q' in vhost '/': received the value '1000' of type 'signedint' but current is none"), "",
	},
	{"another type", queueWith("r.q", amqp.Table{"x-queue-type": "quorum"}), inequivalent("'x-queue-type' for queue 'r.q' in vhost '/': received the value 'quorum' of type 'longstr' but current is none"), ""},
	{"unknown type", queueWith("r.z", amqp.Table{"x-queue-type": "zzz"}), `PRECONDITION_FAILED - invalid arg 'x-queue-type' for queue 'r.z' in vhost '/': "unsupported queue type 'zzz'"`, ""},
	{"expiry of 0", queueWith("r.z", amqp.Table{"x-expires": int32(0)}), "PRECONDITION_FAILED - invalid arg 'x-expires' for queue 'r.z' in vhost '/': {value_zero,0}", ""},
	{"negative TTL", queueWith("r.z", amqp.Table{"x-message-ttl": int32(-1)}), "PRECONDITION_FAILED - invalid arg 'x-message-ttl' for queue 'r.z' in vhost '/': {value_negative,-1}", ""},
	{"TTL as text", queueWith("r.z", amqp.Table{"x-message-ttl": "1"}), `PRECONDITION_FAILED - invalid arg 'x-message-ttl' for queue 'r.z' in vhost '/': "expected integer, got longstr"`, ""},
	{"priority 256", queueWith("r.z", amqp.Table{"x-max-priority": int32(256)}), "PRECONDITION_FAILED - invalid arg 'x-max-priority' for queue 'r.z' in vhost '/': {max_value_exceeded,256}", ""},
	{"overflow", queueWith("r.z", amqp.Table{"x-overflow": "zz"}), "PRECONDITION_FAILED - invalid arg 'x-overflow' for queue 'r.z' in vhost '/': invalid_overflow", ""},
	{"key without exchange", queueWith("r.z", amqp.Table{"x-dead-letter-routing-key": "k"}), "PRECONDITION_FAILED - invalid arg 'x-dead-letter-routing-key' for queue 'r.z' in vhost '/': routing_key_but_no_dlx_defined", ""},
	{"exchange as number", queueWith("r.z", amqp.Table{"x-dead-letter-exchange": int32(1)}), "PRECONDITION_FAILED - invalid type 'signedint' for arg 'x-dead-letter-exchange' in queue 'r.z' in vhost '/'", ""},
	{"mode", queueWith("r.z", amqp.Table{"x-queue-mode": "zz"}), `PRECONDITION_FAILED - invalid arg 'x-queue-mode' for queue 'r.z' in vhost '/': "unsupported queue mode 'zz'"`, ""},
	{"type as number", queueWith("r.z", amqp.Table{"x-queue-type": int32(1)}), "PRECONDITION_FAILED - invalid arg 'x-queue-type' for queue 'r.z' in vhost '/': {unacceptable_type,signedint}", ""},
	{"reserved queue", queueWith("amq.foo", nil), "ACCESS_REFUSED - queue name 'amq.foo' contains reserved prefix 'amq.*'", ""},
	{"quorum queue with priorities", queueWith("r.z", amqp.Table{"x-queue-type": "quorum", "x-max-priority": int32(1)}), "PRECONDITION_FAILED - invalid arg 'x-max-priority' for queue 'r.z' in vhost '/' of queue type rabbit_quorum_queue", ""},
	{"server-named quorum queue", queueWith("", amqp.Table{"x-queue-type": "quorum"}), "PRECONDITION_FAILED - Cannot declare a server-named queue for type rabbit_quorum_queue", ""},
	{"another durability", func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclare("r.q", false, false, false, false, nil)
		return err
	}, inequivalent("'durable' for queue 'r.q' in vhost '/': received 'false' but current is 'true'"), ""},
	{"auto-delete", func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclare("r.q", true, true, false, false, nil)
		return err
	}, inequivalent("'auto_delete' for queue 'r.q' in vhost '/': received 'true' but current is 'false'"), ""},
	{"quorum queue that is not durable", func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclare("r.z", false, false, false, false, amqp.Table{"x-queue-type": "quorum"})
		return err
	}, "PRECONDITION_FAILED - invalid property 'non-durable' for queue 'r.z' in vhost '/'", ""},
	{"passive of none", func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclarePassive("r.none", true, false, false, false, nil)
		return err
	}, "NOT_FOUND - no queue 'r.none' in vhost '/'", ""},
	{"last queue without one", func(ch *amqp.Channel) error { _, err := ch.QueuePurge("", false); return err }, "NOT_FOUND - no previously declared queue", ""},
	{"get of none", func(ch *amqp.Channel) error { _, _, err := ch.Get("r.none", true); return err }, "NOT_FOUND - no queue 'r.none' in vhost '/'", ""},
	{"bind of none", func(ch *amqp.Channel) error { return ch.QueueBind("r.none", "k", "amq.direct", false, nil) }, "NOT_FOUND - no queue 'r.none' in vhost '/'", ""},
	{"bind to none", func(ch *amqp.Channel) error { return ch.QueueBind("r.q", "k", "r.none", false, nil) }, "NOT_FOUND - no exchange 'r.none' in vhost '/'", ""},
	{"bind to the default exchange", func(ch *amqp.Channel) error { return ch.QueueBind("r.q", "k", "", false, nil) }, "ACCESS_REFUSED - operation not permitted on the default exchange", ""},
	{"unbind of none", func(ch *amqp.Channel) error { return ch.QueueUnbind("r.q", "k", "amq.direct", nil) }, "", ""},
	{"delete of none", func(ch *amqp.Channel) error { _, err := ch.QueueDelete("r.none", false, false, false); return err }, "", ""},
	{"headers that cannot match", func(ch *amqp.Channel) error {
		return ch.QueueBind("r.q", "", "amq.headers", false, amqp.Table{"x-match": "zz"})
	}, `PRECONDITION_FAILED - Invalid x-match field value <<"zz">>; expected all, any, all-with-x, or any-with-x`, ""},
	{"headers that match by number", func(ch *amqp.Channel) error {
		return ch.QueueBind("r.q", "", "amq.headers", false, amqp.Table{"x-match": int32(1)})
	}, "PRECONDITION_FAILED - Invalid x-match field type signedint (value 1); expected longstr", ""},
	{"exchange again", func(ch *amqp.Channel) error {
		return ch.ExchangeDeclare("amq.direct", "topic", true, false, false, false, nil)
	}, inequivalent("'type' for exchange 'amq.direct' in vhost '/': received 'topic' but current is 'direct'"), ""},
	{"reserved exchange", func(ch *amqp.Channel) error {
		return ch.ExchangeDeclare("amq.new", "topic", true, false, false, false, nil)
	}, "ACCESS_REFUSED - exchange name 'amq.new' contains reserved prefix 'amq.*'", ""},
	{"type of exchange", func(ch *amqp.Channel) error {
		return ch.ExchangeDeclare("r.x", "zzz", true, false, false, false, nil)
	}, "PRECONDITION_FAILED - unknown exchange type 'zzz'", "COMMAND_INVALID - unknown exchange type 'zzz'"},
	{"default exchange", func(ch *amqp.Channel) error {
		return ch.ExchangeDeclare("", "direct", true, false, false, false, nil)
	}, "ACCESS_REFUSED - operation not permitted on the default exchange", ""},
	{"delete of a system exchange", func(ch *amqp.Channel) error { return ch.ExchangeDelete("amq.direct", false, false) }, "ACCESS_REFUSED - deletion of system exchange 'amq.direct' in vhost '/' not allowed", ""},
	{"delete of no exchange", func(ch *amqp.Channel) error { return ch.ExchangeDelete("r.none", false, false) }, "", ""},
	{"publish to none", publishAndWait("r.none", "k", amqp.Publishing{}), "NOT_FOUND - no exchange 'r.none' in vhost '/'", ""},
	{"publish to an internal exchange", publishAndWait("amq.rabbitmq.trace", "k", amqp.Publishing{}), "ACCESS_REFUSED - cannot publish to internal exchange 'amq.rabbitmq.trace' in vhost '/'", ""},
	{"expiration", publishAndWait("", "r.q", amqp.Publishing{Expiration: "abc"}), "PRECONDITION_FAILED - invalid expiration 'abc': no_integer", ""},
	{"expiration with a fraction", publishAndWait("", "r.q", amqp.Publishing{Expiration: "1.5"}), `PRECONDITION_FAILED - invalid expiration '1.5': {leftover_string,".5"}`, ""},
	{"negative expiration", publishAndWait("", "r.q", amqp.Publishing{Expiration: "-1"}), "PRECONDITION_FAILED - invalid expiration '-1': {value_negative,-1}", ""},
	{"expiration above 32 bits", publishAndWait("", "r.q", amqp.Publishing{Expiration: "4294967296"}), "", ""},
	{"user", publishAndWait("", "r.q", amqp.Publishing{UserId: "abc"}), "PRECONDITION_FAILED - user_id property set to 'abc' but authenticated user was 'guest'", ""},
	{"CC as text", publishAndWait("", "r.q", amqp.Publishing{Headers: amqp.Table{"CC": "k"}}), `PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,"CC",longstr}`, ""},
	{"CC of a number", publishAndWait("", "r.q", amqp.Publishing{Headers: amqp.Table{"CC": []any{int32(1)}}}), "", ""},
	{"reply without a consumer", publishAndWait("", "r.q", amqp.Publishing{ReplyTo: "amq.rabbitmq.reply-to"}), "PRECONDITION_FAILED - fast reply consumer does not exist", ""},
	{"reply consumer that acks", func(ch *amqp.Channel) error {
		_, err := ch.Consume("amq.rabbitmq.reply-to", "", false, false, false, false, nil)
		return err
	}, "PRECONDITION_FAILED - reply consumer cannot acknowledge", ""},
	{"tag of nothing", func(ch *amqp.Channel) error {
		closed := ch.NotifyClose(make(chan *amqp.Error, 1))
		if err := ch.Ack(99, false); err != nil {
			return err
		}
		return afterwards(ch, closed)
	}, "PRECONDITION_FAILED - unknown delivery tag 99", ""},
	{"tag used twice", func(ch *amqp.Channel) error {
		closed := ch.NotifyClose(make(chan *amqp.Error, 1))
		if _, err := ch.Consume("r.q", "t", true, false, false, false, nil); err != nil {
			return err
		}
		if _, err := ch.Consume("r.q", "t", true, false, false, false, nil); err != nil {
			if e := <-closed; e != nil {
				return e
			}
			return err
		}
		return nil
	}, "NOT_ALLOWED - attempt to reuse consumer tag 't'", ""},
	{"qos with a size", func(ch *amqp.Channel) error { return ch.Qos(1, 10, false) }, "NOT_IMPLEMENTED - prefetch_size!=0 (10)", ""},
	{"flow off", func(ch *amqp.Channel) error { return ch.Flow(false) }, "NOT_IMPLEMENTED - active=false", ""},
	{"commit without a transaction", func(ch *amqp.Channel) error { return ch.TxCommit() }, "PRECONDITION_FAILED - channel is not transactional", ""},
	{"confirms in a transaction", func(ch *amqp.Channel) error {
		if err := ch.Tx(); err != nil {
			return err
		}
		return ch.Confirm(false)
	}, "PRECONDITION_FAILED - cannot switch from tx to confirm mode", ""},
	{"transaction with confirms", func(ch *amqp.Channel) error {
		if err := ch.Confirm(false); err != nil {
			return err
		}
		return ch.Tx()
	}, "PRECONDITION_FAILED - cannot switch from confirm to tx mode", ""},
	{"delete a queue with consumers", func(ch *amqp.Channel) error {
		if _, err := ch.Consume("r.q", "", true, false, false, false, nil); err != nil {
			return err
		}
		_, err := ch.QueueDelete("r.q", true, false, false)
		return err
	}, "PRECONDITION_FAILED - queue 'r.q' in vhost '/' in use", ""},
	{"delete a queue with messages", func(ch *amqp.Channel) error {
		if err := ch.PublishWithContext(context.Background(), "", "r.q", false, false, amqp.Publishing{}); err != nil {
			return err
		}
		_, err := ch.QueueDelete("r.q", false, true, false)
		return err
	}, "PRECONDITION_FAILED - queue 'r.q' in vhost '/' not empty", ""},
	{"exclusive consumer", func(ch *amqp.Channel) error {
		if _, err := ch.Consume("r.q", "", true, true, false, false, nil); err != nil {
			return err
		}
		_, err := ch.Consume("r.q", "", true, false, false, false, nil)
		return err
	}, "ACCESS_REFUSED - queue 'r.q' in vhost '/' in exclusive use", ""},
	{"delete", func(ch *amqp.Channel) error {
		for _, q := range []string{"r.q", "r.ttl"} {
			if _, err := ch.QueueDelete(q, false, false, false); err != nil {
				return err
			}
		}
		return nil
	}, "", ""},
}

// The table holds for Portico, and for the RabbitMQ 3.10 whose URL is in AMQP_REFERENCE_URL when it is set.
func TestRepliesOfRabbitMQ(t *testing.T) {
	url, reference := os.LookupEnv("AMQP_REFERENCE_URL")
	if !reference {
		url = startServer(t, Options{}).url()
	}
	for _, tt := range replies313 {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := amqp.Dial(url)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			closed := conn.NotifyClose(make(chan *amqp.Error, 1))
			got, want := "", tt.want
			if reference && tt.before != "" {
				want = tt.before
			}
			if err := tt.ask(openChannel(t, conn)); err != nil {
				var told *amqp.Error
				if !errors.As(err, &told) || told.Code == amqp.ErrClosed.Code && !strings.Contains(told.Reason, "-") {
					told = receive(t, "close", closed)
				}
				got = told.Reason
			}
			if got != want {
				t.Errorf("answered %q, want %q", got, want)
			}
		})
	}
}
