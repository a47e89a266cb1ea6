package stomp

import (
	"context"
	"strconv"
	"strings"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
	"github.com/portico-mq/portico/gateway/stomp/wire"
)

// What is scheduled can be looked at and removed: by a SEND to ActiveMQ.Scheduler.Management, as a topic or a queue. Nothing
// is ever stored there. A client manages what waits in the queues that it may read, and its user's jobs.

const (
	// schedulerManagement begins the destination's name, in any case.
	schedulerManagement = "activemq.scheduler.management"
	schedulerAction     = "AMQ_SCHEDULER_ACTION" // one of BROWSE, REMOVE, REMOVEALL; any other does nothing
	actionStart         = "ACTION_START_TIME"    // with actionEnd: what is next between these only, in ms since 1970
	actionEnd           = "ACTION_END_TIME"
)

// managesSchedules reports whether a SEND is for the scheduler.
func (r *route) managesSchedules() bool {
	for _, p := range r.places {
		if len(p.name) >= len(schedulerManagement) && strings.EqualFold(p.name[:len(schedulerManagement)], schedulerManagement) {
			return true
		}
	}
	return false
}

// scheduledItem is a scheduled message that has not come yet, or a job.
type scheduledItem struct {
	job    string
	next   int64 // in milliseconds since 1970
	to     string
	props  property.Block
	body   []byte
	queue  string // with handle: where it waits
	handle broker.Handle
}

// manageSchedules does what a SEND asks of the scheduler.
func (d activemq) manageSchedules(ctx context.Context, c *conn, f *wire.Frame) error {
	first, last := int64(0), int64(1<<62)
	if start, ok := f.Get(actionStart); ok {
		if end, ok := f.Get(actionEnd); ok {
			var err error
			if first, err = longValue(start); err != nil {
				return err
			}
			if last, err = longValue(end); err != nil {
				return err
			}
		}
	}
	var wanted func(i *scheduledItem) bool
	between := func(i *scheduledItem) bool { return first <= i.next && i.next <= last }
	action := value(f, schedulerAction, "")
	switch action {
	case "BROWSE", "REMOVEALL":
		wanted = between
	case "REMOVE":
		id, ok := f.Get(scheduledJobHeader)
		wanted = func(i *scheduledItem) bool { return ok && i.job == string(id) }
	default:
		c.receipt(f)
		return nil
	}
	items, err := c.scheduled(ctx, wanted)
	switch {
	case err != nil:
		return err
	case action == "BROWSE":
		return d.showScheduled(ctx, c, f, items)
	default:
		return c.removeScheduled(ctx, f, items)
	}
}

func longValue(text []byte) (int64, error) {
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		return 0, activeMQFatal("For input string: \"" + string(text) + "\"")
	}
	return n, nil
}

// scheduled finds what is scheduled and wanted, as far as the client may read and the next bytes reach.
func (c *conn) scheduled(ctx context.Context, wanted func(*scheduledItem) bool) ([]scheduledItem, error) {
	var items []scheduledItem
	bytes := 0
	for _, j := range c.server.scheduler.jobs(c.session.Namespace()) {
		if j.User != c.session.Principal().Name() {
			continue
		}
		to := &route{}
		for _, p := range j.Places {
			to.places = append(to.places, place{topic: p.Topic, name: p.Name})
		}
		i := scheduledItem{job: j.ID, next: j.Next, to: to.String(), props: j.Properties, body: j.Body}
		if wanted(&i) {
			items = append(items, i)
		}
	}
	for queue, info := range c.session.QueueCounts() {
		if info.Delayed == 0 {
			continue
		}
		err := c.session.BrowseDelayed(ctx, queue, func(h broker.Handle, m *broker.Message) bool {
			i, ok := c.scheduledIn(queue, m)
			if i.handle = h; ok && wanted(&i) {
				items = append(items, i)
				bytes += m.Size()
			}
			return bytes < maxTransactionBytes
		})
		if err != nil && !broker.IsKind(err, broker.KindDenied) && !broker.IsKind(err, broker.KindLocked) &&
			!broker.IsKind(err, broker.KindNotFound) {
			return nil, err
		}
	}
	return items, nil
}

// scheduledIn describes a message that waits in a queue; ok tells that a schedule put it there.
func (c *conn) scheduledIn(queue string, m *broker.Message) (i scheduledItem, ok bool) {
	id, ok := m.Properties().Headers().Lookup(scheduledJobHeader)
	if !ok {
		return i, false
	}
	job, _ := id.Bytes()
	to := place{name: queue}
	if m.Exchange() == c.server.opts.TopicExchange {
		to = place{topic: true, name: m.Key()}
	}
	due, _ := m.Due()
	return scheduledItem{
		job: string(job), next: due.UnixMilli(), to: to.String(), props: m.Properties(), body: m.Body(), queue: queue,
	}, true
}

// showScheduled sends a copy of each to the reply-to.
func (d activemq) showScheduled(ctx context.Context, c *conn, f *wire.Frame, items []scheduledItem) error {
	to, ok := f.Get("reply-to")
	if !ok {
		c.receipt(f)
		return nil
	}
	r, err := d.parse(c, string(to))
	if err != nil {
		return err
	}
	if err := c.authorizeAll(rightToWrite, r.places); err != nil {
		return err
	}
	places, err := d.targets(ctx, c, r)
	if err != nil {
		return err
	}
	var messages []*broker.Message
	for _, i := range items {
		set, err := i.props.Decode()
		if err != nil {
			return err
		}
		headers := make(property.Table, 0, len(set.Headers)+2)
		for _, h := range set.Headers {
			if h.Name != broker.DueHeader && h.Name != scheduledJobHeader && h.Name != originalHeader {
				headers = append(headers, h)
			}
		}
		set.Headers = append(
			headers, property.Field{Name: scheduledJobHeader, Value: i.job}, property.Field{Name: originalHeader, Value: i.to},
		)
		set.MessageID, set.Type, set.CorrelationID, set.Expiration = c.nextMessageID(), "Advisory", "", ""
		set.Flags = set.Flags&^(property.FlagCorrelationID|property.FlagExpiration) | property.FlagType
		block, err := set.Append(nil)
		if err != nil {
			return err
		}
		for _, p := range places {
			messages = append(messages, c.server.messageFor(p, block, i.body))
		}
	}
	return d.publishTogether(c, f, messages)
}

// removeScheduled removes what is scheduled. The receipt means that it is gone for good; what came meanwhile has come.
func (c *conn) removeScheduled(ctx context.Context, f *wire.Frame, items []scheduledItem) error {
	waits := make(chan error, len(items))
	left := 0
	for _, i := range items {
		if i.queue == "" {
			if err := c.server.scheduler.remove(c.session.Namespace(), i.job); err != nil {
				return err
			}
			continue
		}
		err := c.session.Discard(ctx, i.queue, i.handle, broker.CompletionFunc(func(err error) { waits <- err }))
		switch {
		case err == nil:
			left++
		case !broker.IsKind(err, broker.KindStaleLease) && !broker.IsKind(err, broker.KindNotFound):
			return err
		}
	}
	for range left {
		if err := <-waits; err != nil {
			return err
		}
	}
	c.receipt(f)
	return nil
}
