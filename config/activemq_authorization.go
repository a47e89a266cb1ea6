package config

import (
	"fmt"
	"strings"
)

// ActiveMQAuthorization is what groups of users may do at destinations, as it was written and what it says.
type ActiveMQAuthorization struct {
	text string
	All  []ActiveMQAuthorizationEntry
}

// ActiveMQAuthorizationEntry is ActiveMQ's authorizationEntry, or its tempDestinationAuthorizationEntry.
type ActiveMQAuthorizationEntry struct {
	VirtualHost        string // "" for all
	Temporary, Topic   bool
	Pattern            string // "" for temporary destinations
	Read, Write, Admin []string
}

// temporaryEntry is the word that an entry for temporary destinations begins with.
const temporaryEntry = "tempDestination"

// UnmarshalText reads entries separated by commas, such as `queue=USERS.> read=users write="users,guests" admin=users,
// tempDestination read=users write=users admin=users`.
func (a *ActiveMQAuthorization) UnmarshalText(text []byte) error {
	entries, err := readEntries(string(text))
	if err != nil {
		return err
	}
	out := ActiveMQAuthorization{text: string(text)}
	for _, e := range entries {
		one, err := readAuthorization(e)
		if err != nil {
			return err
		}
		out.All = append(out.All, one)
	}
	*a = out
	return nil
}

// MarshalText writes what UnmarshalText has read.
func (a ActiveMQAuthorization) MarshalText() ([]byte, error) { return []byte(a.text), nil }

func readAuthorization(e entry) (ActiveMQAuthorizationEntry, error) {
	one := ActiveMQAuthorizationEntry{Temporary: e.kind == temporaryEntry}
	if e.kind != "" && !one.Temporary {
		return one, fmt.Errorf("%q is not NAME=VALUE, nor %s", e.kind, temporaryEntry)
	}
	for _, a := range e.attributes {
		switch a.name {
		case "queue", "topic":
			if one.Pattern != "" || one.Temporary {
				return one, fmt.Errorf("an entry has one of queue=, topic= and %s", temporaryEntry)
			}
			one.Topic, one.Pattern = a.name == "topic", a.value
		case "virtualHost":
			one.VirtualHost = a.value
		case "read":
			one.Read = groups(a.value)
		case "write":
			one.Write = groups(a.value)
		case "admin":
			one.Admin = groups(a.value)
		default:
			return one, fmt.Errorf("an authorization entry has no attribute %q", a.name)
		}
	}
	if one.Pattern == "" && !one.Temporary {
		return one, fmt.Errorf("an authorization entry needs queue=PATTERN, topic=PATTERN or %s", temporaryEntry)
	}
	return one, nil
}

// groups are the names in a list, which are separated by commas.
func groups(text string) (names []string) {
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}
