// Command amqpgen writes the methods and constants of AMQP 0-9-1 as Go code,
// from the XML grammar of the protocol:
//
//	go run ./internal/gen/amqpgen -spec spec/amqp0-9-1.stripped.extended.xml -out gateway/amqp091/wire
package main

import (
	"bytes"
	"flag"
	"fmt"
	"go/format"
	"log"
	"os"
	"path/filepath"
	"text/template"
)

func main() {
	log.SetFlags(0)
	spec := flag.String("spec", "", "the XML `file` of the grammar")
	out := flag.String("out", ".", "the `folder` of the generated package")
	flag.Parse()
	g, err := readGrammar(*spec)
	if err != nil {
		log.Fatalf("amqpgen: %v", err)
	}
	files, err := generate(g)
	if err != nil {
		log.Fatalf("amqpgen: %v", err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(*out, name), text, 0o644); err != nil { //nolint:gosec // source code is for everybody to read
			log.Fatalf("amqpgen: %v", err)
		}
	}
}

// generate makes the files: one for each class, one of the constants, one that
// knows all methods, and a test of the round trip of each method.
func generate(g *grammar) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, f := range []struct {
		name string
		tmpl *template.Template
		data any
	}{
		{"constants_gen.go", constantsTemplate, g},
		{"methods_gen.go", methodsTemplate, g},
		{"methods_gen_test.go", testTemplate, g},
	} {
		if err := render(files, f.name, f.tmpl, f.data); err != nil {
			return nil, err
		}
	}
	for _, c := range g.Classes {
		if err := render(files, c.Name+"_gen.go", classTemplate, c); err != nil {
			return nil, err
		}
	}
	return files, nil
}

func render(files map[string][]byte, name string, tmpl *template.Template, data any) error {
	var b bytes.Buffer
	if err := tmpl.Execute(&b, data); err != nil {
		return err
	}
	text, err := format.Source(b.Bytes())
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, b.Bytes())
	}
	files[name] = text
	return nil
}
