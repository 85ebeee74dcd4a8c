//go:build unix && !linux

package sandbox

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// becomeUser gives up all groups but gid, and root. With effective user 0, setgid
// and setuid set the real and the saved id too.
func becomeUser(uid, gid int) error {
	if err := syscall.Setgroups([]int{gid}); err != nil {
		return fmt.Errorf("supplementary groups: %w", err)
	}
	if err := syscall.Setgid(gid); err != nil {
		return fmt.Errorf("group %d: %w", gid, err)
	}
	if err := syscall.Setuid(uid); err != nil {
		return fmt.Errorf("user %d: %w", uid, err)
	}
	return nil
}

// verify reads everything back and tries to become root again.
func verify(uid, gid int) error {
	if r, e := unix.Getuid(), unix.Geteuid(); r != uid || e != uid {
		return fmt.Errorf("the user ids are %d %d", r, e)
	}
	if r, e := unix.Getgid(), unix.Getegid(); r != gid || e != gid {
		return fmt.Errorf("the group ids are %d %d", r, e)
	}
	groups, err := unix.Getgroups()
	if err != nil {
		return fmt.Errorf("the supplementary groups cannot be read: %w", err)
	}
	for _, g := range groups {
		if g != gid {
			return fmt.Errorf("the supplementary groups are %v", groups)
		}
	}
	if syscall.Setuid(0) == nil || syscall.Seteuid(0) == nil {
		return errors.New("becoming root succeeded")
	}
	if syscall.Setgid(0) == nil || syscall.Setegid(0) == nil {
		return errors.New("becoming group 0 succeeded")
	}
	return nil
}

// HasRaw is false: this system has no right to raw sockets apart from root's.
func HasRaw() bool { return false }

// KeepRaw fails: see HasRaw.
func KeepRaw(bool, func(string)) ([]string, error) {
	return nil, fmt.Errorf("raw sockets without root: %w", unix.ENOTSUP)
}

// EndWithParent does nothing: the end of file on the sockets has to do.
func EndWithParent() error { return nil }
