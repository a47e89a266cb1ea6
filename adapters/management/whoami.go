package management

func identityResources() []resource {
	return []resource{
		{path: "/whoami", get: getWhoami},
		{path: "/auth", get: getAuth},
	}
}

func getWhoami(c *call) {
	c.answer(object{"name": c.user.Name(), "tags": c.user.Tags(), "is_internal_user": true})
}

// getAuth tells a console how to log in: with a name and a password, not over OAuth 2.
func getAuth(c *call) { c.answer(object{"oauth_enabled": false}) }
