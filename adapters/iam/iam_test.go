package iam

import (
	"encoding/xml"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/portico-mq/portico/adapters/awsidentity"
	"github.com/portico-mq/portico/adapters/awspolicy"
	"github.com/portico-mq/portico/adapters/awsproto"
)

const document = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sqs:*","Resource":"*"}}`

const trust = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}}`

type service struct {
	t        *testing.T
	endpoint *awsproto.Endpoint
}

func newService(t *testing.T) *service {
	directory, err := awsidentity.Open(awsidentity.Options{Secret: awsproto.NewSecret(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	endpoint, err := awsproto.NewEndpoint(awsproto.Options{
		Auth: awsproto.AuthOff, Services: []*awsproto.Service{New(directory)}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return &service{t, endpoint}
}

// call calls an action with parameters given as "Name=value", and gives the answer.
func (s *service) call(action string, parameters ...string) (int, string) {
	s.t.Helper()
	form := url.Values{"Action": {action}, "Version": {"2010-05-08"}}
	for _, p := range parameters {
		name, value, _ := strings.Cut(p, "=")
		form.Set(name, value)
	}
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	s.endpoint.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// ok calls an action that must work.
func (s *service) ok(action string, parameters ...string) string {
	s.t.Helper()
	code, body := s.call(action, parameters...)
	if code != 200 {
		s.t.Fatalf("%s: %d %s", action, code, body)
	}
	return body
}

func TestErrors(t *testing.T) {
	s := newService(t)
	s.ok("CreateUser", "UserName=bob")
	s.ok("PutUserPolicy", "UserName=bob", "PolicyName=p", "PolicyDocument="+document)
	s.ok("CreateGroup", "GroupName=g")
	s.ok("AddUserToGroup", "GroupName=g", "UserName=bob")
	s.ok("CreateAccessKey", "UserName=bob")
	s.ok("CreateAccessKey", "UserName=bob")
	for _, tt := range []struct {
		action     string
		parameters []string
		status     int
		want       string
	}{
		{"CreateUser", []string{"UserName=BOB"}, 409, "<Code>EntityAlreadyExists</Code><Message>User with name BOB already exists.</Message>"},
		{"CreateUser", []string{"UserName=a b"}, 400, "<Code>ValidationError</Code>"},
		{"CreateUser", nil, 400, "Value null at &apos;userName&apos;|Value null at 'userName'"},
		{"CreateUser", []string{"UserName=x", "Path=team"}, 400, "The specified value for path is invalid."},
		{"GetUser", []string{"UserName=eve"}, 404, "<Code>NoSuchEntity</Code><Message>The user with name eve cannot be found.</Message>"},
		{"GetRole", []string{"RoleName=r"}, 404, "The role with name r cannot be found."},
		{"GetUserPolicy", []string{"UserName=bob", "PolicyName=q"}, 404, "The user policy with name q cannot be found."},
		{"PutUserPolicy", []string{"UserName=bob", "PolicyName=p", "PolicyDocument=" + trust}, 400, "<Code>MalformedPolicyDocument</Code><Message>Policy document should not specify a principal.</Message>"},
		{"PutUserPolicy", []string{"UserName=bob", "PolicyName=p", "PolicyDocument=" + strings.Repeat(" ", 20000)}, 409, "<Code>LimitExceeded</Code>"},
		{"CreateAccessKey", []string{"UserName=bob"}, 409, "Cannot exceed quota for AccessKeysPerUser: 2"},
		{"DeleteAccessKey", []string{"UserName=bob", "AccessKeyId=AKIAX"}, 404, "The Access Key with id AKIAX cannot be found."},
		{"UpdateAccessKey", []string{"UserName=bob", "AccessKeyId=AKIAX", "Status=Off"}, 400, "[Active, Inactive]"},
		{"AttachUserPolicy", []string{"UserName=bob", "PolicyArn=arn:aws:iam::000000000000:policy/x"}, 404, "does not exist or is not attachable."},
		{"DeleteUser", []string{"UserName=bob"}, 409, "Cannot delete entity, must delete policies first."},
		{"DeleteGroup", []string{"GroupName=g"}, 409, "Cannot delete entity, must remove users from group first."},
		{"CreateRole", []string{"RoleName=r", "AssumeRolePolicyDocument=" + document}, 400, "<Code>MalformedPolicyDocument</Code>"},
		{"CreateRole", []string{"RoleName=r", "AssumeRolePolicyDocument=" + trust, "MaxSessionDuration=60"}, 400, "between 3600 and 43200"},
		{"ListUsers", []string{"MaxItems=0"}, 400, "between 1 and 1000"},
		{"ListUsers", []string{"Marker=x"}, 400, "Invalid Marker."},
		{"CreateInstanceProfile", nil, 400, "<Code>InvalidAction</Code>"},
	} {
		code, body := s.call(tt.action, tt.parameters...)
		found := false
		for want := range strings.SplitSeq(tt.want, "|") {
			found = found || strings.Contains(body, want)
		}
		if code != tt.status || !found {
			t.Errorf("%s %.60v: %d %s, want %d %s", tt.action, tt.parameters, code, body, tt.status, tt.want)
		}
	}
}

func TestPages(t *testing.T) {
	s := newService(t)
	for _, name := range []string{"a", "b", "c"} {
		s.ok("CreateUser", "UserName="+name)
	}
	var names []string
	marker := ""
	for pages := 1; ; pages++ {
		var out struct {
			Users       []string `xml:"ListUsersResult>Users>member>UserName"`
			IsTruncated bool     `xml:"ListUsersResult>IsTruncated"`
			Marker      string   `xml:"ListUsersResult>Marker"`
		}
		if err := xml.Unmarshal([]byte(s.ok("ListUsers", "MaxItems=2", "Marker="+marker)), &out); err != nil {
			t.Fatal(err)
		}
		names = append(names, out.Users...)
		if marker = out.Marker; !out.IsTruncated {
			if pages != 2 || strings.Join(names, "") != "abc" {
				t.Errorf("%d pages of %v", pages, names)
			}
			return
		}
	}
}

func TestRole(t *testing.T) {
	s := newService(t)
	body := s.ok("CreateRole", "RoleName=app", "Path=/svc/", "AssumeRolePolicyDocument="+trust, "Description=it <is>", "Tags.member.1.Key=k", "Tags.member.1.Value=")
	for _, want := range []string{
		"<Arn>arn:aws:iam::000000000000:role/svc/app</Arn>", "<MaxSessionDuration>3600</MaxSessionDuration>", "<Description>it &lt;is&gt;</Description>",
		"<AssumeRolePolicyDocument>%7B%22Version%22%3A%222012-10-17%22", "<Tags><member><Key>k</Key><Value></Value></member></Tags>",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("%s lacks %s", body, want)
		}
	}
}

// TestResources checks the ARNs that policies are asked about: an entity has its own path, whatever the request says.
func TestResources(t *testing.T) {
	directory, err := awsidentity.Open(awsidentity.Options{Secret: awsproto.NewSecret()})
	if err != nil {
		t.Fatal(err)
	}
	a := &adapter{directory}
	if err := directory.Create(&awsidentity.Entity{Kind: awsidentity.User, Account: "111122223333", Name: "bob", Path: "/team/"}); err != nil {
		t.Fatal(err)
	}
	call := &awsproto.Call{Account: "111122223333", Action: "PutUserPolicy", Caller: &awspolicy.Caller{}}
	for _, tt := range []struct {
		in   input
		want string
	}{
		{input{UserName: "bob", PolicyName: "p", Path: "/other/"}, "arn:aws:iam::111122223333:user/team/bob"},
		{input{UserName: "eve", Path: "/x/"}, "arn:aws:iam::111122223333:user/x/eve"},
		{input{GroupName: "g", UserName: "bob"}, "arn:aws:iam::111122223333:group/g"},
		{input{PolicyName: "p"}, "arn:aws:iam::111122223333:policy/p"},
		{input{PolicyARN: "arn:aws:iam::aws:policy/X"}, "arn:aws:iam::aws:policy/X"},
		{input{}, "*"},
	} {
		got, err := a.access(t.Context(), call, &tt.in)
		if err != nil || len(got) != 1 || got[0].Resource != tt.want {
			t.Errorf("%+v: %+v %v, want %s", tt.in, got, err, tt.want)
		}
	}
}
