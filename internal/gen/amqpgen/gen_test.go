package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../../../"

// The specifications are those that spec/README.md names, unchanged.
func TestSpecificationSums(t *testing.T) {
	text, err := os.ReadFile(root + "spec/README.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 || !strings.HasPrefix(cells[1], " `") {
			continue
		}
		found++
		name, sum := strings.Trim(cells[1], " `"), strings.Trim(cells[3], " `")
		spec, err := os.ReadFile(filepath.Join(root, "spec", name))
		if err != nil {
			t.Fatal(err)
		}
		if got := sha256.Sum256(spec); hex.EncodeToString(got[:]) != sum {
			t.Errorf("%s has the sum %x, not %s", name, got, sum)
		}
	}
	if found == 0 {
		t.Error("the table of spec/README.md was not found")
	}
}

// What is in the repository is what the generator writes.
func TestGeneratedIsCurrent(t *testing.T) {
	g, err := readGrammar(root + "spec/amqp0-9-1.stripped.extended.xml")
	if err != nil {
		t.Fatal(err)
	}
	files, err := generate(g)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(root, "gateway/amqp091/wire", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is stale: run go generate ./...", name)
		}
	}
}

// Bits that follow each other share an octet, in the order of the grammar; a
// field between them begins a new one.
func TestBitsArePacked(t *testing.T) {
	bit := func(name string) *field { return &field{Name: name, TypeAttr: "bit"} }
	m := &method{Fields: []*field{bit("a"), bit("b"), {Name: "n", TypeAttr: "short"}, bit("c")}}
	for range 9 {
		m.Fields = append(m.Fields, bit("more"))
	}
	if err := m.resolve(nil); err != nil {
		t.Fatal(err)
	}
	var sizes []int
	for _, r := range m.Runs {
		sizes = append(sizes, len(r.Bits))
	}
	if len(sizes) != 4 || sizes[0] != 2 || sizes[1] != 0 || sizes[2] != 8 || sizes[3] != 2 {
		t.Errorf("runs of %v bits", sizes)
	}
	if m.Fields[1].Bit != 1 || m.Fields[3].Bit != 0 {
		t.Error("bits are at other places")
	}
	if err := (&method{Fields: []*field{{Name: "n", TypeAttr: "complex"}}}).resolve(nil); err == nil {
		t.Error("an unknown type was taken")
	}
}
