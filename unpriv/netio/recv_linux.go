package netio

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Recv receives what is there with as few system calls as possible.
func (p *socketPort) Recv(into []Datagram) (n int, err error) {
	if p.transmit != nil {
		p.transmit.drain(p.fd)
	}
	m := &p.scratch.recv
	for n < len(into) {
		part := into[n:min(n+len(m.hdrs), len(into))]
		for i := range part {
			d := &part[i]
			if len(d.buf) == 0 {
				return n, errNoRoom
			}
			m.iovs[i].Base = &d.buf[0]
			m.iovs[i].SetLen(len(d.buf))
			h := &m.hdrs[i].Hdr
			h.Name, h.Namelen = m.name(i), unix.SizeofSockaddrInet6
			h.Control = &m.control[i].b[0]
			h.SetControllen(controlLen)
			h.Flags = 0
		}
		got, errno := m.mmsg(unix.SYS_RECVMMSG, p.fd, len(part), unix.MSG_DONTWAIT|unix.MSG_TRUNC)
		m.forget(len(part))
		if errno == unix.EAGAIN {
			return n, nil
		}
		if errno != 0 {
			return n, fmt.Errorf("receive: %w", errno)
		}
		kept := 0
		for i := range part[:got] {
			// Where a message was left out, the buffers change places.
			if kept != i {
				part[kept].buf, part[i].buf = part[i].buf, part[kept].buf
			}
			if p.take(&part[kept], i) {
				kept++
			}
		}
		n += kept
		if got < len(part) {
			return n, nil
		}
	}
	return n, nil
}

// take makes a datagram of message i. It returns false for one that is to be
// ignored.
func (p *socketPort) take(d *Datagram, i int) bool {
	m := &p.scratch.recv
	h := &m.hdrs[i].Hdr
	size := int(m.hdrs[i].Len)
	*d = Datagram{
		Data: d.buf[:min(size, len(d.buf))], Size: size, buf: d.buf,
		HopLimit: Unknown, TClass: Unknown,
	}
	if int(h.Namelen) >= 2 {
		switch sa := &m.names[i]; sa.Family {
		case unix.AF_INET:
			sa4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(sa))
			d.Src = netip.AddrPortFrom(netip.AddrFrom4(sa4.Addr), networkOrder(&sa4.Port))
		case unix.AF_INET6:
			d.Src = netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), networkOrder(&sa.Port))
			d.IfIndex = int32(sa.Scope_id)
		case unix.AF_PACKET:
			ll := (*unix.RawSockaddrLinklayer)(unsafe.Pointer(sa))
			d.IfIndex = ll.Ifindex
			d.Outgoing = ll.Pkttype == unix.PACKET_OUTGOING
			if d.Outgoing && ll.Hatype == unix.ARPHRD_LOOPBACK {
				return false // it comes again as incoming
			}
		}
	}
	if p.icmp4 && !knownICMP(d.Data) {
		return false
	}
	p.readControl(d, m.control[i].b[:min(int(h.Controllen), controlLen)])
	if d.Stamp == 0 {
		d.Stamp = StampOf(time.Now())
	}
	return true
}

// knownICMP reports whether an IPv4 packet holds ICMP of a type that the
// kernel's filter can tell: it lets all from 32 on pass.
func knownICMP(b []byte) bool {
	if len(b) < headerLen4 {
		return false
	}
	at := int(b[0]&15) * 4
	return at < len(b) && b[at] < 32
}

func networkOrder(port *uint16) uint16 {
	return binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(port))[:])
}

// readControl reads the control messages of a datagram. The kernel wrote them,
// but lengths are checked all the same.
func (p *socketPort) readControl(d *Datagram, b []byte) {
	eachControl(b, func(level, kind int32, data []byte) {
		switch level {
		case unix.SOL_SOCKET:
			p.socketControl(d, kind, data)
		case unix.IPPROTO_IP:
			ipControl(d, kind, data)
		case unix.IPPROTO_IPV6:
			ipv6Control(d, kind, data)
		}
	})
}

func eachControl(b []byte, take func(level, kind int32, data []byte)) {
	const header = unix.SizeofCmsghdr
	for len(b) >= header {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
		if uint64(h.Len) < header || uint64(h.Len) > uint64(len(b)) {
			return
		}
		data := b[header:h.Len]
		take(h.Level, h.Type, data)
		b = b[min(unix.CmsgSpace(len(data)), len(b)):]
	}
}

func (p *socketPort) socketControl(d *Datagram, kind int32, data []byte) {
	switch kind {
	case unix.SCM_TIMESTAMPNS:
		if len(data) >= int(unsafe.Sizeof(unix.Timespec{})) {
			ts := (*unix.Timespec)(unsafe.Pointer(&data[0]))
			d.Stamp, d.Kernel = Stamp(ts.Nano()), true
		}
	case unix.SO_RXQ_OVFL:
		if len(data) >= 4 {
			// The counter wraps at 32 bits.
			now := binary.NativeEndian.Uint32(data)
			p.drops += uint64(now - p.overflow)
			p.overflow = now
		}
	}
}

func ipControl(d *Datagram, kind int32, data []byte) {
	switch kind {
	case unix.IP_PKTINFO:
		if len(data) >= unix.SizeofInet4Pktinfo {
			info := (*unix.Inet4Pktinfo)(unsafe.Pointer(&data[0]))
			d.IfIndex, d.Dst = info.Ifindex, netip.AddrFrom4(info.Addr)
		}
	case unix.IP_TTL:
		if len(data) >= 4 {
			d.HopLimit = int16(uint8(binary.NativeEndian.Uint32(data)))
		}
	case unix.IP_TOS:
		if len(data) >= 1 { // a single byte, unlike all others
			d.TClass = int16(data[0])
		}
	}
}

func ipv6Control(d *Datagram, kind int32, data []byte) {
	switch kind {
	case unix.IPV6_PKTINFO:
		if len(data) >= unix.SizeofInet6Pktinfo {
			info := (*unix.Inet6Pktinfo)(unsafe.Pointer(&data[0]))
			d.IfIndex, d.Dst = int32(info.Ifindex), netip.AddrFrom16(info.Addr)
		}
	case unix.IPV6_HOPLIMIT:
		if len(data) >= 4 {
			d.HopLimit = int16(uint8(binary.NativeEndian.Uint32(data)))
		}
	case unix.IPV6_TCLASS:
		if len(data) >= 4 {
			d.TClass = int16(uint8(binary.NativeEndian.Uint32(data)))
		}
	}
}
