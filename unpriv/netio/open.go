//go:build unix

package netio

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"scamper/privsep/client"
	"scamper/privsep/message"
)

// Opening is the same on all systems but for what is in open_SYSTEM.go: the
// options, the filters, and datalinks.

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
			types, about, p.perPacket, p.before = icmp6Types, about6, true, headerLen6
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

// own opens a datagram or stream socket, which needs no privilege.
func (o *opener) own(key Key, kind int, name string) (Opened, error) {
	domain, by, about, header := unix.AF_INET, byIPv4, about4Headerless, headerLen4
	if key.Src.Addr().Is6() {
		domain, by, about, header = unix.AF_INET6, byIPv6, about6, headerLen6
	}
	name = fmt.Sprintf(name, map[int]int{unix.AF_INET: 4, unix.AF_INET6: 6}[domain])
	fd, err := socket(domain, kind)
	if err != nil {
		return Opened{}, fmt.Errorf("could not open %s: %w", name, InC(err))
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
			p.perPacket, p.before = true, header+headerLenUDP
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
		p := o.bare(got.FD, byIPv4)
		if err := unix.SetNonblock(p.fd, true); err != nil {
			return Opened{}, fmt.Errorf("make socket non-blocking: %w", err)
		}
		if err := p.options(sending4); err != nil {
			return Opened{}, err
		}
		return Opened{Port: sendOnly{p}, Local: key.Src}, nil
	})
}
