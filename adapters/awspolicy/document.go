package awspolicy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Kind says what a policy is attached to, which decides which elements it has.
type Kind uint8

// The kinds.
const (
	// Identity is a policy of a user, group or role: it has no principals.
	Identity Kind = iota
	// Resource is a policy of a queue, topic or stream.
	Resource
	// Trust is a role's policy on who may assume it: it has no resources.
	Trust
)

// Document is a compiled policy.
type Document struct {
	kind       Kind
	statements []statement
}

// statement is one of a policy.
type statement struct {
	deny         bool
	principals   principals
	notPrincipal bool
	actions      []pattern
	notAction    bool
	resources    []pattern
	notResource  bool
	conditions   []condition
}

// SyntaxError says why a text is no policy, in IAM's words.
type SyntaxError struct{ Reason string }

// Error implements the error interface.
func (e *SyntaxError) Error() string { return e.Reason }

func syntaxError(format string, args ...any) error { return &SyntaxError{fmt.Sprintf(format, args...)} }

// The two versions of the language.
const (
	version2008 = "2008-10-17"
	version2012 = "2012-10-17"
)

// maxStatements bounds what one document makes us look at; the limits of the services are lower.
const maxStatements = 512

type rawDocument struct {
	Version   *string
	ID        *string `json:"Id"`
	Statement json.RawMessage
}

type rawStatement struct {
	SID          *string `json:"Sid"`
	Effect       *string
	Principal    json.RawMessage
	NotPrincipal json.RawMessage
	Action       json.RawMessage
	NotAction    json.RawMessage
	Resource     json.RawMessage
	NotResource  json.RawMessage
	Condition    map[string]map[string]json.RawMessage
}

// Parse compiles a policy. The error is a *SyntaxError.
func Parse(text string, kind Kind) (*Document, error) {
	raw, statements, err := split(text)
	if err != nil {
		return nil, err
	}
	version := version2008
	if raw.Version != nil {
		version = *raw.Version
	}
	if version != version2008 && version != version2012 {
		return nil, syntaxError("Syntax errors in policy.")
	}
	if kind == Identity && version != version2012 && raw.Version != nil {
		return nil, syntaxError("Policy document must be version 2012-10-17 or greater.")
	}
	// A topic that was taken its last permission has none.
	if len(statements) == 0 && kind != Resource || len(statements) > maxStatements {
		return nil, syntaxError("Syntax errors in policy.")
	}
	d := &Document{kind: kind}
	sids := make(map[string]bool)
	for _, text := range statements {
		var s rawStatement
		if strict(text, &s) != nil {
			return nil, syntaxError("Syntax errors in policy.")
		}
		if s.SID != nil && *s.SID != "" {
			if sids[*s.SID] {
				return nil, syntaxError("Statement IDs (SID) in a single policy must be unique.")
			}
			sids[*s.SID] = true
		}
		compiled, err := s.compile(kind, version == version2012)
		if err != nil {
			return nil, err
		}
		d.statements = append(d.statements, compiled)
	}
	return d, nil
}

// split takes a document apart.
func split(text string) (raw rawDocument, statements []json.RawMessage, err error) {
	if strict([]byte(text), &raw) != nil {
		return raw, nil, syntaxError("Syntax errors in policy.")
	}
	if json.Unmarshal(raw.Statement, &statements) != nil {
		statements = []json.RawMessage{raw.Statement} // one statement may stand without a list
	}
	return raw, statements, nil
}

// strict decodes one JSON value without members that the language does not have.
func strict(text []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return fmt.Errorf("text after the document")
	}
	return nil
}

func (raw *rawStatement) compile(kind Kind, variables bool) (statement, error) {
	s := statement{notPrincipal: raw.NotPrincipal != nil, notAction: raw.NotAction != nil, notResource: raw.NotResource != nil}
	switch {
	case raw.Effect == nil || *raw.Effect != "Allow" && *raw.Effect != "Deny",
		raw.Principal != nil && raw.NotPrincipal != nil,
		raw.Action != nil && raw.NotAction != nil,
		raw.Resource != nil && raw.NotResource != nil:
		return s, syntaxError("Syntax errors in policy.")
	}
	s.deny = *raw.Effect == "Deny"
	if err := s.compilePrincipals(raw, kind); err != nil {
		return s, err
	}
	if err := s.compileActions(raw); err != nil {
		return s, err
	}
	if err := s.compileResources(raw, kind, variables); err != nil {
		return s, err
	}
	var err error
	s.conditions, err = compileConditions(raw.Condition, variables)
	return s, err
}

// either is that of two elements which is there.
func either(a, b json.RawMessage) json.RawMessage {
	if a != nil {
		return a
	}
	return b
}

func (s *statement) compilePrincipals(raw *rawStatement, kind Kind) error {
	text := either(raw.Principal, raw.NotPrincipal)
	if kind == Identity {
		if text != nil {
			return syntaxError("Policy document should not specify a principal.")
		}
		return nil
	}
	if text == nil {
		return syntaxError("Missing required field Principal")
	}
	var err error
	s.principals, err = parsePrincipals(text)
	return err
}

func (s *statement) compileActions(raw *rawStatement) error {
	list, ok := Strings(either(raw.Action, raw.NotAction))
	if !ok || len(list) == 0 {
		return syntaxError("Policy statement must contain actions.")
	}
	for _, action := range list {
		if action != "*" {
			service, name, found := strings.Cut(action, ":")
			if !found || service == "" || name == "" {
				return syntaxError("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
			}
			if strings.Trim(strings.ToLower(service), "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
				return syntaxError("Vendor %.128s is not valid", service)
			}
		}
		s.actions = append(s.actions, compilePattern(strings.ToLower(action), false))
	}
	return nil
}

func (s *statement) compileResources(raw *rawStatement, kind Kind, variables bool) error {
	text := either(raw.Resource, raw.NotResource)
	if kind == Trust {
		if text != nil {
			return syntaxError("Has prohibited field Resource")
		}
		return nil
	}
	list, ok := Strings(text)
	if !ok || len(list) == 0 {
		return syntaxError("Policy statement must contain resources.")
	}
	for _, resource := range list {
		if kind == Identity && resource != "*" && (!strings.HasPrefix(resource, "arn:") || strings.Count(resource, ":") < 5) {
			return syntaxError("Resource %.256s must be in ARN format or \"*\".", resource)
		}
		s.resources = append(s.resources, compilePattern(resource, variables))
	}
	return nil
}

// Strings reads what may stand with a list or without: a string or a list of strings. ok is false for anything else.
func Strings(raw json.RawMessage) (list []string, ok bool) {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}, !bytes.Equal(bytes.TrimSpace(raw), []byte("null"))
	}
	if json.Unmarshal(raw, &list) != nil {
		return nil, false
	}
	return list, true
}
