package jetstream

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// syncFlag is FS_SYNC_FL of a file (linux/fs.h; chattr(1) calls it S): what is written to it is on the disk when the
// write returns.
const syncFlag = 0x8

// writeThrough makes an empty file at temporary whose content is on the disk as soon as it is written. Whoever opens
// that path to write a new file, and renames it to final, cannot lose it to a power cut. What is returned is to be
// called after that: it takes back what was made, be it renamed or not. A file system without the flag gives an error,
// and leaves things as they were.
func writeThrough(temporary, final string) (after func() error, err error) {
	f, err := os.OpenFile(temporary, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	made, err := f.Stat()
	if err == nil {
		err = setSyncFlag(f, true)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, errors.Join(err, os.Remove(temporary))
	}
	return func() error {
		if now, err := os.Stat(final); err != nil || !os.SameFile(made, now) {
			return os.Remove(temporary)
		}
		f, err := os.Open(final)
		if err != nil {
			return err
		}
		return errors.Join(setSyncFlag(f, false), f.Close())
	}, nil
}

func setSyncFlag(f *os.File, on bool) error {
	flags, err := unix.IoctlGetInt(int(f.Fd()), unix.FS_IOC_GETFLAGS)
	if err != nil {
		return os.NewSyscallError("ioctl FS_IOC_GETFLAGS", err)
	}
	flags &^= syncFlag
	if on {
		flags |= syncFlag
	}
	return os.NewSyscallError("ioctl FS_IOC_SETFLAGS", unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, flags))
}
