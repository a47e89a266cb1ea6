package awsproto

import (
	"context"
	"encoding/json"
	"errors"
)

// Do calls an action in this process, as a client of the account in the region would over the network:
// in is encoded as JSON and decoded as the action's input, and its output into out the same way. An
// error of the service is an *Error. A long poll ends with ctx.
func (s *Service) Do(ctx context.Context, account, region, home, action string, in, out any) error {
	a, ok := s.Actions[action]
	if !ok {
		return errors.New("awsproto: " + s.Name + " has no action " + action)
	}
	body, err := EncodeJSON(in)
	if err != nil {
		return err
	}
	input := a.newInput()
	if bad := DecodeJSON(body, input); bad != nil {
		return bad
	}
	c := &Call{
		ID: NewID(), Action: action, Protocol: JSON, Account: account, Region: region, Home: home, AccessKey: account,
		BaseURL: "http://localhost", Path: "/", closing: ctx,
	}
	result, err := a.do(ctx, c, input)
	if err != nil {
		var known *Error
		if errors.As(err, &known) {
			return known
		}
		if answer := s.Translate(err); answer != nil {
			return answer
		}
		return err
	}
	if out == nil {
		return nil
	}
	if body, err = EncodeJSON(result); err != nil {
		return err
	}
	return json.Unmarshal(body, out)
}

// Scope is whose request of no protocol this is: the account of its access key and the region of its
// credential scope, "" where there is none.
func Scope(authorization string) (account, region string, bad *Error) {
	if authorization == "" {
		return DefaultAccount, "", nil
	}
	c, bad := parseAuthorization(authorization, nil)
	return accountOf(c.accessKey), c.region, bad
}
