package sns

import (
	"context"
	"time"

	"github.com/portico-mq/portico/broker"
)

// The archive of a FIFO topic is a log beside it, which holds its messages in order for as many days
// as the ArchivePolicy says. A message that was relayed twice stands in it twice, with one number.

// archiveName is the log's name, which no other front end can spell.
func archiveName(topicName string) string { return "sns/archive/" + topicName }

// prepareArchive makes the topic's log if there is to be one, and removes it when there is not.
func (a *Adapter) prepareArchive(ctx context.Context, t *topic) error {
	days, _ := archiveDays(t.record.Attributes[archivePolicy])
	var err error
	if days > 0 {
		_, err = t.session.CreateLog(ctx, broker.LogSpec{Name: archiveName(t.name), Shards: 1})
	} else {
		err = t.session.DeleteLog(ctx, archiveName(t.name))
	}
	if broker.IsKind(err, broker.KindInUse) || broker.IsKind(err, broker.KindNotFound) {
		return nil
	}
	return err
}

// archive adds messages to the topic's archive, where it has one, and waits until they are stored.
func (a *Adapter) archive(t *topic, messages []*broker.Message) error {
	if days, _ := archiveDays(t.record.Attributes[archivePolicy]); days == 0 {
		return nil
	}
	log, err := t.session.Log(archiveName(t.name), broker.AccessWrite)
	if err != nil {
		return nil //nolint:nilerr // the policy was set or taken back this moment
	}
	waits := make([]func(context.Context) (uint64, error), len(messages))
	for i, m := range messages {
		if waits[i], err = log.StartAppend(a.running, 0, m); err != nil {
			return err
		}
	}
	for _, wait := range waits {
		if _, err := wait(a.running); err != nil {
			return err
		}
	}
	return nil
}

const (
	archiveRead  = 256
	archiveBytes = 4 << 20
)

// eachArchived calls visit with the records of a topic's archive above a sequence, in order, until it
// returns false.
func eachArchived(ctx context.Context, log *broker.Log, after uint64, visit func(broker.LogRecord) (bool, error)) error {
	for {
		records, err := log.Read(ctx, 0, after+1, archiveRead, archiveBytes)
		if err != nil || len(records) == 0 {
			return err
		}
		for _, r := range records {
			after = r.Sequence
			if more, err := visit(r); err != nil || !more {
				return err
			}
		}
	}
}

// archiveBegin is when the oldest message of the archive was published; ok is false without an
// archive. An empty one begins now.
func (a *Adapter) archiveBegin(ctx context.Context, t *topic) (begin time.Time, ok bool) {
	log, err := t.session.Log(archiveName(t.name), broker.AccessRead)
	if err != nil {
		return begin, false
	}
	begin = time.Now()
	err = eachArchived(ctx, log, 0, func(r broker.LogRecord) (bool, error) {
		begin = r.Message.Published()
		return false, nil
	})
	return begin, err == nil
}

// trimArchives removes what is older than the archives' policies.
func (a *Adapter) trimArchives() {
	for _, namespace := range a.broker.Namespaces() {
		session, err := a.session(a.running, namespace)
		if err != nil {
			continue // it was deleted
		}
		for _, spec := range session.Exchanges() {
			record := recordOf(&spec)
			days, _ := archiveDays(record.Attributes[archivePolicy])
			if days == 0 || !isFIFO(spec.Name) {
				continue
			}
			if err := trimArchive(a.running, session, spec.Name, time.Now().AddDate(0, 0, -days)); err != nil {
				a.log.Error("trimming an archive", "proto", "sns", "ns", namespace, "topic", spec.Name, "err", err)
			}
		}
		session.Close()
	}
}

func trimArchive(ctx context.Context, session *broker.Session, topicName string, before time.Time) error {
	log, err := session.Log(archiveName(topicName), broker.AccessWrite)
	if broker.IsKind(err, broker.KindNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	keep := uint64(0)
	err = eachArchived(ctx, log, 0, func(r broker.LogRecord) (bool, error) {
		if !r.Message.Published().Before(before) {
			return false, nil
		}
		keep = r.Sequence + 1
		return true, nil
	})
	if err != nil || keep == 0 {
		return err
	}
	return log.Trim(ctx, 0, keep)
}
