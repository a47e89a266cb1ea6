package broker

import "sync"

// queueWatchers are told which queues come and go.
type queueWatchers struct {
	mu   sync.Mutex
	list map[int]func(namespace, name string)
	next int
}

// WatchQueues calls f after a queue was made or deleted, until stop is called; f then looks itself which it was. It is
// called without locks, and may call the broker; what it takes long for belongs in a goroutine of its own.
func (b *Broker) WatchQueues(f func(namespace, name string)) (stop func()) {
	w := &b.queueWatchers
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.list == nil {
		w.list = make(map[int]func(string, string))
	}
	id := w.next
	w.next++
	w.list[id] = f
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.list, id)
	}
}

// queueChanged tells the watchers of a queue. The caller holds no lock.
func (ns *Namespace) queueChanged(name string) {
	w := &ns.b.queueWatchers
	w.mu.Lock()
	list := make([]func(string, string), 0, len(w.list))
	for _, f := range w.list {
		list = append(list, f)
	}
	w.mu.Unlock()
	for _, f := range list {
		f(ns.name, name)
	}
}
