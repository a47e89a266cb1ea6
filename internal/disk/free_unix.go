//go:build unix

package disk

import "golang.org/x/sys/unix"

// Free is how many bytes an unprivileged process can still write to the file system that holds dir.
func Free(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil //nolint:unconvert // their types differ between systems
}
