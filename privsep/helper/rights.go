package helper

import (
	"os"
	"os/user"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// Invoker is the user who started scamper: whose rights decide which files may be
// opened and to whom new files belong.
type Invoker struct {
	UID, GID int
	Groups   []int // supplementary groups
	// Switch: this process has other rights than the invoker and changes
	// to theirs while it opens a file.
	Switch bool
}

// FindInvoker finds out who started this process:
//
//   - A setuid program was started by its real user, with the real group and
//     the supplementary groups of the process.
//   - A program that sudo started as root was started by SUDO_UID and
//     SUDO_GID, with the groups that the system's user database lists for that
//     user. So files below a directory that only root can write are refused
//     under sudo. Whoever wants them opened by root unsets SUDO_UID
//     (sudo env -u SUDO_UID scamper ...), which only somebody who is allowed to
//     become root can do. Both variables have to be numbers, of a user who is not
//     root; otherwise they are not considered.
//   - Everybody else, root included, is who they are.
//
// The environment can thus only take rights away: it counts for real root alone.
func FindInvoker() Invoker {
	v := Invoker{UID: os.Getuid(), GID: os.Getgid()}
	v.Groups, _ = os.Getgroups()
	if v.UID != 0 {
		// Setuid: the effective user is, or can again be, root.
		v.Switch = os.Geteuid() != v.UID || canBeRoot()
		return v
	}
	uid, err := strconv.ParseUint(os.Getenv("SUDO_UID"), 10, 31)
	if err != nil || uid == 0 {
		return v
	}
	gid, err := strconv.ParseUint(os.Getenv("SUDO_GID"), 10, 31)
	if err != nil {
		return v
	}
	return Invoker{UID: int(uid), GID: int(gid), Groups: groupsOf(uint32(uid), int(gid)), Switch: true}
}

// groupsOf returns the groups of a user, and gid alone if the user is unknown.
func groupsOf(uid uint32, gid int) []int {
	groups := []int{gid}
	u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10))
	if err != nil {
		return groups
	}
	ids, err := u.GroupIds()
	if err != nil {
		return groups
	}
	for _, id := range ids {
		if n, err := strconv.Atoi(id); err == nil && n >= 0 && !slices.Contains(groups, n) {
			groups = append(groups, n)
		}
	}
	return groups
}

// as runs f with the rights of the invoker. If the way back fails, this process has
// lost its purpose: it ends.
func (v Invoker) as(f func() error) error {
	if !v.Switch {
		return f()
	}
	back, err := v.become()
	if err != nil {
		return err
	}
	err = f()
	if failed := back(); failed != nil {
		os.Stderr.WriteString("scamper helper: could not become root again: " + failed.Error() + "\n")
		unix.Exit(exitFailure)
	}
	return err
}

const exitFailure = 255
