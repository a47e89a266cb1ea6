package awsidentity

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/portico-mq/portico/adapters/awspolicy"
	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/memory"
)

const account = "111122223333"

const file = `
accounts:
  "111122223333":
    root_keys:
      - {id: AKIAROOT, secret: root-secret}
    policies:
      read-jobs:
        Version: 2012-10-17
        Statement:
          - {Effect: Allow, Action: ["sqs:ReceiveMessage"], Resource: "arn:aws:sqs:*:111122223333:jobs"}
    groups:
      readers: {attached: [read-jobs]}
    users:
      worker:
        groups: [readers]
        access_keys:
          - {id: AKIAWORKER, secret: worker-secret}
    roles:
      publisher:
        attached: ["arn:aws:iam::aws:policy/AmazonSNSFullAccess"]
        trust:
          Version: 2012-10-17
          Statement: {Effect: Allow, Principal: {AWS: "arn:aws:iam::111122223333:user/worker"}, Action: "sts:AssumeRole"}
`

// store is a broker over a store in memory that can be opened again.
type store struct {
	t      *testing.T
	store  *memory.Store
	broker *broker.Broker
	secret []byte
}

func newStore(t *testing.T) *store {
	s := &store{t: t, store: memory.NewStore(), secret: awsproto.NewSecret()}
	s.restart()
	t.Cleanup(func() {
		if err := s.broker.Close(); err != nil {
			t.Error(err)
		}
		if err := s.store.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *store) restart() {
	s.t.Helper()
	var err error
	if s.broker != nil {
		if err := s.broker.Close(); err != nil {
			s.t.Fatal(err)
		}
	}
	if s.broker, err = broker.Open(s.t.Context(), s.store, broker.Options{Logger: slog.New(slog.DiscardHandler)}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *store) open(text string) *Directory {
	s.t.Helper()
	d, err := Open(Options{Broker: s.broker, Secret: s.secret, File: []byte(text), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

// may says whether a key's caller may do something in its own account.
func may(t *testing.T, d *Directory, key, token, action, resource string) bool {
	t.Helper()
	k, bad := d.Key(key, token)
	if bad != nil {
		t.Fatal(bad)
	}
	return k.Caller.Decide(&awspolicy.Request{Action: action, Resource: resource, Owner: account, Context: awspolicy.Context{}}, nil).Allowed
}

func TestFile(t *testing.T) {
	d := newStore(t).open(file)
	const jobs = "arn:aws:sqs:us-east-1:111122223333:jobs"
	if !may(t, d, "AKIAROOT", "", "sqs:DeleteQueue", jobs) {
		t.Error("the root user may not do all")
	}
	if !may(t, d, "AKIAWORKER", "", "sqs:ReceiveMessage", jobs) || may(t, d, "AKIAWORKER", "", "sqs:SendMessage", jobs) {
		t.Error("the group's policy does not decide")
	}
	if k, _ := d.Key("AKIAWORKER", ""); k.Secret != "worker-secret" || k.Caller.ARN != "arn:aws:iam::111122223333:user/worker" {
		t.Errorf("%+v", k)
	}
	if err := d.Change(User, account, "worker", func(*Entity) error { return nil }); err == nil || !strings.Contains(err.Error(), "UnmodifiableEntity") {
		t.Errorf("the configuration's user was changed: %v", err)
	}
}

func TestFileProblems(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"accounts: {bob: {}}", `accounts: "bob" is not an account's number`},
		{"acounts: {}", "field acounts not found"},
		{`accounts: {"111122223333": {users: {a: {groups: [b]}}}}`, `accounts.111122223333.users.a: groups: there is no group "b"`},
		{`accounts: {"111122223333": {users: {a: {attached: [b]}}}}`, `attached: there is no policy "b"`},
		{`accounts: {"111122223333": {users: {a: {access_keys: [{id: x}]}}}}`, "an access key needs id and secret"},
		{`accounts: {"111122223333": {root_keys: [{id: x, secret: y}, {id: x, secret: z}]}}`, "the access key x is there twice"},
		{`accounts: {"111122223333": {policies: {p: {Statement: []}}}}`, "policies.p: Syntax errors in policy."},
		{`accounts: {"111122223333": {roles: {r: {}}}}`, "roles.r: trust: "},
		{`accounts: {"111122223333": {groups: {g: {groups: [g]}}}}`, "only users have groups and access keys"},
	} {
		_, err := Open(Options{Secret: awsproto.NewSecret(), File: []byte(tt.text)})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.text, err, tt.want)
		}
	}
}

func TestIdentitiesOutliveARestart(t *testing.T) {
	s := newStore(t)
	d := s.open("")
	now := time.Now().UTC().Truncate(time.Second)
	policy := &Policy{
		Account: account, Name: "p", Path: "/", ID: NewID("ANPA"), Created: now, Updated: now, Default: "v1",
		Versions: []PolicyVersion{{"v1", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sqs:*","Resource":"*"}}`, now}},
	}
	if err := d.CreatePolicy(policy); err != nil {
		t.Fatal(err)
	}
	secret := NewSecret()
	bob := &Entity{
		Kind: User, Account: account, Name: "Bob", Path: "/", ID: NewID("AIDA"), Created: now, Attached: []string{policy.ARN()},
		Keys: []AccessKey{{ID: "AKIABOB", Secret: secret, Created: now}},
	}
	if err := d.Create(bob); err != nil {
		t.Fatal(err)
	}
	for key, text := range s.broker.Documents("iam.user") {
		if strings.Contains(string(text), secret) {
			t.Errorf("%v holds the secret as it is", key)
		}
	}
	s.restart()
	d = s.open("")
	if k, bad := d.Key("AKIABOB", ""); bad != nil || k.Secret != secret {
		t.Fatalf("%+v %v", k, bad)
	}
	if !may(t, d, "AKIABOB", "", "sqs:SendMessage", "*") || may(t, d, "AKIABOB", "", "sns:Publish", "*") {
		t.Error("the policy is another one")
	}
	if err := d.Change(User, account, "bob", func(e *Entity) error { e.Keys[0].Inactive = true; return nil }); err != nil {
		t.Fatal(err)
	}
	if _, bad := d.Key("AKIABOB", ""); bad == nil {
		t.Error("an inactive key is good")
	}
	s.secret = awsproto.NewSecret()
	if _, bad := s.open("").Key("AKIABOB", ""); bad == nil {
		t.Error("a key is good that cannot be opened")
	}
}

func TestSessions(t *testing.T) {
	d := newStore(t).open(file)
	begin := func(s Session) (key, token string) {
		t.Helper()
		token, err := d.NewSession(&s)
		if err != nil {
			t.Fatal(err)
		}
		return s.AccessKey, token
	}
	later := time.Now().Add(time.Hour)
	key, token := begin(Session{Account: account, Role: "publisher", Name: "me", Expires: later})
	k, bad := d.Key(key, token)
	if bad != nil || k.Caller.ARN != "arn:aws:sts::111122223333:assumed-role/publisher/me" || k.Caller.RoleARN != "arn:aws:iam::111122223333:role/publisher" {
		t.Fatalf("%+v %v", k, bad)
	}
	if !may(t, d, key, token, "sns:Publish", "*") || may(t, d, key, token, "sqs:SendMessage", "*") {
		t.Error("the role's policies do not decide")
	}
	if _, bad := d.Key("ASIAOTHER", token); bad == nil {
		t.Error("a token is good for another key")
	}
	key, token = begin(Session{Account: account, Role: "publisher", Name: "me", Expires: later, Managed: []string{"arn:aws:iam::111122223333:policy/gone"}})
	if may(t, d, key, token, "sns:Publish", "*") {
		t.Error("a session is not limited when what limits it is gone")
	}
	key, token = begin(Session{Account: account, User: "worker", Expires: time.Now().Add(-time.Second)})
	if _, bad := d.Key(key, token); bad == nil || bad.Shape != "ExpiredTokenException" {
		t.Errorf("an expired session: %v", bad)
	}
	key, token = begin(Session{Account: account, Role: "gone", Name: "me", Expires: later})
	if _, bad := d.Key(key, token); bad == nil {
		t.Error("a role that is gone has sessions")
	}
}
