package storetest

import (
	"encoding/json"

	"github.com/portico-mq/portico/broker"
)

// restartDocuments: documents are there after a restart, and go with their namespace.
func restartDocuments(f *fixture) {
	must := func(err error) {
		f.Helper()
		if err != nil {
			f.Fatal(err)
		}
	}
	_, err := f.b.PutNamespace("other", broker.NamespaceSpec{})
	must(err)
	key := func(namespace, name string) broker.DocumentKey {
		return broker.DocumentKey{Collection: "test.things", Namespace: namespace, Name: name}
	}
	must(f.b.PutDocument(key("", "global/1"), json.RawMessage(`1`)))
	must(f.b.PutDocument(key("other", "a"), json.RawMessage(`2`)))
	must(f.b.PutDocument(key("other", "b"), json.RawMessage(`3`)))
	must(f.b.PutDocument(key("other", "a"), json.RawMessage(`{"x":4}`)))
	must(f.b.DeleteDocument(key("other", "b")))
	if err := f.b.PutDocument(key("nowhere", "a"), json.RawMessage(`1`)); !broker.IsKind(err, broker.KindNotFound) {
		f.Errorf("a document of no namespace: %v", err)
	}
	if err := f.b.PutDocument(key("", "a"), json.RawMessage(`{`)); !broker.IsKind(err, broker.KindInvalid) {
		f.Errorf("a document that is no JSON: %v", err)
	}
	f.restart()
	if got := f.b.Documents("test.things"); len(got) != 2 || string(got[key("", "global/1")]) != "1" || string(got[key("other", "a")]) != `{"x":4}` {
		f.Errorf("after a restart: %v", got)
	}
	if _, ok := f.b.Document(key("other", "b")); ok {
		f.Error("a deleted document came back")
	}
	must(f.b.DeleteNamespace(f.Context(), "other"))
	f.restart()
	if got := f.b.Documents("test.things"); len(got) != 1 {
		f.Errorf("after deleting the namespace: %v", got)
	}
	if err := f.b.DeleteDocument(key("other", "a")); !broker.IsKind(err, broker.KindNotFound) {
		f.Errorf("deleting a document that is not there: %v", err)
	}
}
