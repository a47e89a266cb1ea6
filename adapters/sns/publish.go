package sns

import (
	"context"
	"strings"

	"github.com/portico-mq/portico/adapters/awsmessage"
	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
)

// publish [SNS Publish] answers when what every subscription is to get is stored and synced. What goes
// to a telephone or a device is answered when the outbox has it.
func (a *Adapter) publish(ctx context.Context, c *awsproto.Call, in *publishInput) (*publishOutput, error) {
	target, parameter := in.TargetARN, "TargetArn"
	switch {
	case in.PhoneNumber != "":
		return a.publishSMS(ctx, c, in)
	case in.TopicARN != nil && in.TargetARN != "":
		return nil, invalidParameter("TopicArn or TargetArn Reason: both are given")
	case in.TopicARN == nil && in.TargetARN == "":
		return nil, invalidParameter("TopicArn or TargetArn Reason: no value for required parameter")
	case in.TopicARN != nil:
		if target, parameter = *in.TopicARN, "TopicArn"; target == "" {
			return nil, invalidParameter("TopicArn Reason: An ARN must have at least 6 elements, not 1")
		}
	}
	if strings.Contains(target, ":endpoint/") {
		return a.publishToDevice(ctx, c, target, in)
	}
	t, err := a.findTopic(ctx, c, target, parameter)
	if err != nil {
		return nil, err
	}
	defer t.session.Close()
	m, bad := t.newMessage(c, &in.messageInput)
	if bad != nil {
		return nil, bad
	}
	sent := a.send(ctx, t, m)
	return sent.wait(ctx)
}

// outgoing is a message with its id.
type outgoing struct {
	id      string
	message *broker.Message
}

// sending is a message on its way.
type sending struct {
	id   string
	err  error
	done pending // nil for one that no subscription wants
	fifo func(context.Context) (*publishOutput, error)
}

// pending is told when a message is stored.
type pending chan error

// Done implements broker.Completion.
func (p pending) Done(err error) { p <- err }

func (p pending) wait(ctx context.Context) error {
	select {
	case err := <-p:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// send starts publishing a message.
func (a *Adapter) send(ctx context.Context, t *topic, m *outgoing) *sending {
	s := &sending{id: m.id}
	if len(a.broker.Alarms()) > 0 { // what is left of memory or disk is for settling
		s.err = unavailable
		return s
	}
	if t.fifo() {
		s.fifo, s.err = a.sendFIFO(ctx, t, m)
		return s
	}
	p := make(pending, 1)
	n, err := t.session.Publish(m.message, p)
	if s.err = err; err == nil && n > 0 {
		s.done = p
	}
	return s
}

// wait gives the answer to a publication.
func (s *sending) wait(ctx context.Context) (*publishOutput, error) {
	switch {
	case s.err != nil:
		return nil, s.err
	case s.fifo != nil:
		return s.fifo(ctx)
	case s.done != nil:
		if err := s.done.wait(ctx); err != nil {
			return nil, err
		}
	}
	return &publishOutput{MessageID: s.id}, nil
}

// newMessage makes the broker's message for what a client published.
func (t *topic) newMessage(c *awsproto.Call, in *messageInput) (*outgoing, *awsproto.Error) {
	text, texts, bad := in.check()
	if bad == nil {
		bad = t.checkGroup(in)
	}
	if bad == nil {
		bad = checkAttributes(in.MessageAttributes)
	}
	if bad != nil {
		return nil, bad
	}
	if in.size() > t.maxSize() {
		return nil, invalidParameter("Message too long")
	}
	content := awsmessage.Content{ID: awsproto.NewID(), Sender: c.Account, Trace: awsmessage.TraceOf(c.Trace), Attributes: in.MessageAttributes, Texts: texts}
	if in.Subject != nil {
		content.Subject = *in.Subject
	}
	t.setGroup(&content, in)
	block, err := content.Block()
	if err != nil {
		return nil, invalidParameter("MessageAttributes")
	}
	return &outgoing{content.ID, broker.NewMessage(t.name, "", block, []byte(text))}, nil
}
