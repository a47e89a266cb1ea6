package awsidentity

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/portico-mq/portico/adapters/awsproto"
)

// Kind is the kind of an entity that has policies.
type Kind string

// The kinds.
const (
	User  Kind = "user"
	Group Kind = "group"
	Role  Kind = "role"
)

// Entity is a user, a group or a role. A Directory hands out copies.
type Entity struct {
	Kind    Kind      `json:"-"`
	Account string    `json:"-"`
	Name    string    `json:"name"`
	Path    string    `json:"path"`
	ID      string    `json:"id"`
	Created time.Time `json:"created"`
	// Inline are its own policies by name, Attached the ARNs of managed ones.
	Inline   map[string]string `json:"inline,omitempty"`
	Attached []string          `json:"attached,omitempty"`
	// Boundary is the ARN of the policy that limits the others.
	Boundary string            `json:"boundary,omitempty"`
	Tags     map[string]string `json:"tags,omitempty"`

	// Groups and Keys are a user's.
	Groups []string    `json:"groups,omitempty"`
	Keys   []AccessKey `json:"keys,omitempty"`

	// Trust, Description and MaxSession, in seconds, are a role's.
	Trust       string `json:"trust,omitempty"`
	Description string `json:"description,omitempty"`
	MaxSession  int    `json:"max_session,omitempty"`

	// Fixed says that the configuration holds it, so that the API cannot change it.
	Fixed bool `json:"-"`
}

// AccessKey is one of a user's.
type AccessKey struct {
	ID string `json:"id"`
	// Secret is stored sealed.
	Secret   string    `json:"secret"`
	Inactive bool      `json:"inactive,omitempty"`
	Created  time.Time `json:"created"`
}

// ARN is the entity's resource name.
func (e *Entity) ARN() string {
	return "arn:aws:iam::" + e.Account + ":" + string(e.Kind) + e.Path + e.Name
}

func (e *Entity) clone() *Entity {
	c := *e
	c.Inline, c.Tags = maps.Clone(e.Inline), maps.Clone(e.Tags)
	c.Attached, c.Groups, c.Keys = slices.Clone(e.Attached), slices.Clone(e.Groups), slices.Clone(e.Keys)
	return &c
}

// Policy is a managed policy.
type Policy struct {
	Account     string    `json:"-"`
	Name        string    `json:"name"`
	Path        string    `json:"path"`
	ID          string    `json:"id"`
	Description string    `json:"description,omitempty"`
	Created     time.Time `json:"created"`
	Updated     time.Time `json:"updated"`
	// Default is the version in force.
	Default  string            `json:"default"`
	Versions []PolicyVersion   `json:"versions"`
	Tags     map[string]string `json:"tags,omitempty"`
	Fixed    bool              `json:"-"`
}

// PolicyVersion is one version of a managed policy.
type PolicyVersion struct {
	ID       string    `json:"id"`
	Document string    `json:"document"`
	Created  time.Time `json:"created"`
}

// ARN is the policy's resource name.
func (p *Policy) ARN() string { return "arn:aws:iam::" + p.Account + ":policy" + p.Path + p.Name }

// Version finds a version; "" is the one in force.
func (p *Policy) Version(id string) (PolicyVersion, bool) {
	if id == "" {
		id = p.Default
	}
	for _, v := range p.Versions {
		if v.ID == id {
			return v, true
		}
	}
	return PolicyVersion{}, false
}

func (p *Policy) clone() *Policy {
	c := *p
	c.Versions, c.Tags = slices.Clone(p.Versions), maps.Clone(p.Tags)
	return &c
}

// NewID makes an id with one of AWS's prefixes: AIDA of users, AGPA of groups, AROA of roles, ANPA of policies, AKIA of
// access keys, ASIA of those of sessions.
func NewID(prefix string) string {
	var b [10]byte
	_, _ = rand.Read(b[:]) // it never fails: crypto/rand stops the program instead
	return prefix + base32.StdEncoding.EncodeToString(b[:])
}

// NewSecret makes a secret access key.
func NewSecret() string {
	var b [30]byte
	_, _ = rand.Read(b[:])
	return base64.StdEncoding.EncodeToString(b[:])
}

// Fail makes an error of IAM.
func Fail(code string, status int, text string) *awsproto.Error {
	return &awsproto.Error{Shape: code, Status: status, Message: text}
}

func noSuch(kind Kind, name string) *awsproto.Error {
	return Fail("NoSuchEntity", 404, "The "+string(kind)+" with name "+name+" cannot be found.")
}

// NoSuchPolicy is the answer to the ARN of a policy that is not there.
func NoSuchPolicy(arn string) *awsproto.Error {
	return Fail("NoSuchEntity", 404, "Policy "+arn+" does not exist or is not attachable.")
}

func exists(kind Kind, name string) *awsproto.Error {
	title := strings.ToUpper(string(kind[:1])) + string(kind[1:])
	return Fail("EntityAlreadyExists", 409, title+" with name "+name+" already exists.")
}

// errFixed is the answer to a change of what the configuration holds.
func errFixed(name string) *awsproto.Error {
	return Fail("UnmodifiableEntity", 400, "Cannot perform the operation on "+name+": it is defined in the server's configuration.")
}
