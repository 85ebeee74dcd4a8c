package netio

import (
	"fmt"

	"golang.org/x/sys/unix"

	"scamper/privsep/message"
)

// socketPort is a port on a socket of any kind, with one system call per
// batch.
type socketPort struct {
	fd        int
	by        addressing
	perPacket bool // hop limit and traffic class by control message
	before    int  // bytes of headers that the kernel puts in front of what is sent
	icmp4     bool // the kernel's filter only knows types below 32
	scratch   *scratch
	perCall   int // packets per system call of Send
	drops     uint64
	overflow  uint32 // SO_RXQ_OVFL seen last
	meminfo   bool   // the kernel tells drops at any time, by SO_MEMINFO
	packet    bool   // packet socket: PACKET_STATISTICS
	ifindex   int32  // of a byProtocol port
	transmit  *transmit
}

// socket opens a socket of our own, closed on exec and non-blocking.
func socket(domain, kind int) (int, error) {
	return unix.Socket(domain, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
}

// bare makes a port of a descriptor.
func (o *opener) bare(fd int, by addressing) *socketPort {
	p := &socketPort{fd: fd, by: by, scratch: o.scratch, perCall: o.perCall}
	if o.transmit {
		p.stampSends()
	}
	return p
}

// port makes a port of a descriptor and sets what all that receive have.
func (o *opener) port(fd int, by addressing) (*socketPort, error) {
	p := o.bare(fd, by)
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, fmt.Errorf("make socket non-blocking: %w", err)
	}
	if err := p.set(unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1, "timestamps"); err != nil {
		return nil, err
	}
	if _, err := p.memDrops(); err == nil {
		p.meminfo = true
	} else if err := p.set(unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1, "drop counter"); err != nil {
		return nil, err
	}
	return p, nil
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

// What sockets tell about each datagram, and how they send. Path MTU discovery
// is in probe mode: packets are not fragmented here, and what the kernel
// learnt about the path from earlier replies does not stop a probe.
var (
	sending4 = [][3]int{
		{unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE},
	}
	about4 = append([][3]int{
		{unix.IPPROTO_IP, unix.IP_PKTINFO, 1},
	}, sending4...)
	about4Headerless = [][3]int{
		{unix.IPPROTO_IP, unix.IP_PKTINFO, 1},
		{unix.IPPROTO_IP, unix.IP_RECVTTL, 1},
		{unix.IPPROTO_IP, unix.IP_RECVTOS, 1},
	}
	about6 = [][3]int{
		{unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1},
		{unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT, 1},
		{unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS, 1},
		{unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_PROBE},
		{unix.IPPROTO_IPV6, unix.IPV6_DONTFRAG, 1},
	}
)

// icmpFilter lets only the given types pass (raw(7); RFC 3542 section 3.2). On
// Linux both filters are sets of what is blocked.
func (p *socketPort) icmpFilter(family message.Family, pass []uint) error {
	var err error
	if family == message.IPv4 {
		block := ^uint32(0)
		for _, t := range pass {
			block &^= 1 << t
		}
		p.icmp4 = true
		err = unix.SetsockoptInt(p.fd, unix.SOL_RAW, unix.ICMP_FILTER, int(int32(block)))
	} else {
		var f unix.ICMPv6Filter
		for i := range f.Data {
			f.Data[i] = ^uint32(0)
		}
		for _, t := range pass {
			f.Data[t>>5] &^= 1 << (t & 31)
		}
		err = unix.SetsockoptICMPv6Filter(p.fd, unix.SOL_ICMPV6, unix.ICMPV6_FILTER, &f)
	}
	if err != nil {
		return fmt.Errorf("set ICMP filter: %w", err)
	}
	return nil
}

// checkBuffer reports a receive buffer that is smaller than asked for. The
// kernel reports twice of what is usable (socket(7)).
func (o *opener) checkBuffer(fd int, name string, asked uint32) {
	got, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
	if err == nil && uint64(got) < 2*uint64(asked) {
		o.smallerBuffer(name, got/2, int(asked))
	}
}

// discard throws away what was queued before the socket was set up. No more
// can be there than what the buffer holds.
func (p *socketPort) discard() {
	var b [1]byte
	for range 1 << 16 {
		if _, _, err := unix.Recvfrom(p.fd, b[:], unix.MSG_DONTWAIT|unix.MSG_TRUNC); err != nil {
			return
		}
	}
}

// memDrops asks the kernel for the drops of the socket (linux/sock_diag.h).
func (p *socketPort) memDrops() (uint32, error) {
	var info [9]uint32 // SK_MEMINFO_VARS
	const drops = 8    // SK_MEMINFO_DROPS
	if err := getsockopt(p.fd, unix.SOL_SOCKET, unix.SO_MEMINFO, bytesOf(&info)); err != nil {
		return 0, err
	}
	return info[drops], nil
}

// FD returns the socket.
func (p *socketPort) FD() int { return p.fd }

// Drops returns the packets that did not fit into the receive buffer.
func (p *socketPort) Drops() uint64 {
	switch {
	case p.packet:
		// Reading resets the counter. Drops is its second word.
		var stats [2]uint32
		if err := getsockopt(p.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS, bytesOf(&stats)); err == nil {
			p.drops += uint64(stats[1])
		}
	case p.meminfo:
		if now, err := p.memDrops(); err == nil {
			p.drops += uint64(now - p.overflow) // wraps at 32 bits
			p.overflow = now
		}
	}
	return p.drops
}

// Close closes the socket.
func (p *socketPort) Close() error { return unix.Close(p.fd) }
