package sqs

import (
	"encoding/base64"
	"encoding/json"
	"slices"

	"github.com/portico-mq/portico/broker"
)

// moveCollection is the collection of the broker's documents in which move tasks stand.
const moveCollection = "sqs.move"

// The states of a move task.
const (
	moveRunning    = "RUNNING"
	moveCompleted  = "COMPLETED"
	moveCancelling = "CANCELLING"
	moveCancelled  = "CANCELLED"
	moveFailed     = "FAILED"
)

// keptTasks is how many tasks of one source are remembered: as many as ListMessageMoveTasks shows.
const keptTasks = 10

// moveTask moves messages of a dead-letter queue to another queue, or back to where they came from. It is a document of
// the namespace that the queues are in, so that it goes on after a restart.
type moveTask struct {
	id        string
	namespace string

	Source      string `json:"source"`                // ARN
	Destination string `json:"destination,omitempty"` // ARN; "": each message's own source
	Rate        int32  `json:"rate,omitempty"`        // messages per second; 0: as fast as it goes
	Status      string `json:"status"`
	ToMove      int64  `json:"to_move"` // how many there were when it began
	Moved       int64  `json:"moved"`   // after a kill, it can be behind by what was moved last
	Started     int64  `json:"started"` // in milliseconds since 1970
	Failure     string `json:"failure,omitempty"`
}

// active tells a task that is not over.
func (t *moveTask) active() bool { return t.Status == moveRunning || t.Status == moveCancelling }

func (t *moveTask) key() broker.DocumentKey {
	return broker.DocumentKey{Collection: moveCollection, Namespace: t.namespace, Name: t.id}
}

// handleContent is what a task's handle holds, in base64.
type handleContent struct {
	TaskID    string `json:"taskId"`
	SourceARN string `json:"sourceArn"`
}

func (t *moveTask) handle() string {
	b, err := json.Marshal(handleContent{t.id, t.Source})
	if err != nil {
		return "" // unreachable: two strings always have a JSON form
	}
	return base64.StdEncoding.EncodeToString(b)
}

func parseTaskHandle(handle string) (c handleContent, source address, ok bool) {
	const longest = 1024
	if len(handle) > longest {
		return c, source, false
	}
	b, err := base64.StdEncoding.DecodeString(handle)
	if err != nil || json.Unmarshal(b, &c) != nil || c.TaskID == "" {
		return c, source, false
	}
	source, ok = parseARN(c.SourceARN)
	return c, source, ok
}

// save writes the task down.
func (t *moveTask) save(b *broker.Broker) error {
	text, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return b.PutDocument(t.key(), text)
}

// tasksOf are the tasks of a source as they were last written down, the newest first.
func tasksOf(b *broker.Broker, source string) []*moveTask {
	var list []*moveTask
	for key, text := range b.Documents(moveCollection) {
		t := &moveTask{id: key.Name, namespace: key.Namespace}
		if json.Unmarshal(text, t) == nil && (source == "" || t.Source == source) {
			list = append(list, t)
		}
	}
	slices.SortFunc(list, func(x, y *moveTask) int { return int(y.Started - x.Started) })
	return list
}
