//go:build freebsd || openbsd || netbsd || darwin

package netio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Recv receives datagram by datagram. Unlike elsewhere, the address of each
// is allocated: the wrapper of the system call does so.
func (p *socketPort) Recv(into []Datagram) (n int, err error) {
	for n < len(into) {
		d := &into[n]
		if len(d.buf) == 0 {
			return n, errNoRoom
		}
		size, controlSize, flags, from, err := unix.Recvmsg(p.fd, d.buf, p.scratch.control[:], unix.MSG_DONTWAIT)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return n, nil
		case err != nil:
			return n, fmt.Errorf("receive: %w", err)
		}
		*d = Datagram{Data: d.buf[:size], Size: size, buf: d.buf, HopLimit: Unknown, TClass: Unknown}
		if flags&unix.MSG_TRUNC != 0 {
			d.Size++ // how much longer it was, these systems do not tell
		}
		switch from := from.(type) {
		case *unix.SockaddrInet4:
			d.Src = netip.AddrPortFrom(netip.AddrFrom4(from.Addr), uint16(from.Port))
		case *unix.SockaddrInet6:
			d.Src = netip.AddrPortFrom(netip.AddrFrom16(from.Addr), uint16(from.Port))
			d.IfIndex = int32(from.ZoneId)
		}
		readControl(d, p.scratch.control[:controlSize])
		if d.Stamp == 0 {
			d.Stamp = StampOf(time.Now())
		}
		if p.accept(d) {
			n++
		}
	}
	return n, nil
}

// accept puts the header of a raw IPv4 packet in network order, and filters
// ICMP by type.
func (p *socketPort) accept(d *Datagram) bool {
	if !p.header {
		return true
	}
	b := d.Data
	if len(b) < headerLen4 || b[0]>>4 != 4 {
		return false
	}
	if rawHostOrder {
		fromHostOrder(b, d.Size)
	}
	at := int(b[0]&15) * 4
	return at < len(b) && b[at] < 32 && p.pass&(1<<b[at]) != 0
}

func readControl(d *Datagram, b []byte) {
	header := unix.CmsgLen(0)
	for len(b) >= header {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
		if int64(h.Len) < int64(header) || int64(h.Len) > int64(len(b)) {
			return
		}
		data := b[header:h.Len]
		switch {
		case h.Level == unix.SOL_SOCKET && h.Type == unix.SCM_TIMESTAMP:
			if len(data) >= int(unsafe.Sizeof(unix.Timeval{})) {
				tv := (*unix.Timeval)(unsafe.Pointer(&data[0]))
				d.Stamp, d.Kernel = Stamp(tv.Nano()), true
			}
		case h.Level == unix.IPPROTO_IP:
			ipControl(d, h.Type, data)
		case h.Level == unix.IPPROTO_IPV6:
			ipv6Control(d, h.Type, data)
		}
		b = b[min(unix.CmsgSpace(len(data)), len(b)):]
	}
}

func ipControl(d *Datagram, kind int32, data []byte) {
	switch kind {
	case unix.IP_RECVDSTADDR:
		if len(data) >= 4 {
			d.Dst = netip.AddrFrom4([4]byte(data))
		}
	case unix.IP_RECVIF: // a sockaddr_dl: length, family, index
		if len(data) >= 4 {
			d.IfIndex = int32(binary.NativeEndian.Uint16(data[2:]))
		}
	case unix.IP_RECVTTL, unix.IP_TTL: // a byte, or an int
		d.HopLimit = small(data)
	case recvTOS:
		d.TClass = small(data)
	}
}

func ipv6Control(d *Datagram, kind int32, data []byte) {
	switch kind {
	case unix.IPV6_PKTINFO:
		if len(data) >= int(unsafe.Sizeof(unix.Inet6Pktinfo{})) {
			info := (*unix.Inet6Pktinfo)(unsafe.Pointer(&data[0]))
			d.IfIndex, d.Dst = int32(info.Ifindex), netip.AddrFrom16(info.Addr)
		}
	case unix.IPV6_HOPLIMIT:
		d.HopLimit = small(data)
	case unix.IPV6_TCLASS:
		d.TClass = small(data)
	}
}

// small reads a value of 0 to 255 that is a byte or an int.
func small(data []byte) int16 {
	switch {
	case len(data) >= 4:
		return int16(uint8(binary.NativeEndian.Uint32(data)))
	case len(data) >= 1:
		return int16(data[0])
	default:
		return Unknown
	}
}
