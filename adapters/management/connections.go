package management

import (
	"fmt"
	"net/http"

	"github.com/portico-mq/portico/broker"
)

func connectionResources() []resource {
	return []resource{
		{path: "/connections", get: listConnections},
		{path: "/connections/{connection}", get: getConnection, delete: closeConnection},
		{path: "/connections/{connection}/channels", get: listChannelsOfConnection},
		{path: "/connections/username/{user}", get: listConnectionsOfUser, delete: closeConnectionsOfUser},
		{path: "/vhosts/{vhost}/connections", access: visible, get: listConnections},
		{path: "/vhosts/{vhost}/channels", access: visible, get: listChannels},
		{path: "/channels", get: listChannels},
		{path: "/channels/{channel}", get: getChannel},
		{path: "/consumers", get: listConsumers},
		{path: "/consumers/{vhost}", access: visible, get: listConsumers},
	}
}

// connections are those that the user may see: their own, and for who monitors all. {vhost} and {user} narrow it.
func (c *call) connections() []*broker.Connection {
	var list []*broker.Connection
	vhost, ofVhost := c.vars["vhost"]
	user, ofUser := c.vars["user"]
	for _, conn := range c.server.broker.Connections() {
		switch {
		case !isMonitor(c.user) && conn.User() != c.user.Name():
		case ofVhost && conn.Namespace() != vhost:
		case ofUser && conn.User() != user:
		default:
			list = append(list, conn)
		}
	}
	return list
}

func listConnections(c *call) {
	if _, ok := c.vhosts(); !ok {
		return
	}
	items := []object{}
	for _, conn := range c.connections() {
		items = append(items, c.describeConnection(conn))
	}
	c.list(items)
}

func listConnectionsOfUser(c *call) { listConnections(c) }

func (c *call) describeConnection(conn *broker.Connection) object {
	lanes := conn.Lanes()
	state := "running"
	if conn.Stopped() {
		state = "blocked"
	}
	o := object{
		"name": conn.Name(), "node": c.server.node(), "type": "network", "protocol": conn.Protocol, "state": state,
		"user": conn.User(), "user_who_performed_action": conn.User(), "vhost": conn.Namespace(),
		"host": conn.Local.Addr().String(), "port": conn.Local.Port(),
		"peer_host": conn.Peer.Addr().String(), "peer_port": conn.Peer.Port(),
		"connected_at": conn.Since.UnixMilli(), "ssl": conn.Secure, "client_properties": tableObject(conn.Properties),
		"channels": len(lanes),
	}
	if conn.GivenName != "" {
		o["user_provided_name"] = conn.GivenName
	}
	for name, v := range tableObject(conn.Attributes) {
		o[name] = v
	}
	if c.wantsStats() {
		samples := c.view(conn)
		put(o, "recv_oct", conn.Received.Bytes(), samples.gauged(spanData, bytesReceived))
		put(o, "send_oct", conn.Sent.Bytes(), samples.gauged(spanData, bytesSent))
		o["recv_cnt"], o["send_cnt"] = conn.Received.Pieces(), conn.Sent.Pieces()
	}
	return o
}

// findConnection is {connection}, which the user may see or end; otherwise that was answered.
func (c *call) findConnection(mayEnd bool) *broker.Connection {
	for _, conn := range c.server.broker.Connections() {
		if conn.Name() != c.vars["connection"] {
			continue
		}
		allowed := isMonitor(c.user)
		if mayEnd {
			allowed = isAdministrator(c.user)
		}
		if !allowed && conn.User() != c.user.Name() {
			c.refuse("User not authorised to access object")
			return nil
		}
		return conn
	}
	c.notFound()
	return nil
}

func getConnection(c *call) {
	if conn := c.findConnection(false); conn != nil {
		c.answer(c.describeConnection(conn))
	}
}

// closeReason is what clients are told whose connection is closed.
func (c *call) closeReason() string {
	if reason := c.r.Header.Get("X-Reason"); reason != "" {
		return reason
	}
	return "Closed via management plugin"
}

func closeConnection(c *call) {
	if conn := c.findConnection(true); conn != nil {
		conn.End(c.closeReason())
		c.w.WriteHeader(http.StatusNoContent)
	}
}

func closeConnectionsOfUser(c *call) {
	if !isAdministrator(c.user) && c.vars["user"] != c.user.Name() {
		c.refuse("User not authorised to access object")
		return
	}
	for _, conn := range c.connections() {
		conn.End(c.closeReason())
	}
	c.w.WriteHeader(http.StatusNoContent)
}

func connectionDetails(conn *broker.Connection) object {
	return object{"name": conn.Name(), "peer_host": conn.Peer.Addr().String(), "peer_port": conn.Peer.Port()}
}

func channelName(l *broker.Lane) string {
	return fmt.Sprintf("%s (%d)", l.Connection().Name(), l.Number)
}
