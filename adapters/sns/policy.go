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

// statement is what is looked at in one of a topic's policy.
type statement struct {
	SID       string `json:"Sid"`
	Effect    string
	Action    json.RawMessage
	NotAction json.RawMessage
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
	var doc awspolicy.Text
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
	return nil, a.changePolicy(ctx, c, in.TopicARN, func(t *topic, doc *awspolicy.Text) *awsproto.Error {
		return in.add(t, doc)
	})
}

func (in *addPermissionInput) add(t *topic, doc *awspolicy.Text) *awsproto.Error {
	switch {
	case !validWord(in.Label) || len(in.Label) > maxBatchID:
		return invalidParameter("Label")
	case len(in.AWSAccountID) == 0:
		return invalidParameter("AWSAccountId")
	case len(in.ActionName) == 0:
		return invalidParameter("ActionName")
	}
	if doc.Has(in.Label) {
		return invalidParameter("Statement already exists")
	}
	var principals, actions []string
	for _, account := range in.AWSAccountID {
		if !awsproto.IsAccount(account) && !strings.HasPrefix(account, "arn:aws:iam::") {
			return invalidParameter("AWSAccountId")
		}
		if awsproto.IsAccount(account) {
			account = awspolicy.RootARN(account)
		}
		principals = append(principals, account)
	}
	for _, action := range in.ActionName {
		if action != "*" && !slices.Contains(topicActions, action) {
			return invalidParameter("Policy statement action out of service scope!")
		}
		actions = append(actions, "SNS:"+action)
	}
	if doc.Allow(in.Label, principals, actions, t.arn) != nil {
		return internalError
	}
	return nil
}

// removePermission [SNS RemovePermission] removes a statement; one that is not there is no error.
func (a *Adapter) removePermission(ctx context.Context, c *awsproto.Call, in *removePermissionInput) (*empty, error) {
	return nil, a.changePolicy(ctx, c, in.TopicARN, func(_ *topic, doc *awspolicy.Text) *awsproto.Error {
		if in.Label == "" {
			return invalidParameter("Label")
		}
		doc.Remove(in.Label)
		return nil
	})
}

func (a *Adapter) changePolicy(ctx context.Context, c *awsproto.Call, topicARN string, change func(*topic, *awspolicy.Text) *awsproto.Error) error {
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
	var doc awspolicy.Text
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
