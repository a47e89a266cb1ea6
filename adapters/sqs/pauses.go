package sqs

import (
	"sync"
	"time"

	"github.com/portico-mq/portico/adapters/awsproto"
)

// pause is how long AWS makes a client wait after a PurgeQueue for the next one, and after a
// DeleteQueue for a CreateQueue of the name.
const pause = 60 * time.Second

var deletedRecently = modelledError("QueueDeletedRecently", 400, "You must wait 60 seconds after deleting a queue before you can create another with the same name.")

func purgeInProgress(queue string) *awsproto.Error {
	return modelledError("PurgeQueueInProgress", 403, "Only one PurgeQueue operation on %s is allowed every 60 seconds.", queue)
}

// recent remembers for the length of the pause what was done. It is forgotten by a restart.
type recent struct {
	mu sync.Mutex
	at map[string]time.Time
}

// begin notes that key is done now, unless that was within the pause: then it is false.
func (r *recent) begin(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.within(key) {
		return false
	}
	if r.at == nil {
		r.at = make(map[string]time.Time)
	}
	r.at[key] = time.Now()
	return true
}

// has reports whether key was done within the pause.
func (r *recent) has(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.within(key)
}

// within forgets what is over, and looks for key among the rest.
func (r *recent) within(key string) bool {
	for k, at := range r.at {
		if time.Since(at) >= pause {
			delete(r.at, k)
		}
	}
	_, ok := r.at[key]
	return ok
}
