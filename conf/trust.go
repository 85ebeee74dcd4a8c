//go:build unix

package conf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// Trusted returns nil if f is a regular file that only root can write: it belongs to
// root, and neither group nor others may write it.
func Trusted(f *os.File) error {
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	switch {
	case !ok || !fi.Mode().IsRegular():
		return errors.New("not a regular file")
	case st.Uid != 0:
		return fmt.Errorf("it belongs to user %d, not to root", st.Uid)
	case fi.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("its mode %#o lets others than root write it", fi.Mode().Perm())
	}
	return nil
}

// ForRoot reads what a process with root's rights needs of the file. A file that is
// not trusted is not parsed: the result is Default then, with trusted false, and the
// main process, without rights, will read the file and complain of what it has not
// the right to say. So it is with a file that does not exist or cannot be opened.
func ForRoot(path string) (c *Config, trusted bool, err error) {
	// Never wait for whatever is at the other end of a FIFO.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return Default(), false, nil
	}
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	if Trusted(f) != nil {
		return Default(), false, nil
	}
	c, err = Read(path, f)
	return c, true, err
}
