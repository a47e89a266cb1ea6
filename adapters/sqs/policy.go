package sqs

import (
	"encoding/json"
	"slices"

	"github.com/portico-mq/portico/adapters/awspolicy"
	"github.com/portico-mq/portico/adapters/awsproto"
)

// The limits of a queue's policy [developer guide, "Amazon SQS policy quotas"].
const (
	maxPolicy           = 8 << 10
	maxStatements       = 20
	maxPolicyPrincipals = 50
	maxPolicyConditions = 10
	maxPolicyActions    = 7
)

// policyDocument is a queue's policy with its statements as they were written.
type policyDocument struct {
	Version   string            `json:",omitempty"`
	ID        string            `json:"Id,omitempty"`
	Statement []json.RawMessage `json:""`
}

// policyStatement is what is looked at in a statement.
type policyStatement struct {
	SID          string `json:"Sid"`
	Effect       string
	Principal    json.RawMessage
	NotPrincipal json.RawMessage
	Action       json.RawMessage
	NotAction    json.RawMessage
	Resource     json.RawMessage
	NotResource  json.RawMessage
	Condition    map[string]map[string]json.RawMessage
}

// parsePolicy reads a policy; ok is false for what is none.
func parsePolicy(text string) (doc policyDocument, ok bool) {
	var raw struct {
		Version   *string
		ID        *string `json:"Id"`
		Statement json.RawMessage
	}
	if len(text) > maxPolicy || strictJSON(text, &raw) != nil {
		return doc, false
	}
	if raw.Version != nil {
		doc.Version = *raw.Version
	}
	if raw.ID != nil {
		doc.ID = *raw.ID
	}
	if raw.Version != nil && doc.Version != "2008-10-17" && doc.Version != "2012-10-17" {
		return doc, false
	}
	if json.Unmarshal(raw.Statement, &doc.Statement) != nil {
		doc.Statement = []json.RawMessage{raw.Statement} // one statement may stand without a list
	}
	if len(doc.Statement) == 0 {
		return doc, false
	}
	for _, statement := range doc.Statement {
		if !validStatement(statement) {
			return doc, false
		}
	}
	return doc, true
}

func validStatement(raw json.RawMessage) bool {
	var s policyStatement
	if strictJSON(string(raw), &s) != nil {
		return false
	}
	one := func(this, not json.RawMessage) bool { return (this == nil) != (not == nil) }
	return (s.Effect == "Allow" || s.Effect == "Deny") &&
		one(s.Principal, s.NotPrincipal) && one(s.Action, s.NotAction) && one(s.Resource, s.NotResource) &&
		validPrincipal(slices.Concat(s.Principal, s.NotPrincipal)) &&
		len(textList(slices.Concat(s.Action, s.NotAction))) > 0 &&
		len(textList(slices.Concat(s.Resource, s.NotResource))) > 0 &&
		validConditions(s.Condition)
}

// validPrincipal takes "*", or a map from the kind of principal to one or many.
func validPrincipal(raw json.RawMessage) bool {
	var all string
	if json.Unmarshal(raw, &all) == nil {
		return all == "*"
	}
	var kinds map[string]json.RawMessage
	if json.Unmarshal(raw, &kinds) != nil || len(kinds) == 0 {
		return false
	}
	count := 0
	for kind, list := range kinds {
		principals := textList(list)
		if !slices.Contains([]string{"AWS", "Service", "Federated", "CanonicalUser"}, kind) || len(principals) == 0 {
			return false
		}
		count += len(principals)
	}
	return count <= maxPolicyPrincipals
}

func validConditions(conditions map[string]map[string]json.RawMessage) bool {
	count := 0
	for _, keys := range conditions {
		count += len(keys)
		for _, value := range keys {
			if value == nil {
				return false
			}
		}
	}
	return count <= maxPolicyConditions
}

// textList gives a string, or a list of strings, as a list; nil for anything else.
func textList(raw json.RawMessage) []string {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}
	}
	var list []string
	if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	return list
}

func checkPolicy(name, value string) *awsproto.Error {
	doc, ok := parsePolicy(value)
	if _, err := awspolicy.Parse(value, awspolicy.Resource); !ok || err != nil {
		return invalidAttribute(name, "")
	}
	if n := len(doc.Statement); n > maxStatements {
		return tooManyStatements(n)
	}
	return nil
}

func tooManyStatements(n int) *awsproto.Error {
	return plainError("OverLimit", 403, "%d statements were found in the submitted policy, max allowed is %d", n, maxStatements)
}
