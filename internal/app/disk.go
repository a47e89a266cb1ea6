package app

import (
	"context"
	"errors"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/internal/disk"
)

// startDisk watches the room that the data directory has left. Publishers are stopped well before there is none, so
// that what they published can still be consumed: a settlement has to be written too.
func (a *application) startDisk(ctx context.Context) error {
	m, err := disk.NewMonitor(a.config.DataDir, int64(a.config.Disk.FreeLimit), func(low bool) {
		a.broker.SetAlarm(broker.AlarmDisk, low)
	})
	if errors.Is(err, errors.ErrUnsupported) {
		a.log.Warn("disk.free_limit has no effect", "err", err)
		return nil
	}
	if err != nil {
		return err
	}
	a.disk = m
	ctx, cancel := context.WithCancel(ctx)
	go m.Run(ctx, func(err error) { a.log.Error("the room on disk cannot be told", "err", err) })
	a.closes = append(a.closes, func() error { cancel(); return nil })
	return nil
}
