package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
)

// A history is what the load writes about itself, one event a line, into a file that no power cut reaches. Each line
// is one write(2), so that the file at any moment says what had happened by then. A message is named queue#number.
//
//	ready                   the load has started
//	queue NAME ID           a declare has been answered
//	delete NAME             a delete begins
//	deleted NAME            it has been answered
//	publish MESSAGE...      publishes begin
//	confirm MESSAGE...      and are confirmed
//	settle N MESSAGE...     a settlement with a completion begins; N names it
//	settled N               it has completed
//	begin N +MESSAGE... -MESSAGE...   transaction N publishes and settles these
//	commit N                it has been answered
//	reached MESSAGE N       a reader of the stream got it at offset N
//	failed KIND             something was answered with an error
type history struct {
	mu   sync.Mutex
	file *os.File
	line []byte
}

// note writes one event.
func (h *history) note(words ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.line = append(append(h.line[:0], strings.Join(words, " ")...), '\n')
	if _, err := h.file.Write(h.line); err != nil {
		panic(fmt.Sprintf("writing the history: %v", err))
	}
}

// message names a message.
func message(queue string, n int) string { return fmt.Sprintf("%s#%d", queue, n) }

// queueOf is the queue of a message.
func queueOf(message string) string {
	queue, _, _ := strings.Cut(message, "#")
	return queue
}

// transaction is one of the history.
type transaction struct {
	publishes, settles []string
	answered           bool
}

// events is a history, digested for the judge.
type events struct {
	queues    map[string]bool // declared, and the answer given
	deleting  map[string]bool // a delete has begun
	deleted   map[string]bool // and was answered
	confirmed map[string]bool // messages
	settling  map[string]bool // a settlement has begun
	settled   map[string]bool // and was answered
	published map[string]bool // a publish has begun
	txs       map[string]*transaction
	byTx      map[string]string // message -> the transaction that publishes it
	reached   map[string]int    // message -> its offset in the stream
	takenByTx map[string]string // message -> the transaction that settles it
	failures  int
}

// readHistory digests a history. What was answered counts up to answered bytes of it; what was begun counts wherever
// it stands, since it may have happened before the cut and been written after it.
func readHistory(r io.Reader, answered int64) (*events, error) {
	e := &events{
		queues: map[string]bool{}, deleting: map[string]bool{}, deleted: map[string]bool{},
		confirmed: map[string]bool{}, settling: map[string]bool{}, settled: map[string]bool{}, published: map[string]bool{},
		reached: map[string]int{}, txs: map[string]*transaction{}, byTx: map[string]string{}, takenByTx: map[string]string{},
	}
	settlements := map[string][]string{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<24)
	at := int64(0)
	for lines.Scan() {
		at += int64(len(lines.Bytes())) + 1
		words := strings.Fields(lines.Text())
		if len(words) == 0 {
			continue
		}
		what, rest := words[0], words[1:]
		if strings.HasSuffix(what, "ed") || what == "queue" || what == "confirm" || what == "commit" {
			if at > answered {
				continue
			}
		}
		if err := e.event(what, rest, settlements); err != nil {
			return nil, fmt.Errorf("history: %q: %w", lines.Text(), err)
		}
	}
	return e, lines.Err()
}

func (e *events) event(what string, rest []string, settlements map[string][]string) error {
	switch what {
	case "ready":
	case "queue":
		e.queues[rest[0]] = true
	case "delete":
		e.deleting[rest[0]] = true
	case "deleted":
		e.deleted[rest[0]] = true
	case "publish":
		mark(e.published, rest)
	case "confirm":
		mark(e.confirmed, rest)
	case "settle":
		mark(e.settling, rest[1:])
		settlements[rest[0]] = rest[1:]
	case "settled":
		mark(e.settled, settlements[rest[0]])
	case "begin":
		e.begin(rest)
	case "commit":
		e.txs[rest[0]].answered = true
	case "reached":
		offset, err := strconv.Atoi(rest[1])
		e.reached[rest[0]] = offset
		return err
	case "failed":
		e.failures++
	default:
		return fmt.Errorf("no such event")
	}
	return nil
}

func (e *events) begin(words []string) {
	t := &transaction{}
	e.txs[words[0]] = t
	for _, w := range words[1:] {
		if m, ok := strings.CutPrefix(w, "+"); ok {
			t.publishes = append(t.publishes, m)
			e.byTx[m] = words[0]
		} else {
			m = strings.TrimPrefix(w, "-")
			t.settles = append(t.settles, m)
			e.takenByTx[m] = words[0]
		}
	}
}

func mark(set map[string]bool, names []string) {
	for _, n := range names {
		set[n] = true
	}
}
