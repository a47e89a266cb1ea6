package sns

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/adapters/sns/retry"
	"github.com/portico-mq/portico/broker"
)

// web delivers to HTTP and HTTPS endpoints. It is safe for concurrent use.
type web struct {
	client *http.Client
}

const (
	// requestTime is how long an endpoint may take to answer.
	requestTime = 15 * time.Second
	// answerRead is how much of an answer is read, so that the connection can be used again.
	answerRead = 64 << 10
	userAgent  = "Amazon Simple Notification Service Agent"
)

func newWeb() *web {
	dialer := &net.Dialer{Timeout: requestTime}
	return &web{&http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, TLSHandshakeTimeout: requestTime,
			MaxIdleConnsPerHost: deliveriesAtOnce, IdleConnTimeout: time.Minute, DisableCompression: true,
			ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (w *web) patience() time.Duration { return requestTime }

// schedule implements transport: the delivery policy decides.
func (w *web) schedule() *retry.Schedule { return nil }

// deliver implements transport.
func (w *web) deliver(ctx context.Context, c *courier, _ *broker.Message, n *notice) error {
	body := []byte(n.text)
	header := http.Header{}
	if c.raw() {
		header.Set("X-Amz-Sns-Rawdelivery", "true")
	} else {
		var err error
		if body, err = awsproto.EncodeJSON(c.rule.envelope(n)); err != nil {
			return err
		}
	}
	header.Set("X-Amz-Sns-Message-Type", "Notification")
	header.Set("X-Amz-Sns-Message-Id", n.id)
	header.Set("X-Amz-Sns-Topic-Arn", c.Topic)
	header.Set("X-Amz-Sns-Subscription-Arn", c.ARN)
	header.Set("Content-Type", c.policy.Request.HeaderContentType)
	return w.post(ctx, c.Endpoint, header, body)
}

// confirm sends an endpoint what asks for its confirmation.
func (w *web) confirm(ctx context.Context, s *subscription, e *envelope) error {
	body, err := awsproto.EncodeJSON(e)
	if err != nil {
		return err
	}
	header := http.Header{}
	header.Set("X-Amz-Sns-Message-Type", e.Type)
	header.Set("X-Amz-Sns-Message-Id", e.MessageID)
	header.Set("X-Amz-Sns-Topic-Arn", s.Topic)
	if s.Removed {
		header.Set("X-Amz-Sns-Subscription-Arn", s.ARN)
	}
	header.Set("Content-Type", retry.DefaultContentType)
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	return w.post(ctx, s.Endpoint, header, body)
}

// post sends a request. Answers of 2xx are success, 429 and 5xx can be mended by a retry.
func (w *web) post(ctx context.Context, url string, header http.Header, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	request.Header = header
	header.Set("User-Agent", userAgent)
	header.Set("Accept-Encoding", "gzip,deflate")
	answer, err := w.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, answerRead) // what it says does not matter
	switch code := answer.StatusCode; {
	case code >= 200 && code < 300:
		if failed := answer.Header.Get("X-Amz-Function-Error"); failed != "" {
			return fmt.Errorf("the function failed: %.100q", failed)
		}
		return nil
	case code == http.StatusTooManyRequests, code >= 500:
		return fmt.Errorf("the endpoint answered %d", code)
	default:
		return fmt.Errorf("%w: it answered %d", errRefused, code)
	}
}
