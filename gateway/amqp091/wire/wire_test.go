package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/portico-mq/portico/broker/property"
)

func TestMethodsBothWays(t *testing.T) {
	for _, m := range fullMethods {
		b := m.AppendTo(nil)
		back := NewMethod(m.ID())
		if err := back.ReadFrom(b); err != nil || !reflect.DeepEqual(back, m) {
			t.Errorf("%s: %+v, %v", m.ID(), back, err)
		}
		if err := NewMethod(m.ID()).ReadFrom(append(b, 0)); !errors.Is(err, property.ErrMalformed) {
			t.Errorf("%s with a byte more: %v", m.ID(), err)
		}
		for n := range b {
			var e *MethodError
			if err := NewMethod(m.ID()).ReadFrom(b[:n]); !errors.As(err, &e) || e.ID != m.ID() {
				t.Errorf("%s cut to %d bytes: %v", m.ID(), n, err)
			}
		}
	}
	if NewMethod(60<<16|41) != nil {
		t.Error("a method that does not exist")
	}
}

// golden are methods as RabbitMQ and its clients write them.
var golden = []struct {
	m     Method
	frame string
}{
	{&ChannelOpen{}, "01 0001 00000005 0014 000a 00 ce"},
	{&ChannelOpenOk{}, "01 0001 00000008 0014 000b 00000000 ce"},
	{&BasicQos{PrefetchCount: 500, Global: true}, "01 0001 0000000b 003c 000a 00000000 01f4 01 ce"},
	{
		&QueueDeclare{Queue: []byte("q"), Durable: true, AutoDelete: true, Arguments: property.RawTable("\x01at\x01")},
		"01 0001 00000011 0032 000a 0000 0171 0a 00000004 01617401 ce",
	},
	{&BasicPublish{RoutingKey: []byte("q"), Mandatory: true}, "01 0001 0000000a 003c 0028 0000 00 0171 01 ce"},
	{&BasicAck{DeliveryTag: 258, Multiple: true}, "01 0001 0000000d 003c 0050 0000000000000102 01 ce"},
	{&BasicNack{DeliveryTag: 1, Requeue: true}, "01 0001 0000000d 003c 0078 0000000000000001 02 ce"},
	{&ConfirmSelect{NoWait: true}, "01 0001 00000005 0055 000a 01 ce"},
	{
		&ChannelClose{ReplyCode: 404, ReplyText: []byte("NOT_FOUND"), ClassID: 60, MethodID: 40},
		"01 0001 00000014 0014 0028 0194 09 4e4f545f464f554e44 003c 0028 ce",
	},
}

func TestGoldenFrames(t *testing.T) {
	for _, tt := range golden {
		want, err := hex.DecodeString(strings.ReplaceAll(tt.frame, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		if got := AppendMethod(nil, 1, tt.m); !bytes.Equal(got, want) {
			t.Errorf("%s is %x, want %x", tt.m.ID(), got, want)
		}
		f, err := NewReader(bytes.NewReader(want), 4096).ReadFrame()
		if err != nil || f.Type != FrameMethod || f.Channel != 1 {
			t.Fatalf("%s: %+v, %v", tt.m.ID(), f, err)
		}
		id, arguments, ok := SplitMethod(f.Payload)
		if !ok || id != tt.m.ID() {
			t.Fatalf("%s: read as %s, %v", tt.m.ID(), id, ok)
		}
		m := NewMethod(id)
		if err := m.ReadFrom(arguments); err != nil {
			t.Fatal(err)
		}
		if got := AppendMethod(nil, 1, m); !bytes.Equal(got, want) {
			t.Errorf("%s again is %x, want %x", id, got, want)
		}
	}
}

func TestReplyCodes(t *testing.T) {
	if NotFound.Hard() || !NotAllowed.Hard() || PreconditionFailed.Hard() || !ConnectionForced.Hard() {
		t.Error("hard and soft are mixed up")
	}
	if PreconditionFailed.String() != "PRECONDITION_FAILED" || NoRoute.String() != "NO_ROUTE" {
		t.Errorf("%s, %s", PreconditionFailed, NoRoute)
	}
	if got := appendShortstr(nil, bytes.Repeat([]byte("x"), 300)); len(got) != 256 || got[0] != 255 {
		t.Errorf("a long reply text has %d bytes", len(got))
	}
}

func TestContent(t *testing.T) {
	set := property.Set{ContentType: "text/plain", Headers: property.Table{{Name: "n", Value: int32(1)}}}
	block, err := set.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	body := bytes.Repeat([]byte("0123456789"), 1000)
	stream := AppendContent(nil, 7, ClassBasic, block, body, 4096)
	for name, src := range map[string]io.Reader{
		"at once":      bytes.NewReader(stream),
		"byte by byte": iotest.OneByteReader(bytes.NewReader(stream)),
		"with error":   iotest.DataErrReader(bytes.NewReader(stream)),
	} {
		r := NewReader(src, 4096)
		f, err := r.ReadFrame()
		if err != nil || f.Type != FrameHeader || f.Channel != 7 {
			t.Fatalf("%s: %+v, %v", name, f, err)
		}
		h, err := ParseContentHeader(f.Payload)
		if err != nil || h.Class != ClassBasic || h.BodySize != 10000 || !bytes.Equal(h.Properties, block) {
			t.Fatalf("%s: %+v, %v", name, h, err)
		}
		var got []byte
		for range 3 {
			f, err := r.ReadFrame()
			if err != nil || f.Type != FrameBody {
				t.Fatalf("%s: %+v, %v", name, f, err)
			}
			got = append(got, f.Payload...)
		}
		if !bytes.Equal(got, body) {
			t.Errorf("%s: another body", name)
		}
		if _, err := r.ReadFrame(); !errors.Is(err, io.EOF) {
			t.Errorf("%s: after the end %v", name, err)
		}
	}
	if got := AppendContent(nil, 1, ClassBasic, nil, nil, 4096); len(got) != FrameOverhead+14 {
		t.Errorf("an empty content has %d bytes", len(got))
	}
	if _, err := ParseContentHeader(make([]byte, 13)); !errors.Is(err, property.ErrMalformed) {
		t.Errorf("short header: %v", err)
	}
}

func TestBadFrames(t *testing.T) {
	var e *BadFrameError
	large := []byte{1, 0, 0, 0xff, 0xff, 0xff, 0xff}
	if _, err := NewReader(bytes.NewReader(large), 4096).ReadFrame(); !errors.As(err, &e) || !errors.Is(err, ErrFrameTooLarge) || e.Max != 4088 {
		t.Errorf("large: %v", err)
	}
	if _, err := NewReader(strings.NewReader("\x08\x00\x00\x00\x00\x00\x00\xcd"), 4096).ReadFrame(); !errors.As(err, &e) || !errors.Is(err, ErrFrameEnd) || e.End != 0xcd {
		t.Errorf("end: %v", err)
	}
	for n := 1; n < 8; n++ {
		if _, err := NewReader(bytes.NewReader(AppendHeartbeat(nil)[:n]), 4096).ReadFrame(); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	b, err := NewReader(strings.NewReader("GET "), 4096).ReadProtocolHeader()
	if string(b) != "GET " || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("header %q, %v", b, err)
	}
}

// A frame larger than the buffer, then many small ones: the buffer grows to what
// is needed and no further, and no frame is lost.
func TestReaderBuffer(t *testing.T) {
	large := make([]byte, 1<<20)
	stream := AppendContent(nil, 1, ClassBasic, nil, large, 2<<20)
	for range 10000 {
		stream = AppendMethod(stream, 1, &BasicAck{DeliveryTag: 1})
	}
	r, n := NewReader(bytes.NewReader(stream), 2<<20), 0
	for {
		_, err := r.ReadFrame()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 10002 || len(r.buf) > len(large)+FrameOverhead {
		t.Errorf("%d frames, buffer of %d bytes", n, len(r.buf))
	}
}

type endless struct{ frame []byte }

func (e endless) Read(b []byte) (n int, err error) {
	for n+len(e.frame) <= len(b) {
		n += copy(b[n:], e.frame)
	}
	return n, nil
}

func TestHotPathAllocatesNothing(t *testing.T) {
	r := NewReader(endless{AppendMethod(nil, 1, &BasicPublish{Exchange: []byte("x"), RoutingKey: []byte("k")})}, 4096)
	for range 10000 { // let the buffer grow
		if _, err := r.ReadFrame(); err != nil {
			t.Fatal(err)
		}
	}
	out, exchange, key := make([]byte, 0, 4096), strings.Repeat("x", 100), strings.Repeat("k", 100)
	if n := testing.AllocsPerRun(1000, func() {
		f, err := r.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		_, arguments, _ := SplitMethod(f.Payload)
		var m BasicPublish
		if err := m.ReadFrom(arguments); err != nil || len(m.Exchange) != 1 {
			t.Fatal(err)
		}
		d := BasicDeliver{ConsumerTag: m.Exchange, Exchange: []byte(exchange), RoutingKey: []byte(key)}
		b, at := BeginMethod(out, 1, IDBasicDeliver)
		out = EndFrame(d.AppendTo(b), at)[:0]
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
