package probe

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"net/netip"
	"slices"
	"testing"

	"scamper/shared/packet"
	"scamper/shared/warts"
)

// traceSays is what the rules for a trace allow, read from the quoted bytes by other
// code: whether probe n may be meant.
func traceSays(m *TraceMatch, q packet.Quote, n int) bool {
	dst, ok := q.Dst()
	if !ok || dst != m.Dst {
		return false
	}
	if m.FragOffset != 0 {
		u, ok := q.Upper()
		return ok && u.FragOffset == m.FragOffset && uint16(u.FragID>>16) == m.SrcPort && len(u.Payload) >= 4 &&
			int(u.Payload[2])*256+int(u.Payload[3]) == n
	}
	sport, dport, ports := q.Ports()
	id, _ := q.IPID()
	byID := int(id) == n+1 || int(id) == n+2 && n == m.Sent-1 || int(bits.ReverseBytes16(id)) == n+1
	label, _ := q.FlowLabel()
	switch {
	case m.Method.IsICMP():
		i, s, ok := q.ICMPEcho()
		return ok && i == m.SrcPort && int(s) == n
	case !ports || sport != m.SrcPort:
		return false
	case m.Method == warts.TraceUDP:
		return int(dport) == int(m.DstPort)+n
	case dport != m.DstPort:
		return false
	case m.Method == warts.TraceUDPParis:
		c, ok := q.UDPChecksum()
		if !ok {
			return false
		}
		if m.Dst.Is4() {
			return byID
		}
		if m.ConstPayload {
			return int(label) == n+1
		}
		// A whole datagram tells by its bytes; another by the checksum that it came with.
		u, _ := q.Upper()
		src, _ := q.Src()
		length := packet.UDP(u.Payload).Length()
		if length >= 8 && length <= len(u.Payload) {
			d := bytes.Clone(u.Payload[:length])
			d[6], d[7] = 0, 0
			sum := int(packet.PseudoSum(src, dst, packet.ProtoUDP, length).Bytes(d).UDPChecksum())
			if sum >= 1 && sum <= m.Sent {
				return sum == n+1
			}
		}
		return int(c) == n+1 && c != packet.PseudoSum(src, dst, packet.ProtoUDP, length).Value()
	case m.Dst.Is4():
		return byID
	}
	return int(label) == n+1
}

// pingSays is the same for a ping. Where the quote doesn't tell probes apart, it has to
// be of the ping.
func pingSays(m *PingMatch, q packet.Quote, n int) bool {
	dst, ok := q.Dst()
	if !ok || dst != m.Dst {
		return false
	}
	if m.Method.IsICMP() {
		id, seq, ok := q.ICMPEcho()
		return ok && id == m.SrcPort && int(seq-m.DstPort) == n
	}
	sport, dport, ok := q.Ports()
	switch {
	case !ok:
		return false
	case m.Method == warts.PingUDPDport:
		return sport == m.SrcPort && int(dport) == int(m.DstPort)+n
	case m.Method.VariesSport():
		return dport == m.DstPort && m.SrcPorts[n] == sport
	}
	id, has := q.IPID()
	return sport == m.SrcPort && dport == m.DstPort && m.byIDSays(uint16(id), has, n)
}

// byIDSays reports whether probe n may be meant where nothing but an IPv4
// identification tells probes apart: it has that, or is the newest and none has.
func (m *PingMatch) byIDSays(id uint16, has bool, n int) bool {
	if !m.Dst.Is4() || !has {
		return n == m.Sent-1
	}
	if m.IDs[n] == id {
		return true
	}
	return n == m.Sent-1 && !slices.Contains(m.IDs[max(0, m.Sent-IDWindow):m.Sent], id)
}

// direct is what a reply that quotes nothing says of itself, read from its bytes by
// other code.
type direct struct {
	id           uint16 // IPv4 identification
	proto, kind  uint8  // kind is the type of an ICMP message
	sport, dport uint16 // of TCP and UDP
	name, seq    uint16 // of ICMP
}

func readDirect(b []byte) (d direct, ok bool) {
	var up []byte
	switch {
	case len(b) >= 20 && b[0]>>4 == 4:
		d.id, d.proto = binary.BigEndian.Uint16(b[4:]), b[9]
		if n := int(b[0]&15) * 4; n <= len(b) {
			up = b[n:]
		}
	case len(b) >= 40 && b[0]>>4 == 6:
		u, ok := packet.IPv6(b).Upper()
		if !ok {
			return d, false
		}
		d.proto, up = u.Protocol, u.Payload
	}
	if len(up) < 8 {
		return d, false
	}
	d.kind = up[0]
	d.sport, d.dport = binary.BigEndian.Uint16(up), binary.BigEndian.Uint16(up[2:])
	d.name, d.seq = binary.BigEndian.Uint16(up[4:]), binary.BigEndian.Uint16(up[6:])
	return d, true
}

// traceAnswers is traceSays for what the target itself sent.
func traceAnswers(m *TraceMatch, d direct, n int) bool {
	if d.proto != traceProtocol(m.Method, m.Dst.Is4()) {
		return false
	}
	switch {
	case m.Method.IsICMP():
		return (d.kind == 0 && m.Dst.Is4() || d.kind == 129 && m.Dst.Is6()) && d.name == m.SrcPort && int(d.seq) == n
	case d.dport != m.SrcPort:
		return false
	case m.Method == warts.TraceUDP:
		return int(d.sport) == int(m.DstPort)+n
	}
	return d.sport == m.DstPort && n == m.Sent-1
}

// pingAnswers is pingSays for what the target itself sent.
func pingAnswers(m *PingMatch, d direct, n int) bool {
	if d.proto != m.protocol() {
		return false
	}
	switch {
	case m.Method.IsICMP():
		want := uint8(packet.ICMP4EchoReply)
		switch {
		case m.Dst.Is6():
			want = packet.ICMP6EchoReply
		case m.Method == warts.PingICMPTime:
			want = packet.ICMP4TimestampReply
		}
		return d.kind == want && d.name == m.SrcPort && int(d.seq-m.DstPort) == n
	case m.Method.VariesSport():
		return d.sport == m.DstPort && m.SrcPorts[n] == d.dport
	case d.dport != m.SrcPort:
		return false
	case m.Method == warts.PingUDPDport:
		return int(d.sport) == int(m.DstPort)+n
	}
	return d.sport == m.DstPort && m.byIDSays(d.id, m.Method.IsTCP(), n)
}

// FuzzMatch changes real packets and gives them to the matchers of all captured
// measurements: none may find a probe of which the packet doesn't speak.
func FuzzMatch(f *testing.F) {
	addFrames(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		var r Reply
		if ParseFrame(packet.LinkEthernet, b, &r) != Accepted {
			return
		}
		var q packet.Quote
		if r.Kind == KindError {
			if r.IP.Version == 4 {
				m := packet.ICMP(packet.IPv4(r.Packet).Payload())
				q = packet.Quote(m.Body())
			} else {
				u, _ := packet.IPv6(r.Packet).Upper()
				q = packet.Quote(packet.ICMP(u.Payload).Body())
			}
		}
		d, has := readDirect(r.Packet)
		for _, c := range captured {
			for _, addrs := range [][2]netip.Addr{{host4, target4}, {host6, target6}} {
				if c.trace != nil {
					m := *c.trace
					m.Src, m.Dst, m.SrcPort, m.Sent = addrs[0], addrs[1], c.id, 8
					for _, m.ConstPayload = range []bool{false, true} {
						checkMatch(t, &r, m.Match, func(n int) bool {
							if r.Kind == KindError {
								return traceSays(&m, q, n)
							}
							return has && traceAnswers(&m, d, n)
						}, m.Sent, addrs)
						checkSent(t, &r, m.MatchSent, m.Sent, addrs)
					}
					continue
				}
				m := *c.ping
				m.Src, m.Dst, m.SrcPort, m.Sent = addrs[0], addrs[1], c.id, 2
				m.IDs = []uint16{40864, 26312}
				checkMatch(t, &r, m.Match, func(n int) bool {
					if r.Kind == KindError {
						return pingSays(&m, q, n)
					}
					return has && pingAnswers(&m, d, n)
				}, m.Sent, addrs)
				checkSent(t, &r, m.MatchSent, m.Sent, addrs)
			}
		}
	})
}

func checkMatch(t *testing.T, r *Reply, match func(*Reply) (int, bool), says func(int) bool, sent int, addrs [2]netip.Addr) {
	t.Helper()
	n, ok := match(r)
	if !ok {
		return
	}
	if n < 0 || n >= sent || r.IP.Dst != addrs[0] {
		t.Fatalf("%s: probe %d of %d", text(r, Accepted), n, sent)
	}
	if r.Kind != KindError && r.IP.Src != addrs[1] {
		t.Fatalf("%s matched, but isn't from the target", text(r, Accepted))
	}
	if !says(n) {
		t.Fatalf("%s: probe %d, but % x doesn't say so", text(r, Accepted), n, r.Packet)
	}
}

func checkSent(t *testing.T, r *Reply, match func(*Reply) (int, bool), sent int, addrs [2]netip.Addr) {
	t.Helper()
	if n, ok := match(r); ok && (n < 0 || n >= sent || r.IP.Src != addrs[0] || r.IP.Dst != addrs[1]) {
		t.Fatalf("%s: sent as probe %d of %d", text(r, Accepted), n, sent)
	}
}
