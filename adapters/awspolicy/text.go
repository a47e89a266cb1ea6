package awspolicy

import (
	"bytes"
	"encoding/json"
	"slices"
)

// Text is a policy with its statements as they were written, for the actions that add statements and take them away
// (AddPermission and RemovePermission of SQS and of SNS). It is not safe for concurrent use.
type Text struct {
	Version   string            `json:"Version,omitempty"`
	ID        string            `json:"Id,omitempty"`
	Statement []json.RawMessage `json:"Statement"`
}

// ReadText takes a policy apart. It looks no closer than that: what the statements say is checked by Parse, whose error
// it has.
func ReadText(text string) (Text, error) {
	raw, statements, err := split(text)
	t := Text{Statement: statements}
	if raw.Version != nil {
		t.Version = *raw.Version
	}
	if raw.ID != nil {
		t.ID = *raw.ID
	}
	return t, err
}

// Has reports whether a statement has that Sid.
func (t *Text) Has(sid string) bool {
	return slices.ContainsFunc(t.Statement, func(raw json.RawMessage) bool { return hasSID(raw, sid) })
}

// Remove takes the statements out that have that Sid, and reports whether there was one.
func (t *Text) Remove(sid string) bool {
	before := len(t.Statement)
	t.Statement = slices.DeleteFunc(t.Statement, func(raw json.RawMessage) bool { return hasSID(raw, sid) })
	return len(t.Statement) < before
}

func hasSID(raw json.RawMessage, sid string) bool {
	var s struct {
		SID string `json:"Sid"`
	}
	return json.Unmarshal(raw, &s) == nil && s.SID == sid
}

// Allow adds a statement that lets principals, which are ARNs, do the actions with the resource. It is written as AWS
// writes it: a list of one stands without the list.
func (t *Text) Allow(sid string, principals, actions []string, resource string) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(struct {
		SID       string         `json:"Sid"`
		Effect    string         `json:"Effect"`
		Principal map[string]any `json:"Principal"`
		Action    any            `json:"Action"`
		Resource  string         `json:"Resource"`
	}{sid, "Allow", map[string]any{"AWS": oneOrList(principals)}, oneOrList(actions), resource})
	if err == nil {
		t.Statement = append(t.Statement, bytes.TrimRight(b.Bytes(), "\n"))
	}
	return err
}

func oneOrList(list []string) any {
	if len(list) == 1 {
		return list[0]
	}
	return list
}
