package retry_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/portico-mq/portico/adapters/sns/retry"
)

func delays(s retry.Schedule) string {
	var list []string
	for n := 1; ; n++ {
		d, ok := s.Delay(n)
		if !ok {
			return strings.Join(list, " ")
		}
		list = append(list, fmt.Sprintf("%.4g", d.Seconds()))
	}
}

func TestDelays(t *testing.T) {
	for want, s := range map[string]retry.Schedule{
		"20 20 20":      retry.Default,
		"0 0 1 3 5 7 7": {MinDelayTarget: 1, MaxDelayTarget: 7, NumRetries: 7, NumNoDelayRetries: 2, NumMinDelayRetries: 1, NumMaxDelayRetries: 1, BackoffFunction: "linear"},
		"1.6 2.8 4.6 7": {MinDelayTarget: 1, MaxDelayTarget: 7, NumRetries: 4, BackoffFunction: "arithmetic"},
		"2 4 8 16":      {MinDelayTarget: 1, MaxDelayTarget: 16, NumRetries: 4, BackoffFunction: "geometric"},
		"1.4 2.2 3.8 7": {MinDelayTarget: 1, MaxDelayTarget: 7, NumRetries: 4, BackoffFunction: "exponential"},
	} {
		if got := delays(s); got != want {
			t.Errorf("%+v: %s, want %s", s, got, want)
		}
	}
	if d, ok := retry.Inside.Delay(100_015); !ok || d.Seconds() != 20 {
		t.Error(d, ok)
	}
	if _, ok := retry.Inside.Delay(100_016); ok {
		t.Error("a retry too many")
	}
}

func TestPolicies(t *testing.T) {
	topic, err := retry.ParseTopic("")
	if err != nil {
		t.Fatal(err)
	}
	// As the service shows it for a new topic.
	if want := `{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":20,"maxDelayTarget":20,"numRetries":3,"numMaxDelayRetries":0,"numNoDelayRetries":0,"numMinDelayRetries":0,"backoffFunction":"linear"},"disableSubscriptionOverrides":false,"defaultRequestPolicy":{"headerContentType":"text/plain; charset=UTF-8"}}}`; topic.Text() != want {
		t.Errorf("got  %s\nwant %s", topic.Text(), want)
	}
	own, err := retry.ParseSubscription(`{"healthyRetryPolicy":{"numRetries":5},"throttlePolicy":{"maxReceivesPerSecond":2},"requestPolicy":{"headerContentType":"application/json"}}`)
	if err != nil {
		t.Fatal(err)
	}
	got := retry.Effective(topic, own)
	if got.Healthy.NumRetries != 5 || got.Healthy.MinDelayTarget != 20 || *got.Throttle.MaxReceivesPerSecond != 2 || got.Request.HeaderContentType != "application/json" {
		t.Errorf("in force: %s", got.Text())
	}
	topic, err = retry.ParseTopic(`{"http":{"disableSubscriptionOverrides":true,"defaultHealthyRetryPolicy":{"numRetries":1}}}`)
	if err != nil {
		t.Fatal(err)
	}
	if got := retry.Effective(topic, own); got.Healthy.NumRetries != 1 || got.Throttle != nil {
		t.Errorf("overridden: %s", got.Text())
	}
	for _, bad := range []string{
		`{`, `[]`, `{"nonsense":1}`, `{"healthyRetryPolicy":{"numRetries":101}}`, `{"healthyRetryPolicy":{"minDelayTarget":0}}`,
		`{"healthyRetryPolicy":{"maxDelayTarget":5}}`, `{"healthyRetryPolicy":{"backoffFunction":"x"}}`, `{"throttlePolicy":{"maxReceivesPerSecond":0}}`,
		`{"healthyRetryPolicy":{"numNoDelayRetries":4}}`, `{"requestPolicy":{"headerContentType":"x\r\ny: z"}}`, `{"healthyRetryPolicy":{"numRetries":100,"maxDelayTarget":3600}}`,
	} {
		if _, err := retry.ParseSubscription(bad); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}
