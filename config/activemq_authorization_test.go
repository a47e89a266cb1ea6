package config

import (
	"reflect"
	"testing"
)

// TestActiveMQAuthorization: entries have ActiveMQ's names, and what is none is an error.
func TestActiveMQAuthorization(t *testing.T) {
	text := `queue=> read=admins write=admins admin=admins, topic=USERS.> virtualHost=shop read=users write="users, guests",` +
		` tempDestination read=users admin=users`
	c, _, err := Load(Sources{Flags: []string{"stomp.activemq.authorization=" + text}})
	if err != nil {
		t.Fatal(err)
	}
	admins, users := []string{"admins"}, []string{"users"}
	want := []ActiveMQAuthorizationEntry{
		{Pattern: ">", Read: admins, Write: admins, Admin: admins},
		{Topic: true, Pattern: "USERS.>", VirtualHost: "shop", Read: users, Write: []string{"users", "guests"}},
		{Temporary: true, Read: users, Admin: users},
	}
	if got := c.STOMP.ActiveMQ.Authorization.All; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if shown := Values(c)["stomp.activemq.authorization"]; shown != text {
		t.Errorf("it is shown as %q", shown)
	}
	for _, text := range []string{
		"read=users", "queue=a topic=b", "tempDestination queue=a", "a read=users", "queue=a browse=users", `queue="a`,
	} {
		if err := new(ActiveMQAuthorization).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}
