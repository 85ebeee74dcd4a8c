//go:build freebsd || openbsd || netbsd || darwin

package netio

import (
	"fmt"

	"golang.org/x/sys/unix"

	"scamper/privsep/message"
)

// socketPort is a port on a socket of any kind, with a system call for each
// packet: these systems have none that Go can use for a batch.
type socketPort struct {
	fd        int
	by        addressing
	perPacket bool // hop limit and traffic class are set for each packet
	before    int  // bytes of headers that the kernel puts in front of what is sent
	header    bool // packets begin with an IPv4 header, both ways
	pass      uint32
	scratch   *scratch
	ttl, tos  uint8 // of an IPv4 socket, as set last; 0 is the default
}

// scratch is what all ports of a loop use during a call.
type scratch struct {
	sa4     unix.SockaddrInet4
	sa6     unix.SockaddrInet6
	control [controlLen]byte
	packet  []byte // a copy whose header is in host order
}

// controlLen is room for the ancillary data of one message: stamp, address or
// packet info, interface (a sockaddr_dl of up to 56 bytes), hop limit, class.
const controlLen = 512

func newScratch(_, _ int) *scratch { return &scratch{packet: make([]byte, DatagramSize)} }

// socket opens a socket of our own, closed on exec and non-blocking.
func socket(domain, kind int) (int, error) {
	fd, err := unix.Socket(domain, kind, 0)
	if err != nil {
		return -1, err
	}
	unix.CloseOnExec(fd)
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// bare makes a port of a descriptor. Those opened by the helper for IPv4 have
// the header included.
func (o *opener) bare(fd int, by addressing) *socketPort {
	return &socketPort{fd: fd, by: by, header: by == byIPv4, scratch: o.scratch}
}

// port makes a port of a descriptor and sets what all that receive have.
func (o *opener) port(fd int, by addressing) (*socketPort, error) {
	p := o.bare(fd, by)
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return nil, fmt.Errorf("get type of socket: %w", err)
	}
	p.header = p.header && kind == unix.SOCK_RAW
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, fmt.Errorf("make socket non-blocking: %w", err)
	}
	return p, p.set(unix.SOL_SOCKET, unix.SO_TIMESTAMP, 1, "timestamps")
}

func (p *socketPort) set(level, option, value int, what string) error {
	if err := unix.SetsockoptInt(p.fd, level, option, value); err != nil {
		return fmt.Errorf("set %s of socket: %w", what, err)
	}
	return nil
}

// options sets several, each a level, an option, a value.
func (p *socketPort) options(list [][3]int) error {
	for _, o := range list {
		if err := p.set(o[0], o[1], o[2], fmt.Sprintf("option %d/%d", o[0], o[1])); err != nil {
			return err
		}
	}
	return nil
}

// What sockets tell about each datagram, and how they send.
var (
	sending4 [][3]int
	about4   = [][3]int{
		{unix.IPPROTO_IP, unix.IP_RECVIF, 1},
		{unix.IPPROTO_IP, unix.IP_RECVDSTADDR, 1},
	}
	about4Headerless = append([][3]int{
		{unix.IPPROTO_IP, unix.IP_RECVIF, 1},
		{unix.IPPROTO_IP, unix.IP_RECVDSTADDR, 1},
		{unix.IPPROTO_IP, unix.IP_RECVTTL, 1},
	}, aboutTOS...)
	about6 = [][3]int{
		{unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1},
		{unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT, 1},
		{unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS, 1},
		{unix.IPPROTO_IPV6, unix.IPV6_DONTFRAG, 1},
	}
)

// icmpFilter lets only the given types pass. For ICMPv6 the kernel does so
// (RFC 3542 section 3.2; a set of what passes), for ICMP Recv must.
func (p *socketPort) icmpFilter(family message.Family, pass []uint) error {
	if family == message.IPv4 {
		p.pass = 0
		for _, t := range pass {
			p.pass |= 1 << t
		}
		return nil
	}
	var f unix.ICMPv6Filter
	for _, t := range pass {
		f.Filt[t>>5] |= 1 << (t & 31)
	}
	if err := unix.SetsockoptICMPv6Filter(p.fd, unix.IPPROTO_ICMPV6, unix.ICMP6_FILTER, &f); err != nil {
		return fmt.Errorf("set ICMPv6 filter: %w", err)
	}
	return nil
}

// discard throws away what was queued before the socket was set up. No more
// can be there than what the buffer holds.
func (p *socketPort) discard() {
	var b [1]byte
	for range 1 << 16 {
		if _, _, err := unix.Recvfrom(p.fd, b[:], unix.MSG_DONTWAIT); err != nil {
			return
		}
	}
}

// checkBuffer reports a receive buffer that is smaller than asked for.
func (o *opener) checkBuffer(fd int, name string, asked uint32) {
	got, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
	if err == nil && uint64(got) < uint64(asked) {
		o.smallerBuffer(name, got, int(asked))
	}
}

// FD returns the socket.
func (p *socketPort) FD() int { return p.fd }

// Drops returns 0: these systems count drops per protocol, not per socket.
func (p *socketPort) Drops() uint64 { return 0 }

// Close closes the socket.
func (p *socketPort) Close() error { return unix.Close(p.fd) }
