package stomp

import (
	"strings"
	"testing"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
)

const (
	aMapInXML  = "<map>\n  <entry>\n    <string>name</string>\n    <string>Dejan</string>\n  </entry>\n  <entry>\n    <string>n</string>\n    <int>5</int>\n  </entry>\n</map>"
	aMapInJSON = `{"map":{"entry":[{"string":["name","Dejan"]},{"string":"n","int":5}]}}`
	aText      = `{"string":"hi"}`
)

// TestActiveMQTransformations: maps and objects that were sent as XML or JSON come as either, as the subscription says,
// and to others as they were sent.
func TestActiveMQTransformations(t *testing.T) {
	g := amq(t)
	p := g.login(plain12)
	for _, c := range []struct{ sent, body, wants, shown, want string }{
		{"jms-map-xml", aMapInXML, "jms-map-json", "jms-map-json", aMapInJSON},
		{"jms-map-xml", aMapInXML, "jms-json", "jms-map-json", aMapInJSON},
		{"jms-map-json", aMapInJSON, "jms-map-xml", "jms-map-xml", aMapInXML},
		{"jms-map-json", aMapInJSON, "jms-xml", "jms-map-xml", aMapInXML},
		{"jms-map-json", aMapInJSON, "jms-byte", "jms-byte", aMapInXML},
		{"jms-map-json", strings.ReplaceAll(aMapInJSON, ",", " , "), "jms-map-json", "jms-map-json", aMapInJSON},
		{"jms-map-json", aMapInJSON, "unknown", "unknown", aMapInJSON},
		{"jms-map-json", aMapInJSON, "-", "jms-map-json", aMapInJSON},
		{"jms-object-json", aText, "jms-object-xml", "jms-object-xml", "<string>hi</string>"},
		{"jms-object-json", aText, "jms-xml", "jms-object-xml", "<string>hi</string>"},
		{"jms-object-json", aText, "jms-json", "jms-object-json", aText},
		{"jms-object-json", aText, "jms-map-json", "jms-map-json", aText},
		{"", "plain", "jms-map-json", "jms-map-json", "plain"},
		{"unknown", "plain", "jms-map-json", "jms-map-json", "plain"},
	} {
		subscribe := "SUBSCRIBE\nid:1\ndestination:/queue/q\nreceipt:r\n"
		if c.wants != "-" {
			subscribe += "transformation:" + c.wants + "\n"
		}
		p.do(subscribe + "\n\x00")
		send := "SEND\ndestination:/queue/q\nfoo:bar\n"
		if c.sent != "" {
			send += "transformation:" + c.sent + "\n"
		}
		p.send(send + "\n" + c.body + "\x00")
		f := p.read("MESSAGE")
		p.has(f, "transformation", c.shown, "transformation-error", "-", "content-length", "-", "foo", "bar", "amq-msg-type", "-")
		if f.body != c.want {
			t.Errorf("%s to %s: got %s, want %s", c.sent, c.wants, f.body, c.want)
		}
		p.do("UNSUBSCRIBE\nid:1\nreceipt:r\n\n\x00")
	}
}

// TestActiveMQTransformationErrors: what is not what it should be is sent as a text that says so, and bytes are let alone.
func TestActiveMQTransformationErrors(t *testing.T) {
	g := amq(t)
	p := g.login(plain12)
	p.do("SUBSCRIBE\nid:1\ndestination:/queue/q\ntransformation:jms-map-json\nreceipt:r\n\n\x00")
	for _, c := range []struct{ transformation, body, want string }{
		{"jms-map-json", "nonsense", ""},
		{"jms-map-xml", "<string>hi</string>", "class java.lang.String cannot be cast to class java.util.Map" +
			" (java.lang.String and java.util.Map are in module java.base of loader 'bootstrap')"},
		{"jms-object-xml", "<org.example.Pojo><name>x</name></org.example.Pojo>", "org.example.Pojo"},
		{"jms-xml", "<map/>", "Unknown transformation: jms-xml"},
		{"jms-advisory-json", "{}", "Unknown transformation: jms-advisory-json"},
		{"JMS-MAP-XML", "<map/>", "-"},
	} {
		p.send("SEND\ndestination:/queue/q\ntransformation:" + c.transformation + "\n\n" + c.body + "\x00")
		f := p.read("MESSAGE")
		p.has(f, "transformation", "jms-map-json", "transformation-error", c.want)
		if f.body != c.body {
			t.Errorf("%v", f)
		}
	}
	p.send("SEND\ndestination:/queue/q\ntransformation:jms-map-xml\ncontent-length:6\n\n<map/>\x00")
	p.has(p.read("MESSAGE"), "transformation", "jms-map-xml", "content-length", "6", "transformation-error", "-")
	p.fails("SEND\ndestination:/queue/q\namq-msg-type:map\nreceipt:r\n\n<map/>\x00", "Unsupported message type 'map'")

	// One that says so from elsewhere is looked at when it is shown.
	set := property.Set{Headers: property.Table{{Name: kindHeader, Value: "map"}, {Name: transformationHeader, Value: "jms-map-xml"}}}
	block, err := set.Append(nil)
	must(t, err)
	if _, err := g.session().Publish(broker.NewMessage("", "q", block, []byte("nonsense")), nil); err != nil {
		t.Fatal(err)
	}
	f := p.read("MESSAGE")
	p.has(f, "transformation", "jms-map-json", "transformation-error", "")
	if f.body != "nonsense" {
		t.Errorf("%v", f)
	}
}
