package sns

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/portico-mq/portico/adapters/awsmessage"
	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
)

// A replay sends the messages of a FIFO topic's archive to one subscription again, between two times,
// in order and through its filter. What is published meanwhile is not held back for it.

// replay is how far one has come.
type replay struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	After  uint64 `json:"after"` // the archive's sequence up to which all was sent
	Policy string `json:"policy"`
}

// The states of a replay, as the service names them.
const (
	replayRunning = "In progress"
	replayDone    = "Completed"
	replayFailed  = "Failed"
)

// replayRange is a ReplayPolicy.
type replayRange struct{ from, to time.Time }

// parseReplay reads a ReplayPolicy; the error is for the client.
func parseReplay(text string) (*replayRange, error) {
	if text == "" || text == "{}" {
		return &replayRange{}, nil
	}
	var p struct{ PointType, StartingPoint, EndingPoint string }
	if json.Unmarshal([]byte(text), &p) != nil {
		return nil, errors.New("failed to parse JSON.")
	}
	if p.PointType != "Timestamp" {
		return nil, errors.New("PointType must be Timestamp")
	}
	from, err := time.Parse(time.RFC3339, p.StartingPoint)
	if err != nil {
		return nil, errors.New("StartingPoint must be a timestamp such as 2023-05-01T00:00:00.000Z")
	}
	r := &replayRange{from: from, to: time.Now()}
	if p.EndingPoint != "" {
		if r.to, err = time.Parse(time.RFC3339, p.EndingPoint); err != nil || r.to.Before(from) {
			return nil, errors.New("EndingPoint must be a timestamp not before StartingPoint")
		}
	}
	return r, nil
}

// startReplay begins what a subscription's policy asks for. The caller holds changing.
func (a *Adapter) startReplay(s *subscription) error {
	next := s.copy()
	next.Replay = &replay{ID: awsproto.NewID(), Status: replayRunning, Policy: s.Attributes[replayPolicy]}
	if err := a.store(next); err != nil {
		return err
	}
	a.work.Go(func() { a.replay(next) })
	return nil
}

// note records how far a replay has come; false when the subscription has another one, or none, by
// now.
func (a *Adapter) note(s *subscription, status string, after uint64) bool {
	a.changing.Lock()
	defer a.changing.Unlock()
	now := a.subscriptions.get(s.topicKey(), s.id)
	if now == nil || now.Removed || now.Replay == nil || now.Replay.ID != s.Replay.ID {
		return false
	}
	next := now.copy()
	next.Replay = &replay{s.Replay.ID, status, after, s.Replay.Policy}
	if err := a.store(next); err != nil {
		a.log.Error("recording a replay", "proto", "sns", "subscription", s.ARN, "err", err)
		return false
	}
	return true
}

// replayed is how many messages a replay sends between two records of how far it has come.
const replayed = 100

// replay sends a subscription what its replay asks for.
func (a *Adapter) replay(s *subscription) {
	after := s.Replay.After
	err := a.replayFrom(s, &after)
	switch {
	case a.running.Err() != nil: // it goes on after the next start
	case err == nil:
		a.note(s, replayDone, after)
	case errors.Is(err, errSuperseded):
	default:
		a.log.Warn("a replay failed", "proto", "sns", "subscription", s.ARN, "err", err)
		a.note(s, replayFailed, after)
	}
}

// errSuperseded: the subscription has another replay by now, or is gone.
var errSuperseded = errors.New("the replay was superseded")

func (a *Adapter) replayFrom(s *subscription, after *uint64) error {
	when, err := parseReplay(s.Replay.Policy)
	if err != nil {
		return err
	}
	t := &topic{name: s.topicName, namespace: s.namespace}
	if err := a.open(a.running, t); err != nil {
		return err
	}
	defer t.session.Close()
	log, err := t.session.Log(archiveName(t.name), broker.AccessRead)
	if err != nil {
		return err
	}
	text, err := ruleText(s, t)
	if err != nil {
		return err
	}
	compiled, err := a.rules.compile(&broker.Binding{RuleText: text})
	if err != nil {
		return err
	}
	target, bad := parseARN(s.Endpoint, "")
	if bad != nil {
		return bad
	}
	sent, last := 0, ""
	return eachArchived(a.running, log, *after, func(r broker.LogRecord) (bool, error) {
		published := r.Message.Published()
		if published.After(when.to) {
			return false, nil
		}
		content := awsmessage.Read(r.Message.Properties())
		repeated := content.Sequence == last
		last = content.Sequence
		if !published.Before(when.from) && !repeated && compiled.Match(r.Message) {
			m := compiled.(*rule).again(r.Message, &content, s.Replay.ID)
			if err := a.sendTo(a.running, target, m); err != nil {
				return false, err
			}
			sent++
		}
		*after = r.Sequence
		if sent == replayed {
			sent = 0
			if !a.note(s, replayRunning, *after) {
				return false, errSuperseded
			}
		}
		return a.running.Err() == nil, a.running.Err()
	})
}

// again makes the message that a queue gets in a replay. Its name differs from the first time's, or
// the queue would take it for a duplicate.
func (r *rule) again(m *broker.Message, content *awsmessage.Content, replayID string) *broker.Message {
	content.DeduplicationID = content.ID + "-" + replayID
	name := content.DeduplicationID
	if !r.FIFO {
		content.Group, name = "", ""
	}
	if r.Raw {
		text := newNotice(m, content, r.Protocol).text
		content.Texts, content.DeduplicationID = nil, name
		return messageOf(m, content, []byte(text))
	}
	n := newNotice(m, content, r.Protocol)
	n.replayed = true
	body, err := awsproto.EncodeJSON(r.envelope(n))
	if err != nil {
		panic(err) // a structure of strings always has a JSON form
	}
	return messageOf(m, &awsmessage.Content{
		ID: awsproto.NewID(), Sender: r.Owner, Trace: content.Trace, Group: content.Group, DeduplicationID: name,
	}, body)
}
