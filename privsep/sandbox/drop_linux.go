package sandbox

import (
	"errors"
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Capabilities are one number each, and a bit in two words of 32 (capabilities(7)).
type capSet uint64

func capBit(c int) capSet { return 1 << c }

// everyThread makes a system call on every thread of the process: the kernel keeps
// ids, capabilities and no_new_privs per thread.
func everyThread(trap, a1, a2, a3, a4, a5 uintptr) error {
	_, _, e := syscall.AllThreadsSyscall6(trap, a1, a2, a3, a4, a5, 0)
	if e == syscall.ENOTSUP {
		return errors.New("this binary was built with cgo, whose threads cannot all be kept from the rights of root: build it with CGO_ENABLED=0")
	}
	if e != 0 {
		return e
	}
	return nil
}

// becomeUser gives up all capabilities, all groups but gid, and root.
func becomeUser(uid, gid int) error {
	if err := limitBounding(0); err != nil {
		return err
	}
	if err := syscall.Setgroups(nil); err != nil {
		return fmt.Errorf("supplementary groups: %w", err)
	}
	if err := syscall.Setresgid(gid, gid, gid); err != nil {
		return fmt.Errorf("group %d: %w", gid, err)
	}
	if err := syscall.Setresuid(uid, uid, uid); err != nil {
		return fmt.Errorf("user %d: %w", uid, err)
	}
	// Without a user id of 0 the kernel has cleared the permitted and effective
	// sets; the inheritable one it has not.
	if err := setCaps(0, 0); err != nil {
		return err
	}
	return noReturn()
}

// limitBounding takes all capabilities but those of keep out of the bounding set and
// empties the ambient set. It needs CAP_SETPCAP.
func limitBounding(keep capSet) error {
	if err := clearAmbient(); err != nil {
		return err
	}
	for c := 0; c < 64; c++ {
		if _, err := bounding(c); err != nil {
			break // the kernel has no more
		}
		if keep&capBit(c) != 0 {
			continue
		}
		if err := everyThread(unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0); err != nil {
			return fmt.Errorf("bounding set, capability %d: %w", c, err)
		}
	}
	return nil
}

func clearAmbient() error {
	err := everyThread(unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
	if err != nil && !errors.Is(err, unix.EINVAL) { // EINVAL: before Linux 4.3
		return fmt.Errorf("ambient set: %w", err)
	}
	return nil
}

// bounding returns 1 if the capability is in the bounding set.
func bounding(c int) (int, error) {
	return unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(c), 0, 0, 0)
}

// setCaps sets the permitted and the effective set, and empties the inheritable one.
func setCaps(permitted, effective capSet) error {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := [2]unix.CapUserData{
		{Permitted: uint32(permitted), Effective: uint32(effective)},
		{Permitted: uint32(permitted >> 32), Effective: uint32(effective >> 32)},
	}
	err := everyThread(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&hdr)), uintptr(unsafe.Pointer(&data[0])), 0, 0, 0)
	if err != nil {
		return fmt.Errorf("capabilities: %w", err)
	}
	return nil
}

// caps returns the sets of the calling thread.
func caps() (permitted, effective, inheritable capSet, err error) {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		return 0, 0, 0, fmt.Errorf("reading capabilities: %w", err)
	}
	join := func(low, high uint32) capSet { return capSet(high)<<32 | capSet(low) }
	return join(data[0].Permitted, data[1].Permitted), join(data[0].Effective, data[1].Effective),
		join(data[0].Inheritable, data[1].Inheritable), nil
}

// noReturn closes the ways back: no program that is executed gains rights, and
// nobody but root may look into this process (ptrace(2), core dumps).
func noReturn() error {
	if err := everyThread(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("dumpable: %w", err)
	}
	return nil
}

// verify reads everything back and tries to become root again.
func verify(uid, gid int) error {
	if r, e, s := unix.Getresuid(); r != uid || e != uid || s != uid {
		return fmt.Errorf("the user ids are %d %d %d", r, e, s)
	}
	if r, e, s := unix.Getresgid(); r != gid || e != gid || s != gid {
		return fmt.Errorf("the group ids are %d %d %d", r, e, s)
	}
	if groups, err := unix.Getgroups(); err != nil || len(groups) != 0 {
		return fmt.Errorf("the supplementary groups are %v (%v)", groups, err)
	}
	if err := verifyCaps(0); err != nil {
		return err
	}
	for c := 0; c < 64; c++ {
		if in, err := bounding(c); err == nil && in != 0 {
			return fmt.Errorf("capability %d is in the bounding set", c)
		}
	}
	// On this thread alone: if one of these succeeded, all would be over anyway.
	zero := [1]uint32{}
	for _, try := range [...]struct {
		what string
		trap uintptr
		arg  uintptr
		arg2 uintptr
	}{
		{"setuid", unix.SYS_SETUID, 0, 0},
		{"setgid", unix.SYS_SETGID, 0, 0},
		{"setresuid", unix.SYS_SETRESUID, 0, 0},
		{"setgroups", unix.SYS_SETGROUPS, 1, uintptr(unsafe.Pointer(&zero[0]))},
	} {
		if _, _, e := unix.RawSyscall(try.trap, try.arg, try.arg2, 0); e == 0 {
			return fmt.Errorf("%s to root succeeded", try.what)
		}
	}
	if err := unix.Chroot("."); err == nil {
		return errors.New("chroot succeeded")
	}
	return nil
}

// verifyCaps checks that no set has more than keep.
func verifyCaps(keep capSet) error {
	p, e, i, err := caps()
	if err != nil {
		return err
	}
	if (p|e)&^keep != 0 || i != 0 {
		return fmt.Errorf("the capabilities are permitted %#x, effective %#x, inheritable %#x", p, e, i)
	}
	nnp, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	if err != nil || nnp != 1 {
		return fmt.Errorf("no_new_privs is %d (%v)", nnp, err)
	}
	return nil
}

// HasRaw reports whether the process has the capability to open raw and packet
// sockets (CAP_NET_RAW).
func HasRaw() bool {
	p, _, _, err := caps()
	return err == nil && p&capBit(unix.CAP_NET_RAW) != 0
}

// KeepRaw is for a program that is one process, started by a user other than root
// with file capabilities: it gives up all capabilities but CAP_NET_RAW and, if it
// has it, CAP_NET_ADMIN (large buffers, firewall). It opens files by itself, with the
// user's rights.
func KeepRaw(sandbox bool, debug func(string)) (applied []string, err error) {
	have, _, _, err := caps()
	if err != nil {
		return nil, err
	}
	keep := have & (capBit(unix.CAP_NET_RAW) | capBit(unix.CAP_NET_ADMIN))
	if err := clearAmbient(); err != nil {
		return nil, err
	}
	if err := setCaps(keep, keep); err != nil {
		return nil, err
	}
	if err := noReturn(); err != nil {
		return nil, err
	}
	if err := verifyCaps(keep); err != nil {
		return nil, err
	}
	applied = append(applied, fmt.Sprintf("capabilities %#x", uint64(keep)))
	if sandbox {
		more, err := filterCalls(singleCalls(), debug)
		if err != nil {
			return nil, err
		}
		applied = append(applied, more...)
	}
	return applied, nil
}

// CloseHelper takes from the helper what it does not need. With other is true if
// files are opened with the rights of another user than root: then root's own power
// over files goes too.
func CloseHelper(paths []Path, other, sandbox bool, debug func(string)) (applied []string, err error) {
	have, _, _, err := caps()
	if err != nil {
		return nil, err
	}
	keep := capBit(unix.CAP_NET_RAW) | capBit(unix.CAP_NET_ADMIN) | capBit(unix.CAP_SETUID) | capBit(unix.CAP_SETGID)
	if !other {
		keep |= capBit(unix.CAP_DAC_OVERRIDE) | capBit(unix.CAP_DAC_READ_SEARCH)
	}
	keep &= have
	if err := limitBounding(keep); err != nil {
		return nil, err
	}
	if err := setCaps(keep, keep); err != nil {
		return nil, err
	}
	if err := noReturn(); err != nil {
		return nil, err
	}
	if err := verifyCaps(keep); err != nil {
		return nil, err
	}
	applied = append(applied, fmt.Sprintf("helper capabilities %#x", uint64(keep)))
	if sandbox {
		applied = append(applied, landlockPaths(paths, debug)...)
		more, err := filterCalls(helperCalls(), debug)
		if err != nil {
			return nil, err
		}
		applied = append(applied, more...)
	}
	return applied, nil
}

// EndWithParent has the kernel send SIGTERM when the parent's thread that started
// this process ends. It is a second line behind the end of file on the sockets.
func EndWithParent() error { return unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGTERM), 0, 0, 0) }

// closeMain applies what this system has beyond ids.
func closeMain(o Options) ([]string, error) {
	applied := landlockNothing(o.Debug)
	more, err := filterCalls(mainCalls(), o.Debug)
	if err != nil {
		return nil, err
	}
	return append(applied, more...), nil
}
