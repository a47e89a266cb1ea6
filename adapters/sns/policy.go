package sns

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/portico-mq/portico/adapters/awspolicy"
	"github.com/portico-mq/portico/adapters/awsproto"
)

// topicActions are the actions that a topic's policy can name.
var topicActions = []string{
	"GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission", "DeleteTopic", "Subscribe",
	"ListSubscriptionsByTopic", "Publish", "Receive", "TagResource", "UntagResource", "ListTagsForResource",
	"GetDataProtectionPolicy", "PutDataProtectionPolicy",
}

// policyDocument is an IAM policy with its statements as they were written.
type policyDocument struct {
	Version   string            `json:"Version,omitempty"`
	ID        string            `json:"Id,omitempty"`
	Statement []json.RawMessage `json:"Statement"`
}

// statement is what is looked at in one.
type statement struct {
	SID       string          `json:"Sid,omitempty"`
	Effect    string          `json:"Effect"`
	Principal json.RawMessage `json:"Principal,omitempty"`
	Action    json.RawMessage `json:"Action,omitempty"`
	NotAction json.RawMessage `json:"NotAction,omitempty"`
	Resource  json.RawMessage `json:"Resource,omitempty"`
	Condition json.RawMessage `json:"Condition,omitempty"`
}

// defaultPolicy is the policy of a topic that has none of its own, as AWS writes it.
func defaultPolicy(topicARN, account string) string {
	actions := make([]string, 8)
	for i := range actions {
		actions[i] = `"SNS:` + topicActions[i] + `"`
	}
	return `{"Version":"2008-10-17","Id":"__default_policy_ID","Statement":[{"Sid":"__default_statement_ID","Effect":"Allow",` +
		`"Principal":{"AWS":"*"},"Action":[` + strings.Join(actions, ",") + `],"Resource":"` + topicARN +
		`","Condition":{"StringEquals":{"AWS:SourceOwner":"` + account + `"}}}]}`
}

var errPolicy = invalidParameter("Policy Error: null")

const maxPolicy = 30 << 10

// checkPolicy says whether text can be a topic's policy. Who may do what by it is decided elsewhere.
func checkPolicy(text string) *awsproto.Error {
	if text == "" {
		return nil // the default's again
	}
	var doc policyDocument
	if len(text) > maxPolicy || json.Unmarshal([]byte(text), &doc) != nil || len(doc.Statement) == 0 {
		return errPolicy
	}
	for _, raw := range doc.Statement {
		var s statement
		if json.Unmarshal(raw, &s) != nil || s.Effect != "Allow" && s.Effect != "Deny" {
			return errPolicy
		}
		for _, list := range []json.RawMessage{s.Action, s.NotAction} {
			for _, action := range oneOrMany(list) {
				if service, _, _ := strings.Cut(action, ":"); action != "*" && !strings.EqualFold(service, "sns") {
					return invalidParameter("Policy statement action out of service scope!")
				}
			}
		}
	}
	if _, err := awspolicy.Parse(text, awspolicy.Resource); err != nil {
		return errPolicy
	}
	return nil
}

// oneOrMany reads a string or a list of them.
func oneOrMany(raw json.RawMessage) []string {
	var one string
	if json.Unmarshal(raw, &one) == nil && one != "" {
		return []string{one}
	}
	var many []string
	_ = json.Unmarshal(raw, &many) // what is neither is empty
	return many
}

// addPermission [SNS AddPermission] adds a statement to the topic's policy.
func (a *Adapter) addPermission(ctx context.Context, c *awsproto.Call, in *addPermissionInput) (*empty, error) {
	return nil, a.changePolicy(ctx, c, in.TopicARN, func(t *topic, doc *policyDocument) *awsproto.Error {
		return in.add(t, doc)
	})
}

func (in *addPermissionInput) add(t *topic, doc *policyDocument) *awsproto.Error {
	switch {
	case !validWord(in.Label) || len(in.Label) > maxBatchID:
		return invalidParameter("Label")
	case len(in.AWSAccountID) == 0:
		return invalidParameter("AWSAccountId")
	case len(in.ActionName) == 0:
		return invalidParameter("ActionName")
	}
	for _, raw := range doc.Statement {
		var s statement
		if json.Unmarshal(raw, &s) == nil && s.SID == in.Label {
			return invalidParameter("Statement already exists")
		}
	}
	var principals, actions []string
	for _, account := range in.AWSAccountID {
		if !awsproto.IsAccount(account) && !strings.HasPrefix(account, "arn:aws:iam::") {
			return invalidParameter("AWSAccountId")
		}
		if awsproto.IsAccount(account) {
			account = "arn:aws:iam::" + account + ":root"
		}
		principals = append(principals, account)
	}
	for _, action := range in.ActionName {
		if action != "*" && !slices.Contains(topicActions, action) {
			return invalidParameter("Policy statement action out of service scope!")
		}
		actions = append(actions, "SNS:"+action)
	}
	added, err := awsproto.EncodeJSON(struct {
		SID       string         `json:"Sid"`
		Effect    string         `json:"Effect"`
		Principal map[string]any `json:"Principal"`
		Action    any            `json:"Action"`
		Resource  string         `json:"Resource"`
	}{in.Label, "Allow", map[string]any{"AWS": single(principals)}, single(actions), t.arn})
	if err != nil {
		return internalError
	}
	doc.Statement = append(doc.Statement, added)
	return nil
}

// single writes a list of one as AWS does: without the list.
func single(list []string) any {
	if len(list) == 1 {
		return list[0]
	}
	return list
}

// removePermission [SNS RemovePermission] removes a statement; one that is not there is no error.
func (a *Adapter) removePermission(ctx context.Context, c *awsproto.Call, in *removePermissionInput) (*empty, error) {
	return nil, a.changePolicy(ctx, c, in.TopicARN, func(_ *topic, doc *policyDocument) *awsproto.Error {
		if in.Label == "" {
			return invalidParameter("Label")
		}
		doc.Statement = slices.DeleteFunc(doc.Statement, func(raw json.RawMessage) bool {
			var s statement
			return json.Unmarshal(raw, &s) == nil && s.SID == in.Label
		})
		return nil
	})
}

func (a *Adapter) changePolicy(ctx context.Context, c *awsproto.Call, topicARN string, change func(*topic, *policyDocument) *awsproto.Error) error {
	a.changing.Lock()
	defer a.changing.Unlock()
	t, err := a.findTopic(ctx, c, topicARN, "TopicArn")
	if err != nil {
		return err
	}
	defer t.session.Close()
	text := t.record.Attributes[policyAttribute]
	if text == "" {
		text = defaultPolicy(t.arn, t.account)
	}
	var doc policyDocument
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		return err
	}
	if bad := change(t, &doc); bad != nil {
		return bad
	}
	changed, err := awsproto.EncodeJSON(doc)
	if err != nil {
		return err
	}
	if len(changed) > maxPolicy {
		return errPolicy
	}
	t.record.Attributes[policyAttribute] = string(changed)
	return t.keep(ctx)
}
