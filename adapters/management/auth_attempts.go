package management

func authAttemptResources() []resource {
	const node = "/auth/attempts/{node}"
	return []resource{
		{path: node, access: monitors, get: onThisNode(listAttempts), delete: onThisNode(resetAttempts)},
		{path: node + "/source", access: monitors, get: onThisNode(func(c *call) { c.list([]object{}, "protocol") }), delete: onThisNode(resetAttempts)},
	}
}

// onThisNode answers 404 when {node} is another one.
func onThisNode(f func(*call)) func(*call) {
	return func(c *call) {
		if c.vars["node"] != c.server.node() {
			c.notFound()
			return
		}
		f(c)
	}
}

// listAttempts lists attempts to log in by protocol. RabbitMQ calls the management API http.
func listAttempts(c *call) {
	items := []object{}
	for _, n := range c.server.broker.Logins() {
		items = append(items, object{
			"protocol": n.FrontEnd, "auth_attempts": n.Accepted + n.Failed,
			"auth_attempts_failed": n.Failed, "auth_attempts_succeeded": n.Accepted,
		})
	}
	c.list(items, "protocol")
}

// resetAttempts counts from nothing again.
func resetAttempts(c *call) {
	c.server.broker.ResetLogins()
	c.changed()
}
