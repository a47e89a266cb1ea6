package sqs

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/portico-mq/portico/adapters/awsmessage"
	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
)

// mover runs the move tasks.
type mover struct {
	broker *broker.Broker
	log    *slog.Logger
	ctx    context.Context // ends when the server stops; tasks go on at the next start
	stop   context.CancelFunc
	tasks  sync.WaitGroup

	mu     sync.Mutex
	active map[string]*moveTask // by source; their fields are under mu while they run
	wake   map[string]context.CancelFunc
}

const (
	moveBatch    = 10
	moveLease    = 5 * time.Minute
	moveProgress = time.Second // between two times that a task's progress is written down
	moveRetry    = time.Second // after what may be better then
)

// newMover goes on with the tasks that an earlier run of the server left.
func newMover(b *broker.Broker, log *slog.Logger) *mover {
	m := &mover{broker: b, log: log, active: make(map[string]*moveTask), wake: make(map[string]context.CancelFunc)}
	m.ctx, m.stop = context.WithCancel(context.Background())
	for _, t := range tasksOf(b, "") {
		if t.active() {
			m.start(t)
		}
	}
	return m
}

// close stops the tasks where they are.
func (m *mover) close() {
	m.stop()
	m.tasks.Wait()
}

// start runs a task; false when its source has an active one.
func (m *mover) start(t *moveTask) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.active[t.Source] != nil || m.ctx.Err() != nil {
		return false
	}
	ctx, cancel := context.WithCancel(m.ctx)
	m.active[t.Source], m.wake[t.Source] = t, cancel
	m.tasks.Go(func() {
		defer cancel()
		m.run(ctx, t)
	})
	return true
}

// cancel asks a task to stop, and tells how many messages it has moved; ok is false when it is over.
func (m *mover) cancel(source, id string) (moved int64, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.active[source]
	if t == nil || t.id != id {
		return 0, false
	}
	t.Status = moveCancelling
	m.wake[source]()
	return t.Moved, true
}

// look gives a task as it is now, if it is active.
func (m *mover) look(source, id string) (moveTask, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t := m.active[source]; t != nil && t.id == id {
		return *t, true
	}
	return moveTask{}, false
}

// run moves messages until there are none left, or the task is cancelled, or cannot go on.
func (m *mover) run(ctx context.Context, t *moveTask) {
	written := time.Now()
	for {
		m.mu.Lock()
		cancelled := t.Status == moveCancelling
		left := t.ToMove - t.Moved
		m.mu.Unlock()
		switch {
		case m.ctx.Err() != nil: // the server stops: the task stays active
			m.mu.Lock()
			defer m.mu.Unlock()
			m.save(t)
			return
		case cancelled:
			m.end(t, moveCancelled, "")
			return
		case left <= 0:
			m.end(t, moveCompleted, "")
			return
		}
		n := int64(moveBatch)
		if t.Rate > 0 {
			n = min(n, int64(t.Rate))
		}
		moved, failure := m.move(ctx, t, int(min(n, left)))
		m.mu.Lock()
		t.Moved += int64(moved)
		if time.Since(written) > moveProgress {
			m.save(t)
			written = time.Now()
		}
		m.mu.Unlock()
		pause := time.Duration(0)
		switch {
		case failure == moveAgain:
			pause = moveRetry
		case failure != "":
			m.end(t, moveFailed, failure)
			return
		case moved == 0 && ctx.Err() == nil:
			m.end(t, moveCompleted, "")
			return
		case t.Rate > 0:
			pause = time.Duration(moved) * time.Second / time.Duration(t.Rate)
		}
		sleep(ctx, pause)
	}
}

// moveAgain: what was in the way may pass.
const moveAgain = "again"

func sleep(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// end notes that a task is over.
func (m *mover) end(t *moveTask, status, failure string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t.Status, t.Failure = status, failure
	m.save(t)
	delete(m.active, t.Source)
	delete(m.wake, t.Source)
}

// save writes a task down. The caller holds m.mu.
func (m *mover) save(t *moveTask) {
	if err := t.save(m.broker); err != nil && !broker.IsKind(err, broker.KindNotFound) {
		m.log.Error("writing down a move task", "proto", "sqs", "ns", t.namespace, "queue", t.Source, "err", err)
	}
}

// move moves up to n messages: each is added to its destination and removed from the source in one
// transaction, so that a crash neither loses nor doubles it. failure says why the task cannot go on.
func (m *mover) move(ctx context.Context, t *moveTask, n int) (moved int, failure string) {
	if len(m.broker.Alarms()) > 0 { // what is left of memory or disk is for settling
		return 0, moveAgain
	}
	source, _ := parseARN(t.Source)
	session, err := m.broker.OpenSession(ctx, m.broker.Root(), t.namespace)
	if err != nil {
		return 0, moveFailure(err)
	}
	defer session.Close()
	deliveries, _, err := session.Get(ctx, source.name, broker.GetOptions{Max: n, Lease: moveLease})
	if err != nil {
		return 0, moveFailure(err)
	}
	tx := session.Begin()
	kept := 0
	for i := range deliveries {
		if failure = t.add(tx, session, &deliveries[i]); failure != "" {
			break
		}
		tx.Settle(broker.Ack, deliveries[i].Lease)
		kept++
	}
	if kept < len(deliveries) { // those that have nowhere to go stay as they were
		_ = session.Settle(broker.Release, nil, leases(deliveries[kept:])...)
	}
	if kept == 0 {
		return 0, failure
	}
	w := newWaiter()
	if err = tx.Commit(w); err == nil {
		err = w.wait(context.WithoutCancel(ctx))
	}
	if err != nil {
		_ = session.Settle(broker.Release, nil, leases(deliveries[:kept])...) // stale where it was committed all the same
		return 0, moveFailure(err)
	}
	return kept, failure
}

// moveFailure words what ends a task; moveAgain for what does not.
func moveFailure(err error) string {
	if broker.IsKind(err, broker.KindNotFound) {
		return "AWS.SimpleQueueService.NonExistentQueue"
	}
	return moveAgain
}

// add adds the copy of a message that is to be moved, which is a new message, as on AWS: with a new id
// and age.
func (t *moveTask) add(tx *broker.Tx, session *broker.Session, d *broker.Delivery) (failure string) {
	content := awsmessage.Read(d.Message.Properties())
	name := content.Source
	if t.Destination != "" {
		to, _ := parseARN(t.Destination)
		name = to.name
	}
	if name == "" {
		return "CouldNotDetermineMessageSource"
	}
	block, err := awsmessage.Redriven(d.Message.Properties(), awsproto.NewID())
	if err != nil {
		return "CouldNotReadMessage"
	}
	n, err := tx.Publish(broker.NewMessage("", name, block, d.Message.Body()))
	if err != nil {
		return moveFailure(err)
	}
	if n == 0 {
		return "AWS.SimpleQueueService.NonExistentQueue"
	}
	return ""
}
