package awspolicy

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
)

const (
	owner = "123456789012"
	other = "444455556666"
	queue = "arn:aws:sqs:us-east-1:123456789012:jobs"
	topic = "arn:aws:sns:us-east-1:123456789012:news"
)

func user(account, name string) *Caller {
	return &Caller{Principal: Principal{ARN: "arn:aws:iam::" + account + ":user/" + name, Account: account, UserID: "AIDA" + name, UserName: name}}
}

func session(account, role string) *Caller {
	return &Caller{Principal: Principal{
		ARN: "arn:aws:sts::" + account + ":assumed-role/" + role + "/me", RoleARN: "arn:aws:iam::" + account + ":role/" + role,
		Account: account, UserID: "AROA" + role + ":me",
	}}
}

func root(account string) *Caller {
	return &Caller{Principal: Principal{ARN: RootARN(account), Account: account, UserID: account}}
}

func parse(t *testing.T, text string, kind Kind) *Document {
	t.Helper()
	if text == "" {
		return nil
	}
	d, err := Parse(text, kind)
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return d
}

func contextOf(c *Caller, set ...string) Context {
	context := make(Context)
	context.SetPrincipal(&c.Principal)
	context.SetTime(time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC))
	context.SetSource(netip.MustParseAddr("203.0.113.7"), true)
	for i := 0; i+1 < len(set); i += 2 {
		context.Set(set[i], strings.Split(set[i+1], "|")...)
	}
	return context
}

const (
	allowAll  = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`
	allowSend = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sqs:Send*","sqs:GetQueue???"],"Resource":"arn:aws:sqs:*:123456789012:*"}]}`
)

// statementOf makes a resource policy of one statement's members.
func statementOf(members string) string {
	return `{"Version":"2012-10-17","Statement":[{` + members + `}]}`
}

// shared lets the other account's principals send.
func shared(principal string) string {
	return statementOf(`"Effect":"Allow","Principal":` + principal + `,"Action":"sqs:SendMessage","Resource":"` + queue + `"`)
}

func TestDecide(t *testing.T) {
	bob, alice := user(owner, "bob"), user(other, "alice")
	sns := &Caller{Principal: Principal{Service: "sns.amazonaws.com"}}
	nobody := &Caller{}
	for _, tt := range []struct {
		name     string
		caller   *Caller
		own      string
		resource string
		action   string
		ok       bool
		reason   string
	}{
		{"nothing allows", bob, "", "", "sqs:SendMessage", false, "because no identity-based policy allows the sqs:SendMessage action"},
		{"root may all", root(owner), "", "", "sqs:DeleteQueue", true, ""},
		{"another account's root may nothing", root(other), "", "", "sqs:SendMessage", false, "because no resource-based policy allows the sqs:SendMessage action"},
		{"own policy, wildcard", bob, allowSend, "", "sqs:SendMessage", true, ""},
		{"action in any case", bob, allowSend, "", "SQS:sendmessage", true, ""},
		{"question marks count", bob, allowSend, "", "sqs:GetQueueUrl", true, ""},
		{"question marks count, one too few", bob, allowSend, "", "sqs:GetQueueAttributes", false, ""},
		{"resource policy names the user", bob, "", shared(`{"AWS":"arn:aws:iam::123456789012:user/bob"}`), "sqs:SendMessage", true, ""},
		{"resource policy names another", bob, "", shared(`{"AWS":"arn:aws:iam::123456789012:user/eve"}`), "sqs:SendMessage", false, ""},
		{"the account alone does not let its users", bob, "", shared(`{"AWS":"123456789012"}`), "sqs:SendMessage", false, ""},
		{"everybody", bob, "", shared(`"*"`), "sqs:SendMessage", true, ""},
		{"everybody, unknown", nobody, "", shared(`{"AWS":"*"}`), "sqs:SendMessage", true, ""},
		{"unknown", nobody, "", "", "sqs:SendMessage", false, "because no resource-based policy allows the sqs:SendMessage action"},
		{"cross account needs both: only the resource", alice, "", shared(`{"AWS":"444455556666"}`), "sqs:SendMessage", false, ""},
		{"cross account needs both: only its own", alice, allowAll, "", "sqs:SendMessage", false, "because no resource-based policy allows the sqs:SendMessage action"},
		{"cross account with both", alice, allowAll, shared(`{"AWS":"arn:aws:iam::444455556666:root"}`), "sqs:SendMessage", true, ""},
		{"cross account, other action", alice, allowAll, shared(`{"AWS":"444455556666"}`), "sqs:ReceiveMessage", false, ""},
		{"role by its ARN", session(owner, "app"), "", shared(`{"AWS":"arn:aws:iam::123456789012:role/app"}`), "sqs:SendMessage", true, ""},
		{"session by its ARN", session(owner, "app"), "", shared(`{"AWS":"arn:aws:sts::123456789012:assumed-role/app/me"}`), "sqs:SendMessage", true, ""},
		{"service", sns, "", shared(`{"Service":"sns.amazonaws.com"}`), "sqs:SendMessage", true, ""},
		{"other service", sns, "", shared(`{"Service":"s3.amazonaws.com"}`), "sqs:SendMessage", false, ""},
		{"denied by itself", bob, statementOf(`"Effect":"Deny","Action":"sqs:Send*","Resource":"*"`), shared(`"*"`), "sqs:SendMessage", false, "with an explicit deny in an identity-based policy"},
		{"denied by the resource", bob, allowAll, statementOf(`"Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"*"`), "sqs:SendMessage", false, "with an explicit deny in a resource-based policy"},
		{"NotAction", bob, statementOf(`"Effect":"Allow","NotAction":"sqs:Delete*","Resource":"*"`), "", "sqs:SendMessage", true, ""},
		{"NotAction names it", bob, statementOf(`"Effect":"Allow","NotAction":"sqs:Delete*","Resource":"*"`), "", "sqs:DeleteQueue", false, ""},
		{"NotResource", bob, statementOf(`"Effect":"Allow","Action":"*","NotResource":"arn:aws:sqs:*:*:secret"`), "", "sqs:SendMessage", true, ""},
		{"NotResource names it", bob, statementOf(`"Effect":"Allow","Action":"*","NotResource":"arn:aws:sqs:*:*:jobs"`), "", "sqs:SendMessage", false, ""},
		// The user guide's example of NotPrincipal: all but Bob are denied.
		{"NotPrincipal leaves out", bob, allowAll, statementOf(`"Effect":"Deny","NotPrincipal":{"AWS":["arn:aws:iam::123456789012:user/bob","arn:aws:iam::123456789012:root"]},"Action":"*","Resource":"*"`), "sqs:SendMessage", true, ""},
		{"NotPrincipal denies others", user(owner, "eve"), allowAll, statementOf(`"Effect":"Deny","NotPrincipal":{"AWS":["arn:aws:iam::123456789012:user/bob","arn:aws:iam::123456789012:root"]},"Action":"*","Resource":"*"`), "sqs:SendMessage", false, ""},
		{"variable in the resource", bob, statementOf(`"Effect":"Allow","Action":"*","Resource":"arn:aws:sqs:*:*:job${aws:nothing, 's'}"`), "", "sqs:SendMessage", true, ""},
		{"variable without a value", bob, statementOf(`"Effect":"Allow","Action":"*","Resource":"arn:aws:sqs:*:*:job${aws:nothing}"`), "", "sqs:SendMessage", false, ""},
		{"no variables in the old version", bob, `{"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:sqs:*:*:job${aws:nothing, 's'}"}}`, "", "sqs:SendMessage", false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := *tt.caller
			if d := parse(t, tt.own, Identity); d != nil {
				c.Policies = []*Document{d}
			}
			got := c.Decide(&Request{Action: tt.action, Resource: queue, Owner: owner, Context: contextOf(&c)}, parse(t, tt.resource, Resource))
			if got.Allowed != tt.ok || (tt.reason != "" && got.Reason != tt.reason) {
				t.Errorf("got %+v, want %v %q", got, tt.ok, tt.reason)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	request := func(c *Caller) *Request {
		return &Request{Action: "sqs:SendMessage", Resource: queue, Owner: owner, Context: contextOf(c)}
	}
	receive := statementOf(`"Effect":"Allow","Action":"sqs:ReceiveMessage","Resource":"*"`)
	bob := user(owner, "bob")
	bob.Policies, bob.Boundary = []*Document{parse(t, allowAll, Identity)}, parse(t, receive, Identity)
	if got := bob.Decide(request(bob), nil); got.Allowed {
		t.Error("a boundary does not limit")
	}
	bob.Boundary = parse(t, allowSend, Identity)
	if got := bob.Decide(request(bob), nil); !got.Allowed {
		t.Error(got)
	}
	app := session(owner, "app")
	app.Policies, app.Session = []*Document{parse(t, allowAll, Identity)}, []*Document{parse(t, receive, Identity)}
	if got := app.Decide(request(app), nil); got.Allowed {
		t.Error("a session's policy does not limit")
	}
	app.Session = append(app.Session, parse(t, allowSend, Identity))
	if got := app.Decide(request(app), nil); !got.Allowed {
		t.Error(got)
	}
}

func TestTrust(t *testing.T) {
	trust := func(principal string) *Document {
		return parse(t, statementOf(`"Effect":"Allow","Principal":`+principal+`,"Action":"sts:AssumeRole"`), Trust)
	}
	bob, alice := user(owner, "bob"), user(other, "alice")
	all := []*Document{parse(t, allowAll, Identity)}
	for _, tt := range []struct {
		name   string
		caller *Caller
		own    []*Document
		trust  *Document
		ok     bool
	}{
		{"trusted by name", bob, nil, trust(`{"AWS":"arn:aws:iam::123456789012:user/bob"}`), true},
		{"trusted by account, may by itself", bob, all, trust(`{"AWS":"123456789012"}`), true},
		{"trusted by account only", bob, nil, trust(`{"AWS":"123456789012"}`), false},
		{"not trusted", bob, all, trust(`{"AWS":"444455556666"}`), false},
		{"of another account", alice, all, trust(`{"AWS":"444455556666"}`), true},
		{"of another account, may not by itself", alice, nil, trust(`{"AWS":"arn:aws:iam::444455556666:user/alice"}`), false},
	} {
		c := *tt.caller
		c.Policies = tt.own
		r := &Request{Action: "sts:AssumeRole", Resource: "arn:aws:iam::123456789012:role/app", Owner: owner, Context: contextOf(&c)}
		if got := tt.trust.Trusts(&c, r); got.Allowed != tt.ok {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
}

func TestConditions(t *testing.T) {
	for _, tt := range []struct {
		condition string
		set       []string
		ok        bool
	}{
		{`"StringEquals":{"aws:username":"bob"}`, nil, true},
		{`"StringEquals":{"AWS:UserName":["eve","bob"]}`, nil, true},
		{`"StringEquals":{"aws:username":"Bob"}`, nil, false},
		{`"StringEqualsIgnoreCase":{"aws:username":"BOB"}`, nil, true},
		{`"StringNotEquals":{"aws:username":["eve","bob"]}`, nil, false},
		{`"StringNotEquals":{"aws:username":["eve","ann"]}`, nil, true},
		{`"StringNotEquals":{"sns:Protocol":"sqs"}`, nil, true}, // absent
		{`"StringEquals":{"sns:Protocol":"sqs"}`, nil, false},
		{`"StringEqualsIfExists":{"sns:Protocol":"sqs"}`, nil, true},
		{`"StringEqualsIfExists":{"sns:Protocol":"sqs"}`, []string{"sns:Protocol", "http"}, false},
		// The SNS guide's example: subscriptions over HTTPS and of one domain's addresses only.
		{`"StringEquals":{"sns:Protocol":"https"}`, []string{"sns:Protocol", "https"}, true},
		{`"StringLike":{"sns:Endpoint":"*@example.com"}`, []string{"sns:Endpoint", "me@example.com"}, true},
		{`"StringLike":{"sns:Endpoint":"*@example.com"}`, []string{"sns:Endpoint", "me@example.org"}, false},
		{`"StringNotLike":{"sns:Endpoint":"*@example.com"}`, []string{"sns:Endpoint", "me@example.org"}, true},
		{`"StringLike":{"aws:username":"b?b"}`, nil, true},
		{`"StringEquals":{"sns:Endpoint":"${aws:username}"}`, []string{"sns:Endpoint", "bob"}, true},
		{`"StringLike":{"sns:Endpoint":"*/${aws:username}/*"}`, []string{"sns:Endpoint", "a/bob/b"}, true},
		{`"StringLike":{"sns:Endpoint":"a${*}b"}`, []string{"sns:Endpoint", "a*b"}, true},
		{`"StringLike":{"sns:Endpoint":"a${*}b"}`, []string{"sns:Endpoint", "axb"}, false},
		// The SQS guide's examples: by the sender's address, by time, by transport.
		{`"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}`, nil, true},
		{`"NotIpAddress":{"aws:SourceIp":"203.0.113.7/32"}`, nil, false},
		{`"IpAddress":{"aws:SourceIp":["2001:db8::/32","203.0.113.7"]}`, nil, true},
		{`"IpAddress":{"aws:SourceIp":"2001:db8::/32"}`, nil, false},
		{`"DateGreaterThan":{"aws:CurrentTime":"2026-01-31T12:00Z"},"DateLessThan":{"aws:CurrentTime":"2026-12-31T15:00:00Z"}`, nil, true},
		{`"DateLessThan":{"aws:CurrentTime":"2026-01-31"}`, nil, false},
		{`"DateGreaterThanEquals":{"aws:EpochTime":"1700000000"}`, nil, true},
		{`"DateEquals":{"aws:CurrentTime":"2026-06-01T12:00:00Z"}`, nil, true},
		{`"Bool":{"aws:SecureTransport":"false"}`, nil, false},
		{`"Bool":{"aws:SecureTransport":true}`, nil, true},
		{`"Null":{"aws:TokenIssueTime":"true"}`, nil, true},
		{`"Null":{"aws:username":"true"}`, nil, false},
		{`"Null":{"aws:username":"false"}`, nil, true},
		{`"NumericLessThanEquals":{"aws:MultiFactorAuthAge":3600}`, []string{"aws:MultiFactorAuthAge", "3600"}, true},
		{`"NumericGreaterThan":{"aws:MultiFactorAuthAge":"3600"}`, []string{"aws:MultiFactorAuthAge", "3600"}, false},
		{`"NumericNotEquals":{"aws:MultiFactorAuthAge":"1"}`, []string{"aws:MultiFactorAuthAge", "x"}, true},
		{`"NumericEquals":{"aws:MultiFactorAuthAge":"1"}`, []string{"aws:MultiFactorAuthAge", "x"}, false},
		{`"BinaryEquals":{"key:b":"QmluYXJ5"}`, []string{"key:b", "QmluYXJ5"}, true},
		{`"ArnEquals":{"aws:SourceArn":"` + topic + `"}`, []string{"aws:SourceArn", topic}, true},
		{`"ArnLike":{"aws:SourceArn":"arn:aws:sns:*:123456789012:n*"}`, []string{"aws:SourceArn", topic}, true},
		{`"ArnLike":{"aws:SourceArn":"arn:aws:sns:*:news"}`, []string{"aws:SourceArn", topic}, false}, // a star stays in its part
		{`"ArnNotLike":{"aws:SourceArn":"arn:aws:sns:*:*:n*"}`, []string{"aws:SourceArn", topic}, false},
		{`"ArnLike":{"aws:SourceArn":"arn:aws:sns:*:${aws:PrincipalAccount}:n*"}`, []string{"aws:SourceArn", topic}, true},
		{`"StringEquals":{"aws:SourceAccount":"123456789012"}`, []string{"aws:SourceAccount", "123456789012"}, true},
		{`"ForAllValues:StringEquals":{"aws:TagKeys":["env","team"]}`, []string{"aws:TagKeys", "env|team"}, true},
		{`"ForAllValues:StringEquals":{"aws:TagKeys":["env","team"]}`, []string{"aws:TagKeys", "env|cost"}, false},
		{`"ForAllValues:StringEquals":{"aws:TagKeys":["env","team"]}`, nil, true},
		{`"ForAnyValue:StringEquals":{"aws:TagKeys":["env","team"]}`, []string{"aws:TagKeys", "cost|env"}, true},
		{`"ForAnyValue:StringEquals":{"aws:TagKeys":["env","team"]}`, nil, false},
		{`"ForAnyValue:StringNotEquals":{"aws:TagKeys":["env"]}`, []string{"aws:TagKeys", "env"}, false},
		{`"ForAnyValue:StringLikeIfExists":{"aws:TagKeys":["e*"]}`, []string{"aws:TagKeys", "x|env"}, true},
		{`"StringEquals":{"aws:username":"bob"},"Bool":{"aws:SecureTransport":"false"}`, nil, false}, // all must hold
	} {
		d := parse(t, statementOf(`"Effect":"Allow","Action":"*","Resource":"*","Condition":{`+tt.condition+`}`), Identity)
		c := user(owner, "bob")
		c.Policies = []*Document{d}
		got := c.Decide(&Request{Action: "sns:Subscribe", Resource: topic, Owner: owner, Context: contextOf(c, tt.set...)}, nil)
		if got.Allowed != tt.ok {
			t.Errorf("%s with %v: %v", tt.condition, tt.set, got)
		}
	}
}

func TestMalformed(t *testing.T) {
	for _, tt := range []struct {
		text string
		kind Kind
		want string
	}{
		{`{`, Identity, "Syntax errors in policy."},
		{`{}`, Identity, "Syntax errors in policy."},
		{`{"Statement":[]}`, Identity, "Syntax errors in policy."},
		{`{"Version":"2020-01-01","Statement":[]}`, Identity, "Syntax errors in policy."},
		{`{"Version":"2012-10-17","Statement":[],"Extra":1}`, Identity, "Syntax errors in policy."},
		{statementOf(`"Effect":"allow","Action":"*","Resource":"*"`), Identity, "Syntax errors in policy."},
		{statementOf(`"Effect":"Allow","Resource":"*"`), Identity, "Policy statement must contain actions."},
		{statementOf(`"Effect":"Allow","Action":"Send","Resource":"*"`), Identity, "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."},
		{statementOf(`"Effect":"Allow","Action":"s q:Send","Resource":"*"`), Identity, "Vendor s q is not valid"},
		{statementOf(`"Effect":"Allow","Action":"*"`), Identity, "Policy statement must contain resources."},
		{statementOf(`"Effect":"Allow","Action":"*","Resource":"jobs"`), Identity, `Resource jobs must be in ARN format or "*".`},
		{statementOf(`"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"`), Identity, "Policy document should not specify a principal."},
		{statementOf(`"Effect":"Allow","Action":"*","Resource":"*"`), Resource, "Missing required field Principal"},
		{statementOf(`"Effect":"Allow","Principal":{"AWS":"bob"},"Action":"*","Resource":"*"`), Resource, `Invalid principal in policy: "AWS":"bob"`},
		{statementOf(`"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole","Resource":"*"`), Trust, "Has prohibited field Resource"},
		{statementOf(`"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringIs":{"aws:username":"a"}}`), Identity, "Invalid Condition type : StringIs"},
		{statementOf(`"Effect":"Allow","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"here"}}`), Identity, "Syntax errors in policy."},
		{`{"Version":"2012-10-17","Statement":[{"Sid":"a","Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"a","Effect":"Deny","Action":"*","Resource":"*"}]}`, Identity, "Statement IDs (SID) in a single policy must be unique."},
	} {
		_, err := Parse(tt.text, tt.kind)
		var syntax *SyntaxError
		if !errors.As(err, &syntax) || syntax.Reason != tt.want {
			t.Errorf("%s: %v, want %s", tt.text, err, tt.want)
		}
	}
}

func TestCacheDeniesWhatItCannotRead(t *testing.T) {
	var cache Cache
	c := root(owner)
	r := &Request{Action: "sqs:SendMessage", Resource: queue, Owner: owner, Context: contextOf(c)}
	if got := c.Decide(r, cache.Get("no policy")); got.Allowed {
		t.Error("a policy that cannot be read is passed over")
	}
	first := cache.Get(shared(`"*"`))
	if cache.Get("") != nil || cache.Get(shared(`"*"`)) != first {
		t.Error("not cached")
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		allowAll, allowSend, shared(`{"AWS":["123456789012"],"Service":"sns.amazonaws.com"}`),
		statementOf(`"Effect":"Deny","NotPrincipal":"*","NotAction":"a:*","NotResource":"${aws:username}*?","Condition":{"ForAllValues:StringLikeIfExists":{"aws:TagKeys":["a*${*}",1,true]},"ArnLike":{"a:b":"arn:*:*:*:*:*"}}`),
	} {
		for kind := range 3 {
			f.Add(text, uint8(kind), "arn:aws:sqs:us-east-1:123456789012:jobs")
		}
	}
	f.Fuzz(func(t *testing.T, text string, kind uint8, resource string) {
		d, err := Parse(text, Kind(kind%3))
		if err != nil {
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || syntax.Reason == "" {
				t.Errorf("error %v", err)
			}
			return
		}
		c := user(owner, "bob")
		c.Policies = []*Document{d}
		c.Decide(&Request{Action: "sqs:SendMessage", Resource: resource, Owner: owner, Context: contextOf(c, "aws:TagKeys", "a|b", "a:b", resource)}, d)
	})
}
