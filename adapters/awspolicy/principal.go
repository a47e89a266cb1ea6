package awspolicy

import (
	"encoding/json"
	"strings"
)

// Principal is who asks.
type Principal struct {
	// ARN is the user's, the session's (arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION), or the root's; empty for
	// somebody unknown and for a service.
	ARN string
	// RoleARN is the role of a session.
	RoleARN string
	// Account is the account that it belongs to; empty for somebody unknown and for a service.
	Account string
	// Service is a service's name, such as sns.amazonaws.com.
	Service string
	// UserID and UserName are those of the keys aws:userid and aws:username; a session has no user name.
	UserID, UserName string
	// Tags are the principal's own.
	Tags map[string]string
}

// RootARN is the ARN of an account's root user, which also stands for the account.
func RootARN(account string) string { return "arn:aws:iam::" + account + ":root" }

// Root tells the root user of an account.
func (p *Principal) Root() bool { return p.Account != "" && p.ARN == RootARN(p.Account) }

// kind is what policies call the kind of principal (aws:PrincipalType).
func (p *Principal) kind() string {
	switch {
	case p.Root():
		return "Account"
	case p.RoleARN != "":
		return "AssumedRole"
	case p.ARN != "":
		return "User"
	}
	return "Anonymous"
}

// principals is the Principal element.
type principals struct {
	everybody bool
	arns      map[string]bool // of users, roles, sessions, and accounts by their root
	services  map[string]bool
}

func parsePrincipals(raw json.RawMessage) (principals, error) {
	var p principals
	var all string
	if json.Unmarshal(raw, &all) == nil {
		if all != "*" {
			return p, syntaxError("Invalid principal in policy.")
		}
		p.everybody = true
		return p, nil
	}
	var kinds map[string]json.RawMessage
	if json.Unmarshal(raw, &kinds) != nil || len(kinds) == 0 {
		return p, syntaxError("Syntax errors in policy.")
	}
	p.arns, p.services = make(map[string]bool), make(map[string]bool)
	for kind, list := range kinds {
		names, ok := Strings(list)
		if !ok || len(names) == 0 {
			return p, syntaxError("Syntax errors in policy.")
		}
		for _, name := range names {
			if !p.add(kind, name) {
				return p, syntaxError("Invalid principal in policy: \"%.32s\":\"%.256s\"", kind, name)
			}
		}
	}
	return p, nil
}

func (p *principals) add(kind, name string) bool {
	switch kind {
	case "AWS":
		switch {
		case name == "*":
			p.everybody = true
		case len(name) == 12 && strings.Trim(name, "0123456789") == "":
			p.arns[RootARN(name)] = true
		case strings.HasPrefix(name, "arn:") && strings.Count(name, ":") >= 5 && !strings.ContainsAny(name, "*?"):
			p.arns[name] = true
		default:
			return false
		}
	case "Service":
		if name == "*" || !strings.Contains(name, ".") {
			return false
		}
		p.services[strings.ToLower(name)] = true
	case "Federated", "CanonicalUser": // there are no such principals here
	default:
		return false
	}
	return true
}

// grade says how a principal is meant.
type grade uint8

const (
	notMeant grade = iota
	byAccount
	byName
)

// meant says how the element names a principal: itself, or only the account that it belongs to.
func (p *principals) meant(who *Principal) grade {
	switch {
	case who.Service != "":
		if p.services[who.Service] {
			return byName
		}
	case who.ARN != "" && (p.arns[who.ARN] || who.RoleARN != "" && p.arns[who.RoleARN]):
		return byName
	}
	switch {
	case p.everybody:
		return byName
	case who.Account != "" && p.arns[RootARN(who.Account)]:
		return byAccount
	}
	return notMeant
}

// excepted says whether NotPrincipal leaves a principal out. An account's ARN leaves out its root only.
func (p *principals) excepted(who *Principal) bool { return p.meant(who) == byName }
