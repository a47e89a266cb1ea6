package management

// addVhostStats adds what there is in a virtual host, and what flows through it.
func (c *call) addVhostStats(o object, vhost string) {
	if !c.wantsStats() {
		return
	}
	totals := c.server.totals(c, []string{vhost})
	samples := c.server.opts.Rates.of(vhostKey(vhost))
	addTotals(o, totals.ready, totals.unacked, samples)
	addMessageStats(o, totals.counts, samples)
	received, sent, fasterIn, fasterOut := uint64(0), uint64(0), 0.0, 0.0
	for _, conn := range c.server.broker.Connections() {
		if conn.Namespace() != vhost {
			continue
		}
		s := c.server.opts.Rates.of(conn)
		received += conn.Received.Bytes()
		sent += conn.Sent.Bytes()
		fasterIn += s.slope(bytesReceived)
		fasterOut += s.slope(bytesSent)
	}
	put(o, "recv_oct", received, fasterIn)
	put(o, "send_oct", sent, fasterOut)
}
