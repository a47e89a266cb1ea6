package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/portico-mq/portico/broker"
)

// apiSlots bounds the $JS.API requests under way: at 10,000 waiting the server drops them all without an answer.
const apiSlots = 64

// apiTimeout bounds one request. It is long: a purge behind others may take its time, and nothing is gained by
// giving up on what the server will do all the same.
const apiTimeout = 30 * time.Second

// Error codes of the JetStream API (nats-server: server/errors.json).
const (
	errStreamNotFound  = 10059
	errNoMessageFound  = 10037
	errStreamNameInUse = 10058
)

// apiError is an error answer of the JetStream API.
type apiError struct {
	Code        int    `json:"code"`
	ErrCode     int    `json:"err_code"`
	Description string `json:"description"`
}

// Error describes the answer.
func (e *apiError) Error() string {
	return fmt.Sprintf("jetstream: %s (%d)", e.Description, e.ErrCode)
}

func hasCode(err error, code int) bool {
	var e *apiError
	return errors.As(err, &e) && e.ErrCode == code
}

// kindOf gives an error of the API the broker's kind.
func kindOf(err error) broker.Kind {
	if hasCode(err, errStreamNotFound) || hasCode(err, errNoMessageFound) {
		return broker.KindNotFound
	}
	return broker.KindUnavailable
}

// api sends requests to the JetStream API of the shards' accounts.
type api struct {
	server *embedded
	slots  chan struct{}
}

func newAPI(server *embedded) *api {
	return &api{server: server, slots: make(chan struct{}, apiSlots)}
}

// call sends a request and decodes the answer into answer, if that is not nil.
func (a *api) call(ctx context.Context, shard int, subject string, request, answer any) error {
	nc, err := a.server.conn(shard)
	if err != nil {
		return err
	}
	var payload []byte
	if request != nil {
		if payload, err = json.Marshal(request); err != nil {
			return err
		}
	}
	select {
	case a.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-a.slots }()
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	msg, err := nc.RequestWithContext(ctx, "$JS.API."+subject, payload)
	if err != nil {
		return &broker.Error{Kind: broker.KindUnavailable, Err: fmt.Errorf("jetstream: %s: %w", subject, err)}
	}
	var failed struct {
		Error *apiError `json:"error"`
	}
	if err := json.Unmarshal(msg.Data, &failed); err != nil {
		return &broker.Error{Kind: broker.KindInternal, Err: fmt.Errorf("jetstream: %s: %w", subject, err)}
	}
	if failed.Error != nil {
		return &broker.Error{Kind: kindOf(failed.Error), Err: fmt.Errorf("jetstream: %s: %w", subject, failed.Error)}
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(msg.Data, answer)
}

// streamConfig is what we set of a stream's configuration. There are no limits: a full stream would refuse its own
// settlement states, or drop unsettled messages. The duplicate window is as short as can be: it costs a restart the
// reading of everything stored within it, and nothing here rests on it.
type streamConfig struct {
	Name         string   `json:"name"`
	Subjects     []string `json:"subjects"`
	Retention    string   `json:"retention"`
	Storage      string   `json:"storage"`
	Replicas     int      `json:"num_replicas"`
	MaxConsumers int      `json:"max_consumers"`
	MaxMsgs      int64    `json:"max_msgs"`
	MaxBytes     int64    `json:"max_bytes"`
	MaxPer       int64    `json:"max_msgs_per_subject"`
	Discard      string   `json:"discard"`
	Duplicates   int64    `json:"duplicate_window"`
	AllowDirect  bool     `json:"allow_direct"`
}

const duplicateWindow = 100 * time.Millisecond

func newStreamConfig(name string, perSubject int64, subjects ...string) streamConfig {
	return streamConfig{
		Name: name, Subjects: subjects, Retention: "limits", Storage: "file", Replicas: 1,
		MaxConsumers: -1, MaxMsgs: -1, MaxBytes: -1, MaxPer: perSubject, Discard: "old",
		Duplicates: int64(duplicateWindow), AllowDirect: true,
	}
}

type streamInfo struct {
	State struct {
		Messages uint64   `json:"messages"`
		FirstSeq uint64   `json:"first_seq"`
		LastSeq  uint64   `json:"last_seq"`
		Deleted  []uint64 `json:"deleted"` // only when asked for
	} `json:"state"`
}

func (a *api) createStream(ctx context.Context, shard int, config streamConfig) error {
	return a.call(ctx, shard, "STREAM.CREATE."+config.Name, config, nil)
}

func (a *api) streamInfo(ctx context.Context, shard int, name string) (streamInfo, error) {
	var info streamInfo
	err := a.call(ctx, shard, "STREAM.INFO."+name, nil, &info)
	return info, err
}

// deleteStream deletes a stream; one that is not there is no error.
func (a *api) deleteStream(ctx context.Context, shard int, name string) error {
	err := a.call(ctx, shard, "STREAM.DELETE."+name, nil, nil)
	if hasCode(err, errStreamNotFound) {
		return nil
	}
	return err
}

func (a *api) purge(ctx context.Context, shard int, name string, below uint64) error {
	return a.call(ctx, shard, "STREAM.PURGE."+name, map[string]uint64{"seq": below}, nil)
}

// streamNames lists the streams of a shard.
func (a *api) streamNames(ctx context.Context, shard int) ([]string, error) {
	var names []string
	for {
		var page struct {
			Total   int      `json:"total"`
			Streams []string `json:"streams"`
		}
		if err := a.call(ctx, shard, "STREAM.NAMES", map[string]int{"offset": len(names)}, &page); err != nil {
			return nil, err
		}
		names = append(names, page.Streams...)
		if len(page.Streams) == 0 || len(names) >= page.Total {
			return names, nil
		}
	}
}

// directGet asks for one message of a stream that allows direct access. KindNotFound when there is none.
func (a *api) directGet(ctx context.Context, shard int, stream string, request map[string]any) (*nats.Msg, error) {
	nc, err := a.server.conn(shard)
	if err != nil {
		return nil, err
	}
	payload, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	msg, err := nc.RequestWithContext(ctx, "$JS.API.DIRECT.GET."+stream, payload)
	if err != nil {
		return nil, &broker.Error{Kind: broker.KindUnavailable, Err: fmt.Errorf("jetstream: reading %s: %w", stream, err)}
	}
	if status := msg.Header.Get("Status"); status != "" {
		return nil, &broker.Error{Kind: broker.KindNotFound, Err: fmt.Errorf("jetstream: reading %s: status %s", stream, status)}
	}
	return msg, nil
}
