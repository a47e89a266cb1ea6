package sns

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"math/big"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
)

// The numbers of the SMS sandbox are kept and verified by a password, which goes into the outbox like
// any other text. The account is outside the sandbox: numbers need not be in it.

const sandboxCollection = "sns.sandbox"

// sandboxNumber is one of them.
type sandboxNumber struct {
	Verified bool   `json:"verified"`
	Code     string `json:"code"` // the one-time password
}

func sandboxKey(c *awsproto.Call, number string) broker.DocumentKey {
	return broker.DocumentKey{Collection: sandboxCollection, Namespace: c.Namespace(c.Account), Name: number}
}

func (a *Adapter) findSandboxNumber(c *awsproto.Call, number string) (*sandboxNumber, error) {
	text, ok := a.broker.Document(sandboxKey(c, number))
	if !ok {
		return nil, plainError("ResourceNotFound", 404, "Phone number %s does not exist in the sandbox", clip(number))
	}
	n := &sandboxNumber{}
	return n, json.Unmarshal(text, n)
}

func (a *Adapter) keepSandboxNumber(c *awsproto.Call, number string, n *sandboxNumber) error {
	text, err := json.Marshal(n)
	if err != nil {
		return err
	}
	return a.broker.PutDocument(sandboxKey(c, number), text)
}

// createSandboxNumber [SNS CreateSMSSandboxPhoneNumber] sends the password.
func (a *Adapter) createSandboxNumber(ctx context.Context, c *awsproto.Call, in *sandboxInput) (*emptyResult, error) {
	if !validPhone(in.PhoneNumber) {
		return nil, invalidParameter("PhoneNumber Reason: %s is not valid to publish to", clip(in.PhoneNumber))
	}
	if _, err := a.broker.Namespace(ctx, c.Namespace(c.Account), true); err != nil {
		return nil, err
	}
	number, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		return nil, err
	}
	n := &sandboxNumber{Code: fmt.Sprintf("%06d", number)}
	if err := a.keepSandboxNumber(c, in.PhoneNumber, n); err != nil {
		return nil, err
	}
	text := "Your verification code is " + n.Code
	_, err = a.addDirect(ctx, c, protocolSMS, in.PhoneNumber, &messageInput{}, text)
	return nil, err
}

// verifySandboxNumber [SNS VerifySMSSandboxPhoneNumber].
func (a *Adapter) verifySandboxNumber(_ context.Context, c *awsproto.Call, in *verifySandboxInput) (*emptyResult, error) {
	n, err := a.findSandboxNumber(c, in.PhoneNumber)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare([]byte(n.Code), []byte(in.OneTimePassword)) != 1 {
		return nil, plainError("VerificationException", 400, "The one-time password is not valid")
	}
	n.Verified = true
	return nil, a.keepSandboxNumber(c, in.PhoneNumber, n)
}

// deleteSandboxNumber [SNS DeleteSMSSandboxPhoneNumber].
func (a *Adapter) deleteSandboxNumber(_ context.Context, c *awsproto.Call, in *sandboxInput) (*emptyResult, error) {
	if _, err := a.findSandboxNumber(c, in.PhoneNumber); err != nil {
		return nil, err
	}
	return nil, a.broker.DeleteDocument(sandboxKey(c, in.PhoneNumber))
}

// listSandboxNumbers [SNS ListSMSSandboxPhoneNumbers].
func (a *Adapter) listSandboxNumbers(_ context.Context, c *awsproto.Call, in *listNumbersInput) (*listSandboxOutput, error) {
	list := []sandboxOutput{}
	for key, text := range a.broker.Documents(sandboxCollection) {
		if key.Namespace != c.Namespace(c.Account) {
			continue
		}
		var n sandboxNumber
		if err := json.Unmarshal(text, &n); err != nil {
			return nil, err
		}
		status := "Pending"
		if n.Verified {
			status = "Verified"
		}
		list = append(list, sandboxOutput{key.Name, status})
	}
	size := pageSize
	if in.MaxResults != nil {
		if size = int(*in.MaxResults); size < 1 || size > pageSize {
			return nil, plainError("ValidationException", 400, "MaxResults must be between 1 and %d", pageSize)
		}
	}
	page, next, err := pageOf(a.tokens, c, in.NextToken, size, list, func(n sandboxOutput) string { return n.PhoneNumber })
	if err != nil {
		return nil, err
	}
	return &listSandboxOutput{page, next}, nil
}

// getSandboxStatus [SNS GetSMSSandboxAccountStatus].
func (a *Adapter) getSandboxStatus(context.Context, *awsproto.Call, *empty) (*sandboxStatusOutput, error) {
	return &sandboxStatusOutput{IsInSandbox: false}, nil
}
