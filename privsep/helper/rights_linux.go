package helper

import (
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// canBeRoot reports whether the saved user is root, as after a setuid start.
func canBeRoot() bool {
	_, _, saved := unix.Getresuid()
	return saved == 0
}

// become gives the calling thread, and no other, the groups, the group and the user
// of the invoker, and returns the way back. The kernel keeps these per thread
// (credentials(7)); the wrappers of the runtime would change all of them, so that
// the system calls are made directly. Losing the effective user 0 takes the
// capabilities that overrule file permissions off the thread (capabilities(7)); the
// saved user 0 is the way back. The goroutine stays on the thread meanwhile, and
// the runtime starts no thread from it, for it is locked.
func (v Invoker) become() (back func() error, err error) {
	runtime.LockOSThread()
	groups, err := os.Getgroups()
	if err != nil {
		runtime.UnlockOSThread()
		return nil, fmt.Errorf("own groups: %w", err)
	}
	uid, gid := os.Geteuid(), os.Getegid()
	back = func() error {
		// In reverse; all are tried, the first failure counts.
		err := setEffective(sysSetresuid, uid)
		if e := setEffective(sysSetresgid, gid); err == nil {
			err = e
		}
		if e := setGroups(groups); err == nil {
			err = e
		}
		runtime.UnlockOSThread()
		return err
	}
	if err = setGroups(v.Groups); err == nil {
		if err = setEffective(sysSetresgid, v.GID); err == nil {
			err = setEffective(sysSetresuid, v.UID)
		}
	}
	if err == nil {
		return back, nil
	}
	err = fmt.Errorf("becoming user %d: %w", v.UID, err)
	if failed := back(); failed != nil {
		return nil, fmt.Errorf("%w; and back: %w", err, failed)
	}
	return nil, err
}

func setEffective(call uintptr, id int) error {
	const same = ^uintptr(0)
	if _, _, e := unix.RawSyscall(call, same, uintptr(id), same); e != 0 {
		return e
	}
	return nil
}

func setGroups(groups []int) error {
	ids := make([]uint32, len(groups)+1) // one more, so that there is an address
	for i, g := range groups {
		ids[i] = uint32(g)
	}
	if _, _, e := unix.RawSyscall(sysSetgroups, uintptr(len(groups)), uintptr(unsafe.Pointer(&ids[0])), 0); e != 0 {
		return e
	}
	return nil
}
