//go:build unix

// Package sandbox takes rights away from a process for good: the main process,
// which needs none; the helper, which needs few; and a program that is one process,
// which keeps a capability. What was taken away is verified afterwards: ids and
// capabilities are read back, and becoming root again is tried and has to fail.
//
// The order of Drop is that of a jail: the directory is checked and entered, then
// groups, group and user are changed, then what the system offers on top closes
// (Landlock, seccomp, pledge). What the kernel has not is left out and told, never
// an error; everything else that fails is.
package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// DefaultChroot is the root directory of the main process unless the configuration
// names another.
const DefaultChroot = "/var/empty"

// Options of the main process.
type Options struct {
	UID, GID int    // who it becomes; neither may be 0
	Chroot   string // its root directory: root's, and writable by nobody else
	// Sandbox is false to leave out Landlock, seccomp and pledge.
	Sandbox bool
	// Debug gets a line for each thing that the system has not. May be nil.
	Debug func(line string)
}

func say(debug func(string), format string, args ...any) {
	if debug != nil {
		debug(fmt.Sprintf("sandbox: "+format, args...))
	}
}

// Drop gives up everything: supplementary groups, group, user, root directory,
// capabilities. It has to be called with effective user 0, by a process that has
// already read what it needs from files. After an error the process has to end. The
// result lists what was applied, for people.
func Drop(o Options) (applied []string, err error) {
	if o.UID <= 0 || o.GID <= 0 {
		return nil, fmt.Errorf("user %d with group %d is not without rights", o.UID, o.GID)
	}
	if err := enter(o.Chroot); err != nil {
		return nil, err
	}
	applied = append(applied, "chroot "+o.Chroot)
	if err := becomeUser(o.UID, o.GID); err != nil {
		return nil, err
	}
	applied = append(applied, fmt.Sprintf("user %d group %d", o.UID, o.GID))
	if err := verify(o.UID, o.GID); err != nil {
		return nil, fmt.Errorf("rights were dropped, but %w", err)
	}
	if o.Sandbox {
		more, err := closeMain(o)
		if err != nil {
			return nil, err
		}
		applied = append(applied, more...)
	}
	return applied, nil
}

// enter makes dir the root directory. It is made, mode 0555, if it does not exist.
// The directory that is checked is the one that is entered, by descriptor.
func enter(dir string) error {
	if err := os.Mkdir(dir, 0o555); err == nil {
		if err := os.Chown(dir, 0, 0); err != nil {
			return fmt.Errorf("root directory: %w", err)
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("root directory: %w", err)
	}
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("root directory %s: %w", dir, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("root directory %s: %w", dir, err)
	}
	if st.Uid != 0 || st.Mode&0o022 != 0 {
		return fmt.Errorf("root directory %s: owner %d, mode %#o: it has to be root's and not writable by others",
			dir, st.Uid, st.Mode&0o7777)
	}
	if err := unix.Fchdir(fd); err != nil {
		return fmt.Errorf("entering %s: %w", dir, err)
	}
	if err := unix.Chroot("."); err != nil {
		return fmt.Errorf("chroot to %s: %w", dir, err)
	}
	if err := unix.Chdir("/"); err != nil {
		return fmt.Errorf("chroot to %s: %w", dir, err)
	}
	return nil
}

// Path is a path that a helper will open, for Landlock and unveil.
type Path struct {
	Name  string
	Kind  PathKind
	Write bool // Directory: files are made and written
}

// PathKind says what the path is.
type PathKind int

// The kinds of path.
const (
	ReadFile  PathKind = iota // an existing file
	WriteFile                 // a file that may have to be made
	Socket                    // a unix socket that is made and removed
	Directory                 // a directory whose files are opened
)
