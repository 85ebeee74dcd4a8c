package probe

import (
	"math/bits"
	"net/netip"

	"scamper/shared/packet"
	"scamper/shared/warts"
)

// TraceMatch says which probe of a traceroute a packet is about. It describes what all
// probes of the trace have in common, and how many there were.
type TraceMatch struct {
	Method           warts.TraceMethod
	Src, Dst         netip.Addr // Src may be invalid: not compared then
	SrcPort, DstPort uint16     // as in TraceProbe
	Sent             int        // probes sent so far, in all phases
	FragOffset       uint16     // as in TraceProbe
	ConstPayload     bool       // as in TraceProbe
}

// sameAddr compares two addresses and ignores zones, which packets don't carry.
func sameAddr(a, b netip.Addr) bool {
	return a == b || a.Is6() && b.Is6() && a.WithZone("") == b.WithZone("")
}

// toUs reports that the packet was sent to our address, as far as both are known.
func toUs(r *Reply, src netip.Addr) bool {
	return !src.IsValid() || !r.IP.Dst.IsValid() || sameAddr(r.IP.Dst, src)
}

// index returns v if it is the index of one of n probes.
func index(v, n int) (int, bool) {
	if v < 0 || v >= n {
		return 0, false
	}
	return v, true
}

// IPIDIndex returns the probe that a quoted IPv4 identification speaks of, where probe
// i was sent with identification i+1 and sent is their number. An identification
// that is one beyond the last was increased by a middlebox; one that fits only
// with its bytes swapped was quoted in a router's own byte order. One that fits as it
// is, is taken literally.
func IPIDIndex(id uint16, sent int) (int, bool) {
	v := int(id)
	swapped := int(bits.ReverseBytes16(id))
	switch {
	case v == 0 || sent <= 0:
		return 0, false
	case v <= sent:
		return v - 1, true
	case v == sent+1:
		return v - 2, true
	case swapped <= sent:
		return swapped - 1, true
	}
	return 0, false
}

// Match returns the index of the probe, counted from 0, that an inbound packet
// answers: a time exceeded in transit, unreachable or packet too big that quotes it;
// an echo reply for the ICMP methods; what the destination itself sent back for TCP
// and UDP. A TCP segment, and a datagram for UDP-paris, says nothing about the probe:
// it is credited to the last one. The quoted destination (for replies, the source)
// has to be that of the trace.
func (m *TraceMatch) Match(r *Reply) (int, bool) {
	if !toUs(r, m.Src) {
		return 0, false
	}
	switch r.Kind {
	case KindError:
		if !r.IsTimeExceeded() && !r.IsUnreach() && !r.IsTooBig() {
			return 0, false
		}
		q := &r.Quote
		if !sameAddr(q.Dst, m.Dst) || q.Offset != m.FragOffset {
			return 0, false
		}
		if m.FragOffset != 0 {
			return m.fragment(q)
		}
		return m.quote(q)
	case KindEchoReply:
		if !m.Method.IsICMP() || !sameAddr(r.IP.Src, m.Dst) || r.ICMP.ID != m.SrcPort {
			return 0, false
		}
		return index(int(r.ICMP.Seq), m.Sent)
	case KindTCP:
		if !m.Method.IsTCP() || !sameAddr(r.IP.Src, m.Dst) ||
			r.TCP.SrcPort != m.DstPort || r.TCP.DstPort != m.SrcPort {
			return 0, false
		}
		return index(m.Sent-1, m.Sent)
	case KindUDP:
		if !m.Method.IsUDP() || !sameAddr(r.IP.Src, m.Dst) || r.UDP.DstPort != m.SrcPort {
			return 0, false
		}
		if m.Method == warts.TraceUDP {
			return index(int(r.UDP.SrcPort)-int(m.DstPort), m.Sent)
		}
		if r.UDP.SrcPort != m.DstPort {
			return 0, false
		}
		return index(m.Sent-1, m.Sent)
	}
	return 0, false
}

// quote: what is quoted has a transport header.
func (m *TraceMatch) quote(q *Quote) (int, bool) {
	v4 := m.Dst.Is4()
	if q.Protocol != traceProtocol(m.Method, v4) {
		return 0, false
	}
	switch m.Method {
	case warts.TraceUDP:
		if q.SrcPort != m.SrcPort {
			return 0, false
		}
		return index(int(q.DstPort)-int(m.DstPort), m.Sent)
	case warts.TraceUDPParis:
		if q.SrcPort != m.SrcPort || q.DstPort != m.DstPort {
			return 0, false
		}
		switch {
		case v4 && q.Checksum == q.ID && q.Checksum != 0:
			return index(int(q.Checksum)-1, m.Sent)
		case v4:
			return IPIDIndex(q.ID, m.Sent)
		case m.ConstPayload:
			return index(int(q.FlowLabel)-1, m.Sent)
		}
		// The checksum quoted may be one left to be finished by a network interface that
		// wasn't there: the same in every probe, and perhaps a small number. What is quoted
		// whole tells what it would have been.
		if c, ok := q.finishedChecksum(); ok {
			if i, ok := index(int(c)-1, m.Sent); ok {
				return i, true
			}
		}
		if q.unfinished() {
			return 0, false
		}
		return index(int(q.Checksum)-1, m.Sent)
	case warts.TraceICMPEcho, warts.TraceICMPEchoParis:
		if q.ICMPID != m.SrcPort {
			return 0, false
		}
		return index(int(q.ICMPSeq), m.Sent)
	case warts.TraceTCP, warts.TraceTCPAck:
		if q.SrcPort != m.SrcPort || q.DstPort != m.DstPort {
			return 0, false
		}
		if v4 {
			return IPIDIndex(q.ID, m.Sent)
		}
		return index(int(q.FlowLabel)-1, m.Sent)
	}
	return 0, false
}

// finishedChecksum returns the checksum of a quoted UDP datagram over IPv6 as computed
// from what is quoted. It is ok if that is the whole datagram.
func (q *Quote) finishedChecksum() (uint16, bool) {
	return finishedUDP(q.Src, q.Dst, q.Payload)
}

// unfinished reports that the quoted checksum of UDP over IPv6 is what a kernel leaves
// for a network interface to finish: the sum of the pseudo header.
func (q *Quote) unfinished() bool {
	n := packet.UDP(q.Payload).Length()
	return q.Checksum == packet.PseudoSum(q.Src, q.Dst, packet.ProtoUDP, n).Value()
}

func finishedUDP(src, dst netip.Addr, b []byte) (uint16, bool) {
	h, err := packet.ParseUDP(b)
	n := h.Length()
	if err != nil || n < packet.UDPHeaderLen || n > len(b) {
		return 0, false
	}
	s := packet.PseudoSum(src, dst, packet.ProtoUDP, n)
	return s.Bytes(b[:6]).Bytes(b[packet.UDPHeaderLen:n]).UDPChecksum(), true
}

// fragment: what is quoted is an IPv6 fragment of ours without transport header.
func (m *TraceMatch) fragment(q *Quote) (int, bool) {
	if !m.Dst.Is6() || q.Protocol != traceProtocol(m.Method, false) || uint16(q.FragID>>16) != m.SrcPort || len(q.Payload) < 4 {
		return 0, false
	}
	return index(int(q.Payload[2])<<8|int(q.Payload[3]), m.Sent)
}

// MatchSent returns the index of the probe that a packet seen on the datalink is: the
// copy of one on its way out, whose time stamp tells when it really left.
func (m *TraceMatch) MatchSent(r *Reply) (int, bool) {
	if !sameAddr(r.IP.Dst, m.Dst) || m.Src.IsValid() && !sameAddr(r.IP.Src, m.Src) {
		return 0, false
	}
	v4 := m.Dst.Is4()
	switch r.Kind {
	case KindEcho:
		if !m.Method.IsICMP() || r.ICMP.ID != m.SrcPort {
			return 0, false
		}
		return index(int(r.ICMP.Seq), m.Sent)
	case KindUDP:
		if !m.Method.IsUDP() || r.UDP.SrcPort != m.SrcPort {
			return 0, false
		}
		if m.Method == warts.TraceUDP {
			return index(int(r.UDP.DstPort)-int(m.DstPort), m.Sent)
		}
		switch {
		case r.UDP.DstPort != m.DstPort:
			return 0, false
		case v4:
			return index(int(r.IP.ID)-1, m.Sent)
		case m.ConstPayload:
			return index(int(r.IP.FlowLabel)-1, m.Sent)
		}
		// The kernel may have left the checksum to the network interface.
		c, ok := finishedUDP(r.IP.Src, r.IP.Dst, r.upper())
		if !ok {
			return 0, false
		}
		return index(int(c)-1, m.Sent)
	case KindTCP:
		want := uint8(packet.SYN)
		if m.Method == warts.TraceTCPAck {
			want = packet.ACK
		}
		if !m.Method.IsTCP() || r.TCP.Flags != want || r.TCP.SrcPort != m.SrcPort || r.TCP.DstPort != m.DstPort {
			return 0, false
		}
		if v4 {
			return index(int(r.IP.ID)-1, m.Sent)
		}
		return index(int(r.IP.FlowLabel)-1, m.Sent)
	}
	return 0, false
}

// upper returns the bytes from the transport header on, of an IPv6 packet.
func (r *Reply) upper() []byte {
	u, _ := packet.IPv6(r.Packet).Upper()
	return u.Payload
}
