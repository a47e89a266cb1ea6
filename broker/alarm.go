package broker

import "sync"

// Alarm is a reason to stop publishers.
type Alarm string

// The alarms.
const (
	AlarmMemory  Alarm = "memory"
	AlarmDisk    Alarm = "disk"
	AlarmStorage Alarm = "storage" // a sync failed: nothing is confirmed any more until a restart
)

// alarms holds which alarms are on and who wants to know.
type alarms struct {
	mu       sync.Mutex
	on       map[Alarm]bool
	watchers map[int]func(on []Alarm)
	next     int
}

// SetAlarm switches an alarm on or off and tells the watchers if that changed anything.
func (b *Broker) SetAlarm(a Alarm, on bool) {
	b.alarms.mu.Lock()
	defer b.alarms.mu.Unlock()
	if b.alarms.on[a] == on {
		return
	}
	if b.alarms.on == nil {
		b.alarms.on = make(map[Alarm]bool)
	}
	b.alarms.on[a] = on
	b.log.Warn("resource alarm", "alarm", a, "on", on)
	list := b.alarms.list()
	for _, w := range b.alarms.watchers {
		w(list)
	}
}

// Alarms lists the alarms that are on, in a fixed order.
func (b *Broker) Alarms() []Alarm {
	b.alarms.mu.Lock()
	defer b.alarms.mu.Unlock()
	return b.alarms.list()
}

func (a *alarms) list() []Alarm {
	var list []Alarm
	for _, alarm := range []Alarm{AlarmMemory, AlarmDisk, AlarmStorage} {
		if a.on[alarm] {
			list = append(list, alarm)
		}
	}
	return list
}

// WatchAlarms calls f with the alarms that are on, whenever that changes, until stop is called. f must not block and
// must not call the broker. Front ends stop reading from publishers while the list is not empty.
func (b *Broker) WatchAlarms(f func(on []Alarm)) (stop func()) {
	b.alarms.mu.Lock()
	defer b.alarms.mu.Unlock()
	if b.alarms.watchers == nil {
		b.alarms.watchers = make(map[int]func([]Alarm))
	}
	id := b.alarms.next
	b.alarms.next++
	b.alarms.watchers[id] = f
	return func() {
		b.alarms.mu.Lock()
		defer b.alarms.mu.Unlock()
		delete(b.alarms.watchers, id)
	}
}
