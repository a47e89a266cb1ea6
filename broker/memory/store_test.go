package memory_test

import (
	"testing"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/memory"
	"github.com/portico-mq/portico/broker/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.OpenStore {
		store := memory.NewStore()
		return func(*testing.T) broker.Store { return store }
	})
}
