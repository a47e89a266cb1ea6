package stomp

import (
	"fmt"
	"testing"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
)

// TestProperties checks both directions of the mapping against what was measured on RabbitMQ 3.10.8.
func TestProperties(t *testing.T) {
	g := start(t)
	p := g.login(connect12)
	p.send("SEND\ndestination:/queue/q\ncontent-type:text/plain\ncontent-encoding:utf-8\npersistent:true\npriority:5\n" +
		"correlation-id:cid\nreply-to:/queue/back\namqp-message-id:mid\ntimestamp:123\ntype:ty\nuser-id:guest\napp-id:app\n" +
		"foo:bar\\cbaz\nfoo:second\ndestination:x\nreceipt:r\ncontent-length:5\nempty:\n\nhello\x00")
	p.want(receipt("r"))
	got, _, err := g.session().Get(t.Context(), "q", broker.GetOptions{})
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	set, err := got[0].Message.Properties().Decode()
	if err != nil {
		t.Fatal(err)
	}
	want := property.Set{
		ContentType: "text/plain", ContentEncoding: "utf-8", DeliveryMode: 2, Priority: 5, CorrelationID: "cid",
		ReplyTo: "/queue/back", MessageID: "mid", Timestamp: time.Unix(123, 0).UTC(), Type: "ty", UserID: "guest", AppID: "app",
		Headers: property.Table{{Name: "foo", Value: "bar:baz"}, {Name: "receipt", Value: "r"}, {Name: "content-length", Value: "5"}, {Name: "empty", Value: ""}},
	}
	want.Flags = want.Present()
	if fmt.Sprint(set) != fmt.Sprint(want) || string(got[0].Message.Body()) != "hello" {
		t.Errorf("\n got %+v\nwant %+v", set, want)
	}
	if err := g.session().Settle(broker.Release, nil, got[0].Lease); err != nil {
		t.Fatal(err)
	}
	p.send("SUBSCRIBE\nid:s:1\ndestination:/queue/q\n\n\x00")
	p.want("MESSAGE\nsubscription:s\\c1\ndestination:/queue/q\nmessage-id:T_s\\c1@@SESSION@@1\nredelivered:false\nfoo:bar\\cbaz\nreceipt:r\nempty:\n" +
		"app-id:app\nuser-id:guest\ntype:ty\ntimestamp:123\namqp-message-id:mid\nreply-to:/queue/back\ncorrelation-id:cid\npriority:5\n" +
		"persistent:true\ncontent-encoding:utf-8\ncontent-type:text/plain\ncontent-length:5\n\nhello")
}

func TestTypedHeadersBecomeText(t *testing.T) {
	g := start(t)
	p := g.login(connect12)
	p.send("SUBSCRIBE\nid:1\ndestination:/queue/q\nreceipt:s\n\n\x00")
	p.want(receipt("s"))
	set := property.Set{
		DeliveryMode: 1, Flags: property.FlagPriority, ReplyTo: "amq.gen-x", MessageID: "m1", Expiration: "7",
		Headers: property.Table{
			{Name: "i", Value: int32(5)},
			{Name: "big", Value: int64(1) << 40},
			{Name: "s", Value: "x:y\nz\r"},
			{Name: "b", Value: true},
			{Name: "f", Value: 1.5},
			{Name: "t", Value: property.Table{{Name: "a", Value: int32(1)}}},
			{Name: "l", Value: []any{int32(1)}},
			{Name: "n", Value: nil},
			{Name: "neg", Value: int32(-3)},
			{Name: "at", Value: time.Unix(0, 0)},
			{Name: "content-length", Value: "9"},
		},
	}
	block, err := set.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.session().Publish(broker.NewMessage("", "q", block, []byte("a\x00b")), nil); err != nil {
		t.Fatal(err)
	}
	p.want("MESSAGE\nsubscription:1\ndestination:/queue/q\nmessage-id:T_1@@SESSION@@1\nredelivered:false\ni:5\nbig:1099511627776\ns:x\\cy\\nz\\r\n" +
		"b:true\nf:1.5\nneg:-3\nat:1970-01-01T00\\c00\\c00Z\namqp-message-id:m1\nexpiration:7\nreply-to:/reply-queue/amq.gen-x\npriority:0\npersistent:1\n" +
		"content-length:3\n\na\x00b")
}

func TestDestinationNames(t *testing.T) {
	g := start(t)
	p := g.login(connect12)
	p.send("SEND\ndestination:/queue/a é%2F%x\nreceipt:r\n\n\x00")
	p.want(receipt("r"))
	if _, ok := g.info("a é/%x"); !ok {
		t.Fatal("no such queue")
	}
	p.send("SUBSCRIBE\nid:1\ndestination:/amq/queue/a é%2F%x\n\n\x00")
	p.want("MESSAGE\nsubscription:1\ndestination:/queue/a %C3%A9%2F%25x\nmessage-id:T_1@@SESSION@@1\nredelivered:false\nreceipt:r\n\n")
}
