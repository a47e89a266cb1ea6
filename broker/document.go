package broker

import (
	"encoding/json"
	"strings"
	"sync"
)

// Documents are what front ends keep with the broker that is none of its own nouns: a subscription that waits to be
// confirmed, a registered device. The broker stores them and never reads them.

// DocumentKey names a document.
type DocumentKey struct {
	// Collection is the kind of document, without a slash; front ends put their name before a dot.
	Collection string
	// Namespace is what it goes with when that is deleted; "": it belongs to none.
	Namespace string
	// Name is any text.
	Name string
}

// documents holds all documents.
type documents struct {
	mu sync.RWMutex
	of map[DocumentKey]json.RawMessage
}

func (k DocumentKey) metadata() MetadataKey {
	return MetadataKey{Kind: "document", Namespace: k.Namespace, Name: k.Collection + "/" + k.Name}
}

// PutDocument stores a document, any JSON, and returns when that is durable. A namespace that does not exist is
// KindNotFound.
func (b *Broker) PutDocument(key DocumentKey, value json.RawMessage) error {
	if key.Collection == "" || strings.Contains(key.Collection, "/") || !json.Valid(value) {
		return &Error{Kind: KindInvalid, Type: ResourceDocument, Namespace: key.Namespace, Name: key.Name}
	}
	d := &b.documents
	d.mu.Lock()
	if key.Namespace != "" && b.namespaceNamed(key.Namespace) == nil {
		d.mu.Unlock()
		return &Error{Kind: KindNotFound, Type: ResourceNamespace, Name: key.Namespace}
	}
	d.of[key] = append(json.RawMessage(nil), value...)
	done := b.startPut(key.metadata(), value)
	d.mu.Unlock()
	return done()
}

// DeleteDocument removes a document and returns when that is durable; KindNotFound when there is none.
func (b *Broker) DeleteDocument(key DocumentKey) error {
	d := &b.documents
	d.mu.Lock()
	if _, ok := d.of[key]; !ok {
		d.mu.Unlock()
		return &Error{Kind: KindNotFound, Type: ResourceDocument, Namespace: key.Namespace, Name: key.Name}
	}
	delete(d.of, key)
	done := b.startDelete(key.metadata())
	d.mu.Unlock()
	return done()
}

// Document returns a document, which must not be changed.
func (b *Broker) Document(key DocumentKey) (json.RawMessage, bool) {
	b.documents.mu.RLock()
	defer b.documents.mu.RUnlock()
	value, ok := b.documents.of[key]
	return value, ok
}

// Documents returns the documents of a collection in all namespaces, in no order. They must not be changed.
func (b *Broker) Documents(collection string) map[DocumentKey]json.RawMessage {
	b.documents.mu.RLock()
	defer b.documents.mu.RUnlock()
	found := make(map[DocumentKey]json.RawMessage)
	for key, value := range b.documents.of {
		if key.Collection == collection {
			found[key] = value
		}
	}
	return found
}

// adopt puts a loaded document into the table.
func (d *documents) adopt(key MetadataKey, value []byte) {
	collection, name, _ := strings.Cut(key.Name, "/")
	d.of[DocumentKey{collection, key.Namespace, name}] = append(json.RawMessage(nil), value...)
}

// forget starts removing what belongs to a namespace that is deleted.
func (d *documents) forget(b *Broker, namespace string) []wait {
	d.mu.Lock()
	defer d.mu.Unlock()
	var waits []wait
	for key := range d.of {
		if key.Namespace == namespace {
			delete(d.of, key)
			waits = append(waits, b.startDelete(key.metadata()))
		}
	}
	return waits
}
