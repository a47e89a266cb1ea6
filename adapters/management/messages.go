package management

import (
	"context"
	"encoding/base64"
	"errors"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
)

// publication is the body of a POST to /exchanges/{vhost}/{exchange}/publish.
type publication struct {
	Key        *string `json:"routing_key"`
	Payload    *string
	Encoding   *string `json:"payload_encoding"`
	Properties messageProperties
}

// preparedProperties are the properties of a publication as they are stored, with its further routing keys; not ok when
// it was answered already.
func (c *call) preparedProperties(in *publication) (property.Block, []string, bool) {
	set, err := in.Properties.set()
	if err != nil {
		c.badRequest(err.Error())
		return nil, nil, false
	}
	if set.UserID != "" && set.UserID != c.user.Name() {
		c.badRequest("user_id property set to '" + set.UserID + "' but authenticated user was '" + c.user.Name() + "'")
		return nil, nil, false
	}
	block, err := set.Append(nil)
	if err != nil {
		c.badRequest(err.Error())
		return nil, nil, false
	}
	block, keys, err := c.server.opts.Declare.Prepare(block)
	var worded interface{ ReplyText() string }
	switch {
	case errors.As(err, &worded):
		c.badRequest("406 PRECONDITION_FAILED - " + worded.ReplyText())
	case err != nil:
		c.failed(err)
	}
	return block, keys, err == nil
}

// publish answers when the message is stored, and whether it went to a queue.
func publish(c *call) {
	var in publication
	if !c.decode(&in) {
		return
	}
	for _, field := range []struct {
		name  string
		value *string
	}{{"payload", in.Payload}, {"payload_encoding", in.Encoding}, {"routing_key", in.Key}} {
		if field.value == nil {
			c.fail(400, "bad_request", "key_missing: "+field.name)
			return
		}
	}
	var body []byte
	switch *in.Encoding {
	case "string":
		body = []byte(*in.Payload)
	case "base64":
		var err error
		if body, err = base64.StdEncoding.DecodeString(*in.Payload); err != nil {
			c.badRequest("The payload is not base64")
			return
		}
	default:
		c.badRequest("unsupported_encoding: " + *in.Encoding)
		return
	}
	block, keys, ok := c.preparedProperties(&in)
	if !ok {
		return
	}
	s := c.session()
	if s == nil {
		return
	}
	defer s.Close()
	done := make(chan error, 1)
	n, err := s.Publish(broker.NewMessage(c.exchangeName(), *in.Key, block, body), broker.CompletionFunc(func(err error) { done <- err }), keys...)
	if err == nil && n > 0 {
		err = <-done
	}
	if err != nil {
		c.failed(err)
		return
	}
	c.answer(object{"routed": n > 0})
}

// messageProperties are a message's properties in JSON.
type messageProperties struct {
	ContentType     string       `json:"content_type"`
	ContentEncoding string       `json:"content_encoding"`
	Headers         arguments    `json:"headers"`
	DeliveryMode    *flexibleInt `json:"delivery_mode"`
	Priority        *flexibleInt `json:"priority"`
	CorrelationID   string       `json:"correlation_id"`
	ReplyTo         string       `json:"reply_to"`
	Expiration      string       `json:"expiration"`
	MessageID       string       `json:"message_id"`
	Timestamp       *flexibleInt `json:"timestamp"`
	Type            string       `json:"type"`
	UserID          string       `json:"user_id"`
	AppID           string       `json:"app_id"`
	ClusterID       string       `json:"cluster_id"`
}

// flexibleInt is a number, which some tools write as text.
type flexibleInt int64

// UnmarshalJSON reads 1 and "1".
func (n *flexibleInt) UnmarshalJSON(data []byte) error {
	if len(data) > 1 && data[0] == '"' {
		data = data[1 : len(data)-1]
	}
	v, err := strconv.ParseInt(string(data), 10, 64)
	*n = flexibleInt(v)
	return err
}

func (p *messageProperties) set() (property.Set, error) {
	s := property.Set{
		ContentType: p.ContentType, ContentEncoding: p.ContentEncoding, Headers: property.Table(p.Headers),
		CorrelationID: p.CorrelationID, ReplyTo: p.ReplyTo, Expiration: p.Expiration, MessageID: p.MessageID,
		Type: p.Type, UserID: p.UserID, AppID: p.AppID, ClusterID: p.ClusterID,
	}
	if p.DeliveryMode != nil {
		s.DeliveryMode = uint8(*p.DeliveryMode)
	}
	if p.Priority != nil {
		s.Priority = uint8(*p.Priority)
		s.Flags |= property.FlagPriority
	}
	if p.Timestamp != nil {
		s.Timestamp = time.Unix(int64(*p.Timestamp), 0)
	}
	return s, nil
}

// shownProperties are those of a message that are there.
func shownProperties(b property.Block) object {
	o := object{}
	set, err := b.Decode()
	if err != nil {
		return o
	}
	present := set.Present()
	for _, p := range []struct {
		flag  property.Flags
		name  string
		value any
	}{
		{property.FlagContentType, "content_type", shownText(set.ContentType)},
		{property.FlagContentEncoding, "content_encoding", shownText(set.ContentEncoding)},
		{property.FlagHeaders, "headers", tableObject(set.Headers)},
		{property.FlagDeliveryMode, "delivery_mode", set.DeliveryMode},
		{property.FlagPriority, "priority", set.Priority},
		{property.FlagCorrelationID, "correlation_id", shownText(set.CorrelationID)},
		{property.FlagReplyTo, "reply_to", shownText(set.ReplyTo)},
		{property.FlagExpiration, "expiration", shownText(set.Expiration)},
		{property.FlagMessageID, "message_id", shownText(set.MessageID)},
		{property.FlagTimestamp, "timestamp", set.Timestamp.Unix()},
		{property.FlagType, "type", shownText(set.Type)},
		{property.FlagUserID, "user_id", shownText(set.UserID)},
		{property.FlagAppID, "app_id", shownText(set.AppID)},
		{property.FlagClusterID, "cluster_id", shownText(set.ClusterID)},
	} {
		if present&p.flag != 0 {
			o[p.name] = p.value
		}
	}
	return o
}

// maxGet bounds what one request takes from a queue.
const maxGet = 10_000

// getRequest is the body of a POST to /queues/{vhost}/{queue}/get.
type getRequest struct {
	Count    *flexibleInt
	AckMode  string `json:"ackmode"`
	Encoding string
	Truncate *flexibleInt
}

var ackModes = map[string]broker.Outcome{
	"ack_requeue_true": broker.Requeue, "reject_requeue_true": broker.Requeue,
	"ack_requeue_false": broker.Ack, "reject_requeue_false": broker.Reject,
}

func getMessages(c *call) {
	in := getRequest{}
	if !c.decode(&in) {
		return
	}
	outcome, known := ackModes[in.AckMode]
	switch {
	case in.Count == nil:
		c.badRequest("key_missing: count")
		return
	case !known:
		c.badRequest("ackmode must be one of ack_requeue_true, ack_requeue_false, reject_requeue_true, reject_requeue_false")
		return
	case in.Encoding != "auto" && in.Encoding != "base64":
		c.badRequest("encoding must be either 'auto' or 'base64'")
		return
	case *in.Count < 0 || *in.Count > maxGet:
		c.badRequest("count must be from 0 to " + strconv.Itoa(maxGet))
		return
	}
	s := c.session()
	if s == nil {
		return
	}
	defer s.Close() // what is not settled goes back
	items, err := take(c.background(), s, c.vars["queue"], int(*in.Count), outcome, func(d *broker.Delivery, left int) object {
		return describeMessage(d, left, &in)
	})
	if err != nil {
		c.failedOnQueue("basic.get", err)
		return
	}
	c.answer(items)
}

// take gets messages one by one, as each tells how many are left, and settles them all in the end.
func take(
	ctx context.Context, s *broker.Session, queue string, count int, outcome broker.Outcome, describe func(*broker.Delivery, int) object,
) ([]object, error) {
	items := []object{}
	var leases []broker.Lease
	for range count {
		got, left, err := s.Get(ctx, queue, broker.GetOptions{Max: 1})
		if err != nil {
			return nil, err
		}
		if len(got) == 0 {
			break
		}
		items = append(items, describe(&got[0], left))
		leases = append(leases, got[0].Lease)
	}
	if len(leases) == 0 {
		// A queue that is not there must be told apart from an empty one, also when nothing was asked for.
		_, err := s.Queue(ctx, queue)
		return items, err
	}
	return items, s.Settle(outcome, nil, leases...)
}

func describeMessage(d *broker.Delivery, left int, in *getRequest) object {
	m := d.Message
	body := m.Body()
	o := object{
		"payload_bytes": len(body), "redelivered": d.Redelivered, "exchange": m.Exchange(), "routing_key": shownText(m.Key()),
		"message_count": left, "properties": shownProperties(m.Properties()),
	}
	if in.Truncate != nil && int(*in.Truncate) >= 0 && int(*in.Truncate) < len(body) {
		body = body[:*in.Truncate]
	}
	if in.Encoding == "auto" && utf8.Valid(body) {
		o["payload"], o["payload_encoding"] = string(body), "string"
		return o
	}
	o["payload"], o["payload_encoding"] = base64.StdEncoding.EncodeToString(body), "base64"
	return o
}
