package probe

import (
	"errors"
	"net/netip"

	"scamper/shared/packet"
)

// The parse functions walk a chain of headers; each branch is labelled with the
// chain so far. None of them allocates, and none reads past what its gate checked.

// ParseICMP4 parses what a raw IPv4 socket for ICMP received, which begins with the
// IP header. Accepted are echo replies, timestamp replies, and of the errors
// unreachable, time exceeded in transit and parameter problem, if they quote the
// headers of a UDP, TCP or ICMP packet.
func ParseICMP4(b []byte, r *Reply) Reason {
	*r = Reply{Capture: r.Capture}
	p, err := packet.ParseIPv4(b)
	if err != nil {
		return headerReason(err)
	}
	r.setIPv4(p)
	if p.Protocol() != packet.ProtoICMP || p.FragOffset() != 0 {
		return Protocol
	}
	// IPv4 > ICMP
	m, err := packet.ParseICMP(p.Payload())
	if err != nil {
		return Short
	}
	r.ICMP.Type, r.ICMP.Code = m.Type(), m.Code()
	switch m.Type() {
	case packet.ICMP4EchoReply:
		return r.setEcho(KindEchoReply, m)
	case packet.ICMP4TimestampReply:
		return r.setTimestamp(KindTimestampReply, m)
	case packet.ICMP4TimeExceeded:
		if m.Code() != packet.ICMP4ExceededTransit {
			return ICMPCode
		}
		return r.setError4(m)
	case packet.ICMP4Unreach, packet.ICMP4ParamProblem:
		return r.setError4(m)
	}
	return ICMPType
}

// Ancillary is what an IPv6 socket tells about a received packet besides its bytes.
type Ancillary struct {
	Src          netip.Addr // sender; a zone is dropped
	Dst          netip.Addr // the address it was sent to; invalid if not known
	HopLimit     int16      // 0-255, or -1 if not known
	TrafficClass int16      // 0-255, or -1 if not known
}

// ParseICMP6 parses what a raw ICMPv6 socket received, which begins with the ICMPv6
// header. Accepted are echo replies, and of the errors unreachable, packet too big
// and time exceeded in transit, if they quote the headers of a UDP, TCP or ICMPv6
// packet, a fragment perhaps.
func ParseICMP6(b []byte, a Ancillary, r *Reply) Reason {
	*r = Reply{Capture: r.Capture, Packet: b}
	r.IP.Version = 6
	r.IP.Src, r.IP.Dst = a.Src.WithZone(""), a.Dst.WithZone("")
	r.IP.Protocol = packet.ProtoICMPv6
	r.IP.Size = packet.IPv6HeaderLen + len(b)
	if a.HopLimit >= 0 {
		r.IP.TTL, r.IP.HasTTL = uint8(a.HopLimit), true
	}
	if a.TrafficClass >= 0 {
		r.IP.TOS, r.IP.HasTOS = uint8(a.TrafficClass), true
	}
	m, err := packet.ParseICMP(b)
	if err != nil {
		return Short
	}
	r.ICMP.Type, r.ICMP.Code = m.Type(), m.Code()
	switch m.Type() {
	case packet.ICMP6EchoReply:
		return r.setEcho(KindEchoReply, m)
	case packet.ICMP6TimeExceeded:
		if m.Code() != packet.ICMP6ExceededTransit {
			return ICMPCode
		}
		return r.setError6(m)
	case packet.ICMP6Unreach, packet.ICMP6TooBig:
		return r.setError6(m)
	}
	return ICMPType
}

func headerReason(err error) Reason {
	if errors.Is(err, packet.ErrShort) {
		return Short
	}
	return Malformed
}

func (r *Reply) setIPv4(p packet.IPv4) {
	r.Packet = p
	r.IP = IP{
		Version:  4,
		Src:      p.Src(),
		Dst:      p.Dst(),
		Protocol: p.Protocol(),
		TTL:      p.TTL(),
		TOS:      p.TOS(),
		HasTTL:   true,
		HasTOS:   true,
		HasID:    true,
		DF:       p.DF(),
		More:     p.MF(),
		Offset:   p.FragOffset(),
		ID:       uint32(p.ID()),
		Size:     p.TotalLen(),
		Options:  p.Options(),
	}
}

func (r *Reply) setEcho(kind Kind, m packet.ICMP) Reason {
	r.Kind = kind
	r.ICMP.ID, r.ICMP.Seq = m.ID(), m.Seq()
	return Accepted
}

func (r *Reply) setTimestamp(kind Kind, m packet.ICMP) Reason {
	var ok bool
	r.setEcho(kind, m)
	if r.ICMP.Originate, r.ICMP.Receive, r.ICMP.Transmit, ok = m.Timestamps(); !ok {
		r.Kind = KindNone
		return Short
	}
	return Accepted
}

// setError4: IPv4 > ICMP error.
func (r *Reply) setError4(m packet.ICMP) Reason {
	switch {
	case m.Type() == packet.ICMP4ParamProblem:
		r.ICMP.Pointer = uint32(m.Pointer4())
	case m.Type() == packet.ICMP4Unreach && m.Code() == packet.ICMP4UnreachNeedFrag:
		r.ICMP.MTU = uint32(m.MTU4())
	}
	ext, ok := m.Extensions4()
	if ok {
		r.ICMP.Extensions = ext
	}
	return r.setQuote(cutExtensions(m.Quote4(), m, ext, ok), 4)
}

// setError6: IPv6 > ICMPv6 error.
func (r *Reply) setError6(m packet.ICMP) Reason {
	switch m.Type() {
	case packet.ICMP6ParamProblem:
		r.ICMP.Pointer = m.Rest()
	case packet.ICMP6TooBig:
		r.ICMP.MTU = m.MTU6()
	}
	ext, ok := m.Extensions6()
	if ok {
		r.ICMP.Extensions = ext
	}
	return r.setQuote(cutExtensions(m.Quote6(), m, ext, ok), 6)
}

// cutExtensions ends a quote where the extension structure begins, which has four
// bytes of header in front of its objects. Quote and objects are of the same message.
func cutExtensions(q packet.Quote, m packet.ICMP, ext packet.Extensions, ok bool) packet.Quote {
	if !ok {
		return q
	}
	if n := len(m.Body()) - len(ext) - 4; n >= 0 && n < len(q) {
		q = q[:n:n]
	}
	return q
}

// minQuoted is how much of the transport header an error has to quote, in bytes.
const minQuoted = 8

// setQuote: ICMP error > quoted IP.
func (r *Reply) setQuote(q packet.Quote, version int) Reason {
	if v, ok := q.Version(); !ok {
		return QuoteShort
	} else if v != version {
		return QuoteMalformed
	}
	size, okSize := q.TotalLen()
	dst, okDst := q.Dst()
	if !okSize || !okDst { // the destination is the last field of either header
		return QuoteShort
	}
	u, ok := q.Upper()
	if !ok {
		if version == 4 && len(q) >= packet.IPv4HeaderLen && packet.IPv4(q).HeaderLen() < packet.IPv4HeaderLen {
			return QuoteMalformed
		}
		return QuoteShort
	}
	f := &r.Quote
	f.Src, _ = q.Src()
	f.Dst = dst
	f.TTL, _ = q.TTL()
	f.TOS, _ = q.TOS()
	f.Size = size
	f.Protocol = u.Protocol
	f.Payload = u.Payload
	f.Fragment, f.Offset, f.FragID = u.Fragment, u.FragOffset, u.FragID
	if version == 4 {
		f.ID, _ = q.IPID()
		f.DF = packet.IPv4(q).DF()
		f.Options, _ = q.Options()
	} else {
		f.FlowLabel, _ = q.FlowLabel()
	}
	switch {
	case !quotable(f.Protocol, version):
		return QuoteProtocol
	case f.Offset != 0:
		// ICMP error > quoted IP > data of a fragment
	case len(f.Payload) < minQuoted:
		return QuoteShort
	default:
		f.setTransport()
	}
	r.Kind = KindError
	return Accepted
}

// setTransport: ICMP error > quoted IP > transport header, of which minQuoted bytes are there.
func (q *Quote) setTransport() {
	switch q.Protocol {
	case packet.ProtoUDP:
		// ICMP error > quoted IP > UDP
		h := packet.UDP(q.Payload)
		q.SrcPort, q.DstPort, q.Checksum = h.SrcPort(), h.DstPort(), h.Checksum()
	case packet.ProtoTCP:
		// ICMP error > quoted IP > TCP
		h := packet.TCP(q.Payload)
		q.SrcPort, q.DstPort, q.Seq = h.SrcPort(), h.DstPort(), h.Seq()
	default:
		// ICMP error > quoted IP > ICMP
		h := packet.ICMP(q.Payload)
		q.Type, q.Code, q.Checksum = h.Type(), h.Code(), h.Checksum()
		q.ICMPID, q.ICMPSeq = h.ID(), h.Seq()
	}
}

// quotable reports a transport protocol that probes use.
func quotable(proto uint8, version int) bool {
	switch proto {
	case packet.ProtoUDP, packet.ProtoTCP:
		return true
	case packet.ProtoICMP:
		return version == 4
	case packet.ProtoICMPv6:
		return version == 6
	}
	return false
}
