package management

// addVhostStats adds what there is in a virtual host, and what flows through it.
func (c *call) addVhostStats(o object, vhost string) {
	if !c.wantsStats() {
		return
	}
	totals := c.server.totals(c, []string{vhost})
	samples := c.view(vhostKey(vhost))
	addTotals(o, totals.ready, totals.unacked, samples)
	addMessageStats(o, totals.counts, samples)
	received, sent := uint64(0), uint64(0)
	var connections []any
	for _, conn := range c.server.broker.Connections() {
		if conn.Namespace() == vhost {
			connections = append(connections, conn)
			received += conn.Received.Bytes()
			sent += conn.Sent.Bytes()
		}
	}
	octets := c.view(connections...)
	put(o, "recv_oct", received, octets.gauged(spanData, bytesReceived))
	put(o, "send_oct", sent, octets.gauged(spanData, bytesSent))
}
