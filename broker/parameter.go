package broker

import (
	"encoding/json"
	"maps"
	"sync"
)

// parameters are the global parameters: values that tools keep with a broker, which gives them no meaning.
type parameters struct {
	mu sync.RWMutex
	of map[string]json.RawMessage
}

// SetGlobalParameter stores a value, any JSON, and returns when that is durable; it reports whether it is a new one.
func (b *Broker) SetGlobalParameter(name string, value json.RawMessage) (created bool, err error) {
	if name == "" || !validName(name) || !json.Valid(value) {
		return false, &Error{Kind: KindInvalid, Type: ResourceParameter, Name: name}
	}
	p := &b.parameters
	p.mu.Lock()
	_, had := p.of[name]
	p.of[name] = append(json.RawMessage(nil), value...)
	done := b.startPut(MetadataKey{Kind: "parameter", Name: name}, value)
	p.mu.Unlock()
	return !had, done()
}

// ClearGlobalParameter removes a value; KindNotFound when there is none.
func (b *Broker) ClearGlobalParameter(name string) error {
	p := &b.parameters
	p.mu.Lock()
	if _, ok := p.of[name]; !ok {
		p.mu.Unlock()
		return &Error{Kind: KindNotFound, Type: ResourceParameter, Name: name}
	}
	delete(p.of, name)
	done := b.startDelete(MetadataKey{Kind: "parameter", Name: name})
	p.mu.Unlock()
	return done()
}

// GlobalParameters returns all global parameters by name. The values must not be changed.
func (b *Broker) GlobalParameters() map[string]json.RawMessage {
	b.parameters.mu.RLock()
	defer b.parameters.mu.RUnlock()
	return maps.Clone(b.parameters.of)
}
