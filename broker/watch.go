package broker

import "sync"

// queueWatchers are told of queues that are made.
type queueWatchers struct {
	mu   sync.Mutex
	all  map[int]func(namespace, queue string)
	next int
}

// WatchQueues calls f with the namespace and name of every queue that is made, before the call returns that makes it,
// until stop is called. f is called without locks, on the goroutine of that call: it may call the broker but must not
// wait for anybody.
func (b *Broker) WatchQueues(f func(namespace, queue string)) (stop func()) {
	w := &b.queueWatchers
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = make(map[int]func(string, string))
	}
	id := w.next
	w.next++
	w.all[id] = f
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.all, id)
	}
}

// tell calls the watchers.
func (w *queueWatchers) tell(namespace, queue string) {
	w.mu.Lock()
	all := make([]func(string, string), 0, len(w.all))
	for _, f := range w.all {
		all = append(all, f)
	}
	w.mu.Unlock()
	for _, f := range all {
		f(namespace, queue)
	}
}
