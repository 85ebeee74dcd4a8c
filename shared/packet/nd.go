package packet

import (
	"fmt"
	"net/netip"
)

// Neighbour discovery options (RFC 4861 section 4.6).
const (
	NDSourceLinkAddr = 1
	NDTargetLinkAddr = 2
)

// Flags of a neighbour advertisement (RFC 4861 section 4.4).
const (
	NDRouter    = 0x80
	NDSolicited = 0x40
	NDOverride  = 0x20
)

// ndLen is the length of the fixed part of a solicitation or advertisement.
const ndLen = 24

// NDFields is a neighbour solicitation or advertisement (RFC 4861 sections 4.3 and
// 4.4) to be built.
type NDFields struct {
	Type   uint8      // ICMP6NeighbourSolicit or ICMP6NeighbourAdvert
	Flags  uint8      // advertisement only: NDRouter, NDSolicited, NDOverride
	Target netip.Addr // IPv6
	Option uint8      // NDSourceLinkAddr or NDTargetLinkAddr, 0: without MAC
	MAC    MAC
}

// Append appends the ICMPv6 message, with the checksum for a packet from src to
// dst. It returns b unchanged and [ErrFamily] if an address isn't IPv6. The hop
// limit of the packet has to be 255.
func (f *NDFields) Append(b []byte, src, dst netip.Addr) ([]byte, error) {
	if !same6(src, dst) || !f.Target.Is6() {
		return b, fmt.Errorf("neighbour discovery message: %w", ErrFamily)
	}
	start := len(b)
	target := f.Target.As16()
	b = append(b, f.Type, 0, 0, 0, f.Flags, 0, 0, 0)
	b = append(b, target[:]...)
	if f.Option != 0 {
		b = append(b, f.Option, 1)
		b = append(b, f.MAC[:]...)
	}
	n := len(b) - start
	put16(b, start+2, PseudoSum(src, dst, ProtoICMPv6, n).Bytes(b[start:]).Checksum())
	return b, nil
}

// ND is a neighbour solicitation or advertisement as a view, from the ICMPv6 header
// on.
type ND []byte

// ParseND is the gate: the fixed part is whole and of one of the two types. Errors:
// [ErrShort], [ErrType].
func ParseND(b []byte) (ND, error) {
	if len(b) < ndLen {
		return nil, ErrShort
	}
	if t := b[0]; (t != ICMP6NeighbourSolicit && t != ICMP6NeighbourAdvert) || b[1] != 0 {
		return nil, ErrType
	}
	return ND(b), nil
}

// Type returns ICMP6NeighbourSolicit or ICMP6NeighbourAdvert.
func (n ND) Type() uint8 { return u8(n, 0) }

// Flags returns the flags of an advertisement.
func (n ND) Flags() uint8 { return u8(n, 4) & (NDRouter | NDSolicited | NDOverride) }

// Target returns the address that the message is about.
func (n ND) Target() netip.Addr { return addr16(n, 8) }

// LinkAddr returns the link-layer address in the first option of the given kind,
// whose length has to be that of an Ethernet address.
func (n ND) LinkAddr(option uint8) (MAC, bool) {
	b := tail(n, ndLen)
	for len(b) >= 8 {
		size := int(b[1]) * 8
		if size == 0 || size > len(b) {
			break
		}
		if b[0] == option && size == 8 {
			return mac(b, 2), true
		}
		b = b[size:]
	}
	return MAC{}, false
}

// SolicitedNode returns the solicited-node multicast address of an IPv6 address
// (RFC 4291 section 2.7.1), and the Ethernet address that it maps to (RFC 2464
// section 7). Both are zero if a isn't IPv6.
func SolicitedNode(a netip.Addr) (netip.Addr, MAC) {
	if !a.Is6() {
		return netip.Addr{}, MAC{}
	}
	v := a.As16()
	group := [16]byte{0xff, 0x02, 11: 1, 12: 0xff, 13: v[13], 14: v[14], 15: v[15]}
	return netip.AddrFrom16(group), MAC{0x33, 0x33, 0xff, v[13], v[14], v[15]}
}
