package sns

import (
	"context"
	"encoding/json"

	"github.com/portico-mq/portico/adapters/awsproto"
)

// Data protection policies are kept and shown; no message is looked into for what they protect.

const maxDataProtection = 30 << 10

func checkDataProtection(text string) *awsproto.Error {
	var document map[string]json.RawMessage
	if len(text) > maxDataProtection || json.Unmarshal([]byte(text), &document) != nil || document == nil {
		return invalidParameter("DataProtectionPolicy Reason: Invalid JSON")
	}
	return nil
}

// getDataProtectionPolicy [SNS GetDataProtectionPolicy].
func (a *Adapter) getDataProtectionPolicy(ctx context.Context, c *awsproto.Call, in *resourceInput) (*dataProtectionOutput, error) {
	t, err := a.findTopic(ctx, c, in.ResourceARN, "ResourceArn")
	if err != nil {
		return nil, err
	}
	defer t.session.Close()
	return &dataProtectionOutput{t.record.DataProtection}, nil
}

// putDataProtectionPolicy [SNS PutDataProtectionPolicy]; the empty one removes it.
func (a *Adapter) putDataProtectionPolicy(ctx context.Context, c *awsproto.Call, in *putDataProtectionInput) (*empty, error) {
	a.changing.Lock()
	defer a.changing.Unlock()
	t, err := a.findTopic(ctx, c, in.ResourceARN, "ResourceArn")
	if err != nil {
		return nil, err
	}
	defer t.session.Close()
	if in.DataProtectionPolicy != "" {
		if bad := checkDataProtection(in.DataProtectionPolicy); bad != nil {
			return nil, bad
		}
	}
	t.record.DataProtection = in.DataProtectionPolicy
	return nil, t.keep(ctx)
}
