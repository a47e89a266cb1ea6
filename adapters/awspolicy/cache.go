package awspolicy

import "sync"

// Cache keeps policies compiled by their text. The zero value is ready; it is safe for concurrent use.
type Cache struct {
	mu sync.RWMutex
	of map[string]*Document
}

// maxCached bounds a cache; a full one begins again.
const maxCached = 4096

// Get gives the compiled form of a resource's policy; nil for none. A text that is no policy, which can only have been
// stored by another version, lets nobody do anything.
func (c *Cache) Get(text string) *Document {
	if text == "" {
		return nil
	}
	c.mu.RLock()
	d, ok := c.of[text]
	c.mu.RUnlock()
	if ok {
		return d
	}
	d, err := Parse(text, Resource)
	if err != nil {
		d = nothing
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil || len(c.of) >= maxCached {
		c.of = make(map[string]*Document)
	}
	c.of[text] = d
	return d
}

// nothing denies everything to everybody.
var nothing = &Document{kind: Resource, statements: []statement{{
	deny: true, principals: principals{everybody: true},
	actions: []pattern{compilePattern("*", false)}, resources: []pattern{compilePattern("*", false)},
}}}
