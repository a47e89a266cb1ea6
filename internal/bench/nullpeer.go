package bench

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
)

// The null peer speaks just enough AMQP 0-9-1 for the scenarios and stores
// nothing: it confirms what it has read and delivers one body again and again.
// Measured against it, the client shows what it can do at most on a machine
// that it shares with a broker.

// ServeNull accepts connections until the context ends.
func ServeNull(ctx context.Context, l net.Listener) error {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	for {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("accept: %w", err)
		}
		go func() {
			defer conn.Close()
			p := nullPeer{in: bufio.NewReaderSize(conn, 1<<16), out: bufio.NewWriterSize(conn, 1<<16), channels: map[uint16]*nullChannel{}}
			// A client that goes away has what it wanted.
			_ = p.serve()
		}()
	}
}

// The methods that the scenarios use: class in the upper half, method in the
// lower.
const (
	connectionStart   = 10<<16 | 10
	connectionStartOk = 10<<16 | 11
	connectionTune    = 10<<16 | 30
	connectionTuneOk  = 10<<16 | 31
	connectionOpen    = 10<<16 | 40
	connectionOpenOk  = 10<<16 | 41
	connectionClose   = 10<<16 | 50
	connectionCloseOk = 10<<16 | 51
	channelOpen       = 20<<16 | 10
	channelOpenOk     = 20<<16 | 11
	channelClose      = 20<<16 | 40
	channelCloseOk    = 20<<16 | 41
	queueDeclare      = 50<<16 | 10
	queueDeclareOk    = 50<<16 | 11
	queueDelete       = 50<<16 | 40
	queueDeleteOk     = 50<<16 | 41
	basicQos          = 60<<16 | 10
	basicQosOk        = 60<<16 | 11
	basicConsume      = 60<<16 | 20
	basicConsumeOk    = 60<<16 | 21
	basicPublish      = 60<<16 | 40
	basicDeliver      = 60<<16 | 60
	basicAck          = 60<<16 | 80
	confirmSelect     = 85<<16 | 10
	confirmSelectOk   = 85<<16 | 11
)

const (
	frameMethod = 1
	frameHeader = 2
	frameBody   = 3
	frameEnd    = 0xCE
	frameMax    = 128 << 10
)

type nullPeer struct {
	in       *bufio.Reader
	out      *bufio.Writer
	channels map[uint16]*nullChannel
	frame    []byte
}

type nullChannel struct {
	published, confirmed uint64
	tag                  []byte // of the consumer, with its length; nil when there is none
	prefetch             int
	sent, acked          uint64
}

func (p *nullPeer) serve() error {
	if _, err := io.CopyN(io.Discard, p.in, 8); err != nil { // the protocol header
		return err
	}
	start := []byte{0, 9}
	start = binary.BigEndian.AppendUint32(start, 0) // no server properties
	start = appendLong(start, "PLAIN")
	start = appendLong(start, "en_US")
	p.method(0, connectionStart, start)
	for {
		// Answers wait until everything that has come was read: batching comes
		// from load.
		if p.in.Buffered() == 0 {
			p.confirm()
			if err := p.out.Flush(); err != nil {
				return err
			}
		}
		if err := p.read(); err != nil {
			return err
		}
	}
}

func appendLong(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

func (p *nullPeer) read() error {
	var head [7]byte
	if _, err := io.ReadFull(p.in, head[:]); err != nil {
		return err
	}
	channel, size := binary.BigEndian.Uint16(head[1:]), int(binary.BigEndian.Uint32(head[3:]))
	if size > frameMax {
		return errors.New("frame too large")
	}
	if head[0] == frameBody {
		_, err := p.in.Discard(size + 1)
		return err
	}
	p.frame = append(p.frame[:0], make([]byte, size+1)...)
	if _, err := io.ReadFull(p.in, p.frame); err != nil {
		return err
	}
	if head[0] != frameMethod || size < 4 {
		return nil
	}
	return p.handle(channel, binary.BigEndian.Uint32(p.frame), p.frame[4:size])
}

func (p *nullPeer) handle(channel uint16, method uint32, args []byte) error {
	c := p.channels[channel]
	if c == nil {
		c = &nullChannel{}
		p.channels[channel] = c
	}
	switch method {
	case connectionStartOk:
		tune := binary.BigEndian.AppendUint16(nil, 2047)
		tune = binary.BigEndian.AppendUint32(tune, frameMax)
		p.method(0, connectionTune, binary.BigEndian.AppendUint16(tune, 0))
	case connectionTuneOk:
	case connectionOpen:
		p.method(0, connectionOpenOk, []byte{0})
	case channelOpen:
		p.method(channel, channelOpenOk, []byte{0, 0, 0, 0})
	case confirmSelect:
		p.method(channel, confirmSelectOk, nil)
	case queueDeclare:
		name := args[2 : 3+int(args[2])]
		p.method(channel, queueDeclareOk, append(append([]byte{}, name...), make([]byte, 8)...))
	case queueDelete:
		p.method(channel, queueDeleteOk, make([]byte, 4))
	case basicPublish:
		c.published++
	case basicQos:
		c.prefetch = int(binary.BigEndian.Uint16(args[4:]))
		p.method(channel, basicQosOk, nil)
	case basicConsume:
		tag := args[3+int(args[2]):]
		c.tag = append([]byte{}, tag[:1+int(tag[0])]...)
		p.method(channel, basicConsumeOk, c.tag)
		p.deliver(channel, c)
	case basicAck:
		c.acked = binary.BigEndian.Uint64(args) // one by one or multiple, always in order
		p.deliver(channel, c)
	case channelClose:
		delete(p.channels, channel)
		p.method(channel, channelCloseOk, nil)
	case connectionClose:
		p.method(0, connectionCloseOk, nil)
		return errors.Join(p.out.Flush(), io.EOF)
	default:
		return fmt.Errorf("method %d.%d is not one that the scenarios use", method>>16, method&0xFFFF)
	}
	return nil
}

// method writes a method frame; errors of the buffered writer stay for Flush.
func (p *nullPeer) method(channel uint16, method uint32, args []byte) {
	p.start(frameMethod, channel, 4+len(args))
	b := binary.BigEndian.AppendUint32(p.out.AvailableBuffer(), method)
	_, _ = p.out.Write(append(append(b, args...), frameEnd))
}

func (p *nullPeer) start(kind byte, channel uint16, size int) {
	b := binary.BigEndian.AppendUint16(append(p.out.AvailableBuffer(), kind), channel)
	_, _ = p.out.Write(binary.BigEndian.AppendUint32(b, uint32(size)))
}

// confirm answers for everything published since the last time.
func (p *nullPeer) confirm() {
	for channel, c := range p.channels {
		if c.published > c.confirmed {
			c.confirmed = c.published
			p.method(channel, basicAck, append(binary.BigEndian.AppendUint64(nil, c.confirmed), 1))
		}
	}
}

// nullBody is what is delivered.
var nullBody = make([]byte, 1024)

// deliver fills the consumer's window.
func (p *nullPeer) deliver(channel uint16, c *nullChannel) {
	for c.tag != nil && c.sent-c.acked < uint64(c.prefetch) {
		c.sent++
		args := binary.BigEndian.AppendUint64(append([]byte{}, c.tag...), c.sent)
		p.method(channel, basicDeliver, append(args, 0, 0, 0)) // not redelivered, no exchange, no key
		p.start(frameHeader, channel, 14)
		b := binary.BigEndian.AppendUint32(p.out.AvailableBuffer(), 60<<16)
		b = binary.BigEndian.AppendUint64(b, uint64(len(nullBody)))
		_, _ = p.out.Write(append(b, 0, 0, frameEnd))
		p.start(frameBody, channel, len(nullBody))
		_, _ = p.out.Write(nullBody)
		_ = p.out.WriteByte(frameEnd)
	}
}
