package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/portico-mq/portico/broker"
)

// fetch calls visit for up to maxEntries entries of a subject, from sequence from on and about maxBytes, in order: one
// batched direct get (ADR-31), which needs no consumer, so that any number can be under way.
func (sh *shard) fetch(ctx context.Context, stream, subject string, from uint64, maxEntries, maxBytes int,
	visit func(seq uint64, payload []byte) error,
) error {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	failed := func(err error) error {
		return &broker.Error{Kind: broker.KindUnavailable, Err: fmt.Errorf("jetstream: reading %s: %w", stream, err)}
	}
	request, err := json.Marshal(map[string]any{
		"seq": max(from, 1), "batch": maxEntries, "max_bytes": maxBytes, "next_by_subj": subject,
	})
	if err != nil {
		return err
	}
	inbox := sh.nc.NewRespInbox()
	answers := make(chan *nats.Msg, maxEntries+1) // all of them, and a status
	sub, err := sh.nc.ChanSubscribe(inbox, answers)
	if err != nil {
		return failed(err)
	}
	defer func() { _ = sub.Unsubscribe() }() // the connection closing does as well
	if err := sh.nc.PublishRequest("$JS.API.DIRECT.GET."+stream, inbox, request); err != nil {
		return failed(err)
	}
	for {
		var msg *nats.Msg
		select {
		case msg = <-answers:
		case <-ctx.Done():
			return failed(ctx.Err())
		}
		switch status := msg.Header.Get("Status"); status {
		case "":
			seq, err := headerSequence(msg)
			if err == nil {
				err = visit(seq, msg.Data)
			}
			if err != nil {
				return failed(err)
			}
		case "204", "404": // the end of a batch; nothing there
			return nil
		default:
			return failed(errors.New("status " + status))
		}
	}
}
