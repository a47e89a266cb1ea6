package app

import (
	"context"
	"errors"
	"io/fs"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/internal/memory"
)

// startMemory watches the memory of the process, where it can be told.
func (a *application) startMemory(ctx context.Context) error {
	w := a.config.Memory.HighWatermark
	limit := memory.Limit{Bytes: int64(w.Size), Fraction: w.Fraction}
	m, err := memory.NewMonitor(limit, func(exceeded bool) { a.broker.SetAlarm(broker.AlarmMemory, exceeded) })
	// Without /proc (in a chroot, or on another system) there is nothing to watch.
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrNotExist) {
		a.log.Warn("memory.high_watermark has no effect", "err", err)
		return nil
	}
	if err != nil {
		return err
	}
	a.memory = m
	ctx, cancel := context.WithCancel(ctx)
	go m.Run(ctx, func(err error) { a.log.Error("the memory of the process cannot be told", "err", err) })
	a.closes = append(a.closes, func() error { cancel(); return nil })
	return nil
}
