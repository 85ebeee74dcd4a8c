package helper

import "golang.org/x/sys/unix"

// Options that go beyond net.core.rmem_max and wmem_max, for CAP_NET_ADMIN
// (socket(7)).
const (
	forceReceive = unix.SO_RCVBUFFORCE
	forceSend    = unix.SO_SNDBUFFORCE
)

// newSocket opens a socket, close-on-exec and non-blocking.
func newSocket(family, kind, protocol int) (int, error) {
	return unix.Socket(family, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocol)
}

// closeReception keeps a socket that only sends from queueing what it would get a
// copy of.
func closeReception(fd int) error { return attachFilter(fd, 0) }

// attachFilter attaches the filter of one instruction, return accept: the number of
// bytes to keep of each packet (Documentation/networking/filter.rst).
func attachFilter(fd int, accept uint32) error {
	prog := [1]unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: accept}}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: 1, Filter: &prog[0]})
}

func openRoute() (int, error) {
	return newSocket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE)
}
