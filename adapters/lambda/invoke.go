package lambda

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/portico-mq/portico/adapters/awsproto"
)

const (
	// functionTime is the longest that a function may take.
	functionTime = 15 * time.Minute
	// maxAnswer bounds a function's answer.
	maxAnswer = 6 << 20
)

func newClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = defaultConcurrency
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// caller calls a mapping's function.
type caller struct {
	adapter *Adapter
	*mapping
}

// event is what a function gets [Lambda developer guide, "Using Lambda with Amazon SQS"].
type event struct{ Records []record }

type record struct {
	MessageID         string                     `json:"messageId"`
	ReceiptHandle     string                     `json:"receiptHandle"`
	Body              string                     `json:"body"`
	Attributes        map[string]string          `json:"attributes"`
	MessageAttributes map[string]recordAttribute `json:"messageAttributes"`
	MD5OfAttributes   string                     `json:"md5OfMessageAttributes,omitempty"`
	MD5OfBody         string                     `json:"md5OfBody"`
	EventSource       string                     `json:"eventSource"`
	EventSourceARN    string                     `json:"eventSourceARN"`
	Region            string                     `json:"awsRegion"`
}

type recordAttribute struct {
	StringValue      *string  `json:"stringValue,omitempty"`
	BinaryValue      string   `json:"binaryValue,omitempty"`
	StringListValues []string `json:"stringListValues"`
	BinaryListValues []string `json:"binaryListValues"`
	DataType         string   `json:"dataType"`
}

func (p *poller) event(batch []received) event {
	from, _ := parseSource(p.SourceARN) // it was checked when it was set
	var e event
	for _, m := range batch {
		r := record{
			MessageID: m.MessageID, ReceiptHandle: m.ReceiptHandle, Body: m.Body, Attributes: m.Attributes,
			MessageAttributes: make(map[string]recordAttribute, len(m.MessageAttributes)), MD5OfAttributes: m.MD5OfMessageAttributes,
			MD5OfBody: m.MD5OfBody, EventSource: "aws:sqs", EventSourceARN: p.SourceARN, Region: from.region,
		}
		for name, v := range m.MessageAttributes {
			a := recordAttribute{StringListValues: []string{}, BinaryListValues: []string{}, DataType: v.DataType, StringValue: v.StringValue}
			if v.StringValue == nil {
				a.BinaryValue = base64.StdEncoding.EncodeToString(v.BinaryValue)
			}
			r.MessageAttributes[name] = a
		}
		e.Records = append(e.Records, r)
	}
	return e
}

// invoke calls the function and waits for its answer. It gives the messages that the function did not
// take, by their ids; an error stands for all of them.
func (p *poller) invoke(ctx context.Context, batch []received) (failed map[string]bool, err error) {
	ids := make([]string, len(batch))
	for i := range batch {
		ids[i] = batch[i].MessageID
	}
	return p.call(ctx, p.event(batch), ids)
}

// call calls the function with an event, whose records have the ids. It gives those that the function did not take; an
// error stands for all of them.
func (c *caller) call(ctx context.Context, event any, ids []string) (failed map[string]bool, err error) {
	body, err := awsproto.EncodeJSON(event)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, functionTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.adapter.Functions.URL(c.FunctionARN), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Amz-Invocation-Type", "RequestResponse")
	response, err := c.adapter.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	switch {
	case err != nil:
		return nil, err
	case response.StatusCode/100 != 2:
		return nil, fmt.Errorf("it answered %d", response.StatusCode)
	case response.Header.Get("X-Amz-Function-Error") != "":
		return nil, fmt.Errorf("the function failed: %.200q", answer)
	case !c.PartialFailed:
		return nil, nil
	}
	return partial(answer, ids)
}

var errAnswer = errors.New("the function's answer is not one that reports failures of single messages")

// partial reads which records a function did not take. An answer that is none of the kind fails the
// whole batch, an empty one takes it [Lambda developer guide, "Success and failure conditions"].
func partial(answer []byte, ids []string) (map[string]bool, error) {
	if text := strings.TrimSpace(string(answer)); text == "" || text == "null" || text == "{}" {
		return nil, nil
	}
	var out struct {
		BatchItemFailures *[]struct {
			ItemIdentifier *string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if json.Unmarshal(answer, &out) != nil {
		return nil, errAnswer
	}
	if out.BatchItemFailures == nil {
		return nil, nil
	}
	failed := make(map[string]bool)
	for _, f := range *out.BatchItemFailures {
		if f.ItemIdentifier == nil || !slices.Contains(ids, *f.ItemIdentifier) {
			return nil, errAnswer
		}
		failed[*f.ItemIdentifier] = true
	}
	return failed, nil
}
