package jetstream_test

import (
	"io"
	"log/slog"
	"testing"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/jetstream"
	"github.com/portico-mq/portico/broker/storetest"
)

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.OpenStore {
		dir := t.TempDir()
		return func(t *testing.T) broker.Store {
			t.Helper()
			s, err := jetstream.Open(t.Context(), jetstream.Options{Dir: dir, Logger: quiet()})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
	})
}
