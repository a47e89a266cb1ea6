package stomp

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocumentedTestsExist: the tests that docs/stomp.md names are there.
func TestDocumentedTestsExist(t *testing.T) {
	page, err := os.ReadFile("../../docs/stomp.md")
	must(t, err)
	var sources strings.Builder
	for _, pattern := range []string{"*_test.go", "wire/*_test.go", "xstream/*_test.go", "../../config/*_test.go", "../../internal/app/*_test.go"} {
		files, err := filepath.Glob(pattern)
		must(t, err)
		for _, file := range files {
			source, err := os.ReadFile(file)
			must(t, err)
			sources.Write(source)
		}
	}
	names := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9]+)`").FindAllStringSubmatch(string(page), -1)
	if len(names) < 20 {
		t.Errorf("the page names %d tests", len(names))
	}
	for _, name := range names {
		if !strings.Contains(sources.String(), "func "+name[1]+"(") {
			t.Errorf("there is no %s", name[1])
		}
	}
}
