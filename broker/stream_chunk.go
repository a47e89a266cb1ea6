package broker

// streamChunk is a piece of a stream that was read from its log. Readers share it; it does not change.
type streamChunk struct {
	messages []streamMessage // of adjacent offsets
	bytes    int64
}

const (
	// keptChunks and keptChunkBytes bound the chunks that a stream keeps for other readers that come along.
	keptChunks     = 32
	keptChunkBytes = 4 << 20
)

// from is what the chunk has from an offset on.
func (c *streamChunk) from(offset uint64) []streamMessage {
	if len(c.messages) == 0 || offset > c.messages[len(c.messages)-1].offset {
		return nil
	}
	return c.messages[max(offset, c.messages[0].offset)-c.messages[0].offset:]
}

// chunkAt is what a chunk that is kept has from an offset on, if one has it. The caller holds the queue's mu.
func (s *stream) chunkAt(offset uint64) []streamMessage {
	for i := len(s.chunks) - 1; i >= 0; i-- {
		if c := s.chunks[i]; c.messages[0].offset <= offset {
			if found := c.from(offset); len(found) > 0 {
				return found
			}
		}
	}
	return nil
}

// keepChunk keeps a chunk, and lets the oldest go when that is too much. The caller holds the queue's mu.
func (s *stream) keepChunk(q *Queue, c *streamChunk) {
	if len(c.messages) == 0 || len(q.consumers) < 2 {
		return
	}
	s.chunks = append(s.chunks, c)
	s.chunkBytes += c.bytes
	q.addWindow(c.bytes)
	for len(s.chunks) > keptChunks || s.chunkBytes > keptChunkBytes ||
		(s.chunkBytes > windowShare && q.ns.b.window.Load() > q.ns.b.opts.WindowBytes) {
		s.dropChunk(q)
	}
}

func (s *stream) dropChunk(q *Queue) {
	c := s.chunks[0]
	s.chunks[0] = nil
	s.chunks = s.chunks[1:]
	s.chunkBytes -= c.bytes
	q.addWindow(-c.bytes)
}
