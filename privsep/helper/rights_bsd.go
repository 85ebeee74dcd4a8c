//go:build unix && !linux

package helper

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// canBeRoot: these systems do not tell the saved user. A setuid program is
// recognised by its effective user, before that is given up.
func canBeRoot() bool { return false }

// become gives the process the groups, group and user of the invoker and returns
// the way back. Here they belong to the process, whose one busy goroutine this is.
func (v Invoker) become() (back func() error, err error) {
	groups, err := os.Getgroups()
	if err != nil {
		return nil, fmt.Errorf("own groups: %w", err)
	}
	uid, gid := os.Geteuid(), os.Getegid()
	back = func() error {
		return errors.Join(syscall.Seteuid(uid), syscall.Setegid(gid), syscall.Setgroups(groups))
	}
	if err = syscall.Setgroups(v.Groups); err == nil {
		if err = syscall.Setegid(v.GID); err == nil {
			err = syscall.Seteuid(v.UID)
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("becoming user %d: %w", v.UID, err), back())
	}
	return back, nil
}
