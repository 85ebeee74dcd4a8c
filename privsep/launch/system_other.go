//go:build unix && !linux

package launch

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// selfPath names the file that this process executes.
func selfPath() (string, error) { return os.Executable() }

// nameProcess does nothing: the name is that of the executed path.
func nameProcess() {}

// madeByParent: these systems do not all tell who made a pair. Only a process that
// root started takes orders, who could give them by other means as well. So a setuid
// start does not get past this point here; sudo and doas do.
func madeByParent(int) error {
	if os.Getuid() != 0 {
		return errors.New("a setuid start is not supported on this system")
	}
	return nil
}

func seteuid(uid int) error    { return syscall.Seteuid(uid) }
func setAllUIDs(uid int) error { return syscall.Setuid(uid) }

func dup2(from, to int) error { return unix.Dup2(from, to) }
