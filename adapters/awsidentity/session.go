package awsidentity

import (
	"encoding/json"
	"time"

	"github.com/portico-mq/portico/adapters/awspolicy"
	"github.com/portico-mq/portico/adapters/awsproto"
)

// Session is a session with credentials of its own. All of it is in its token, so that nothing is kept of it, and what
// it may do is what its role or user may at the time of each request.
type Session struct {
	AccessKey string    `json:"k"`
	Secret    string    `json:"s"`
	Account   string    `json:"a"`
	Issued    time.Time `json:"i"`
	Expires   time.Time `json:"e"`
	// Role and Name are those of an assumed role; User is the user's of GetSessionToken, "" the root.
	Role string `json:"r,omitempty"`
	Name string `json:"n,omitempty"`
	User string `json:"u,omitempty"`
	// Policies limit it: documents, and ARNs of managed ones.
	Policies []string `json:"p,omitempty"`
	Managed  []string `json:"m,omitempty"`
}

// NewSession fills in credentials, and gives the token that goes with them.
func (d *Directory) NewSession(s *Session) (token string, err error) {
	s.AccessKey, s.Secret = NewID("ASIA"), NewSecret()
	text, err := json.Marshal(s) //nolint:gosec // it is sealed below
	if err != nil {
		return "", err
	}
	return d.sessions.Seal(text, s.AccessKey), nil
}

// Key finds what an access key stands for; it is the endpoint's Keys function.
func (d *Directory) Key(accessKey, token string) (*awsproto.Key, *awsproto.Error) {
	if token != "" {
		return d.sessionKey(accessKey, token)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if root, ok := d.roots[accessKey]; ok {
		return &awsproto.Key{Secret: root.secret, Caller: rootCaller(root.account)}, nil
	}
	at, ok := d.keys[accessKey]
	if !ok {
		return nil, awsproto.InvalidToken()
	}
	for _, k := range d.entities[at].Keys {
		if k.ID == accessKey && !k.Inactive {
			return &awsproto.Key{Secret: k.Secret, Caller: d.callerOf(at)}, nil
		}
	}
	return nil, awsproto.InvalidToken()
}

func rootCaller(account string) *awspolicy.Caller {
	return &awspolicy.Caller{Principal: awspolicy.Principal{ARN: awspolicy.RootARN(account), Account: account, UserID: account}}
}

func (d *Directory) sessionKey(accessKey, token string) (*awsproto.Key, *awsproto.Error) {
	text, ok := d.sessions.Open(token, accessKey)
	var s Session
	if !ok || json.Unmarshal(text, &s) != nil {
		return nil, awsproto.InvalidToken()
	}
	if time.Now().After(s.Expires) {
		return nil, awsproto.ExpiredToken()
	}
	key := &awsproto.Key{Secret: s.Secret, Issued: s.Issued}
	d.mu.Lock()
	defer d.mu.Unlock()
	if s.Role == "" && s.User == "" {
		key.Caller = rootCaller(s.Account)
		return key, nil
	}
	at := keyOf(User, s.Account, s.User)
	if s.Role != "" {
		at = keyOf(Role, s.Account, s.Role)
	}
	if d.entities[at] == nil { // it was deleted since
		return nil, awsproto.InvalidToken()
	}
	caller := *d.callerOf(at)
	if s.Role != "" {
		caller.ARN = "arn:aws:sts::" + s.Account + ":assumed-role/" + d.entities[at].Name + "/" + s.Name
		caller.UserID, caller.UserName = caller.UserID+":"+s.Name, ""
	}
	for _, text := range s.Policies {
		if document, err := awspolicy.Parse(text, awspolicy.Identity); err == nil { // checked when the session began
			caller.Session = append(caller.Session, document)
		}
	}
	for _, arn := range s.Managed {
		if document := d.managed(arn); document != nil {
			caller.Session = append(caller.Session, document)
		}
	}
	if len(s.Policies)+len(s.Managed) > 0 && len(caller.Session) == 0 {
		caller.Session = append(caller.Session, new(awspolicy.Document)) // what it was limited to is gone
	}
	key.Caller = &caller
	return key, nil
}
