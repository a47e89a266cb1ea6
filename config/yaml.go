package config

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// readYAML sets every key that the document holds. Keys are read from the
// parsed nodes and not into the struct, so that each problem has its line.
func (l *loader) readYAML(name string, data []byte) {
	dec := yaml.NewDecoder(strings.NewReader(string(data)))
	var doc yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if !errors.Is(err, io.EOF) { // an empty file sets nothing
			line, reason := yamlError(err)
			l.fail(name+line, "", reason)
		}
		return
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		l.fail(name, "", "holds more than one document")
		return
	}
	l.readNode(name, "", doc.Content[0])
}

var yamlLine = regexp.MustCompile(`^yaml: line (\d+): `)

// yamlError takes the line out of a syntax error's text, where the library has it.
func yamlError(err error) (line, reason string) {
	text := err.Error()
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		return ":" + m[1], text[len(m[0]):]
	}
	return "", strings.TrimPrefix(text, "yaml: ")
}

func (l *loader) readNode(name, path string, n *yaml.Node) {
	source := fmt.Sprintf("%s:%d", name, n.Line)
	_, leaf := find(l.keys, path)
	switch n.Kind {
	case yaml.MappingNode:
		if leaf {
			l.fail(source, path, "takes a value, not keys of its own")
			return
		}
		l.readMapping(name, path, n)
	case yaml.SequenceNode:
		items := make([]string, len(n.Content))
		for i, item := range n.Content {
			if item.Kind != yaml.ScalarNode {
				l.fail(source, path, "takes a list of plain values only")
				return
			}
			items[i] = item.Value
		}
		l.assign(source, path, strings.Join(items, ","))
	case yaml.ScalarNode:
		if n.Tag == "!!null" {
			if path != "" && leaf { // "log:" with everything below commented out is fine
				l.fail(source, path, "has no value")
			}
			return
		}
		if !leaf && l.isSection(path) {
			l.fail(source, path, "takes keys of its own, not a value")
			return
		}
		l.assign(source, path, n.Value)
	default:
		l.fail(source, path, "aliases are not supported")
	}
}

func (l *loader) readMapping(name, path string, n *yaml.Node) {
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		keyNode, valueNode := n.Content[i], n.Content[i+1]
		child := keyNode.Value
		if path != "" {
			child = path + "." + child
		}
		source := fmt.Sprintf("%s:%d", name, keyNode.Line)
		if first, ok := seen[child]; ok {
			l.fail(source, child, fmt.Sprintf("is set twice, first in line %d", first))
			continue
		}
		seen[child] = keyNode.Line
		if valueNode.Kind == yaml.MappingNode && !l.isSection(child) {
			if _, leaf := find(l.keys, child); !leaf {
				l.assign(source, child, "") // says that the key is unknown, once for the whole section
				continue
			}
		}
		l.readNode(name, child, valueNode)
	}
}

// isSection says whether keys start with path.
func (l *loader) isSection(path string) bool {
	for _, k := range l.keys {
		if path == "" || strings.HasPrefix(k.path, path+".") {
			return true
		}
	}
	return false
}
