package awsidentity

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/portico-mq/portico/adapters/awspolicy"
	"github.com/portico-mq/portico/adapters/awsproto"
)

// identities is the file of the configuration.
type identities struct {
	Accounts map[string]fileAccount `yaml:"accounts"`
}

type fileAccount struct {
	RootKeys []fileKey             `yaml:"root_keys"`
	Users    map[string]fileEntity `yaml:"users"`
	Groups   map[string]fileEntity `yaml:"groups"`
	Roles    map[string]fileEntity `yaml:"roles"`
	Policies map[string]yaml.Node  `yaml:"policies"`
}

type fileKey struct {
	ID     string `yaml:"id"`
	Secret string `yaml:"secret"`
}

type fileEntity struct {
	Groups     []string             `yaml:"groups"`
	AccessKeys []fileKey            `yaml:"access_keys"`
	Policies   map[string]yaml.Node `yaml:"policies"`
	Attached   []string             `yaml:"attached"`
	Boundary   string               `yaml:"boundary"`
	Tags       map[string]string    `yaml:"tags"`
	Trust      yaml.Node            `yaml:"trust"`
}

// readFile takes the identities of the configuration's file. Its error names what is wrong by account and name.
func (d *Directory) readFile(text []byte) error {
	var file identities
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	for _, number := range slices.Sorted(maps.Keys(file.Accounts)) {
		if !awsproto.IsAccount(number) {
			return fmt.Errorf("accounts: %q is not an account's number of twelve digits", number)
		}
		account := file.Accounts[number]
		if err := d.readAccount(number, &account); err != nil {
			return fmt.Errorf("accounts.%s.%w", number, err)
		}
	}
	return nil
}

func (d *Directory) readAccount(number string, account *fileAccount) error {
	for _, key := range account.RootKeys {
		if err := d.checkKey(key); err != nil {
			return fmt.Errorf("root_keys: %w", err)
		}
		d.roots[key.ID] = rootKey{number, key.Secret}
	}
	now := time.Now().UTC()
	for name, node := range account.Policies {
		text, err := policyText(&node, awspolicy.Identity)
		if err != nil {
			return fmt.Errorf("policies.%s: %w", name, err)
		}
		p := &Policy{
			Account: number, Name: name, Path: "/", ID: "ANPA" + name, Created: now, Updated: now, Default: "v1",
			Versions: []PolicyVersion{{"v1", text, now}}, Fixed: true,
		}
		d.policies[p.ARN()] = p
	}
	for _, kind := range []struct {
		kind     Kind
		name, id string
		all      map[string]fileEntity
	}{{Group, "groups", "AGPA", account.Groups}, {User, "users", "AIDA", account.Users}, {Role, "roles", "AROA", account.Roles}} {
		for name, from := range kind.all {
			e := &Entity{Kind: kind.kind, Account: number, Name: name, Path: "/", ID: kind.id + name, Created: now, Fixed: true}
			if err := d.readEntity(e, &from); err != nil {
				return fmt.Errorf("%s.%s: %w", kind.name, name, err)
			}
			d.put(keyOf(e.Kind, number, name), e)
		}
	}
	return nil
}

func (d *Directory) checkKey(key fileKey) error {
	_, _, taken := d.UserOf(key.ID)
	switch {
	case key.ID == "" || key.Secret == "":
		return errors.New("an access key needs id and secret")
	case taken:
		return fmt.Errorf("the access key %s is there twice", key.ID)
	}
	return nil
}

func (d *Directory) readEntity(e *Entity, from *fileEntity) error {
	e.Inline, e.Tags, e.Boundary = make(map[string]string), from.Tags, d.policyARN(e.Account, from.Boundary)
	for name, node := range from.Policies {
		text, err := policyText(&node, awspolicy.Identity)
		if err != nil {
			return fmt.Errorf("policies.%s: %w", name, err)
		}
		e.Inline[name] = text
	}
	for _, name := range from.Attached {
		arn := d.policyARN(e.Account, name)
		if d.policies[arn] == nil {
			return fmt.Errorf("attached: there is no policy %q", name)
		}
		e.Attached = append(e.Attached, arn)
	}
	if e.Boundary != "" && d.policies[e.Boundary] == nil {
		return fmt.Errorf("boundary: there is no policy %q", from.Boundary)
	}
	if e.Kind != User && len(from.Groups)+len(from.AccessKeys) > 0 {
		return errors.New("only users have groups and access keys")
	}
	for _, group := range from.Groups {
		if d.entities[keyOf(Group, e.Account, group)] == nil {
			return fmt.Errorf("groups: there is no group %q", group)
		}
		e.Groups = append(e.Groups, group)
	}
	for _, key := range from.AccessKeys {
		if err := d.checkKey(key); err != nil {
			return fmt.Errorf("access_keys: %w", err)
		}
		e.Keys = append(e.Keys, AccessKey{ID: key.ID, Secret: key.Secret, Created: e.Created})
	}
	if e.Kind != Role {
		if !from.Trust.IsZero() {
			return errors.New("only roles have a trust policy")
		}
		return nil
	}
	var err error
	if e.Trust, err = policyText(&from.Trust, awspolicy.Trust); err != nil {
		return fmt.Errorf("trust: %w", err)
	}
	e.MaxSession = 3600
	return nil
}

// policyARN takes the name of one of the account's policies for its ARN.
func (d *Directory) policyARN(account, name string) string {
	if arn := (&Policy{Account: account, Name: name, Path: "/"}).ARN(); d.policies[arn] != nil {
		return arn
	}
	return name
}

// policyText gives a policy that is written in YAML, or as a JSON text, as JSON.
func policyText(node *yaml.Node, kind awspolicy.Kind) (string, error) {
	text := node.Value
	if node.Kind != yaml.ScalarNode {
		value, err := plain(node)
		if err != nil {
			return "", err
		}
		encoded, err := json.Marshal(value)
		if err != nil {
			return "", err
		}
		text = string(encoded)
	}
	_, err := awspolicy.Parse(text, kind)
	return text, err
}

// plain gives a node's value with all scalars but truth values and numbers as they are written: a policy's version
// looks like a date to YAML.
func plain(node *yaml.Node) (any, error) {
	switch node.Kind {
	case yaml.MappingNode:
		out := make(map[string]any, len(node.Content)/2)
		for i := 0; i+1 < len(node.Content); i += 2 {
			value, err := plain(node.Content[i+1])
			if err != nil {
				return nil, err
			}
			out[node.Content[i].Value] = value
		}
		return out, nil
	case yaml.SequenceNode:
		out := make([]any, 0, len(node.Content))
		for _, item := range node.Content {
			value, err := plain(item)
			if err != nil {
				return nil, err
			}
			out = append(out, value)
		}
		return out, nil
	case yaml.ScalarNode:
		return node.Value, nil
	case yaml.DocumentNode, yaml.AliasNode:
	}
	return nil, fmt.Errorf("line %d: aliases are not supported in a policy", node.Line)
}
