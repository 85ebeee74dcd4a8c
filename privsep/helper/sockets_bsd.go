//go:build unix && !linux

package helper

import "golang.org/x/sys/unix"

// There is no option beyond the system's limit (kern.ipc.maxsockbuf and the like).
const (
	forceReceive = 0
	forceSend    = 0
)

// newSocket opens a socket, close-on-exec and non-blocking.
func newSocket(family, kind, protocol int) (int, error) {
	fd, err := unix.Socket(family, kind, protocol)
	if err != nil {
		return -1, err
	}
	unix.CloseOnExec(fd)
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// closeReception keeps a socket that only sends from queueing what it would get a
// copy of.
func closeReception(fd int) error { return unix.Shutdown(fd, unix.SHUT_RD) }

func openRoute() (int, error) {
	return newSocket(unix.AF_ROUTE, unix.SOCK_RAW, unix.AF_UNSPEC)
}
