package management

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/portico-mq/portico/broker"
)

func healthResources() []resource {
	const checks = "/health/checks/"
	return []resource{
		{path: checks + "alarms", get: checkAlarms},
		{path: checks + "local-alarms", get: checkAlarms},
		{path: checks + "virtual-hosts", get: checkPassed},
		{path: checks + "port-listener/{port}", get: checkPort},
		{path: checks + "protocol-listener/{protocol}", get: checkProtocol},
		{path: checks + "certificate-expiration/{within}/{unit}", get: checkCertificate},
		{path: checks + "node-is-mirror-sync-critical", get: checkSingle},
		{path: checks + "node-is-quorum-critical", get: checkSingle},
		{path: "/aliveness-test/{vhost}", access: inVhost, get: testAliveness},
		{path: "/healthchecks/node", get: checkAlarms},
		{path: "/healthchecks/node/{node}", get: checkNode},
	}
}

func itoa(n int) string { return strconv.Itoa(n) }

// checkPassed answers what cannot fail on one node whose virtual hosts are open as long as it runs.
func checkPassed(c *call) { c.answer(object{"status": "ok"}) }

// checkSingle answers what is asked about losing a node when there is one, as RabbitMQ does.
func checkSingle(c *call) { c.answer(object{"status": "ok", "reason": "single node cluster"}) }

func (c *call) checkFailed(o object) {
	o["status"] = "failed"
	c.write(http.StatusServiceUnavailable, o)
}

func checkNode(c *call) {
	if c.vars["node"] != c.server.node() {
		c.notFound()
		return
	}
	checkAlarms(c)
}

func checkAlarms(c *call) {
	alarms := []object{}
	for _, a := range c.server.broker.Alarms() {
		alarms = append(alarms, object{"node": c.server.node(), "resource": string(a)})
	}
	if len(alarms) > 0 {
		c.checkFailed(object{"reason": "There are alarms in effect in the cluster", "alarms": alarms})
		return
	}
	c.answer(object{"status": "ok"})
}

// units are how many seconds RabbitMQ means by a unit of time.
var units = map[string]int{"days": 86400, "weeks": 7 * 86400, "months": 365 * 86400 / 12, "years": 365 * 86400}

// checkCertificate fails when the certificate of the TLS listeners ends within a time.
func checkCertificate(c *call) {
	within, err := strconv.Atoi(c.vars["within"])
	unit, known := units[c.vars["unit"]]
	switch {
	case err != nil || within < 0:
		c.badRequest("Invalid expiration value.")
		return
	case !known:
		c.badRequest("Time unit not recognised. Supported units: days, weeks, months, years.")
		return
	}
	if f := c.server.opts.CertificateEnds; f != nil {
		end, err := f()
		if err != nil {
			c.failed(err)
			return
		}
		if !end.IsZero() && time.Until(end) < time.Duration(within)*time.Duration(unit)*time.Second {
			c.checkFailed(object{"reason": "Certificates expiring", "expired": []object{{
				"node": c.server.node(), "certificate_expires_on": end.UTC().Format("2006-01-02 15:04:05"),
			}}})
			return
		}
	}
	c.answer(object{"status": "ok"})
}

func checkPort(c *call) {
	port, err := strconv.Atoi(c.vars["port"])
	if err != nil {
		c.badRequest("Invalid port")
		return
	}
	ports := []int{}
	for _, l := range c.server.listeners() {
		ports = append(ports, l.Port)
	}
	if !slices.Contains(ports, port) {
		c.checkFailed(object{"reason": "No active listener", "missing": port, "ports": ports})
		return
	}
	c.answer(object{"status": "ok", "port": port})
}

// protocolAliases are other names of what is listened for.
var protocolAliases = map[string]string{
	"amqp091": "amqp", "amqp0.9.1": "amqp", "amqp0-9-1": "amqp", "amqps": "amqp/ssl", "stomps": "stomp/ssl", "https": "https",
}

func checkProtocol(c *call) {
	wanted := strings.ToLower(c.vars["protocol"])
	if other, ok := protocolAliases[wanted]; ok {
		wanted = other
	}
	protocols := []string{}
	for _, l := range c.server.listeners() {
		protocols = append(protocols, l.Protocol)
	}
	if !slices.Contains(protocols, wanted) {
		c.checkFailed(object{"reason": "No active listener", "missing": c.vars["protocol"], "protocols": protocols})
		return
	}
	c.answer(object{"status": "ok", "protocol": c.vars["protocol"]})
}

// testAliveness sends a message through a queue and back, as RabbitMQ's aliveness-test does.
func testAliveness(c *call) {
	s := c.session()
	if s == nil {
		return
	}
	defer s.Close()
	ctx := c.background()
	const name = "aliveness-test"
	_, _, err := s.DeclareQueue(ctx, broker.QueueSpec{Name: name, Attributes: broker.Attributes{amqpAttributes: {}}})
	if err == nil {
		_, err = s.Publish(broker.NewMessage("", name, nil, []byte("test_message")), nil)
	}
	var got []broker.Delivery
	if err == nil {
		got, _, err = s.Get(ctx, name, broker.GetOptions{AutoAck: true})
	}
	switch {
	case err != nil:
		c.failed(err)
	case len(got) == 0:
		c.checkFailed(object{"reason": "the message did not come back"})
	default:
		c.answer(object{"status": "ok"})
	}
}
