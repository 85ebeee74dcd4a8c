package netio

import (
	"fmt"

	"golang.org/x/sys/unix"

	"scamper/privsep/message"
	"scamper/shared/packet"
)

// datalink opens a packet socket (packet(7)). It comes bound and with a filter
// that lets nothing pass, so what is queued has passed ours.
func (o *opener) datalink(key Key) (Opened, error) {
	receive := o.receive
	if o.ring != nil {
		receive = 0
	}
	got, err := o.handles.Datalink(message.Datalink{
		Interface: uint32(key.IfIndex), Accept: message.AcceptNone, Buffers: o.buffers(receive),
	})
	if err != nil {
		return Opened{}, fmt.Errorf("could not open datalink on interface %d: %w", key.IfIndex, err)
	}
	return o.finish(got.FD, func() (Opened, error) {
		link := packet.LinkRaw
		if key.IfIndex != 0 {
			if link, err = linkOf(got.FD, int(key.IfIndex)); err != nil {
				return Opened{}, err
			}
		}
		p, err := o.port(got.FD, byNone)
		if err != nil {
			return Opened{}, err
		}
		p.packet, p.meminfo = true, false
		if link == packet.LinkRaw {
			p.by, p.ifindex = byProtocol, key.IfIndex
		}
		var port Port = p
		if o.ring != nil {
			if port, err = newRing(p, *o.ring); err != nil {
				return Opened{}, err
			}
		}
		if err := attach(p.fd, o.filter(link)); err != nil {
			if r, ok := port.(*ringPort); ok {
				r.unmap()
			}
			return Opened{}, err
		}
		if o.ring == nil {
			o.checkBuffer(p.fd, "datalink", receive)
		}
		return Opened{Port: port, Link: link}, nil
	})
}

// linkOf returns the link type of the interface that a packet socket is bound
// to.
func linkOf(fd, ifindex int) (packet.LinkType, error) {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return packet.LinkUnknown, fmt.Errorf("link type of interface %d: %w", ifindex, err)
	}
	ll, ok := sa.(*unix.SockaddrLinklayer)
	if !ok {
		return packet.LinkUnknown, fmt.Errorf("link type of interface %d: %w", ifindex, unix.ENOTSOCK)
	}
	switch ll.Hatype {
	case unix.ARPHRD_ETHER:
		return packet.LinkEthernet, nil
	case unix.ARPHRD_LOOPBACK:
		return packet.LinkLoopback, nil
	case unix.ARPHRD_SIT, unix.ARPHRD_NONE, unix.ARPHRD_PPP:
		return packet.LinkRaw, nil
	case unix.ARPHRD_IEEE1394:
		return packet.LinkFirewire, nil
	case unix.ARPHRD_VOID:
		return packet.LinkVoid, nil
	default:
		return packet.LinkUnknown, fmt.Errorf("unhandled datalink on IF %d (type %d): %w", ifindex, ll.Hatype, unix.EAFNOSUPPORT)
	}
}

// attach installs a filter, in place of the one before.
func attach(fd int, f *Filter) error {
	raw := make([]unix.SockFilter, len(f.raw))
	for i, ins := range f.raw {
		raw[i] = unix.SockFilter{Code: ins.Op, Jt: ins.Jt, Jf: ins.Jf, K: ins.K}
	}
	prog := unix.SockFprog{Len: uint16(len(raw)), Filter: &raw[0]}
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &prog); err != nil {
		return fmt.Errorf("attach datalink filter: %w", err)
	}
	return nil
}

func (p *socketPort) setFilter(f *Filter) error { return attach(p.fd, f) }
