package invocation_test

import (
	"testing"

	"github.com/portico-mq/portico/adapters/invocation"
)

func TestURL(t *testing.T) {
	const arn = "arn:aws:lambda:us-east-1:000000000000:function:f:alias"
	for endpoint, want := range map[string]string{
		"http://h:1":                   "http://h:1/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:f:alias/invocations",
		"https://h/x/":                 "https://h/x/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:f:alias/invocations",
		"http://h/{function}/invoke":   "http://h/f/invoke",
		"http://{function}.local:8080": "http://f.local:8080",
	} {
		e, err := invocation.Parse(endpoint)
		if err != nil || e.URL(arn) != want {
			t.Errorf("%s: %s, want %s: %v", endpoint, e.URL(arn), want, err)
		}
	}
	for _, bad := range []string{"h:1", "ftp://h", "http://", "{function}"} {
		if _, err := invocation.Parse(bad); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}
