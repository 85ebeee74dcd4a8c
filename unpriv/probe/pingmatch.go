package probe

import (
	"net/netip"

	"scamper/shared/packet"
	"scamper/shared/warts"
)

// PingMatch says which probe of a ping a packet is about. It describes what all probes
// of the ping have in common, and how many there were.
type PingMatch struct {
	Method           warts.PingMethod
	Src, Dst         netip.Addr // Src may be invalid: not compared then
	SrcPort, DstPort uint16     // as in PingProbe: identifier and first sequence number; ports of the first probe
	Sent             int        // probes sent so far
	// IDs are the IPv4 identifications of the probes, [i] for probe i, none of them 0; nil
	// for IPv6. Only the last IDWindow are looked at.
	IDs []uint16
	// SrcPorts are the source ports of the probes, if the method varies them.
	SrcPorts []uint16
}

// IDWindow is how many of the newest probes a reply's identification is looked for in.
const IDWindow = 5

// byID returns the newest probe with an IPv4 identification; if there is none among
// the last few, the newest probe.
func (m *PingMatch) byID(id uint32) (int, bool) {
	if m.Dst.Is4() {
		n := min(m.Sent, len(m.IDs))
		for i := n - 1; i >= 0 && i >= n-IDWindow; i-- {
			if uint32(m.IDs[i]) == id {
				return i, true
			}
		}
	}
	return index(m.Sent-1, m.Sent)
}

// byPort returns the newest probe with a source port.
func (m *PingMatch) byPort(port uint16) (int, bool) {
	for i := min(m.Sent, len(m.SrcPorts)) - 1; i >= 0; i-- {
		if m.SrcPorts[i] == port {
			return i, true
		}
	}
	return 0, false
}

// bySeq returns the probe with a sequence number.
func (m *PingMatch) bySeq(seq uint16) (int, bool) { return index(int(seq-m.DstPort), m.Sent) }

// protocol returns the transport protocol of the probes.
func (m *PingMatch) protocol() uint8 {
	switch {
	case m.Method.IsUDP():
		return packet.ProtoUDP
	case m.Method.IsTCP():
		return packet.ProtoTCP
	case m.Dst.Is4():
		return packet.ProtoICMP
	}
	return packet.ProtoICMPv6
}

// Match returns the index of the probe, counted from 0, that an inbound packet
// answers: the reply that fits the method, from the destination; or an unreachable,
// time exceeded in transit, packet too big or parameter problem that quotes the probe
// and its destination. Where nothing in the packet tells probes apart, the IPv4
// identification is looked for among the last few, which targets that copy it, and
// quotes, are found by; else the newest probe gets it. A first fragment counts as the
// reply, later ones don't.
func (m *PingMatch) Match(r *Reply) (int, bool) {
	if !toUs(r, m.Src) {
		return 0, false
	}
	if r.Kind == KindError {
		return m.quote(r)
	}
	if !sameAddr(r.IP.Src, m.Dst) {
		return 0, false
	}
	switch r.Kind {
	case KindEchoReply:
		if m.Method != warts.PingICMPEcho || r.ICMP.ID != m.SrcPort {
			return 0, false
		}
		return m.bySeq(r.ICMP.Seq)
	case KindTimestampReply:
		if m.Method != warts.PingICMPTime || r.ICMP.ID != m.SrcPort {
			return 0, false
		}
		return m.bySeq(r.ICMP.Seq)
	case KindTCP:
		if !m.Method.IsTCP() {
			return 0, false
		}
		return m.answered(r.TCP.DstPort, r.TCP.SrcPort, r.IP.ID)
	case KindUDP:
		if !m.Method.IsUDP() {
			return 0, false
		}
		// A datagram's identification says nothing: 0 is none of ours.
		return m.answered(r.UDP.DstPort, r.UDP.SrcPort, 0)
	}
	return 0, false
}

// answered returns the probe by the ports that it was sent with, and by an IPv4
// identification where they are the same in all probes.
func (m *PingMatch) answered(src, dst uint16, id uint32) (int, bool) {
	switch {
	case m.Method.VariesSport():
		if dst != m.DstPort {
			return 0, false
		}
		return m.byPort(src)
	case src != m.SrcPort:
		return 0, false
	case m.Method == warts.PingUDPDport:
		return index(int(dst)-int(m.DstPort), m.Sent)
	case dst != m.DstPort:
		return 0, false
	}
	return m.byID(id)
}

// quote: ICMP error > quoted packet.
func (m *PingMatch) quote(r *Reply) (int, bool) {
	q := &r.Quote
	if !r.IsTimeExceeded() && !r.IsUnreach() && !r.IsTooBig() && !r.IsParamProblem() {
		return 0, false
	}
	if !sameAddr(q.Dst, m.Dst) || q.Offset != 0 || q.Protocol != m.protocol() {
		return 0, false
	}
	if !m.Method.IsICMP() {
		return m.answered(q.SrcPort, q.DstPort, uint32(q.ID))
	}
	want := uint8(packet.ICMP6Echo)
	if m.Dst.Is4() {
		want = packet.ICMP4Echo
	}
	if m.Method == warts.PingICMPTime {
		want = packet.ICMP4Timestamp
	}
	if q.Type != want || q.ICMPID != m.SrcPort {
		return 0, false
	}
	return m.bySeq(q.ICMPSeq)
}

// MatchSent returns the index of the probe that a packet seen on the datalink is: the
// copy of one on its way out, whose time stamp tells when it really left.
func (m *PingMatch) MatchSent(r *Reply) (int, bool) {
	if !sameAddr(r.IP.Dst, m.Dst) || m.Src.IsValid() && !sameAddr(r.IP.Src, m.Src) {
		return 0, false
	}
	switch r.Kind {
	case KindEcho, KindTimestamp:
		want := warts.PingICMPEcho
		if r.Kind == KindTimestamp {
			want = warts.PingICMPTime
		}
		if m.Method != want {
			return 0, false
		}
		if r.ICMP.ID != m.SrcPort {
			return 0, false
		}
		return m.bySeq(r.ICMP.Seq)
	case KindTCP:
		if !m.Method.IsTCP() || r.TCP.Flags != pingFlags(m.Method) {
			return 0, false
		}
		return m.sent(r.TCP.SrcPort, r.TCP.DstPort, r.IP.ID)
	case KindUDP:
		if !m.Method.IsUDP() {
			return 0, false
		}
		return m.sent(r.UDP.SrcPort, r.UDP.DstPort, r.IP.ID)
	}
	return 0, false
}

// sent is answered for a copy of the probe: its identification has to be right.
func (m *PingMatch) sent(src, dst uint16, id uint32) (int, bool) {
	i, ok := m.answered(src, dst, id)
	if ok && m.Dst.Is4() && !(i < len(m.IDs) && uint32(m.IDs[i]) == id) {
		return 0, false
	}
	return i, ok
}
