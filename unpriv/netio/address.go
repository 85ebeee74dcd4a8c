//go:build unix

package netio

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// addressing says how a port names the destination of a packet.
type addressing uint8

const (
	byNone addressing = iota // bound: the link header or nothing says where to
	byIPv4
	byIPv6
	byProtocol // Linux packet socket without link header: interface and protocol
)

// sendError makes the error for a packet that the kernel refused. before is the length of the headers that the kernel
// puts in front: people know packets by their whole size.
func sendError(errno unix.Errno, pkt *Packet, before int) error {
	switch errno {
	case unix.EAGAIN, unix.ENOMEM:
		return ErrFull
	case unix.ENOBUFS:
		return ErrDevice
	}
	if pkt.Dst.IsValid() {
		return fmt.Errorf("send %d bytes to %v: %w", before+len(pkt.Data), pkt.Dst.Addr(), InC(errno))
	}
	return fmt.Errorf("send frame of %d bytes: %w", len(pkt.Data), InC(errno))
}

func addressError(dst netip.AddrPort, want string) error {
	return fmt.Errorf("send to %v: not an %s address: %w", dst.Addr(), want, unix.EAFNOSUPPORT)
}
