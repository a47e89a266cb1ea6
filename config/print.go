package config

import (
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Print writes c as a YAML file that Load reads back, every key with its value
// in force. Secrets are written as six stars.
func Print(w io.Writer, c *Config) error {
	root := &yaml.Node{Kind: yaml.MappingNode}
	for _, k := range keys(c) {
		section := root
		names := strings.Split(k.path, ".")
		for _, name := range names[:len(names)-1] {
			section = child(section, name)
		}
		value := &yaml.Node{}
		value.SetString(k.shown())
		section.Content = append(section.Content, scalar(names[len(names)-1]), plain(k, value))
	}
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(root); err != nil {
		return err
	}
	return enc.Close()
}

// child returns the mapping called name in n, making it when missing.
func child(n *yaml.Node, name string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	m := &yaml.Node{Kind: yaml.MappingNode}
	n.Content = append(n.Content, scalar(name), m)
	return m
}

func scalar(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: s} }

// plain takes the quotes from numbers and booleans, which are not strings to a reader.
func plain(k key, n *yaml.Node) *yaml.Node {
	if k.value.CanInt() || k.value.Kind().String() == "bool" {
		n.Tag, n.Style = "", 0
	}
	return n
}

// Values are the values in force by key. Secrets are six stars.
func Values(c *Config) map[string]string {
	values := make(map[string]string)
	for _, k := range keys(c) {
		values[k.path] = k.shown()
	}
	return values
}

// shown is the value as it may be shown.
func (k key) shown() string {
	text := k.text()
	if k.secret && text != "" {
		return "******"
	}
	return text
}
