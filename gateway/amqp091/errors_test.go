package amqp091

import (
	"errors"
	"strings"
	"testing"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/gateway/amqp091/wire"
)

// Every kind of broker error has a row, whose code closes what the row says, and whose words need no detail.
func TestEveryKindIsTold(t *testing.T) {
	for _, kind := range broker.Kinds() {
		r, ok := kinds[kind]
		if !ok {
			t.Errorf("%v has no row", kind)
			continue
		}
		for _, of := range []broker.ResourceType{broker.ResourceQueue, broker.ResourceExchange, broker.ResourceMessage} {
			if r.text(&broker.Error{Kind: kind, Type: of, Name: "n", Namespace: "/"}) == "" {
				t.Errorf("%v of a %v has no words", kind, of)
			}
		}
		// 403 closes the connection when a login is refused, and a channel else.
		if r.code.Hard() != (r.scope == connectionScope) && kind != broker.KindUnauthenticated {
			t.Errorf("%v: %v closes another scope", kind, r.code)
		}
	}
}

func TestUnknownErrorsAreNotShown(t *testing.T) {
	f, known := faultOf(errors.New("disk /dev/sda1 is full of secrets"))
	if known || f.code != wire.InternalError || strings.Contains(f.Error(), "secret") {
		t.Errorf("%v, %v", f, known)
	}
	f, known = faultOf(&broker.Error{Kind: broker.KindInternal, Err: errors.New("secret")})
	if known || strings.Contains(f.Error(), "secret") {
		t.Errorf("%v, %v", f, known)
	}
}

// Texts measured on RabbitMQ 3.10.8, or taken from 3.13 where that differs.
func TestWordsOfBrokerErrors(t *testing.T) {
	for _, tt := range []struct {
		err  broker.Error
		want string
	}{
		{broker.Error{Kind: broker.KindNotFound, Type: broker.ResourceQueue, Name: "q", Namespace: "/"}, "NOT_FOUND - no queue 'q' in vhost '/'"},
		{
			broker.Error{
				Kind: broker.KindMismatch, Type: broker.ResourceExchange, Name: "x", Namespace: "/",
				Detail: &broker.Mismatch{Property: "kind", Got: "topic", Want: "direct"},
			},
			"PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'x' in vhost '/': received 'topic' but current is 'direct'",
		},
		{
			broker.Error{
				Kind: broker.KindDenied, Type: broker.ResourceExchange, Namespace: "/",
				Detail: &broker.Denial{Access: broker.AccessWrite, User: "u"},
			},
			"ACCESS_REFUSED - write access to exchange 'amq.default' in vhost '/' refused for user 'u'",
		},
		{
			broker.Error{Kind: broker.KindReserved, Type: broker.ResourceQueue, Name: "amq.q", Namespace: "/", Detail: "amq."},
			"ACCESS_REFUSED - queue name 'amq.q' contains reserved prefix 'amq.*'",
		},
		{
			broker.Error{Kind: broker.KindExclusiveUse, Type: broker.ResourceQueue, Name: "q", Namespace: "/"},
			"ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use",
		},
		{
			broker.Error{Kind: broker.KindNotEmpty, Type: broker.ResourceQueue, Name: "q", Namespace: "/"},
			"PRECONDITION_FAILED - queue 'q' in vhost '/' not empty",
		},
	} {
		if f, _ := faultOf(&tt.err); f.Error() != tt.want {
			t.Errorf("%q, want %q", f.Error(), tt.want)
		}
	}
}
