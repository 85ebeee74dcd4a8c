package netio

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"scamper/privsep/client"
	"scamper/privsep/message"
)

// socketPort is a port on a socket of any kind, with one system call per
// batch.
type socketPort struct {
	fd        int
	by        addressing
	perPacket bool // hop limit and traffic class by control message
	scratch   *scratch
	perCall   int // packets per system call of Send
	drops     uint64
	overflow  uint32 // SO_RXQ_OVFL seen last
	meminfo   bool   // the kernel tells drops at any time, by SO_MEMINFO
	packet    bool   // packet socket: PACKET_STATISTICS
	ifindex   int32  // of a byProtocol port
}

// ICMP types that a reply can have (ICMPv4: RFC 792; ICMPv6: RFC 4443).
var (
	icmp4Types = []uint{0, 3, 11, 12, 14} // echo reply, unreachable, time exceeded, parameter problem, timestamp reply
	icmp6Types = []uint{1, 2, 3, 129}     // unreachable, packet too big, time exceeded, echo reply
)

// open opens the port for key.
func (o *opener) open(key Key) (Opened, error) {
	switch key.Kind {
	case ICMP:
		return o.icmp(key)
	case UDP:
		return o.own(key, unix.SOCK_DGRAM, "udp%ddgram")
	case TCP:
		return o.own(key, unix.SOCK_STREAM, "tcp%d")
	case RawUDP:
		got, err := o.handles.RawUDP(key.Src.Addr(), o.buffers(0))
		if err != nil {
			return Opened{}, notAvailable("udp4raw", key.Src, err)
		}
		return o.sender(got, key)
	case RawIP:
		got, err := o.handles.RawIP(o.buffers(0))
		if err != nil {
			return Opened{}, fmt.Errorf("could not open raw IPv4 socket: %w", err)
		}
		return o.sender(got, key)
	case Datalink:
		return o.datalink(key)
	default:
		return Opened{}, fmt.Errorf("open socket of %v: %w", key.Kind, unix.EINVAL)
	}
}

// notAvailable words the refusal of a socket that the helper also binds.
func notAvailable(kind string, src netip.AddrPort, err error) error {
	if errors.Is(err, unix.EADDRNOTAVAIL) {
		return bindError(kind, src, err)
	}
	return fmt.Errorf("could not open %s %s: %w", kind, endpoint(src), err)
}

// port makes a port of a descriptor and sets what all of them have.
func (o *opener) port(fd int, by addressing) (*socketPort, error) {
	p := &socketPort{fd: fd, by: by, scratch: o.scratch, perCall: o.perCall}
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
	about4 = [][3]int{
		{unix.IPPROTO_IP, unix.IP_PKTINFO, 1},
	}
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

func (o *opener) icmp(key Key) (Opened, error) {
	addr := key.Src.Addr()
	family, by, name := message.IPv4, byIPv4, "icmp4"
	if addr.Is6() {
		family, by, name = message.IPv6, byIPv6, "icmp6"
	}
	got, err := o.handles.ICMP(family, o.buffers(o.receive))
	if err != nil {
		return Opened{}, fmt.Errorf("could not open %s: %w", name, err)
	}
	return o.finish(got.FD, func() (Opened, error) {
		p, err := o.port(got.FD, by)
		if err != nil {
			return Opened{}, err
		}
		// Nothing passes until the socket is bound: what was queued before
		// is thrown away.
		if err := p.icmpFilter(family, nil); err != nil {
			return Opened{}, err
		}
		types, about := icmp4Types, about4
		if family == message.IPv6 {
			types, about, p.perPacket = icmp6Types, about6, true
		}
		if err := p.options(about); err != nil {
			return Opened{}, err
		}
		if err := unix.Bind(p.fd, sockaddr(key.Src, key.IfIndex)); err != nil {
			return Opened{}, bindError(name, key.Src, err)
		}
		p.discard()
		if err := p.icmpFilter(family, types); err != nil {
			return Opened{}, err
		}
		o.checkBuffer(p.fd, name, o.receive)
		return Opened{Port: p, Local: key.Src}, nil
	})
}

// icmpFilter lets only the given types pass (raw(7); RFC 3542 section 3.2). On
// Linux both filters are sets of what is blocked.
func (p *socketPort) icmpFilter(family message.Family, pass []uint) error {
	var err error
	if family == message.IPv4 {
		block := ^uint32(0)
		for _, t := range pass {
			block &^= 1 << t
		}
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

// own opens a datagram or stream socket, which needs no privilege.
func (o *opener) own(key Key, kind int, name string) (Opened, error) {
	domain, by, about := unix.AF_INET, byIPv4, about4Headerless
	if key.Src.Addr().Is6() {
		domain, by, about = unix.AF_INET6, byIPv6, about6
	}
	name = fmt.Sprintf(name, map[int]int{unix.AF_INET: 4, unix.AF_INET6: 6}[domain])
	fd, err := unix.Socket(domain, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return Opened{}, fmt.Errorf("could not open %s: %w", name, err)
	}
	return o.finish(fd, func() (Opened, error) {
		if domain == unix.AF_INET6 {
			if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
				return Opened{}, fmt.Errorf("set %s to IPv6 only: %w", name, err)
			}
		}
		var port Port = &reserved{fd}
		if kind == unix.SOCK_DGRAM {
			p, err := o.port(fd, by)
			if err != nil {
				return Opened{}, err
			}
			p.perPacket = true
			if err := p.options(about); err != nil {
				return Opened{}, err
			}
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, smallBuffer)
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, smallBuffer)
			o.checkBuffer(fd, name, smallBuffer)
			port = p
		}
		if err := unix.Bind(fd, sockaddr(key.Src, key.IfIndex)); err != nil {
			return Opened{}, bindError(name, key.Src, err)
		}
		local, err := boundTo(fd)
		if err != nil {
			return Opened{}, err
		}
		return Opened{Port: port, Local: local}, nil
	})
}

// boundTo returns the address and port that a socket is bound to.
func boundTo(fd int) (netip.AddrPort, error) {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("get address of socket: %w", err)
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port)), nil
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), uint16(sa.Port)), nil
	}
	return netip.AddrPort{}, fmt.Errorf("get address of socket: %w", unix.EAFNOSUPPORT)
}

func sockaddr(src netip.AddrPort, ifindex int32) unix.Sockaddr {
	if src.Addr().Is6() {
		return &unix.SockaddrInet6{
			Addr: src.Addr().As16(), Port: int(src.Port()), ZoneId: uint32(ifindex),
		}
	}
	return &unix.SockaddrInet4{Addr: src.Addr().As4(), Port: int(src.Port())}
}

// sender makes a port of a raw socket that only sends.
func (o *opener) sender(got client.Socket, key Key) (Opened, error) {
	return o.finish(got.FD, func() (Opened, error) {
		p := &socketPort{fd: got.FD, by: byIPv4, scratch: o.scratch, perCall: o.perCall}
		if err := unix.SetNonblock(p.fd, true); err != nil {
			return Opened{}, fmt.Errorf("make socket non-blocking: %w", err)
		}
		return Opened{Port: sendOnly{p}, Local: key.Src}, nil
	})
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
