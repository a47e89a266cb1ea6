package stomp

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
)

// Jobs are scheduled messages that come again and again: by a CRON entry, or more often than is stored at once. A job is a
// document of the broker's, so that it outlives a restart. When it is due its messages are published and synced, and then
// its next time is stored: a crash in between sends them twice. Of the times that passed while nothing ran, one is made up
// for.

const (
	jobCollection = "stomp.job"
	// maxJobs and maxJobBytes bound all jobs together, which are kept in memory.
	maxJobs     = 10_000
	maxJobBytes = 64 << 20
	// jobsAtOnce is how many jobs wait for their syncs at the same time.
	jobsAtOnce = 16
	// jobRetry is when a job is tried again that failed.
	jobRetry = time.Second
)

// job is a job as it is stored. Durations are in milliseconds, times in milliseconds since 1970.
type job struct {
	ID     string     `json:"id"`
	User   string     `json:"user"` // in whose name it is published
	Cron   string     `json:"cron,omitempty"`
	Delay  int64      `json:"delay"`
	Period int64      `json:"period"`
	Repeat int64      `json:"repeat"`
	Next   int64      `json:"next"`
	Left   int64      `json:"left,omitempty"` // without cron: how many times are still to come
	Places []jobPlace `json:"places"`
	// Properties is a [property.Block].
	Properties []byte `json:"properties"`
	Body       []byte `json:"body"`
}

type jobPlace struct {
	Topic bool   `json:"topic,omitempty"`
	Name  string `json:"name"`
}

// scheduler runs the jobs of a server. It is safe for concurrent use.
type scheduler struct {
	server *Server
	unique string // begins the ids of messages
	fire   sync.Mutex

	mu     sync.Mutex
	next   map[broker.DocumentKey]int64 // when each job is due, in milliseconds since 1970
	sizes  map[broker.DocumentKey]int
	bytes  int
	sent   uint64
	timer  *time.Timer
	closed bool
}

func newScheduler(s *Server) *scheduler {
	r := &scheduler{
		server: s, unique: ownIDPrefix + broker.UniqueName(),
		next: make(map[broker.DocumentKey]int64), sizes: make(map[broker.DocumentKey]int),
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.timer = time.AfterFunc(time.Hour, func() { r.run(time.Now()) })
	for key, value := range s.broker.Documents(jobCollection) {
		var j job
		if err := json.Unmarshal(value, &j); err != nil {
			s.log.Error("a stored job cannot be read", "ns", key.Namespace, "job", key.Name, "err", err)
			continue
		}
		r.keep(key, j.Next, len(value))
	}
	r.arm()
	return r
}

// close stops the scheduler and waits for what is being sent. What is not goes on at the next start.
func (r *scheduler) close() {
	r.mu.Lock()
	r.closed = true
	r.timer.Stop()
	r.mu.Unlock()
	r.fire.Lock() // ends when the run under way has
	defer r.fire.Unlock()
}

// keep notes when a job is due. The caller holds r.mu.
func (r *scheduler) keep(key broker.DocumentKey, next int64, size int) {
	r.bytes += size - r.sizes[key]
	r.next[key], r.sizes[key] = next, size
}

// forget forgets a job. The caller holds r.mu.
func (r *scheduler) forget(key broker.DocumentKey) {
	r.bytes -= r.sizes[key]
	delete(r.next, key)
	delete(r.sizes, key)
}

// arm makes the timer fire when the first job is due. The caller holds r.mu.
func (r *scheduler) arm() {
	if r.closed || len(r.next) == 0 {
		return
	}
	first := int64(0)
	for _, at := range r.next {
		if first == 0 || at < first {
			first = at
		}
	}
	r.timer.Reset(time.Until(time.UnixMilli(first)))
}

// add stores a new job and returns when that is durable.
func (r *scheduler) add(namespace string, j *job) error {
	value, err := json.Marshal(j)
	if err != nil {
		return err
	}
	key := broker.DocumentKey{Collection: jobCollection, Namespace: namespace, Name: j.ID}
	r.mu.Lock()
	full := len(r.next) >= maxJobs || r.bytes+len(value) > maxJobBytes
	if !full {
		r.keep(key, j.Next, len(value))
	}
	r.mu.Unlock()
	if full {
		return activeMQFault("Not supported: more schedules with " + scheduledCron + " than there are")
	}
	err = r.server.broker.PutDocument(key, value)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.forget(key)
		return err
	}
	r.arm()
	return nil
}

// remove ends a job and returns when that is durable. One that is not there is no error.
func (r *scheduler) remove(namespace, id string) error {
	key := broker.DocumentKey{Collection: jobCollection, Namespace: namespace, Name: id}
	r.fire.Lock() // else the run under way stores it again
	defer r.fire.Unlock()
	r.mu.Lock()
	r.forget(key)
	r.mu.Unlock()
	err := r.server.broker.DeleteDocument(key)
	if broker.IsKind(err, broker.KindNotFound) {
		return nil
	}
	return err
}

// jobs are those of a namespace.
func (r *scheduler) jobs(namespace string) []job {
	var all []job
	for key, value := range r.server.broker.Documents(jobCollection) {
		var j job
		if key.Namespace == namespace && json.Unmarshal(value, &j) == nil {
			all = append(all, j)
		}
	}
	return all
}

// run sends what is due.
func (r *scheduler) run(now time.Time) {
	r.fire.Lock()
	defer r.fire.Unlock()
	r.mu.Lock()
	var due []broker.DocumentKey
	for key, at := range r.next {
		if at <= now.UnixMilli() {
			due = append(due, key)
		}
	}
	closed := r.closed
	r.mu.Unlock()
	if closed {
		return
	}
	var working sync.WaitGroup
	free := make(chan struct{}, jobsAtOnce)
	for _, key := range due {
		free <- struct{}{}
		working.Go(func() {
			defer func() { <-free }()
			r.sendDue(key, now)
		})
	}
	working.Wait()
	r.mu.Lock()
	r.arm()
	r.mu.Unlock()
}

// sendDue sends the messages of a job that is due, and stores when it is next.
func (r *scheduler) sendDue(key broker.DocumentKey, now time.Time) {
	log := r.server.log.With("ns", key.Namespace, "job", key.Name)
	var j job
	value, ok := r.server.broker.Document(key)
	if !ok { // its namespace was deleted
		r.mu.Lock()
		r.forget(key)
		r.mu.Unlock()
		return
	}
	err := json.Unmarshal(value, &j)
	if err == nil {
		err = r.send(key.Namespace, &j, now)
	}
	switch {
	case broker.IsKind(err, broker.KindUnavailable), broker.IsKind(err, broker.KindUncertain), broker.IsKind(err, broker.KindFull):
		log.Error("a scheduled message is not sent yet", "err", err)
		r.mu.Lock()
		r.keep(key, now.Add(jobRetry).UnixMilli(), len(value))
		r.mu.Unlock()
		return
	case err != nil:
		log.Error("a schedule ends", "err", err)
		j.Next = 0
	}
	if j.Next == 0 {
		r.mu.Lock()
		r.forget(key)
		r.mu.Unlock()
		if err := r.server.broker.DeleteDocument(key); err != nil && !broker.IsKind(err, broker.KindNotFound) {
			log.Error("the end of a schedule is not stored", "err", err)
		}
		return
	}
	if value, err = json.Marshal(&j); err == nil {
		err = r.server.broker.PutDocument(key, value)
	}
	if err != nil {
		log.Error("the next time of a schedule is not stored", "err", err)
	}
	r.mu.Lock()
	r.keep(key, j.Next, len(value))
	r.mu.Unlock()
}

// send publishes what of a job is due, in the name of its user, and sets when it is next; 0 for never.
func (r *scheduler) send(namespace string, j *job, now time.Time) error {
	when, err := j.advance(now)
	if err != nil {
		return err
	}
	principal, err := r.server.broker.PrincipalNamed(j.User)
	if err != nil {
		return err
	}
	ctx := context.Background()
	session, err := r.server.broker.OpenSession(ctx, principal, namespace)
	if err != nil {
		return err
	}
	defer session.Close()
	places := make([]place, len(j.Places))
	for i, p := range j.Places {
		places[i] = place{topic: p.Topic, name: p.Name}
		if p.Topic {
			continue
		}
		if _, err := session.QueueSpec(p.Name); broker.IsKind(err, broker.KindNotFound) {
			if _, _, err := session.DeclareQueue(ctx, broker.QueueSpec{Name: p.Name, Durable: true, Generated: true}); err != nil {
				return err
			}
		}
	}
	messages, err := r.server.scheduledMessages(places, property.Block(j.Properties), j.Body, j.ID, when, r.nextMessageID)
	if err != nil {
		return err
	}
	tx := session.Begin()
	for _, m := range messages {
		if _, err := tx.Publish(m); err != nil {
			return err
		}
	}
	done := make(chan error, 1)
	if err := tx.Commit(broker.CompletionFunc(func(err error) { done <- err })); err != nil {
		return err
	}
	return <-done
}

// advance returns the times at which the messages are to come that are due, and moves the job on.
func (j *job) advance(now time.Time) ([]time.Time, error) {
	p := plan{delay: time.Duration(j.Delay) * time.Millisecond, period: time.Duration(j.Period) * time.Millisecond, repeat: j.Repeat}
	if j.Cron == "" {
		p.delay, p.repeat = 0, min(j.Left, maxRepeat)-1
		if j.Period > 0 {
			p.repeat = min(p.repeat, (now.UnixMilli()-j.Next)/j.Period)
		}
		when := p.times(time.UnixMilli(j.Next))
		j.Left -= int64(len(when))
		j.Next += int64(len(when)) * j.Period
		if j.Left <= 0 {
			j.Next = 0
		}
		return when, nil
	}
	entry, err := parseCron(j.Cron)
	if err != nil {
		return nil, fmt.Errorf("a stored schedule: %w", err)
	}
	when := p.times(time.UnixMilli(j.Next))
	next := entry.next(now)
	j.Next = 0
	if !next.IsZero() {
		j.Next = next.UnixMilli()
	}
	return when, nil
}

// nextMessageID makes the id of the scheduler's next message.
func (r *scheduler) nextMessageID() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent++
	return r.unique + ":-1:1:" + strconv.FormatUint(r.sent, 10)
}
