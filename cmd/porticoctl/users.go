package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
)

func userCommands() map[string]command {
	return map[string]command{
		"add_user":          {"<username> [<password>]", "Creates a new user in the internal database", 1, 2, addUser},
		"delete_user":       {"<username>", "Removes a user from the internal database. Has no effect on users provided by external backends such as LDAP", 1, 1, deleteUser},
		"change_password":   {"<username> [<password>]", "Changes the user password", 1, 2, changePassword},
		"clear_password":    {"<username>", "Clears (resets) password and disables password login for a user", 1, 1, clearPassword},
		"authenticate_user": {"<username> [<password>]", "Attempts to authenticate a user. Exits with a non-zero code if authentication fails.", 1, 2, authenticateUser},
		"hash_password":     {"[<password>]", "Hashes a plaintext password", 0, 1, hashPassword},
		"set_user_tags":     {"<username> <tag> [...]", "Sets user tags", 1, many, setUserTags},
		"list_users":        {"", "List user names and tags", 0, 0, listUsers},
	}
}

// storedUser is a user as the API shows it.
type storedUser struct {
	PasswordHash string   `json:"password_hash"`
	Hashing      string   `json:"hashing_algorithm"`
	Tags         []string `json:"tags"`
}

func (c *client) user(name string) (storedUser, error) {
	var u storedUser
	err := c.send(http.MethodGet, api("users", name), nil, &u)
	if missing(err) {
		return u, noUser(name)
	}
	return u, err
}

// passwordOf is the second argument, or what the standard input has.
func (c *client) passwordOf(args []string, out io.Writer) (string, error) {
	if len(args) > 1 {
		return args[1], nil
	}
	fmt.Fprintln(out, "Password: ")
	line, _ := bufio.NewReader(c.in).ReadString('\n')
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", &failure{code: exitData, text: "Error:\nPassword is not provided via argument or stdin"}
	}
	return line, nil
}

func addUser(c *client, args []string, out io.Writer) error {
	c.sayf(out, "Adding user %q ...", args[0])
	password, err := c.passwordOf(args, out)
	if err != nil {
		return err
	}
	err = c.send(http.MethodGet, api("users", args[0]), nil, nil)
	switch {
	case err == nil:
		return &failure{code: exitSoftware, text: fmt.Sprintf("Error:\nUser %q already exists", args[0])}
	case !missing(err):
		return err
	}
	if err := c.put(api("users", args[0]), row{"password": password, "tags": ""}); err != nil {
		return err
	}
	c.sayf(out, "Done. Don't forget to grant the user permissions to some virtual hosts! See 'rabbitmqctl help set_permissions' to learn more.")
	return nil
}

func deleteUser(c *client, args []string, out io.Writer) error {
	c.sayf(out, "Deleting user %q ...", args[0])
	err := c.send(http.MethodDelete, api("users", args[0]), nil, nil)
	if missing(err) {
		return noUser(args[0])
	}
	return err
}

func changePassword(c *client, args []string, out io.Writer) error {
	c.sayf(out, "Changing password for user %q ...", args[0])
	password, err := c.passwordOf(args, out)
	if err != nil {
		return err
	}
	u, err := c.user(args[0])
	if err != nil {
		return err
	}
	return c.put(api("users", args[0]), row{"password": password, "tags": u.Tags})
}

func clearPassword(c *client, args []string, out io.Writer) error {
	c.sayf(out, "Clearing password for user %q ...", args[0])
	u, err := c.user(args[0])
	if err != nil {
		return err
	}
	return c.put(api("users", args[0]), row{"password_hash": "", "tags": u.Tags})
}

// authenticateUser asks as that user who it is: one who is refused for want of a tag is who it says.
func authenticateUser(c *client, args []string, out io.Writer) error {
	c.sayf(out, "Authenticating user %q ...", args[0])
	password, err := c.passwordOf(args, out)
	if err != nil {
		return err
	}
	resp, err := c.request(http.MethodGet, api("whoami"), args[0], password, http.NoBody)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	raw, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if resp.StatusCode < 300 || strings.Contains(string(raw), `"not_authorised"`) {
		c.sayf(out, "Success")
		return nil
	}
	return &failure{code: exitData, text: fmt.Sprintf("Error:\nError: failed to authenticate user %q\nuser '%s' - invalid credentials", args[0], args[0])}
}

// hashPassword lets the server hash and, as rabbitmqctl does, tells the password that it was given.
func hashPassword(c *client, args []string, out io.Writer) error {
	if len(args) > 0 && args[0] == "" {
		return &failure{code: exitData, text: "Bad argument: password cannot be an empty string", usage: true}
	}
	if len(args) > 0 {
		c.sayf(out, "Will hash password %s", args[0])
	}
	password, err := c.passwordOf(append([]string{""}, args...), out)
	if err != nil {
		return err
	}
	var answer struct{ OK string }
	if err := c.send(http.MethodGet, api("auth", "hash_password", password), nil, &answer); err != nil {
		return err
	}
	fmt.Fprintln(out, answer.OK)
	return nil
}

func setUserTags(c *client, args []string, out io.Writer) error {
	name, tags := args[0], args[1:]
	c.sayf(out, "Setting tags for user %q to [%s] ...", name, strings.Join(tags, ", "))
	u, err := c.user(name)
	if err != nil {
		return err
	}
	return c.put(api("users", name), row{"password_hash": u.PasswordHash, "hashing_algorithm": u.Hashing, "tags": append([]string{}, tags...)})
}

func listUsers(c *client, _ []string, out io.Writer) error {
	c.sayf(out, "Listing users ...")
	var users []row
	if err := c.send(http.MethodGet, api("users"), nil, &users); err != nil {
		return err
	}
	return c.show(out, []column{{"name", "user"}, {"tags", "tags"}}, users)
}
