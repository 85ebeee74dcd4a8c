//go:build freebsd || openbsd || netbsd || darwin

package netio

import (
	"encoding/binary"
	"errors"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Send sends batch packet by packet, so that all stamps are exact.
func (p *socketPort) Send(batch []Packet) (sent int, err error) {
	for i := range batch {
		if err := p.sendOne(&batch[i]); err != nil {
			return i, err
		}
	}
	return len(batch), nil
}

func (p *socketPort) sendOne(pkt *Packet) error {
	var to unix.Sockaddr
	var control []byte
	dst, s := pkt.Dst.Addr(), p.scratch
	if p.by == byIPv6 {
		if !dst.Is6() || dst.Is4In6() {
			return addressError(pkt.Dst, "IPv6")
		}
		scope, err := scopeOf(dst, pkt.IfIndex)
		if err != nil {
			return err
		}
		s.sa6.Addr, s.sa6.Port, s.sa6.ZoneId = dst.As16(), int(pkt.Dst.Port()), scope
		to, control = &s.sa6, p.control6(pkt)
	} else {
		if !dst.Is4() {
			return addressError(pkt.Dst, "IPv4")
		}
		s.sa4.Addr, s.sa4.Port = dst.As4(), int(pkt.Dst.Port())
		to = &s.sa4
		if err := p.set4(pkt); err != nil {
			return err
		}
	}
	data := pkt.Data
	if p.header && rawHostOrder && len(data) <= len(s.packet) {
		data = s.packet[:copy(s.packet, data)]
		toHostOrder(data)
	}
	now := time.Now()
	var err error
	for {
		if control == nil {
			err = unix.Sendto(p.fd, data, unix.MSG_DONTWAIT, to)
		} else {
			_, err = unix.SendmsgN(p.fd, data, control, to, unix.MSG_DONTWAIT)
		}
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		var errno unix.Errno
		if errors.As(err, &errno) {
			return sendError(errno, pkt, p.before)
		}
		return err
	}
	if pkt.Sent != nil {
		*pkt.Sent = StampOf(now)
	}
	return nil
}

// set4 sets TTL and TOS of an IPv4 socket that sends no header of ours, if
// they are not what the packet before had. Not all systems take them as
// control messages.
func (p *socketPort) set4(pkt *Packet) error {
	if !p.perPacket {
		return nil
	}
	if pkt.HopLimit != p.ttl {
		ttl := int(pkt.HopLimit)
		if ttl == 0 {
			ttl = 64 // the default (RFC 1700, "Default TTL")
		}
		if err := p.set(unix.IPPROTO_IP, unix.IP_TTL, ttl, "TTL"); err != nil {
			return err
		}
		p.ttl = pkt.HopLimit
	}
	if pkt.TClass != p.tos {
		if err := p.set(unix.IPPROTO_IP, unix.IP_TOS, int(pkt.TClass), "TOS"); err != nil {
			return err
		}
		p.tos = pkt.TClass
	}
	return nil
}

// control6 makes the control messages for hop limit and traffic class
// (RFC 3542 sections 6.3 and 6.5).
func (p *socketPort) control6(pkt *Packet) []byte {
	b, n := p.scratch.control[:], 0
	if pkt.HopLimit != 0 {
		n += putControl(b[n:], unix.IPV6_HOPLIMIT, uint32(pkt.HopLimit))
	}
	if pkt.TClass != 0 {
		n += putControl(b[n:], unix.IPV6_TCLASS, uint32(pkt.TClass))
	}
	if n == 0 {
		return nil
	}
	return b[:n]
}

func putControl(b []byte, kind int32, value uint32) int {
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
	h.Level, h.Type = unix.IPPROTO_IPV6, kind
	h.SetLen(unix.CmsgLen(4))
	binary.NativeEndian.PutUint32(b[unix.CmsgLen(0):], value)
	return unix.CmsgSpace(4)
}
