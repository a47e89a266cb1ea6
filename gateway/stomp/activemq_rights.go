package stomp

import (
	"slices"
	"strings"
)

// Authorization is what groups of users may do at destinations, as ActiveMQ's authorizationPlugin has it. A user's groups
// are his tags. It counts for clients that speak ActiveMQ's or Artemis's dialect, besides the broker's permissions, which
// count for everybody. It is not changed once it is used.
type Authorization struct{ Entries []AuthorizationEntry }

// AuthorizationEntry is what groups may do at the destinations that a pattern matches. A user may do what any entry that
// matches grants to one of his groups, and nothing else. The group "*" is everybody.
type AuthorizationEntry struct {
	Namespace string // "" for all
	// Temporary is for all temporary destinations, which everybody may use when there is no such entry. Else it is for the
	// queues or topics of the pattern, in ActiveMQ's spelling.
	Temporary, Topic bool
	Pattern          string
	// Read lets groups subscribe and browse, Write send, and Admin make queues, which happens when they are first used.
	Read, Write, Admin []string
}

// right is something that a user may do at a destination, in the words of ActiveMQ's refusals.
type right string

const (
	rightToRead  right = "read from"
	rightToWrite right = "write to"
	rightToMake  right = "create"
)

func (e *AuthorizationEntry) groups(r right) []string {
	switch r {
	case rightToRead:
		return e.Read
	case rightToWrite:
		return e.Write
	default:
		return e.Admin
	}
}

// authorize returns what a client is told that may not do something at a place; nil for one that may.
func (c *conn) authorize(r right, p place) error {
	a := c.server.opts.Authorization
	if a == nil {
		return nil
	}
	user, restricted := c.session.Principal(), !p.temp
	for i := range a.Entries {
		e := &a.Entries[i]
		if e.Namespace != "" && e.Namespace != c.session.Namespace() || !e.covers(p) {
			continue
		}
		restricted = true
		for _, group := range e.groups(r) {
			if group == "*" || user.HasTag(group) {
				return nil
			}
		}
	}
	if !restricted {
		return nil
	}
	return activeMQFault("User " + user.Name() + " is not authorized to " + string(r) + ": " + p.uri())
}

// authorizeAll is authorize for several places, of which the first refusal counts.
func (c *conn) authorizeAll(r right, places []place) error {
	if c.server.opts.Authorization == nil {
		return nil
	}
	for _, p := range places {
		if err := c.authorize(r, p); err != nil {
			return err
		}
	}
	return nil
}

// covers reports whether the entry is for a place; for one that is a pattern, whether it is for all that the pattern
// matches.
func (e *AuthorizationEntry) covers(p place) bool {
	if e.Temporary || p.temp {
		return e.Temporary && p.temp
	}
	if e.Topic != p.topic {
		return false
	}
	pattern, name := strings.Split(e.Pattern, "."), strings.Split(p.name, ".")
	for i, word := range pattern {
		switch {
		case word == ">":
			return true
		case i == len(name): // A.> covers A, which it matches
			return slices.Equal(pattern[i:], []string{">"})
		case name[i] == ">" || word != "*" && word != name[i]:
			return false
		}
	}
	return len(name) == len(pattern)
}
