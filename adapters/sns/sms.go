package sns

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
)

// Messages to telephones go into the outbox. What is set of them is kept: the account's attributes,
// and the numbers that opted out.

const (
	smsCollection    = "sns.sms"
	optOutCollection = "sns.optout"
)

// validPhone tells telephone numbers in the form of E.164, with the separators that the service takes.
func validPhone(s string) bool {
	digits := strings.NewReplacer(" ", "", "-", "", ".", "", "(", "", ")", "", "/", "").Replace(strings.TrimPrefix(s, "+"))
	return len(digits) >= 8 && len(digits) <= 15 && strings.Trim(digits, "0123456789") == ""
}

// publishSMS publishes to a telephone.
func (a *Adapter) publishSMS(ctx context.Context, c *awsproto.Call, in *publishInput) (*publishOutput, error) {
	if !validPhone(in.PhoneNumber) {
		return nil, invalidParameter("PhoneNumber Reason: %s is not valid to publish to", clip(in.PhoneNumber))
	}
	text, texts, bad := in.check()
	if bad == nil {
		bad = checkAttributes(in.MessageAttributes)
	}
	if bad != nil {
		return nil, bad
	}
	if special, ok := texts[protocolSMS]; ok {
		text = special
	}
	if len(text) > maxSMS {
		return nil, invalidParameter("Message too long")
	}
	if a.optedOut(c.Namespace(c.Account), in.PhoneNumber) { // as with the service, who publishes is not told
		return &publishOutput{MessageID: awsproto.NewID()}, nil
	}
	id, err := a.addDirect(ctx, c, protocolSMS, in.PhoneNumber, &in.messageInput, text)
	return &publishOutput{MessageID: id}, err
}

// maxSMS is the longest text to a telephone, in bytes.
const maxSMS = 1600

// smsAttributes are those that an account has.
var smsAttributes = []string{
	"MonthlySpendLimit", "DeliveryStatusIAMRole", "DeliveryStatusSuccessSamplingRate", "DefaultSenderID", "DefaultSMSType",
	"UsageReportS3Bucket",
}

// setSMSAttributes [SNS SetSMSAttributes].
func (a *Adapter) setSMSAttributes(ctx context.Context, c *awsproto.Call, in *setSMSInput) (*emptyResult, error) {
	for name, value := range in.Attributes {
		switch {
		case !slices.Contains(smsAttributes, name):
			return nil, invalidParameter("%s is not a valid attribute", clip(name))
		case name == "DefaultSMSType" && value != "Promotional" && value != "Transactional":
			return nil, invalidParameter("DefaultSMSType is invalid")
		case name == "DeliveryStatusSuccessSamplingRate" || name == "MonthlySpendLimit":
			if n, err := strconv.Atoi(value); err != nil || n < 0 || n > 100 && name != "MonthlySpendLimit" {
				return nil, invalidParameter("%s is invalid", name)
			}
		}
	}
	a.changing.Lock()
	defer a.changing.Unlock()
	namespace := c.Namespace(c.Account)
	if _, err := a.broker.Namespace(ctx, namespace, true); err != nil {
		return nil, err
	}
	kept := a.keptSMS(namespace)
	for name, value := range in.Attributes {
		kept[name] = value
	}
	text, err := json.Marshal(kept)
	if err != nil {
		return nil, err
	}
	return nil, a.broker.PutDocument(broker.DocumentKey{Collection: smsCollection, Namespace: namespace}, text)
}

func (a *Adapter) keptSMS(namespace string) map[string]string {
	kept := make(map[string]string)
	if text, ok := a.broker.Document(broker.DocumentKey{Collection: smsCollection, Namespace: namespace}); ok {
		_ = json.Unmarshal(text, &kept) // it was written here
	}
	return kept
}

// getSMSAttributes [SNS GetSMSAttributes].
func (a *Adapter) getSMSAttributes(_ context.Context, c *awsproto.Call, in *getSMSInput) (*smsAttributesOutput, error) {
	kept := a.keptSMS(c.Namespace(c.Account))
	if len(in.Attributes) > 0 {
		for name := range kept {
			if !slices.Contains(in.Attributes, name) {
				delete(kept, name)
			}
		}
	}
	return &smsAttributesOutput{kept}, nil
}

func (a *Adapter) optedOut(namespace, number string) bool {
	_, ok := a.broker.Document(broker.DocumentKey{Collection: optOutCollection, Namespace: namespace, Name: number})
	return ok
}

// checkOptedOut [SNS CheckIfPhoneNumberIsOptedOut].
func (a *Adapter) checkOptedOut(_ context.Context, c *awsproto.Call, in *phoneInput) (*optedOutOutput, error) {
	if !validPhone(in.PhoneNumber) {
		return nil, invalidParameter("PhoneNumber Reason: input incorrectly formatted")
	}
	return &optedOutOutput{a.optedOut(c.Namespace(c.Account), in.PhoneNumber)}, nil
}

// optIn [SNS OptInPhoneNumber].
func (a *Adapter) optIn(_ context.Context, c *awsproto.Call, in *phoneInput) (*emptyResult, error) {
	if !validPhone(in.PhoneNumber) {
		return nil, invalidParameter("PhoneNumber Reason: input incorrectly formatted")
	}
	err := a.broker.DeleteDocument(broker.DocumentKey{Collection: optOutCollection, Namespace: c.Namespace(c.Account), Name: in.PhoneNumber})
	if err != nil && !broker.IsKind(err, broker.KindNotFound) {
		return nil, err
	}
	return nil, nil
}

// listOptedOut [SNS ListPhoneNumbersOptedOut].
func (a *Adapter) listOptedOut(_ context.Context, c *awsproto.Call, in *listOptedOutInput) (*listOptedOutOutput, error) {
	numbers := []string{}
	for key := range a.broker.Documents(optOutCollection) {
		if key.Namespace == c.Namespace(c.Account) {
			numbers = append(numbers, key.Name)
		}
	}
	page, next, err := pageOf(a.tokens, c, in.NextToken, pageSize, numbers, func(s string) string { return s })
	if err != nil {
		return nil, err
	}
	return &listOptedOutOutput{page, next}, nil
}

// listOriginationNumbers [SNS ListOriginationNumbers]: there are none here.
func (a *Adapter) listOriginationNumbers(context.Context, *awsproto.Call, *listNumbersInput) (*originationOutput, error) {
	return &originationOutput{PhoneNumbers: []string{}}, nil
}

// servePhoneOptOuts opts a number out: what its owner does by answering STOP. The body names it, as
// LocalStack's page wants it.
func (a *Adapter) servePhoneOptOuts(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	var in struct {
		PhoneNumber string `json:"phoneNumber"`
		AccountID   string `json:"accountId"`
	}
	const maxOptOut = 4 << 10
	if json.NewDecoder(http.MaxBytesReader(w, r.Body, maxOptOut)).Decode(&in) != nil || !validPhone(in.PhoneNumber) {
		http.Error(w, `the body is no {"phoneNumber": "+1..."}`, http.StatusBadRequest)
		return
	}
	at := a.place(r)
	if in.AccountID != "" {
		at.account = in.AccountID
	}
	namespace := a.namespaceOf(at)
	if _, err := a.broker.Namespace(r.Context(), namespace, true); err != nil {
		a.answerPage(w, nil, err)
		return
	}
	err := a.broker.PutDocument(broker.DocumentKey{Collection: optOutCollection, Namespace: namespace, Name: in.PhoneNumber}, json.RawMessage(`true`))
	a.answerPage(w, map[string]string{"phoneNumber": in.PhoneNumber}, err)
}
