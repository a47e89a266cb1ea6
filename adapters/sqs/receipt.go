package sqs

import (
	"encoding/binary"
	"time"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
)

// receipt is what a receipt handle holds. It is sealed for one queue, so that a handle is worth
// nothing at another one, nor at a queue of the same name made after the first was deleted.
type receipt struct {
	handle   broker.Handle
	received time.Time // the time of the receive; visibility is bounded from it
}

const (
	receiptVersion = 1
	receiptLength  = 1 + 8 + 8 + 4 + 8
)

func (a *adapter) sealReceipt(r receipt) string {
	b := make([]byte, 0, receiptLength)
	b = append(b, receiptVersion)
	b = binary.BigEndian.AppendUint64(b, r.handle.Epoch)
	b = binary.BigEndian.AppendUint64(b, r.handle.Sequence)
	b = binary.BigEndian.AppendUint32(b, r.handle.Turn)
	b = binary.BigEndian.AppendUint64(b, uint64(r.received.UnixMilli()))
	return a.receipts.Seal(b, r.handle.QueueID)
}

// openReceipt reads a handle that a client sent for the queue.
func (a *adapter) openReceipt(q *queue, text string) (receipt, *awsproto.Error) {
	if text == "" {
		return receipt{}, missingParameter("ReceiptHandle")
	}
	b, ok := a.receipts.Open(text, q.identity.ID)
	if !ok || len(b) != receiptLength || b[0] != receiptVersion {
		return receipt{}, receiptHandleInvalid(text)
	}
	return receipt{
		handle: broker.Handle{
			QueueID:  q.identity.ID,
			Epoch:    binary.BigEndian.Uint64(b[1:]),
			Sequence: binary.BigEndian.Uint64(b[9:]),
			Turn:     binary.BigEndian.Uint32(b[17:]),
		},
		received: time.UnixMilli(int64(binary.BigEndian.Uint64(b[21:]))),
	}, nil
}
