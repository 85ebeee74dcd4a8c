package message

import "golang.org/x/sys/unix"

// macOS has no SOCK_SEQPACKET for unix sockets. A connected pair of SOCK_DGRAM is
// as reliable there and keeps packets whole; the end of the other side shows as
// ECONNRESET, which Receive makes io.EOF.
const (
	packetType  = unix.SOCK_DGRAM
	cloexec     = 0
	cmsgCloexec = 0
	noSignal    = 0 // SIGPIPE: the Go runtime returns EPIPE for descriptors above 2
)
