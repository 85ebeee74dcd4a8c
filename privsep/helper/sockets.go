package helper

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"scamper/privsep/message"
)

// socket opens a socket and makes its buffers as large as asked. What it got is
// read back.
func (h *Helper) socket(want message.Buffers, open func() (int, error)) (int, message.Buffers, error) {
	if !h.raw {
		return -1, message.Buffers{}, fmt.Errorf("started without the right to raw sockets: %w", unix.EPERM)
	}
	fd, err := open()
	if err != nil {
		return -1, message.Buffers{}, err
	}
	got := message.Buffers{
		Receive: setBuffer(fd, unix.SO_RCVBUF, forceReceive, want.Receive),
		Send:    setBuffer(fd, unix.SO_SNDBUF, forceSend, want.Send),
	}
	return fd, got, nil
}

// setBuffer sets a buffer, beyond the limit of the system if that may be, and
// returns its size: 0 if the handle has none. Failing is no error, for the size is
// told.
func setBuffer(fd, option, force int, want uint32) uint32 {
	if want > 0 {
		if force == 0 || unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, int(want)) != nil {
			shrinkTo(fd, option, int(want))
		}
	}
	n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, option)
	if err != nil || n < 0 {
		return 0
	}
	return uint32(n)
}

// shrinkTo sets a buffer to want bytes or, where the system refuses rather than
// limits (BSD), to the largest of its halves that it accepts.
func shrinkTo(fd, option, want int) {
	const least = 64 << 10
	for n := want; n >= least; n /= 2 {
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, n) == nil {
			return
		}
	}
	if want < least {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, want)
	}
}

// openICMP opens a raw ICMP socket, which for IPv4 sends whole packets (ip(7)), or
// a raw ICMPv6 socket (RFC 3542).
func openICMP(f message.Family) (int, error) {
	if f == message.IPv6 {
		return newSocket(unix.AF_INET6, unix.SOCK_RAW, unix.IPPROTO_ICMPV6)
	}
	return rawIPv4(unix.IPPROTO_ICMP)
}

func openRawUDP(src netip.Addr) (int, error) {
	fd, err := rawIPv4(unix.IPPROTO_UDP)
	if err != nil {
		return -1, err
	}
	if err := closeReception(fd); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("filter: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: src.As4()}); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("bind to %v: %w", src, err)
	}
	return fd, nil
}

func openRawIP() (int, error) { return rawIPv4(unix.IPPROTO_RAW) }

func rawIPv4(protocol int) (int, error) {
	fd, err := newSocket(unix.AF_INET, unix.SOCK_RAW, protocol)
	if err != nil {
		return -1, err
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_HDRINCL, 1); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("header included: %w", err)
	}
	return fd, nil
}
