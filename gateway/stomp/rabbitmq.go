package stomp

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/gateway/stomp/wire"
)

// rabbitmq is the dialect of RabbitMQ's STOMP plugin, measured on 3.10.8; what versions up to 3.13 do otherwise is named
// where it is.
type rabbitmq struct{}

func (rabbitmq) String() string { return string(RabbitMQ) }

func (rabbitmq) product(o *Options) string { return o.ServerHeader }

// beginAgain forgets the transaction of the same name.
func (rabbitmq) beginAgain(string) error { return nil }

// plain: RabbitMQ escapes in every version, and in CONNECTED.
func (rabbitmq) plain(string) bool { return false }

func (rabbitmq) anyHost() bool { return false }

func (rabbitmq) admit(*conn, *wire.Frame) (session string, err error) {
	return "session-" + broker.UniqueName(), nil
}

func (rabbitmq) appendConnected(buf []byte, _ *wire.Frame) []byte { return buf }

// heartBeat is as the client says, in whole seconds.
func (rabbitmq) heartBeat(header string) (send, receive time.Duration, ok bool) {
	sends, wants, ok := strings.Cut(header, ",")
	receive, okReceive := interval(sends)
	send, okSend := interval(wants)
	return send, receive, ok && okSend && okReceive
}

func interval(text string) (time.Duration, bool) {
	ms, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil:
		return 0, false
	case ms <= 0:
		return 0, true
	case ms < 1000:
		return time.Second, true
	default:
		return time.Duration(min(ms/1000, math.MaxInt32)) * time.Second, true
	}
}

var _ dialect = rabbitmq{}
