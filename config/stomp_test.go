package config

import "testing"

func TestDialectsOfVirtualHosts(t *testing.T) {
	c, _, err := Load(Sources{Flags: []string{"stomp.virtual_hosts=a=b=activemq, /=rabbitmq,", "ws.dialect=activemq"}})
	if err != nil {
		t.Fatal(err)
	}
	if d := c.STOMP.VirtualHosts; len(d) != 2 || d["a=b"] != "activemq" || d["/"] != "rabbitmq" || c.WS.Dialect != "activemq" {
		t.Errorf("%v", d)
	}
	for _, bad := range []string{"stomp.virtual_hosts=a", "stomp.virtual_hosts=a=auto", "stomp.virtual_hosts==activemq", "stomp.dialect=x"} {
		if _, _, err := Load(Sources{Flags: []string{bad}}); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}
