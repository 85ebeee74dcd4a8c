package launch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// selfPath names the file that this process executes, by inode: a path could be
// made to name another one by whoever may write its directory.
func selfPath() (string, error) { return "/proc/self/exe", nil }

// nameProcess gives the process the name of the program, which otherwise is that of
// the link: exe.
func nameProcess() {
	name := filepath.Base(os.Args[0])
	_ = os.WriteFile("/proc/self/comm", []byte(name), 0) // for ps and top only
}

// madeByParent checks that the pair was made by the parent process when its
// effective user was root (unix(7), SO_PEERCRED): nobody else can be mistaken for it.
func madeByParent(fd int) error {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return err
	}
	if cred.Uid != 0 {
		return errors.New("the socket pair was not made by root")
	}
	if int(cred.Pid) != os.Getppid() {
		return fmt.Errorf("the socket pair was made by process %d, not by the parent", cred.Pid)
	}
	return nil
}

func seteuid(uid int) error    { return syscall.Setresuid(-1, uid, -1) }
func setAllUIDs(uid int) error { return syscall.Setresuid(uid, uid, uid) }

func dup2(from, to int) error { return unix.Dup3(from, to, 0) }
