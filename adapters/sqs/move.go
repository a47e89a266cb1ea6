package sqs

import (
	"context"
	"errors"
	"time"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
)

// The actions on move tasks.

const maxMoveRate = 500

func resourceNotFound(format string, args ...any) *awsproto.Error {
	return plainError("ResourceNotFoundException", 404, format, args...)
}

// findARN opens the queue that an ARN in the parameter names.
func (a *adapter) findARN(ctx context.Context, c *awsproto.Call, arn, parameter string) (*queue, error) {
	at, ok := parseARN(arn)
	if !ok {
		return nil, invalidParameter("You must use this format to specify the %s: arn:<partition>:<service>:<region>:<account-id>:<resource-id>", parameter)
	}
	q, err := a.findAt(ctx, c, at)
	if err != nil && isAbsent(err) {
		return nil, resourceNotFound("The resource that you specified for the %s parameter doesn't exist.", parameter)
	}
	return q, err
}

// startMessageMoveTask [SQS StartMessageMoveTask] begins to move the messages of a dead-letter queue.
func (a *adapter) startMessageMoveTask(ctx context.Context, c *awsproto.Call, in *startMoveInput) (*startMoveOutput, error) {
	if in.SourceARN == "" {
		return nil, missingParameter("SourceArn")
	}
	if n := in.MaxPerSecond; n != nil && (*n < 1 || *n > maxMoveRate) {
		return nil, invalidValue(*n, "MaxNumberOfMessagesPerSecond", "Must be between 1 and 500, if provided.")
	}
	q, err := a.findARN(ctx, c, in.SourceARN, "SourceArn")
	if err != nil {
		return nil, err
	}
	defer q.session.Close()
	if len(q.sources()) == 0 {
		return nil, invalidParameter("Source queue must be configured as a Dead Letter Queue.")
	}
	if bad := a.checkDestination(ctx, c, q, in.DestinationARN); bad != nil {
		return nil, bad
	}
	info, err := q.session.Queue(ctx, q.name)
	if err != nil {
		return nil, absent(c, err)
	}
	t := &moveTask{
		id: awsproto.NewID(), namespace: q.session.Namespace(), Source: q.arn(), Destination: in.DestinationARN,
		Status: moveRunning, ToMove: int64(info.Ready), Started: time.Now().UnixMilli(),
	}
	if in.MaxPerSecond != nil {
		t.Rate = *in.MaxPerSecond
	}
	defer a.changes.lock(q.identity.ID)()
	older := tasksOf(a.broker, t.Source)
	if len(older) > 0 && older[0].active() {
		return nil, invalidParameter("There is already a task running. Only one active task is allowed for a source queue arn at a given time.")
	}
	if err := t.save(a.broker); err != nil {
		return nil, err
	}
	for i := keptTasks - 1; i < len(older); i++ {
		_ = a.broker.DeleteDocument(older[i].key()) // one that stays is dropped by the next task
	}
	a.mover.start(t)
	return &startMoveOutput{t.handle()}, nil
}

// checkDestination says what is wrong with a task's destination.
func (a *adapter) checkDestination(ctx context.Context, c *awsproto.Call, source *queue, arn string) error {
	if arn == "" {
		return nil
	}
	to, err := a.findARN(ctx, c, arn, "DestinationArn")
	if err != nil {
		return err
	}
	defer to.session.Close()
	switch {
	case to.region != source.region || to.account != source.account:
		return invalidParameter("Source and destination queues must be of the same account and region.")
	case to.name == source.name:
		return invalidParameter("Source queue arn and destination queue arn must be different.")
	case to.fifo() != source.fifo():
		return invalidParameter("Source queue and destination queue must be of the same type.")
	}
	return nil
}

// cancelMessageMoveTask [SQS CancelMessageMoveTask]. What was moved stays moved.
func (a *adapter) cancelMessageMoveTask(ctx context.Context, c *awsproto.Call, in *cancelMoveInput) (*cancelMoveOutput, error) {
	if in.TaskHandle == "" {
		return nil, missingParameter("TaskHandle")
	}
	handle, _, ok := parseTaskHandle(in.TaskHandle)
	if !ok {
		return nil, invalidParameter("Value for parameter TaskHandle is invalid.")
	}
	q, err := a.findARN(ctx, c, handle.SourceARN, "SourceArn")
	if err != nil {
		return nil, err
	}
	defer q.session.Close()
	moved, ok := a.mover.cancel(q.arn(), handle.TaskID)
	if !ok {
		return nil, resourceNotFound("Task does not exist.")
	}
	return &cancelMoveOutput{moved}, nil
}

// listMessageMoveTasks [SQS ListMessageMoveTasks] gives the latest tasks of a source, the newest first.
func (a *adapter) listMessageMoveTasks(ctx context.Context, c *awsproto.Call, in *listMovesInput) (*listMovesOutput, error) {
	if in.SourceARN == "" {
		return nil, missingParameter("SourceArn")
	}
	limit := 1
	if n := in.MaxResults; n != nil {
		if *n < 1 || *n > keptTasks {
			return nil, invalidValue(*n, "MaxResults", "Must be between 1 and 10, if provided.")
		}
		limit = int(*n)
	}
	q, err := a.findARN(ctx, c, in.SourceARN, "SourceArn")
	if err != nil {
		return nil, err
	}
	defer q.session.Close()
	out := &listMovesOutput{Results: []moveResult{}}
	for _, t := range tasksOf(a.broker, q.arn()) {
		if len(out.Results) == limit {
			break
		}
		if now, ok := a.mover.look(t.Source, t.id); ok {
			t = &now
		}
		out.Results = append(out.Results, t.result())
	}
	return out, nil
}

func (t *moveTask) result() moveResult {
	r := moveResult{
		Moved: t.Moved, ToMove: t.ToMove, DestinationARN: t.Destination, FailureReason: t.Failure,
		SourceARN: t.Source, Started: t.Started, Status: t.Status,
	}
	if t.Rate > 0 {
		r.MaxPerSecond = &t.Rate
	}
	if t.Status == moveRunning {
		r.TaskHandle = t.handle()
	}
	return r
}

// forgetTasks removes what is remembered of a source that is deleted.
func (a *adapter) forgetTasks(source string) {
	for _, t := range tasksOf(a.broker, source) {
		if !t.active() { // an active one ends by itself, since its source is gone
			_ = a.broker.DeleteDocument(t.key())
		}
	}
}

// isAbsent tells the error about a queue that does not exist.
func isAbsent(err error) bool {
	if broker.IsKind(err, broker.KindNotFound) {
		return true
	}
	var e *awsproto.Error
	return errors.As(err, &e) && e.Shape == "QueueDoesNotExist"
}
