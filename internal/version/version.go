// Package version tells which build of Portico is running.
package version

import "runtime/debug"

// number is the release this source belongs to. A release build overwrites it
// with -ldflags "-X github.com/portico-mq/portico/internal/version.number=1.2.3".
var number = "0.1.0-dev"

// Number returns the version number of this build, without a leading v.
func Number() string { return number }

// Revision returns the commit this binary was built from, or "" when the build
// did not record one. A tree with changes not committed adds "+dirty".
func Revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	var revision, dirty string
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			revision = s.Value
		case "vcs.modified":
			if s.Value == "true" {
				dirty = "+dirty"
			}
		}
	}
	if revision == "" {
		return ""
	}
	return revision + dirty
}
