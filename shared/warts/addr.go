package warts

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"net"
	"net/netip"
	"strconv"
)

// AddrType says what kind of address an [Addr] is. The values are those in the file.
type AddrType uint8

// The address types of warts.
const (
	AddrNone     AddrType = 0 // no address: the zero Addr
	AddrIPv4     AddrType = 1 // 4 bytes
	AddrIPv6     AddrType = 2 // 16 bytes
	AddrEthernet AddrType = 3 // 48-bit MAC address, 6 bytes
	AddrFireWire AddrType = 4 // 64-bit EUI-64 address, 8 bytes
)

// size is the number of bytes that an address of type t has, 0 for a type that doesn't exist.
func (t AddrType) size() int {
	switch t {
	case AddrIPv4:
		return 4
	case AddrIPv6:
		return 16
	case AddrEthernet:
		return 6
	case AddrFireWire:
		return 8
	}
	return 0
}

// Addr is an address as a warts file can hold it: IPv4, IPv6, or a link-layer address. Every place of the format that
// has an address can have any of the four, so records use this type throughout; [AddrFrom] and [Addr.IP] convert.
//
// The zero Addr is no address. Addr is comparable: == means same type and same bytes, as the format's address table
// has it. It holds no pointer, and no zone.
type Addr struct {
	hi, lo uint64 // the bytes as one big-endian number of 128 bits, aligned to its end
	typ    AddrType
}

// AddrFrom makes an Addr of an IP address; the zero netip.Addr gives the zero Addr. A zone is dropped. An IPv4-mapped
// IPv6 address stays IPv6.
func AddrFrom(ip netip.Addr) Addr {
	switch {
	case ip.Is4():
		b := ip.As4()
		return Addr{lo: uint64(binary.BigEndian.Uint32(b[:])), typ: AddrIPv4}
	case ip.Is6():
		b := ip.As16()
		return Addr{hi: binary.BigEndian.Uint64(b[:8]), lo: binary.BigEndian.Uint64(b[8:]), typ: AddrIPv6}
	}
	return Addr{}
}

// AddrFromSlice makes an Addr of the given type of b, which must have the type's natural size.
func AddrFromSlice(t AddrType, b []byte) (a Addr, ok bool) {
	if t.size() == 0 || len(b) != t.size() {
		return Addr{}, false
	}
	return addrFromBytes(t, b), true
}

// addrFromBytes is AddrFromSlice for a type and a length that were checked.
func addrFromBytes(t AddrType, b []byte) Addr {
	switch t {
	case AddrIPv4:
		return Addr{lo: uint64(binary.BigEndian.Uint32(b)), typ: t}
	case AddrIPv6:
		return Addr{hi: binary.BigEndian.Uint64(b), lo: binary.BigEndian.Uint64(b[8:]), typ: t}
	case AddrEthernet:
		return Addr{lo: uint64(binary.BigEndian.Uint16(b))<<32 | uint64(binary.BigEndian.Uint32(b[2:])), typ: t}
	}
	return Addr{lo: binary.BigEndian.Uint64(b), typ: t}
}

// AddrFromMAC makes an Addr of a hardware address of 6 bytes (Ethernet) or 8 bytes (FireWire); any other length gives
// the zero Addr.
func AddrFromMAC(mac net.HardwareAddr) Addr {
	t := AddrEthernet
	if len(mac) == 8 {
		t = AddrFireWire
	}
	a, _ := AddrFromSlice(t, mac)
	return a
}

// Type returns the kind of the address, AddrNone for the zero Addr.
func (a Addr) Type() AddrType { return a.typ }

// IsValid reports whether a is an address at all.
func (a Addr) IsValid() bool { return a.typ != AddrNone }

// Is4 reports whether a is an IPv4 address.
func (a Addr) Is4() bool { return a.typ == AddrIPv4 }

// Is6 reports whether a is an IPv6 address, IPv4-mapped ones included.
func (a Addr) Is6() bool { return a.typ == AddrIPv6 }

// IP returns a as a netip.Addr; the zero netip.Addr if a is not an IP address.
func (a Addr) IP() netip.Addr {
	switch a.typ {
	case AddrIPv4:
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(a.lo))
		return netip.AddrFrom4(b)
	case AddrIPv6:
		var b [16]byte
		binary.BigEndian.PutUint64(b[:8], a.hi)
		binary.BigEndian.PutUint64(b[8:], a.lo)
		return netip.AddrFrom16(b)
	}
	return netip.Addr{}
}

// MAC returns a link-layer address as 6 or 8 bytes, nil if a is not one.
func (a Addr) MAC() net.HardwareAddr {
	if a.typ == AddrEthernet || a.typ == AddrFireWire {
		return a.AppendBytes(nil)
	}
	return nil
}

// AppendBytes appends the bytes of the address in network order.
func (a Addr) AppendBytes(b []byte) []byte {
	switch a.typ {
	case AddrIPv4:
		return binary.BigEndian.AppendUint32(b, uint32(a.lo))
	case AddrIPv6:
		return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, a.hi), a.lo)
	case AddrEthernet:
		return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(b, uint16(a.lo>>32)), uint32(a.lo))
	case AddrFireWire:
		return binary.BigEndian.AppendUint64(b, a.lo)
	}
	return b
}

// Equal reports whether a and b are the same address, as == does.
func (a Addr) Equal(b Addr) bool { return a == b }

// Compare orders addresses: none, then IPv4, IPv6, Ethernet, FireWire; within a type by their bytes. It returns -1, 0
// or 1.
func (a Addr) Compare(b Addr) int {
	return cmp.Or(cmp.Compare(a.typ, b.typ), cmp.Compare(a.hi, b.hi), cmp.Compare(a.lo, b.lo))
}

// String returns the text of the address as the tools print it, see [Addr.AppendTo]; the zero Addr gives "".
func (a Addr) String() string {
	var buf [46]byte
	return string(a.AppendTo(buf[:0]))
}

// AppendTo appends the text of the address: dotted quad; IPv6 as inet_ntop writes it, which is RFC 5952 save that an
// IPv4-compatible address (::192.0.2.1) keeps its dotted quad; hexadecimal bytes joined by colons for link-layer
// addresses; nothing for the zero Addr.
func (a Addr) AppendTo(b []byte) []byte {
	switch a.typ {
	case AddrIPv4:
		return appendQuad(b, uint32(a.lo))
	case AddrIPv6:
		if a.hi == 0 && a.lo>>32 == 0 && a.lo>>16 != 0 {
			return appendQuad(append(b, "::"...), uint32(a.lo))
		}
		return a.IP().AppendTo(b)
	case AddrNone:
		return b
	}
	var bytes [8]byte
	for i, v := range a.AppendBytes(bytes[:0]) {
		if i > 0 {
			b = append(b, ':')
		}
		b = hex.AppendEncode(b, []byte{v})
	}
	return b
}

func appendQuad(b []byte, v uint32) []byte {
	for shift := 24; shift >= 0; shift -= 8 {
		b = strconv.AppendUint(b, uint64(v>>shift&0xff), 10)
		if shift > 0 {
			b = append(b, '.')
		}
	}
	return b
}
