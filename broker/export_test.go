package broker

// EncodeTransaction is the entry of the journal of a transaction that settles messages of one queue.
func EncodeTransaction(queueID string, settled ...uint64) []byte {
	p := &part{queue: &Queue{id: queueID}}
	for _, seq := range settled {
		p.acked = append(p.acked, &entry{seq: seq})
	}
	return encodeEntry([]*part{p}, nil)
}
