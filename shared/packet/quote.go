package packet

import "net/netip"

// Quote is the start of a packet as an ICMP error quotes it, from the IP header on.
// It may end anywhere. The lengths inside speak of the packet that was sent, not of
// the quote; TTL, TOS, checksums and addresses may have been altered on the way.
// Behind a short quote there may be zeros and an extension structure (RFC 4884) that
// are not part of it; whoever has the message cuts those off, see [ICMP.Quote4].
//
// Every getter has an ok result: the bytes of that field are there. Those of the
// transport header find it behind IPv6 extension headers, and refuse a packet that
// is a fragment other than the first, which has none.
type Quote []byte

// quotedTransport is how much of the transport header is always quoted, in bytes
// (RFC 792).
const quotedTransport = 8

// Quote4 returns the packet quoted by an ICMP error: all of the body, but no more
// than what RFC 4884's length field tells where that is in use, and no more than the
// quoted total length. The latter is believed only if it leaves the 8 bytes behind the
// header that every quote has: there are routers that quote it changed.
func (m ICMP) Quote4() Quote {
	q := m.Body()
	if n := int(u8(m, 5)) * 4; n >= quoteMin && n < len(q) && hasLength(m.Type(), true) {
		q = q[:n:n]
	}
	if n := int(u16(q, 2)); u8(q, 0)>>4 == 4 && n >= int(q[0]&0x0f)*4+quotedTransport && n < len(q) {
		q = q[:n:n]
	}
	return Quote(q)
}

// Quote6 is Quote4 for ICMPv6.
func (m ICMP) Quote6() Quote {
	q := m.Body()
	if n := int(u8(m, 4)) * 8; n >= quoteMin && n < len(q) && hasLength(m.Type(), false) {
		q = q[:n:n]
	}
	if n := IPv6HeaderLen + int(u16(q, 4)); u8(q, 0)>>4 == 6 && n >= IPv6HeaderLen+quotedTransport && n < len(q) {
		q = q[:n:n]
	}
	return Quote(q)
}

// Version returns the IP version.
func (q Quote) Version() (int, bool) { return int(u8(q, 0) >> 4), len(q) > 0 }

// v4 reports a quoted IPv4 header of which the first n bytes are there.
func (q Quote) v4(n int) bool { return len(q) >= n && u8(q, 0)>>4 == 4 }

// v6 reports a quoted IPv6 header of which the first n bytes are there.
func (q Quote) v6(n int) bool { return len(q) >= n && u8(q, 0)>>4 == 6 }

// Src returns the source address.
func (q Quote) Src() (netip.Addr, bool) {
	switch {
	case q.v4(16):
		return addr4(q, 12), true
	case q.v6(24):
		return addr16(q, 8), true
	}
	return netip.Addr{}, false
}

// Dst returns the destination address, that is the target of the probe.
func (q Quote) Dst() (netip.Addr, bool) {
	switch {
	case q.v4(20):
		return addr4(q, 16), true
	case q.v6(40):
		return addr16(q, 24), true
	}
	return netip.Addr{}, false
}

// TTL returns the TTL or hop limit that the packet had when it was quoted.
func (q Quote) TTL() (uint8, bool) {
	switch {
	case q.v4(9):
		return q[8], true
	case q.v6(8):
		return q[7], true
	}
	return 0, false
}

// TOS returns type of service or traffic class.
func (q Quote) TOS() (uint8, bool) {
	switch {
	case q.v4(2):
		return q[1], true
	case q.v6(2):
		return uint8(u16(q, 0) >> 4), true
	}
	return 0, false
}

// TotalLen returns the length in bytes of the whole packet that is quoted.
func (q Quote) TotalLen() (int, bool) {
	switch {
	case q.v4(4):
		return int(u16(q, 2)), true
	case q.v6(6):
		return IPv6HeaderLen + int(u16(q, 4)), true
	}
	return 0, false
}

// IPID returns the identification field of an IPv4 header.
func (q Quote) IPID() (uint16, bool) { return u16(q, 4), q.v4(6) }

// FlowLabel returns the flow label of an IPv6 header.
func (q Quote) FlowLabel() (uint32, bool) {
	if !q.v6(4) {
		return 0, false
	}
	return u32(q, 0) & MaxFlowLabel, true
}

// Options returns the IPv4 options, as far as they are there. It is ok if the header
// is whole.
func (q Quote) Options() ([]byte, bool) {
	hlen := int(u8(q, 0)&0x0f) * 4
	if !q.v4(IPv4HeaderLen) || hlen < IPv4HeaderLen {
		return nil, false
	}
	end := min(hlen, len(q))
	return q[IPv4HeaderLen:end:end], end == hlen
}

// QuotedUpper is what lies behind the quoted IP headers.
type QuotedUpper struct {
	Protocol   uint8
	Payload    []byte // as much as is there: the transport header, or data of a later fragment
	FragOffset uint16 // in units of 8 bytes
	Fragment   bool   // the packet was a fragment
	FragID     uint32 // IPv6: identification in the fragment header
}

// Upper walks to what lies behind the IP header and IPv6 extension headers. It is ok
// if those are whole.
func (q Quote) Upper() (QuotedUpper, bool) {
	switch {
	case q.v4(IPv4HeaderLen):
		hlen := int(q[0]&0x0f) * 4
		if hlen < IPv4HeaderLen || hlen > len(q) {
			return QuotedUpper{}, false
		}
		h := IPv4(q)
		return QuotedUpper{
			Protocol: q[9], Payload: tail(q, hlen),
			FragOffset: h.FragOffset(), Fragment: h.IsFragment(),
		}, true
	case q.v6(IPv6HeaderLen):
		u, ok := WalkExtensions(q[6], tail(q, IPv6HeaderLen))
		return QuotedUpper{
			Protocol: u.Protocol, Payload: u.Payload,
			FragOffset: u.Fragment.Offset, Fragment: u.HasFragment, FragID: u.Fragment.ID,
		}, ok
	}
	return QuotedUpper{}, false
}

// transport returns the quoted transport header of one of two protocols if n bytes
// of it are there.
func (q Quote) transport(n int, protos ...uint8) ([]byte, bool) {
	u, ok := q.Upper()
	if !ok || u.FragOffset != 0 || len(u.Payload) < n {
		return nil, false
	}
	for _, p := range protos {
		if u.Protocol == p {
			return u.Payload, true
		}
	}
	return nil, false
}

// Ports returns the ports of quoted UDP or TCP.
func (q Quote) Ports() (src, dst uint16, ok bool) {
	b, ok := q.transport(4, ProtoUDP, ProtoTCP)
	return u16(b, 0), u16(b, 2), ok
}

// UDPChecksum returns the checksum field of quoted UDP.
func (q Quote) UDPChecksum() (uint16, bool) {
	b, ok := q.transport(8, ProtoUDP)
	return u16(b, 6), ok
}

// TCPSeq returns the sequence number of quoted TCP.
func (q Quote) TCPSeq() (uint32, bool) {
	b, ok := q.transport(8, ProtoTCP)
	return u32(b, 4), ok
}

// ICMPType returns type and code of quoted ICMP or ICMPv6.
func (q Quote) ICMPType() (icmpType, code uint8, ok bool) {
	b, ok := q.transport(2, ProtoICMP, ProtoICMPv6)
	return u8(b, 0), u8(b, 1), ok
}

// ICMPChecksum returns the checksum field of quoted ICMP or ICMPv6.
func (q Quote) ICMPChecksum() (uint16, bool) {
	b, ok := q.transport(4, ProtoICMP, ProtoICMPv6)
	return u16(b, 2), ok
}

// ICMPEcho returns identifier and sequence number of quoted ICMP or ICMPv6. That the
// type is one that has them is for the caller to see.
func (q Quote) ICMPEcho() (id, seq uint16, ok bool) {
	b, ok := q.transport(8, ProtoICMP, ProtoICMPv6)
	return u16(b, 4), u16(b, 6), ok
}
