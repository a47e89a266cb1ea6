package sns

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/adapters/sns/signature"
	"github.com/portico-mq/portico/broker"
)

// The pages that the endpoint serves beside the service's actions: the certificate of the signatures,
// and what is in the outbox, also in the forms in which LocalStack shows it.
const pageRoot = "/_aws/sns/"

func (a *Adapter) pages() []awsproto.Page {
	pages := []awsproto.Page{
		{Prefix: pageRoot + "outbox", Handler: a.page(a.showOutbox)},
		{Prefix: pageRoot + "sms-messages", Handler: a.page(a.showSMS)},
		{Prefix: pageRoot + "platform-endpoint-messages", Handler: a.page(a.showDevices)},
		{Prefix: pageRoot + "subscription-tokens/", Handler: http.HandlerFunc(a.showToken)},
		{Prefix: pageRoot + "phone-opt-outs", Handler: http.HandlerFunc(a.servePhoneOptOuts)},
	}
	return append(pages, awsproto.Page{Prefix: signature.Prefix, Open: true, Handler: http.HandlerFunc(a.serveCertificate)})
}

// serveCertificate serves the certificate of the signatures, to anybody.
func (a *Adapter) serveCertificate(w http.ResponseWriter, r *http.Request) {
	signer := a.rules.signer.Load()
	if signer == nil || r.URL.Path != signer.Path() {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/x-pem-file")
	_, _ = w.Write(signer.Certificate()) // a client that went away is nothing to act on
}

// place is the account and region that a page is asked about.
func (a *Adapter) place(r *http.Request) arn {
	p := arn{account: r.URL.Query().Get("accountId"), region: r.URL.Query().Get("region")}
	if p.account == "" {
		p.account = awsproto.DefaultAccount
	}
	if p.region == "" {
		p.region = a.home
	}
	return p
}

// page serves what show makes of the outbox; DELETE empties it.
func (a *Adapter) page(show func(*http.Request, arn, string) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at := a.place(r)
		namespace := a.namespaceOf(at)
		var out any
		var err error
		switch r.Method {
		case http.MethodGet:
			out, err = show(r, at, namespace)
		case http.MethodDelete:
			if err = a.outbox.clear(r.Context(), a, namespace); err == nil {
				w.WriteHeader(http.StatusNoContent)
				return
			}
		default:
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		a.answerPage(w, out, err)
	})
}

func (a *Adapter) answerPage(w http.ResponseWriter, out any, err error) {
	if err != nil && !broker.IsKind(err, broker.KindNotFound) {
		id := awsproto.NewID()
		a.log.Error("a page of SNS failed", "proto", "sns", "err_id", id, "err", err)
		http.Error(w, "internal error "+id, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(out) // as above
}

// pageEntries is how many entries a page shows at most.
const pageEntries = 1000

// showOutbox shows the entries above the number in "after", with "protocol" those of one protocol.
func (a *Adapter) showOutbox(r *http.Request, _ arn, namespace string) (any, error) {
	after, _ := strconv.ParseUint(r.URL.Query().Get("after"), 10, 63) // 0 shows all
	protocol := r.URL.Query().Get("protocol")
	list := []numberedEntry{}
	err := a.outbox.each(r.Context(), a, namespace, after, func(e numberedEntry) bool {
		if protocol == "" || e.Protocol == protocol {
			list = append(list, e)
		}
		return len(list) < pageEntries
	})
	return map[string]any{"messages": list}, err
}

// shownMessage is an entry as LocalStack shows it.
type shownMessage struct {
	PhoneNumber       *string                      `json:",omitempty"`
	TargetARN         *string                      `json:"TargetArn,omitempty"`
	TopicARN          *string                      `json:"TopicArn"`
	SubscriptionARN   *string                      `json:"SubscriptionArn"`
	MessageID         string                       `json:"MessageId"`
	Message           string                       `json:"Message"`
	MessageAttributes map[string]envelopeAttribute `json:"MessageAttributes"`
	MessageStructure  *string                      `json:"MessageStructure"`
	Subject           *string                      `json:"Subject"`
}

func shown(e *numberedEntry) shownMessage {
	optional := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	m := shownMessage{
		TopicARN: optional(e.TopicARN), SubscriptionARN: optional(e.SubscriptionARN), MessageID: e.MessageID, Message: e.Message,
		MessageAttributes: e.MessageAttributes, MessageStructure: optional(e.MessageStructure), Subject: optional(e.Subject),
	}
	if e.Protocol == protocolSMS {
		m.PhoneNumber = &e.Endpoint
	} else {
		m.TargetARN = &e.Endpoint
	}
	return m
}

// byEndpoint collects the entries of one protocol by their endpoints.
func (a *Adapter) byEndpoint(r *http.Request, namespace, protocol, only string) (map[string][]shownMessage, error) {
	found := make(map[string][]shownMessage)
	n := 0
	err := a.outbox.each(r.Context(), a, namespace, 0, func(e numberedEntry) bool {
		if e.Protocol == protocol && (only == "" || e.Endpoint == only) {
			found[e.Endpoint] = append(found[e.Endpoint], shown(&e))
			n++
		}
		return n < pageEntries
	})
	return found, err
}

func (a *Adapter) showSMS(r *http.Request, at arn, namespace string) (any, error) {
	found, err := a.byEndpoint(r, namespace, protocolSMS, r.URL.Query().Get("phoneNumber"))
	return map[string]any{"sms_messages": found, "region": at.region}, err
}

func (a *Adapter) showDevices(r *http.Request, at arn, namespace string) (any, error) {
	found, err := a.byEndpoint(r, namespace, protocolApplication, r.URL.Query().Get("endpointArn"))
	return map[string]any{"platform_endpoint_messages": found, "region": at.region}, err
}

// showToken shows the token that a subscription waits for.
func (a *Adapter) showToken(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	text := strings.TrimPrefix(r.URL.Path, pageRoot+"subscription-tokens/")
	for _, s := range a.subscriptions.all() {
		if s.ARN == text && s.Token != "" {
			a.answerPage(w, map[string]string{"subscription_token": s.Token, "subscription_arn": s.ARN}, nil)
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusNotFound)
	_, _ = w.Write([]byte(`{"error":"The provided SubscriptionARN is not found"}`)) // as above
}
