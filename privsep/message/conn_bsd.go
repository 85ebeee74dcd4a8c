//go:build freebsd || netbsd || openbsd

package message

import "golang.org/x/sys/unix"

const (
	packetType  = unix.SOCK_SEQPACKET
	cloexec     = unix.SOCK_CLOEXEC
	cmsgCloexec = unix.MSG_CMSG_CLOEXEC
	noSignal    = unix.MSG_NOSIGNAL
)
