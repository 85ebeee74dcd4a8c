package packet

import (
	"fmt"
	"net/netip"
)

// IPv6HeaderLen is the length of the IPv6 header in bytes.
const IPv6HeaderLen = 40

// MinMTU6 is the MTU that every IPv6 link has at least, in bytes (RFC 8200 section 5).
const MinMTU6 = 1280

// MaxFlowLabel is the largest IPv6 flow label: 20 bits (RFC 6437).
const MaxFlowLabel = 1<<20 - 1

// IPv6Fields are the fields of an IPv6 header (RFC 8200 section 3) to be built.
type IPv6Fields struct {
	TrafficClass uint8
	FlowLabel    uint32 // 0-MaxFlowLabel
	NextHeader   uint8
	HopLimit     uint8
	Src, Dst     netip.Addr // IPv6; zones are ignored
}

// Append appends the header of a packet with payloadLen bytes behind it, extension
// headers included. It returns b unchanged and [ErrFamily] if an address isn't
// IPv6, [ErrTooLong] if the payload or the flow label doesn't fit.
func (f *IPv6Fields) Append(b []byte, payloadLen int) ([]byte, error) {
	if !same6(f.Src, f.Dst) {
		return b, fmt.Errorf("IPv6 header: %w", ErrFamily)
	}
	if payloadLen < 0 || payloadLen > 0xffff || f.FlowLabel > MaxFlowLabel {
		return b, fmt.Errorf("IPv6 header: %w", ErrTooLong)
	}
	src, dst := f.Src.As16(), f.Dst.As16()
	b = append32(b, 6<<28|uint32(f.TrafficClass)<<20|f.FlowLabel)
	b = append16(b, uint16(payloadLen))
	b = append(b, f.NextHeader, f.HopLimit)
	b = append(b, src[:]...)
	return append(b, dst[:]...), nil
}

// IPv6 is an IPv6 packet as a view: header, extension headers and payload.
type IPv6 []byte

// ParseIPv6 is the gate for received packets. What it returns has a whole header
// and ends where its payload length says; link padding behind that is cut off. A
// packet that was captured only in part is let through, see [IPv6.Truncated].
// Errors: [ErrShort], [ErrVersion].
func ParseIPv6(b []byte) (IPv6, error) {
	if len(b) < IPv6HeaderLen {
		return nil, ErrShort
	}
	if b[0]>>4 != 6 {
		return nil, ErrVersion
	}
	if total := IPv6HeaderLen + int(u16(b, 4)); total < len(b) {
		b = b[:total:total]
	}
	return IPv6(b), nil
}

// TrafficClass returns the traffic class byte (DSCP and ECN).
func (p IPv6) TrafficClass() uint8 { return uint8(u16(p, 0) >> 4) }

// FlowLabel returns the flow label.
func (p IPv6) FlowLabel() uint32 { return u32(p, 0) & MaxFlowLabel }

// PayloadLen returns the payload length field: bytes behind the header.
func (p IPv6) PayloadLen() int { return int(u16(p, 4)) }

// TotalLen returns the length of the packet in bytes, as the header says.
func (p IPv6) TotalLen() int { return IPv6HeaderLen + p.PayloadLen() }

// NextHeader returns the type of what follows the header, perhaps an extension
// header; see [IPv6.Upper].
func (p IPv6) NextHeader() uint8 { return u8(p, 6) }

// HopLimit returns the hop limit.
func (p IPv6) HopLimit() uint8 { return u8(p, 7) }

// Src returns the source address.
func (p IPv6) Src() netip.Addr { return addr16(p, 8) }

// Dst returns the destination address.
func (p IPv6) Dst() netip.Addr { return addr16(p, 24) }

// Payload returns what follows the header, extension headers included.
func (p IPv6) Payload() []byte { return tail(p, IPv6HeaderLen) }

// Truncated reports that the view is shorter than the payload length says.
func (p IPv6) Truncated() bool { return len(p) < p.TotalLen() }

// SetHopLimit changes the hop limit, which no checksum covers.
func (p IPv6) SetHopLimit(hops uint8) {
	if len(p) >= IPv6HeaderLen {
		p[7] = hops
	}
}

// SetPayloadLen changes the payload length field.
func (p IPv6) SetPayloadLen(n uint16) { put16(p, 4, n) }

// Upper walks the extension headers to the transport header. See [WalkExtensions].
func (p IPv6) Upper() (Upper, bool) {
	if len(p) < IPv6HeaderLen {
		return Upper{}, false
	}
	return WalkExtensions(p.NextHeader(), p.Payload())
}
