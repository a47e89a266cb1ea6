package sns

import (
	"testing"

	"github.com/portico-mq/portico/broker"
)

func TestEveryKindHasAnAnswer(t *testing.T) {
	for _, kind := range broker.Kinds() {
		answer := kindErrors[kind]
		if answer == nil || answer.Message == "" {
			t.Errorf("%s has no answer", kind)
			continue
		}
		translated := translate(&broker.Error{Kind: kind, Name: "secret"})
		if kind == broker.KindInternal || kind == broker.KindStaleLease {
			if translated != nil {
				t.Errorf("%s is not logged", kind)
			}
			continue
		}
		if translated != answer {
			t.Errorf("%s is answered as %v", kind, translated)
		}
	}
	if len(kindErrors) != len(broker.Kinds()) {
		t.Errorf("%d answers for %d kinds", len(kindErrors), len(broker.Kinds()))
	}
	if translate(broker.ErrClosed) != unavailable {
		t.Error("a closed broker is not answered as unavailable")
	}
}
