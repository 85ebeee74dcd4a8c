package probe

import (
	"fmt"
	"net/netip"

	"scamper/shared/packet"
)

// TooBig describes an ICMP or ICMPv6 "packet too big" that a technique answers a large
// reply with, so that later ones are made smaller or come in fragments.
type TooBig struct {
	Src, Dst netip.Addr // Dst is who sent the packet
	MTU      uint32     // bytes; 16 bits for IPv4
	Packet   []byte     // the packet that is too big, from the IP header on; at least its header
	ID       uint16     // IPv4 identification
	DF       bool       // IPv4
}

// tooBigQuoteLen6 is what is quoted of an IPv6 packet, so that the error has at most
// 1280 bytes (RFC 4443 section 2.4).
const tooBigQuoteLen6 = packet.MinMTU6 - packet.IPv6HeaderLen - packet.ICMPHeaderLen

// AppendPacket appends the packet from the IP header on, with TTL 255. It quotes
// header and 8 bytes of an IPv4 packet, and of an IPv6 packet what fits into 1280
// bytes. On error it returns b unchanged: [packet.ErrFamily], [packet.ErrShort].
func (t *TooBig) AppendPacket(b []byte) ([]byte, error) {
	if t.Dst.Is4() {
		p, err := packet.ParseIPv4(t.Packet)
		if err != nil {
			return b, fmt.Errorf("packet too big, quote: %w", err)
		}
		quote := p[:min(p.HeaderLen()+8, len(p))]
		return packet.AppendICMP4(b,
			packet.IPv4Fields{ID: t.ID, DF: t.DF, TTL: 255, Src: t.Src, Dst: t.Dst},
			packet.ICMPFields{
				Type: packet.ICMP4Unreach, Code: packet.ICMP4UnreachNeedFrag,
				Rest: packet.TooBigRest(uint16(min(t.MTU, 0xffff))),
			}, quote)
	}
	p, err := packet.ParseIPv6(t.Packet)
	if err != nil {
		return b, fmt.Errorf("packet too big, quote: %w", err)
	}
	quote := p[:min(tooBigQuoteLen6, len(p))]
	return packet.AppendICMP6(b,
		packet.IPv6Fields{HopLimit: 255, Src: t.Src, Dst: t.Dst},
		packet.ICMPFields{Type: packet.ICMP6TooBig, Rest: t.MTU}, quote)
}
