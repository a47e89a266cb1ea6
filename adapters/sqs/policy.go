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

// parsePolicy reads a policy; ok is false for what is none.
func parsePolicy(text string) (doc awspolicy.Text, ok bool) {
	if len(text) > maxPolicy {
		return doc, false
	}
	if _, err := awspolicy.Parse(text, awspolicy.Resource); err != nil {
		return doc, false
	}
	doc, err := awspolicy.ReadText(text)
	return doc, err == nil && len(doc.Statement) > 0 && !slices.ContainsFunc(doc.Statement, tooLarge)
}

// tooLarge tells of a statement of a well-formed policy that it names more principals or has more conditions than SQS
// takes.
func tooLarge(raw json.RawMessage) bool {
	var s struct {
		Principal, NotPrincipal json.RawMessage
		Condition               map[string]map[string]json.RawMessage
	}
	if json.Unmarshal(raw, &s) != nil {
		return true
	}
	conditions := 0
	for _, keys := range s.Condition {
		conditions += len(keys)
	}
	principals := 0
	var kinds map[string]json.RawMessage
	_ = json.Unmarshal(slices.Concat(s.Principal, s.NotPrincipal), &kinds) // "*" has none
	for _, list := range kinds {
		names, _ := awspolicy.Strings(list)
		principals += len(names)
	}
	return principals > maxPolicyPrincipals || conditions > maxPolicyConditions
}

func checkPolicy(name, value string) *awsproto.Error {
	doc, ok := parsePolicy(value)
	if !ok {
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
