package sns

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/portico-mq/portico/adapters/awsmessage"
	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
)

// A FIFO topic has a queue of its own in front of its exchange. It orders what is published, numbers
// it, and knows for five minutes what was published before, over restarts: all of that is the
// broker's. A relay takes its messages from there and publishes them to the exchange, in order.

// lineName is the topic's queue, which SQS cannot spell.
func lineName(topicName string) string { return "sns.topic." + topicName }

// line is that queue as it is to be.
func (t *topic) line() broker.QueueSpec {
	within := broker.DeduplicateInQueue
	if t.record.Attributes[throughputScope] == "MessageGroup" {
		within = broker.DeduplicateInGroup
	}
	return broker.QueueSpec{
		Name: lineName(t.name), Durable: true, Ordered: true, Limits: &broker.QueueLimits{Deduplicate: within},
	}
}

// prepareFIFO makes what a FIFO topic has besides its exchange, or brings it up to date, and starts
// its relay.
func (a *Adapter) prepareFIFO(ctx context.Context, t *topic) error {
	spec := t.line()
	_, created, err := t.session.DeclareQueue(ctx, spec)
	if err == nil && !created {
		err = t.session.ConfigureQueue(ctx, spec.Name, frontEnd, nil, spec.Limits)
	}
	if err == nil {
		err = a.prepareArchive(ctx, t)
	}
	if err == nil {
		a.relays.start(a, topicKey{t.namespace, t.name})
	}
	return err
}

// dropFIFO removes it.
func (a *Adapter) dropFIFO(ctx context.Context, t *topic) error {
	if !t.fifo() {
		return nil
	}
	a.relays.end(topicKey{t.namespace, t.name})
	if _, err := t.session.DeleteQueue(ctx, lineName(t.name), false, false); err != nil && !broker.IsKind(err, broker.KindNotFound) {
		return err
	}
	if err := t.session.DeleteLog(ctx, archiveName(t.name)); err != nil && !broker.IsKind(err, broker.KindNotFound) {
		return err
	}
	return nil
}

// loadFIFO starts the relays of all FIFO topics, and goes on with replays.
func (a *Adapter) loadFIFO(ctx context.Context) error {
	for _, namespace := range a.broker.Namespaces() {
		session, err := a.session(ctx, namespace)
		if err != nil {
			return err
		}
		for _, spec := range session.Exchanges() {
			if isTopic(&spec) && isFIFO(spec.Name) {
				a.relays.start(a, topicKey{namespace, spec.Name})
			}
		}
		session.Close()
	}
	for _, s := range a.subscriptions.all() {
		if s.Replay != nil && s.Replay.Status == replayRunning {
			a.work.Go(func() { a.replay(s) })
		}
	}
	return nil
}

// checkGroup applies the rules of groups and deduplication.
func (t *topic) checkGroup(in *messageInput) *awsproto.Error {
	for _, id := range []struct{ name, value string }{
		{"MessageGroupId", in.MessageGroupID}, {"MessageDeduplicationId", in.MessageDeduplicationID},
	} {
		if id.value != "" && !validID(id.value) {
			return invalidParameter("%s Reason: %s can only include alphanumeric and punctuation characters. 1 to 128 in length.", id.name, id.name)
		}
	}
	switch {
	case !t.fifo() && in.MessageDeduplicationID != "":
		return invalidParameter("MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for this topic type")
	case t.fifo() && in.MessageGroupID == "":
		return invalidParameter("The MessageGroupId parameter is required for FIFO topics")
	case t.fifo() && in.MessageDeduplicationID == "" && t.record.Attributes[contentBased] != "true":
		return invalidParameter("The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly")
	}
	return nil
}

// maxID is the longest id of a group, or name of a message.
const maxID = 128

// validID tells ids of letters, digits and ASCII punctuation.
func validID(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != "" && len(s) <= maxID
}

func (t *topic) setGroup(content *awsmessage.Content, in *messageInput) {
	content.Group, content.DeduplicationID = in.MessageGroupID, in.MessageDeduplicationID
	if t.fifo() && content.DeduplicationID == "" {
		sum := sha256.Sum256([]byte(in.Message))
		content.DeduplicationID = hex.EncodeToString(sum[:])
	}
}

// sequenceText is a message's number as the service writes it.
func sequenceText(sequence uint64) string { return fmt.Sprintf("%020d", sequence) }

// receipt is what a Send was told.
type receipt struct {
	broker.Receipt
	err error
}

// sendFIFO puts a message into the topic's queue, from where it goes to the subscriptions.
func (a *Adapter) sendFIFO(ctx context.Context, t *topic, m *outgoing) (func(context.Context) (*publishOutput, error), error) {
	told := make(chan receipt, 1)
	send := func() error {
		return t.session.Send(ctx, lineName(t.name), m.message, func(r broker.Receipt, err error) { told <- receipt{r, err} })
	}
	err := send()
	if broker.IsKind(err, broker.KindNotFound) { // another front end declared the topic
		if err = a.prepareFIFO(ctx, t); err == nil {
			err = send()
		}
	}
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (*publishOutput, error) {
		select {
		case r := <-told:
			if r.err != nil {
				return nil, r.err
			}
			out := &publishOutput{MessageID: m.id, SequenceNumber: sequenceText(r.Sequence)}
			if r.Duplicate && r.MessageID != "" {
				out.MessageID = r.MessageID
			}
			return out, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}, nil
}
