// Package retry reads the delivery policies of SNS and says when a delivery that failed is tried
// again [SNS developer guide, "Amazon SNS message delivery retries"].
package retry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"
)

// Schedule is the part of a policy that says when to try again, with its names on the wire. Times are
// in seconds.
type Schedule struct {
	MinDelayTarget     int    `json:"minDelayTarget"`
	MaxDelayTarget     int    `json:"maxDelayTarget"`
	NumRetries         int    `json:"numRetries"`
	NumMaxDelayRetries int    `json:"numMaxDelayRetries"`
	NumNoDelayRetries  int    `json:"numNoDelayRetries"`
	NumMinDelayRetries int    `json:"numMinDelayRetries"`
	BackoffFunction    string `json:"backoffFunction"`
}

// Throttle bounds the rate of deliveries; a nil pointer bounds nothing.
type Throttle struct {
	MaxReceivesPerSecond *int `json:"maxReceivesPerSecond"`
}

// Request shapes the requests.
type Request struct {
	HeaderContentType string `json:"headerContentType"`
}

// DefaultContentType is what requests have when no policy says otherwise.
const DefaultContentType = "text/plain; charset=UTF-8"

// Default is the schedule of HTTP and HTTPS without a policy.
var Default = Schedule{MinDelayTarget: 20, MaxDelayTarget: 20, NumRetries: 3, BackoffFunction: "linear"}

// Inside is the schedule of endpoints that the service itself manages (SQS, Lambda): 100,015 retries
// over 23 days.
var Inside = Schedule{
	MinDelayTarget: 1, MaxDelayTarget: 20, NumRetries: 100_015, NumNoDelayRetries: 3, NumMinDelayRetries: 2,
	NumMaxDelayRetries: 100_000, BackoffFunction: "exponential",
}

// Outside is that of e-mail: 50 retries over six hours.
var Outside = Schedule{
	MinDelayTarget: 10, MaxDelayTarget: 600, NumRetries: 50, NumMinDelayRetries: 2, NumMaxDelayRetries: 38,
	BackoffFunction: "exponential",
}

// Policy is a subscription's delivery policy. Parts that are nil come from the topic's.
type Policy struct {
	Healthy  *Schedule `json:"healthyRetryPolicy,omitempty"`
	Sick     *Schedule `json:"sicklyRetryPolicy,omitempty"`
	Throttle *Throttle `json:"throttlePolicy,omitempty"`
	Request  *Request  `json:"requestPolicy,omitempty"`
	// Guaranteed is in policies of old; it never meant anything.
	Guaranteed *bool `json:"guaranteed,omitempty"`
}

// TopicPolicy is a topic's.
type TopicPolicy struct {
	HTTP struct {
		DefaultHealthy               *Schedule `json:"defaultHealthyRetryPolicy,omitempty"`
		DefaultSick                  *Schedule `json:"defaultSicklyRetryPolicy,omitempty"`
		DisableSubscriptionOverrides bool      `json:"disableSubscriptionOverrides"`
		DefaultThrottle              *Throttle `json:"defaultThrottlePolicy,omitempty"`
		DefaultRequest               *Request  `json:"defaultRequestPolicy,omitempty"`
	} `json:"http"`
}

// ParseSubscription reads a subscription's policy; "" is the empty one. The error is for the client.
func ParseSubscription(text string) (*Policy, error) {
	p := &Policy{}
	if text == "" {
		return p, nil
	}
	// A schedule that is named has the default's values where it has none.
	if bytes.Contains([]byte(text), []byte(`"healthyRetryPolicy"`)) {
		s := Default
		p.Healthy = &s
	}
	if err := strict(text, p); err != nil {
		return nil, err
	}
	return p, check(p.Healthy, p.Throttle, p.Request)
}

// ParseTopic reads a topic's policy; "" is the empty one.
func ParseTopic(text string) (*TopicPolicy, error) {
	p := &TopicPolicy{}
	if text == "" {
		return p, nil
	}
	if bytes.Contains([]byte(text), []byte(`"defaultHealthyRetryPolicy"`)) {
		s := Default
		p.HTTP.DefaultHealthy = &s
	}
	if err := strict(text, p); err != nil {
		return nil, err
	}
	return p, check(p.HTTP.DefaultHealthy, p.HTTP.DefaultThrottle, p.HTTP.DefaultRequest)
}

func strict(text string, into any) error {
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.DisallowUnknownFields()
	if d.Decode(into) != nil || d.More() {
		return errors.New("failed to parse JSON.")
	}
	return nil
}

// The bounds of a schedule.
const (
	maxRetries = 100
	maxDelay   = 3600
	maxTotal   = 3600
)

func check(s *Schedule, t *Throttle, r *Request) error {
	if t != nil && t.MaxReceivesPerSecond != nil && *t.MaxReceivesPerSecond < 1 {
		return errors.New("throttlePolicy.maxReceivesPerSecond must be greater than or equal to 1")
	}
	if r != nil && r.HeaderContentType != "" && !contentTypes[r.HeaderContentType] {
		return fmt.Errorf("requestPolicy.headerContentType %q is not supported", r.HeaderContentType)
	}
	if s == nil {
		return nil
	}
	switch {
	case s.NumRetries < 0 || s.NumRetries > maxRetries:
		return errors.New("healthyRetryPolicy.numRetries must be between 0 and 100")
	case s.MinDelayTarget < 1 || s.MinDelayTarget > maxDelay:
		return errors.New("healthyRetryPolicy.minDelayTarget must be between 1 and 3600")
	case s.MaxDelayTarget < s.MinDelayTarget || s.MaxDelayTarget > maxDelay:
		return errors.New("healthyRetryPolicy.maxDelayTarget must be greater than or equal to minDelayTarget, and at most 3600")
	case s.NumNoDelayRetries < 0 || s.NumMinDelayRetries < 0 || s.NumMaxDelayRetries < 0:
		return errors.New("healthyRetryPolicy: numbers of retries must not be negative")
	case s.NumNoDelayRetries+s.NumMinDelayRetries+s.NumMaxDelayRetries > s.NumRetries:
		return errors.New("healthyRetryPolicy.numRetries must be greater than or equal to the sum of numNoDelayRetries, numMinDelayRetries and numMaxDelayRetries")
	}
	switch s.BackoffFunction {
	case "linear", "arithmetic", "geometric", "exponential":
	default:
		return errors.New("healthyRetryPolicy.backoffFunction must be one of linear, arithmetic, geometric, exponential")
	}
	total := 0.0
	for n := 1; n <= s.NumRetries; n++ {
		d, _ := s.Delay(n)
		total += d.Seconds()
	}
	if total > maxTotal {
		return errors.New("healthyRetryPolicy: the delays of all retries together must not exceed 3600 seconds")
	}
	return nil
}

// contentTypes are those that the service lets requests have.
var contentTypes = map[string]bool{
	"application/json": true, "application/json; charset=UTF-8": true, "application/octet-stream": true,
	"application/soap+xml": true, "application/x-www-form-urlencoded": true, "application/xml": true,
	"application/xml; charset=UTF-8": true, "text/css": true, "text/csv": true, "text/html": true,
	"text/plain": true, "text/plain; charset=UTF-8": true, "text/xml": true, "text/html; charset=UTF-8": true,
}

// Delay is how long to wait before the n-th retry, counted from 1; ok is false when there is none.
func (s *Schedule) Delay(n int) (d time.Duration, ok bool) {
	if n < 1 || n > s.NumRetries {
		return 0, false
	}
	seconds := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
	low, high := float64(s.MinDelayTarget), float64(s.MaxDelayTarget)
	if n -= s.NumNoDelayRetries; n <= 0 {
		return 0, true
	}
	if n -= s.NumMinDelayRetries; n <= 0 {
		return seconds(low), true
	}
	steps := s.NumRetries - s.NumNoDelayRetries - s.NumMinDelayRetries - s.NumMaxDelayRetries
	if n > steps {
		return seconds(high), true
	}
	// The back-off goes from the shortest delay to the longest in steps retries.
	at := float64(n) / float64(steps)
	switch s.BackoffFunction {
	case "arithmetic": // differences that grow evenly
		at = float64(n*(n+1)) / float64(steps*(steps+1))
	case "geometric": // delays that grow by the same factor
		return seconds(low * math.Pow(high/low, at)), true
	case "exponential": // differences that double
		at = (math.Exp2(float64(n)) - 1) / (math.Exp2(float64(steps)) - 1)
	}
	return seconds(low + (high-low)*at), true
}

// Effective is what is in force for an HTTP subscription of a topic.
func Effective(topic *TopicPolicy, own *Policy) Policy {
	schedule := Default
	out := Policy{Healthy: &schedule, Request: &Request{DefaultContentType}}
	take := func(s *Schedule, t *Throttle, r *Request) {
		if s != nil {
			out.Healthy = s
		}
		if t != nil && t.MaxReceivesPerSecond != nil {
			out.Throttle = t
		}
		if r != nil && r.HeaderContentType != "" {
			out.Request = r
		}
	}
	take(topic.HTTP.DefaultHealthy, topic.HTTP.DefaultThrottle, topic.HTTP.DefaultRequest)
	if !topic.HTTP.DisableSubscriptionOverrides {
		take(own.Healthy, own.Throttle, own.Request)
	}
	return out
}

// ShownTopic is what the service shows as a topic's DeliveryPolicy, which was checked: what was set of it, and nothing
// that is null [observed: SNS, 2024].
func ShownTopic(text string) string {
	type schedule struct {
		MinDelayTarget     *int    `json:"minDelayTarget,omitempty"`
		MaxDelayTarget     *int    `json:"maxDelayTarget,omitempty"`
		NumRetries         *int    `json:"numRetries,omitempty"`
		NumMaxDelayRetries *int    `json:"numMaxDelayRetries,omitempty"`
		NumNoDelayRetries  *int    `json:"numNoDelayRetries,omitempty"`
		NumMinDelayRetries *int    `json:"numMinDelayRetries,omitempty"`
		BackoffFunction    *string `json:"backoffFunction,omitempty"`
	}
	var shown struct {
		HTTP struct {
			Healthy  *schedule `json:"defaultHealthyRetryPolicy,omitempty"`
			Sick     *schedule `json:"defaultSicklyRetryPolicy,omitempty"`
			Disable  bool      `json:"disableSubscriptionOverrides"`
			Throttle *Throttle `json:"defaultThrottlePolicy,omitempty"`
			Request  *Request  `json:"defaultRequestPolicy,omitempty"`
		} `json:"http"`
	}
	if json.Unmarshal([]byte(text), &shown) != nil {
		return text
	}
	out, err := json.Marshal(shown)
	if err != nil {
		panic(err) // numbers and strings always have a JSON form
	}
	return string(out)
}

// Text is what the service shows as a subscription's DeliveryPolicy and EffectiveDeliveryPolicy.
func (p Policy) Text() string {
	text, err := json.Marshal(struct {
		Healthy    *Schedule `json:"healthyRetryPolicy"`
		Sick       *Schedule `json:"sicklyRetryPolicy"`
		Throttle   *Throttle `json:"throttlePolicy"`
		Request    *Request  `json:"requestPolicy"`
		Guaranteed bool      `json:"guaranteed"`
	}{p.Healthy, p.Sick, p.Throttle, p.Request, false})
	if err != nil {
		panic(err) // numbers and strings always have a JSON form
	}
	return string(text)
}

// Text is what the service shows as a topic's EffectiveDeliveryPolicy.
func (t *TopicPolicy) Text() string {
	type effective struct {
		Healthy  *Schedule `json:"defaultHealthyRetryPolicy"`
		Disable  bool      `json:"disableSubscriptionOverrides"`
		Throttle *Throttle `json:"defaultThrottlePolicy,omitempty"`
		Request  *Request  `json:"defaultRequestPolicy"`
	}
	p := Effective(t, &Policy{})
	text, err := json.Marshal(map[string]effective{"http": {p.Healthy, t.HTTP.DisableSubscriptionOverrides, p.Throttle, p.Request}})
	if err != nil {
		panic(err) // as above
	}
	return string(text)
}
