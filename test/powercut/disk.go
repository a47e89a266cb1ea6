package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// disk is a file system on a loop device, whose power can be cut.
type disk struct {
	image, mount, options string
	left                  chan struct{} // closed when the neighbour has gone; nil without one
}

// fileSystem is a kind of disk, with its options of mkfs and mount.
type fileSystem struct{ name, mkfs, mount string }

// fileSystems are what the cuts are tried on. noauto_da_alloc takes ext4's habit away of writing a file's content
// before a rename that replaces another with it; XFS never had it.
var fileSystems = map[string]fileSystem{
	"ext4":                 {"ext4", "mkfs.ext4 -q -F -E lazy_itable_init=0,lazy_journal_init=0", "loop"},
	"ext4,noauto_da_alloc": {"ext4", "mkfs.ext4 -q -F -E lazy_itable_init=0,lazy_journal_init=0", "loop,noauto_da_alloc"},
	"xfs":                  {"xfs", "mkfs.xfs -q -f", "loop"},
}

// newDisk makes and mounts a file system of megabytes MiB below dir.
func newDisk(dir string, fs fileSystem, megabytes int64) (*disk, error) {
	d := &disk{image: filepath.Join(dir, "image"), mount: filepath.Join(dir, "disk"), options: fs.mount}
	f, err := os.Create(d.image)
	if err == nil {
		err = errors.Join(f.Truncate(megabytes<<20), f.Close())
	}
	if err == nil {
		err = os.MkdirAll(d.mount, 0o700)
	}
	if err == nil {
		err = command(append(strings.Fields(fs.mkfs), d.image)...)
	}
	if err == nil {
		err = d.attach()
	}
	return d, err
}

func command(words ...string) error {
	out, err := exec.Command(words[0], words[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(words, " "), err, out)
	}
	return nil
}

func (d *disk) attach() error { return command("mount", "-o", d.options, d.image, d.mount) }

func (d *disk) detach() error { return command("umount", d.mount) }

// neighbour starts something else that uses the disk, until the power is cut: it syncs a file of its own all the time.
// With each sync the file system commits what it knows of all files, also of those whose content it has not written.
func (d *disk) neighbour() error {
	f, err := os.Create(filepath.Join(d.mount, "neighbour"))
	if err != nil {
		return err
	}
	d.left = make(chan struct{})
	go func() {
		defer close(d.left)
		defer f.Close()
		for n, next := byte(0), time.Tick(5*time.Millisecond); ; n++ {
			<-next
			if _, err := f.WriteAt([]byte{n}, 0); err != nil || f.Sync() != nil {
				return
			}
		}
	}()
	return nil
}

// goingDown is EXT4_IOC_SHUTDOWN and XFS_IOC_GOINGDOWN (Linux: fs/ext4/ext4.h, fs/xfs/libxfs/xfs_fs.h), noLogFlush its
// argument that nothing is written any more, neither data nor the journal.
const (
	goingDown  = 0x8004587d
	noLogFlush = 2
)

// cut ends all writing to the device at once: what was not written is lost, as in a power cut. Whoever uses the disk
// gets errors from here on.
func (d *disk) cut() error {
	f, err := os.Open(d.mount)
	if err != nil {
		return err
	}
	err = errors.Join(unix.IoctlSetPointerInt(int(f.Fd()), goingDown, noLogFlush), f.Close())
	if err == nil && d.left != nil {
		<-d.left
	}
	return err
}
