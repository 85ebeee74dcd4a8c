package netio

import (
	"encoding/binary"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Send sends batch, perCall packets with each system call.
func (p *socketPort) Send(batch []Packet) (sent int, err error) {
	per := min(p.perCall, len(p.scratch.send.hdrs))
	for sent < len(batch) && err == nil {
		n := 0
		if part := batch[sent:min(sent+per, len(batch))]; len(part) == 1 {
			n, err = p.sendOne(&part[0])
		} else {
			n, err = p.sendSome(part)
		}
		sent += n
	}
	return sent, err
}

// sendOne sends a packet and stamps it exactly.
func (p *socketPort) sendOne(pkt *Packet) (n int, err error) {
	if err := p.fill(0, pkt); err != nil {
		return 0, err
	}
	m := &p.scratch.send
	h := &m.hdrs[0].Hdr
	asked := p.transmit != nil && pkt.Sent != nil
	if asked {
		n := int(h.Controllen)
		h.Control = &m.control[0].b[0]
		h.SetControllen(n + p.transmit.ask(m.control[0].b[n:]))
	}
	var errno unix.Errno
	now := time.Now()
	for {
		// Neither call blocks, so the runtime need not know of it.
		if h.Controllen == 0 {
			_, _, errno = unix.RawSyscall6(unix.SYS_SENDTO, uintptr(p.fd),
				uintptr(unsafe.Pointer(m.iovs[0].Base)), uintptr(m.iovs[0].Len), unix.MSG_DONTWAIT,
				uintptr(unsafe.Pointer(h.Name)), uintptr(h.Namelen))
		} else {
			_, _, errno = unix.RawSyscall6(unix.SYS_SENDMSG, uintptr(p.fd),
				uintptr(unsafe.Pointer(h)), unix.MSG_DONTWAIT, 0, 0, 0)
		}
		if errno != unix.EINTR {
			break
		}
	}
	m.forget(1)
	if errno != 0 {
		if asked {
			p.transmit.failed()
		}
		return 0, sendError(errno, pkt, p.before)
	}
	switch {
	case asked:
		*pkt.Sent = p.transmit.sent(p.fd, now)
	case pkt.Sent != nil:
		*pkt.Sent = StampOf(now)
	}
	return 1, nil
}

// sendSome sends a part of a batch with one sendmmsg. The kernel stops at the
// first packet that it refuses and tells why only if that is the first of a
// call: else n < len(part) with a nil error, and the next call begins with it.
func (p *socketPort) sendSome(part []Packet) (n int, err error) {
	m := &p.scratch.send
	for i := range part {
		if err = p.fill(i, &part[i]); err != nil {
			part = part[:i]
			break
		}
	}
	if len(part) == 0 {
		return 0, err
	}
	before := time.Now()
	n, errno := m.mmsg(unix.SYS_SENDMMSG, p.fd, len(part), unix.MSG_DONTWAIT)
	after := time.Now()
	m.forget(len(part))
	if errno != 0 {
		return 0, sendError(errno, &part[0], p.before)
	}
	stamp(part[:n], before, after)
	if n < len(part) {
		return n, nil
	}
	return n, err
}

// stamp spreads the packets of one call evenly over the time that it took.
// The first one left not before the call; packets that cost the same to send
// leave at equal distances.
func stamp(sent []Packet, before, after time.Time) {
	// The difference is monotonic, whatever was done to the wall clock.
	start, took := StampOf(before), after.Sub(before)
	for i := range sent {
		if sent[i].Sent != nil {
			*sent[i].Sent = start + Stamp(int64(took)*int64(i)/int64(len(sent)))
		}
	}
}

// fill makes message i of pkt.
func (p *socketPort) fill(i int, pkt *Packet) error {
	m := &p.scratch.send
	if len(pkt.Data) == 0 {
		// An ICMPv6 socket or a packet socket would refuse it; UDP would not,
		// but Base must point somewhere.
		m.iovs[i].Base = m.name(i)
	} else {
		m.iovs[i].Base = &pkt.Data[0]
	}
	m.iovs[i].SetLen(len(pkt.Data))
	h := &m.hdrs[i].Hdr
	h.Control = nil
	h.SetControllen(0)
	dst := pkt.Dst.Addr()
	switch p.by {
	case byNone:
		h.Name, h.Namelen = nil, 0
		return nil
	case byProtocol:
		ll := (*unix.RawSockaddrLinklayer)(unsafe.Pointer(&m.names[i]))
		*ll = unix.RawSockaddrLinklayer{Family: unix.AF_PACKET, Ifindex: p.ifindex}
		protocol := uint16(etherIPv4)
		if len(pkt.Data) > 0 && pkt.Data[0]>>4 == 6 {
			protocol = etherIPv6
		}
		binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&ll.Protocol))[:], protocol)
		h.Name, h.Namelen = m.name(i), unix.SizeofSockaddrLinklayer
		return nil
	case byIPv4:
		if !dst.Is4() {
			return addressError(pkt.Dst, "IPv4")
		}
		sa := (*unix.RawSockaddrInet4)(unsafe.Pointer(&m.names[i]))
		*sa = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: dst.As4()}
		binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&sa.Port))[:], pkt.Dst.Port())
		h.Name, h.Namelen = m.name(i), unix.SizeofSockaddrInet4
	case byIPv6:
		if !dst.Is6() || dst.Is4In6() {
			return addressError(pkt.Dst, "IPv6")
		}
		scope, err := scopeOf(dst, pkt.IfIndex)
		if err != nil {
			return err
		}
		sa := &m.names[i]
		*sa = unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: dst.As16(), Scope_id: scope}
		binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&sa.Port))[:], pkt.Dst.Port())
		h.Name, h.Namelen = m.name(i), unix.SizeofSockaddrInet6
	}
	if p.perPacket && (pkt.HopLimit != 0 || pkt.TClass != 0) {
		h.Control = &m.control[i].b[0]
		h.SetControllen(p.sendControl(m.control[i].b[:], pkt))
	}
	return nil
}

// sendControl writes the control messages for hop limit and traffic class and
// returns their length (ip(7), RFC 3542 sections 6.3 and 6.5).
func (p *socketPort) sendControl(b []byte, pkt *Packet) int {
	level, hops, class := int32(unix.IPPROTO_IP), int32(unix.IP_TTL), int32(unix.IP_TOS)
	if p.by == byIPv6 {
		level, hops, class = unix.IPPROTO_IPV6, unix.IPV6_HOPLIMIT, unix.IPV6_TCLASS
	}
	n := 0
	if pkt.HopLimit != 0 {
		n += putControl(b[n:], level, hops, int32(pkt.HopLimit))
	}
	if pkt.TClass != 0 {
		n += putControl(b[n:], level, class, int32(pkt.TClass))
	}
	return n
}

// putControl writes a control message that holds one int.
func putControl(b []byte, level, kind, value int32) int {
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
	h.Level, h.Type = level, kind
	h.SetLen(unix.CmsgLen(4))
	binary.NativeEndian.PutUint32(b[unix.CmsgLen(0):], uint32(value))
	return unix.CmsgSpace(4)
}
