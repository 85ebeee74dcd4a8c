package packet

import (
	"fmt"
	"net/netip"
)

// IP protocol numbers and IPv6 extension headers (IANA "Protocol Numbers").
const (
	ProtoHopByHop = 0 // IPv6 hop-by-hop options
	ProtoICMP     = 1
	ProtoIPv4     = 4
	ProtoTCP      = 6
	ProtoUDP      = 17
	ProtoIPv6     = 41
	ProtoRouting  = 43 // IPv6 routing header
	ProtoFragment = 44 // IPv6 fragment header
	ProtoAH       = 51
	ProtoICMPv6   = 58
	ProtoNoNext   = 59 // IPv6: nothing follows
	ProtoDestOpts = 60 // IPv6 destination options
)

const (
	// IPv4HeaderLen is the length of an IPv4 header without options, in bytes.
	IPv4HeaderLen = 20
	// MaxIPv4OptionsLen is the room for options in an IPv4 header, in bytes.
	MaxIPv4OptionsLen = 40
)

const (
	ip4DF         = 0x4000
	ip4MF         = 0x2000
	ip4OffsetMask = 0x1fff
)

// IPv4Fields are the fields of an IPv4 header (RFC 791 section 3.1) to be built.
type IPv4Fields struct {
	TOS        uint8
	ID         uint16
	DF, MF     bool
	FragOffset uint16 // in units of 8 bytes, 0-8191
	TTL        uint8
	Protocol   uint8
	Src, Dst   netip.Addr // IPv4
	Options    []byte     // 0-40 bytes; filled up with zeros (end of list) to a multiple of 4
}

// HeaderLen returns the length of the header with its options, in bytes.
func (f *IPv4Fields) HeaderLen() int { return IPv4HeaderLen + (len(f.Options)+3)&^3 }

// Append appends the header of a packet with payloadLen bytes of payload, with
// total length and header checksum. It returns b unchanged and [ErrFamily] if an
// address isn't IPv4, [ErrTooLong] if the options or the packet are too long.
func (f *IPv4Fields) Append(b []byte, payloadLen int) ([]byte, error) {
	if !same4(f.Src, f.Dst) {
		return b, fmt.Errorf("IPv4 header: %w", ErrFamily)
	}
	hlen := f.HeaderLen()
	if hlen > IPv4HeaderLen+MaxIPv4OptionsLen || payloadLen < 0 || payloadLen > 0xffff-hlen || f.FragOffset > ip4OffsetMask {
		return b, fmt.Errorf("IPv4 header: %w", ErrTooLong)
	}
	frag := f.FragOffset
	if f.DF {
		frag |= ip4DF
	}
	if f.MF {
		frag |= ip4MF
	}
	start := len(b)
	src, dst := f.Src.As4(), f.Dst.As4()
	b = append(b, 0x40|uint8(hlen/4), f.TOS)
	b = append16(b, uint16(hlen+payloadLen))
	b = append16(b, f.ID)
	b = append16(b, frag)
	b = append(b, f.TTL, f.Protocol, 0, 0)
	b = append(b, src[:]...)
	b = append(b, dst[:]...)
	b = append(b, f.Options...)
	b = appendZeros(b, hlen-IPv4HeaderLen-len(f.Options))
	put16(b, start+10, Checksum(b[start:]))
	return b, nil
}

// IPv4 is an IPv4 packet as a view: header, options and payload.
type IPv4 []byte

// ParseIPv4 is the gate for received packets. What it returns has a whole header
// with options and ends where its total length says; link padding behind that is
// cut off. A packet that was captured only in part is let through, see
// [IPv4.Truncated]. The header checksum isn't looked at. Errors: [ErrShort],
// [ErrVersion], [ErrLength].
func ParseIPv4(b []byte) (IPv4, error) {
	if len(b) < IPv4HeaderLen {
		return nil, ErrShort
	}
	if b[0]>>4 != 4 {
		return nil, ErrVersion
	}
	hlen := int(b[0]&0x0f) * 4
	total := int(u16(b, 2))
	if hlen < IPv4HeaderLen || total < hlen {
		return nil, ErrLength
	}
	if len(b) < hlen {
		return nil, ErrShort
	}
	if total < len(b) {
		b = b[:total:total]
	}
	return IPv4(b), nil
}

// HeaderLen returns the length of header and options in bytes, as the header says.
func (p IPv4) HeaderLen() int { return int(u8(p, 0)&0x0f) * 4 }

// TOS returns the type of service byte (DSCP and ECN).
func (p IPv4) TOS() uint8 { return u8(p, 1) }

// TotalLen returns the length of the packet in bytes, as the header says.
func (p IPv4) TotalLen() int { return int(u16(p, 2)) }

// ID returns the identification field.
func (p IPv4) ID() uint16 { return u16(p, 4) }

// DF returns the "don't fragment" flag.
func (p IPv4) DF() bool { return u16(p, 6)&ip4DF != 0 }

// MF returns the "more fragments" flag.
func (p IPv4) MF() bool { return u16(p, 6)&ip4MF != 0 }

// FragOffset returns the fragment offset in units of 8 bytes.
func (p IPv4) FragOffset() uint16 { return u16(p, 6) & ip4OffsetMask }

// IsFragment reports that the packet is a part of a larger one.
func (p IPv4) IsFragment() bool { return u16(p, 6)&(ip4MF|ip4OffsetMask) != 0 }

// TTL returns the time to live.
func (p IPv4) TTL() uint8 { return u8(p, 8) }

// Protocol returns the protocol of the payload.
func (p IPv4) Protocol() uint8 { return u8(p, 9) }

// HeaderChecksum returns the checksum field.
func (p IPv4) HeaderChecksum() uint16 { return u16(p, 10) }

// Src returns the source address.
func (p IPv4) Src() netip.Addr { return addr4(p, 12) }

// Dst returns the destination address.
func (p IPv4) Dst() netip.Addr { return addr4(p, 16) }

// Options returns the option bytes behind the fixed header.
func (p IPv4) Options() []byte {
	hlen := p.HeaderLen()
	if hlen <= IPv4HeaderLen || hlen > len(p) {
		return nil
	}
	return p[IPv4HeaderLen:hlen:hlen]
}

// Payload returns what follows the header.
func (p IPv4) Payload() []byte { return tail(p, p.HeaderLen()) }

// Truncated reports that the view is shorter than the total length says.
func (p IPv4) Truncated() bool { return len(p) < p.TotalLen() }

// ChecksumOK reports that the header checksum is right.
func (p IPv4) ChecksumOK() bool {
	hlen := p.HeaderLen()
	return hlen >= IPv4HeaderLen && hlen <= len(p) && Checksum(p[:hlen]) == 0
}

// SetTTL changes the time to live and the header checksum with it, by difference.
func (p IPv4) SetTTL(ttl uint8) {
	if len(p) < IPv4HeaderLen {
		return
	}
	old := u16(p, 8)
	p[8] = ttl
	put16(p, 10, Adjust(u16(p, 10), old, u16(p, 8)))
}

// SetTOS changes the type of service byte and the header checksum with it.
func (p IPv4) SetTOS(tos uint8) {
	if len(p) < IPv4HeaderLen {
		return
	}
	old := u16(p, 0)
	p[1] = tos
	put16(p, 10, Adjust(u16(p, 10), old, u16(p, 0)))
}

// SetID changes the identification field and the header checksum with it.
func (p IPv4) SetID(id uint16) {
	if len(p) < IPv4HeaderLen {
		return
	}
	put16(p, 10, Adjust(u16(p, 10), u16(p, 4), id))
	put16(p, 4, id)
}

// UpdateChecksum computes the header checksum anew, after changes to the bytes.
func (p IPv4) UpdateChecksum() {
	if hlen := p.HeaderLen(); hlen >= IPv4HeaderLen && hlen <= len(p) {
		put16(p, 10, 0)
		put16(p, 10, Checksum(p[:hlen]))
	}
}
