package storetest

import "github.com/portico-mq/portico/broker"

// halfDeclared takes the logs of a queue and of a log away, as a power cut during their declaration can, and expects
// both to be usable: their records are there.
func halfDeclared(f *fixture) {
	f.declare("q")
	info, err := f.s.Queue(f.ctx(), "q")
	if err != nil {
		f.Fatal(err)
	}
	logInfo, err := f.s.CreateLog(f.ctx(), broker.LogSpec{Name: "l", Shards: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.s.Close()
	if err := f.b.Close(); err != nil {
		f.Fatal(err)
	}
	if err := f.store.DeleteQueueLog(f.ctx(), info.ID); err != nil {
		f.Fatal(err)
	}
	if err := f.store.DeleteRecordLog(f.ctx(), logInfo.ID+"S00"); err != nil {
		f.Fatal(err)
	}
	f.restart()
	f.declare("q")
	f.publish("q", 1, 3)
	f.restart()
	f.expect("q", false, upTo(1, 3)...)
	l, err := f.s.Log("l", broker.AccessWrite)
	if err != nil {
		f.Fatal(err)
	}
	if seq, err := l.Append(f.ctx(), 0, broker.NewMessage("", "", nil, nil)); err != nil || seq != 1 {
		f.Fatalf("the first record went to %d, %v", seq, err)
	}
}
