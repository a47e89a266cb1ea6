package sns

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/portico-mq/portico/adapters/awsmessage"
	"github.com/portico-mq/portico/adapters/sns/retry"
	"github.com/portico-mq/portico/broker"
)

// A courier takes a subscription's messages out of its queue and delivers them. A message is leased
// while it is delivered; one that failed stays leased until it is tried again, and how often it was
// tried is the broker's count of it, so that all of this outlives a restart, and no message waits for
// another one's retries.
type courier struct {
	adapter *Adapter
	rule    *rule
	*subscription
	transport transport
	policy    retry.Policy
	display   string // the topic's DisplayName
	pace      *pace
	stop      context.CancelFunc
}

// transport delivers to endpoints of one protocol.
type transport interface {
	// deliver delivers one message. An error that wraps errRefused is final, others are tried again.
	deliver(ctx context.Context, c *courier, m *broker.Message, n *notice) error
	// patience is how long one delivery may take.
	patience() time.Duration
	// schedule is when failed deliveries are tried again; nil: as the delivery policy says.
	schedule() *retry.Schedule
}

// errRefused is in the chain of an error that no retry can mend.
var errRefused = errors.New("the endpoint refused the message")

const (
	// deliveriesAtOnce bounds how many messages one courier has under way at once.
	deliveriesAtOnce = 16
	// maxWaiting bounds how many of a subscription's messages are under way or wait to be tried again: they
	// are in memory. The others wait in the queue, which the courier looks at again after waitingPause.
	maxWaiting   = 1000
	waitingPause = 200 * time.Millisecond
	// courierWait is how long a courier waits for messages at a time.
	courierWait = 20 * time.Second
	// leaseReserve is how much longer a message is leased than its delivery may take.
	leaseReserve = 30 * time.Second
	// courierPause is how long a courier rests when the broker fails it.
	courierPause = time.Second
)

// couriers are all that run. It is safe for concurrent use.
type couriers struct {
	mu      sync.Mutex
	running map[string]*courier // by the subscription's ARN
	work    sync.WaitGroup      // those that were ended and still deliver count too
}

// start starts a courier for a subscription, in place of the one that it has.
func (cs *couriers) start(a *Adapter, s *subscription, t *topic) {
	cs.end(s)
	ctx, stop := context.WithCancel(a.taking)
	c := &courier{
		adapter: a, subscription: s, transport: a.transportFor(s), policy: s.delivery(t.record.Attributes[deliveryPolicy]), stop: stop,
		display: t.record.Attributes[displayName],
		rule:    &rule{rules: a.rules, ruleRecord: s.record(t)},
	}
	if t := c.policy.Throttle; t != nil && t.MaxReceivesPerSecond != nil {
		c.pace = newPace(*t.MaxReceivesPerSecond)
	}
	cs.mu.Lock()
	if cs.running == nil {
		cs.running = make(map[string]*courier)
	}
	cs.running[s.ARN] = c
	cs.mu.Unlock()
	cs.work.Go(func() { c.run(ctx) })
}

// end lets a subscription's courier take no more messages; it finishes those that it has.
func (cs *couriers) end(s *subscription) {
	cs.mu.Lock()
	c := cs.running[s.ARN]
	delete(cs.running, s.ARN)
	cs.mu.Unlock()
	if c != nil {
		c.stop()
	}
}

// run takes messages until taking ends, and delivers them until the adapter is closed.
func (c *courier) run(taking context.Context) {
	session, err := c.adapter.session(taking, c.namespace)
	if err != nil {
		return // the namespace is gone, and the subscription with it
	}
	defer session.Close()
	slots := make(chan struct{}, c.atOnce())
	var running sync.WaitGroup
	defer running.Wait()
	for taking.Err() == nil {
		if info, err := session.Queue(taking, c.queueName()); err == nil && info.Unacked >= maxWaiting {
			sleep(taking, waitingPause)
			continue
		}
		free := claim(taking, slots)
		if free == 0 {
			return
		}
		got, _, err := session.Get(taking, c.queueName(), broker.GetOptions{
			Max: free, Lease: c.transport.patience() + leaseReserve, Wait: courierWait,
		})
		for range free - len(got) {
			<-slots
		}
		if err != nil {
			if broker.IsKind(err, broker.KindNotFound) || errors.Is(err, broker.ErrClosed) {
				return
			}
			sleep(taking, courierPause)
		}
		for _, d := range got {
			running.Go(func() {
				defer func() { <-slots }()
				c.attempt(c.adapter.running, session, d)
			})
		}
	}
}

// atOnce is how many messages the courier delivers at the same time. To a FIFO queue it is one after the other; one that
// waits to be tried again holds back its group, which is the queue's order, and no other.
func (c *courier) atOnce() int {
	if c.rule.FIFO {
		return 1
	}
	return deliveriesAtOnce
}

// claim waits for one slot, and takes what others are free as well.
func claim(ctx context.Context, slots chan struct{}) int {
	select {
	case slots <- struct{}{}:
	case <-ctx.Done():
		return 0
	}
	for n := 1; ; n++ {
		select {
		case slots <- struct{}{}:
		default:
			return n
		}
	}
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// attempt delivers a message once and sees to what becomes of it.
func (c *courier) attempt(ctx context.Context, session *broker.Session, d broker.Delivery) {
	if c.pace != nil {
		c.pace.wait(ctx)
	}
	limited, cancel := context.WithTimeout(ctx, c.transport.patience())
	defer cancel()
	content := awsmessage.Read(d.Message.Properties())
	n := newNotice(d.Message, &content, c.Protocol)
	err := c.transport.deliver(limited, c, d.Message, n)
	if ctx.Err() != nil {
		// Not the endpoint's fault: as if it had never been taken.
		_ = session.Settle(broker.Release, nil, d.Lease)
		return
	}
	if err == nil {
		c.settle(session, d)
		return
	}
	schedule := c.transport.schedule()
	if schedule == nil {
		schedule = c.policy.Healthy
	}
	if !errors.Is(err, errRefused) {
		if delay, again := schedule.Delay(int(d.Count) + 1); again {
			// A lease that has gone already comes back by itself.
			_ = session.Extend(max(delay, time.Millisecond), d.Lease)
			return
		}
	}
	c.giveUp(ctx, session, d, err)
}

func (c *courier) settle(session *broker.Session, d broker.Delivery) {
	// A lease that has gone comes back, and is delivered once more: at least once is what is promised.
	_ = session.Settle(broker.Ack, nil, d.Lease)
}

// giveUp moves a message that cannot be delivered to the dead-letter queue, or drops it where there is
// none, as the service does.
func (c *courier) giveUp(ctx context.Context, session *broker.Session, d broker.Delivery, cause error) {
	log := c.adapter.log.With("proto", "sns", "subscription", c.ARN, "endpoint", c.shownEndpoint(), "attempts", d.Count+1, "err", cause)
	dead := c.deadLetters()
	if dead == "" {
		log.Warn("a message could not be delivered and is dropped: the subscription has no dead-letter queue")
		c.settle(session, d)
		return
	}
	target, bad := parseARN(dead, "")
	if !c.adapter.rules.guard.Load().allowsNow(ctx, dead, c.Topic) {
		log.Warn("a message could not be delivered and is dropped: the policy of the dead-letter queue does not let SNS send to it", "queue", dead)
		c.settle(session, d)
		return
	}
	if bad == nil {
		err := c.adapter.sendTo(ctx, target, c.rule.forQueue(d.Message))
		if err == nil {
			c.settle(session, d)
			return
		}
		if !broker.IsKind(err, broker.KindNotFound) {
			_ = session.Extend(courierPause, d.Lease) // the broker takes nothing now: later
			return
		}
	}
	log.Warn("a message could not be delivered and is dropped: the dead-letter queue does not exist", "queue", dead)
	c.settle(session, d)
}

// sendTo sends a message to a queue and waits until it is stored.
func (a *Adapter) sendTo(ctx context.Context, queue arn, m *broker.Message) error {
	session, err := a.session(ctx, a.namespaceOf(queue))
	if err != nil {
		return err
	}
	defer session.Close()
	if _, err := session.QueueSpec(queue.resource); err != nil {
		return err
	}
	p := make(pending, 1)
	out := broker.NewMessage("", queue.resource, m.Properties(), m.Body())
	sent, err := session.Publish(out, p)
	if err != nil || sent == 0 {
		return err
	}
	return p.wait(ctx)
}

// pace bounds a rate.
type pace struct {
	mu       sync.Mutex
	next     time.Time
	interval time.Duration
}

func newPace(perSecond int) *pace { return &pace{interval: time.Second / time.Duration(perSecond)} }

// wait waits for its turn.
func (p *pace) wait(ctx context.Context) {
	p.mu.Lock()
	now := time.Now()
	if p.next.Before(now) {
		p.next = now
	}
	d := p.next.Sub(now)
	p.next = p.next.Add(p.interval)
	p.mu.Unlock()
	if d > 0 {
		sleep(ctx, d)
	}
}
