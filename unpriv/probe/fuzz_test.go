package probe

import (
	"bytes"
	"math/bits"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scamper/shared/packet"
)

// within reports that part is a slice of whole, by its bytes' place in memory.
func within(part, whole []byte) bool {
	if len(part) == 0 {
		return true
	}
	if len(whole) == 0 {
		return false
	}
	for i := range whole {
		if &whole[i] == &part[0] {
			return len(part) <= len(whole)-i
		}
	}
	return false
}

// checkReply says what holds for every parsed packet.
func checkReply(t *testing.T, r *Reply, reason Reason, b []byte) {
	t.Helper()
	if (r.Kind != KindNone) != (reason == Accepted) {
		t.Fatalf("%v, but kind %v", reason, r.Kind)
	}
	for name, part := range map[string][]byte{
		"packet": r.Packet, "options": r.IP.Options, "extensions": r.ICMP.Extensions, "quoted options": r.Quote.Options,
		"quoted payload": r.Quote.Payload, "TCP options": r.TCP.Options, "TCP payload": r.TCP.Payload, "UDP payload": r.UDP.Payload,
	} {
		if !within(part, b) {
			t.Fatalf("%s is not in the buffer", name)
		}
	}
	if reason != Accepted {
		return
	}
	first, second := r.Targets()
	if !first.IsValid() || first.Zone() != "" || second.Zone() != "" {
		t.Fatalf("%v: targets %v %v", r.Kind, first, second)
	}
	if r.Kind == KindError && (!r.Quote.Dst.IsValid() || r.Quote.Offset == 0 && len(r.Quote.Payload) < minQuoted) {
		t.Fatalf("quote of %d bytes to %v accepted", len(r.Quote.Payload), r.Quote.Dst)
	}
	if rr, ok := r.RecordRoute(); ok && rr.Len() > packet.MaxRecordRoute {
		t.Fatalf("record route of %d", rr.Len())
	}
	if ts, ok := r.TimestampOption(); ok && ts.Len() > 9 {
		t.Fatalf("%d timestamps", ts.Len())
	}
	n := 0
	for range r.ICMP.Extensions.All() {
		n++
	}
	if n > len(b)/8 {
		t.Fatalf("%d objects in %d bytes", n, len(b))
	}
	_ = text(r, reason)
	if diff := cmp.Diff(*r, *r.Clone(), cmpReply...); diff != "" {
		t.Fatalf("clone differs:\n%s", diff)
	}
}

func addFrames(f *testing.F) {
	for _, name := range captures {
		for _, b := range frames(f, name) {
			if len(b) < 300 {
				f.Add(b)
			}
		}
	}
	f.Add(append(make([]byte, 14), error4(f, packet.ErrorFields{Type: 11, Form: packet.Legacy, Objects: mpls(f, 16, 17)}, probe4(f))...))
}

// FuzzParse gives any bytes to every parser.
func FuzzParse(f *testing.F) {
	addFrames(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		var r Reply
		for l := packet.LinkUnknown; l <= packet.LinkVoid; l++ {
			checkReply(t, &r, ParseFrame(l, b, &r), b)
		}
		for _, at := range []int{0, 14, 34, 54} {
			if at <= len(b) {
				checkReply(t, &r, ParseICMP4(b[at:], &r), b[at:])
				checkReply(t, &r, ParseICMP6(b[at:], ancillary, &r), b[at:])
			}
		}
		if !bytes.Equal(b, before) {
			t.Fatal("parsing changed the bytes")
		}
	})
}

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
	case m.Method == TraceUDP:
		return int(dport) == int(m.DstPort)+n
	case dport != m.DstPort:
		return false
	case m.Method == TraceUDPParis:
		c, ok := q.UDPChecksum()
		if !ok {
			return false
		}
		if m.Dst.Is4() {
			return byID
		}
		if int(c) == n+1 {
			return true
		}
		u, _ := q.Upper()
		src, _ := q.Src()
		d := bytes.Clone(u.Payload[:min(len(u.Payload), packet.UDP(u.Payload).Length())])
		d[6], d[7] = 0, 0
		return int(packet.PseudoSum(src, dst, packet.ProtoUDP, len(d)).Bytes(d).UDPChecksum()) == n+1
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
	case m.Method == PingUDPDport:
		return sport == m.SrcPort && int(dport) == int(m.DstPort)+n
	case m.Method.VariesSport():
		return dport == m.DstPort && m.SrcPorts[n] == sport
	}
	return sport == m.SrcPort && dport == m.DstPort
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
		for _, c := range captured {
			for _, addrs := range [][2]netip.Addr{{host4, target4}, {host6, target6}} {
				if c.trace != nil {
					m := *c.trace
					m.Src, m.Dst, m.SrcPort, m.Sent = addrs[0], addrs[1], c.id, 8
					checkMatch(t, &r, q, m.Match, func(n int) bool { return traceSays(&m, q, n) }, m.Sent, addrs)
					checkSent(t, &r, m.MatchSent, m.Sent, addrs)
					continue
				}
				m := *c.ping
				m.Src, m.Dst, m.SrcPort, m.Sent = addrs[0], addrs[1], c.id, 2
				m.IDs = []uint16{40864, 26312}
				checkMatch(t, &r, q, m.Match, func(n int) bool { return pingSays(&m, q, n) }, m.Sent, addrs)
				checkSent(t, &r, m.MatchSent, m.Sent, addrs)
			}
		}
	})
}

func checkMatch(t *testing.T, r *Reply, q packet.Quote, match func(*Reply) (int, bool), says func(int) bool, sent int, addrs [2]netip.Addr) {
	t.Helper()
	n, ok := match(r)
	if !ok {
		return
	}
	if n < 0 || n >= sent || r.IP.Dst != addrs[0] {
		t.Fatalf("%s: probe %d of %d", text(r, Accepted), n, sent)
	}
	if r.Kind != KindError {
		if r.IP.Src != addrs[1] {
			t.Fatalf("%s matched, but isn't from the target", text(r, Accepted))
		}
		return
	}
	if !says(n) {
		t.Fatalf("%s: probe %d, but the quote % x doesn't say so", text(r, Accepted), n, []byte(q))
	}
}

func checkSent(t *testing.T, r *Reply, match func(*Reply) (int, bool), sent int, addrs [2]netip.Addr) {
	t.Helper()
	if n, ok := match(r); ok && (n < 0 || n >= sent || r.IP.Src != addrs[0] || r.IP.Dst != addrs[1]) {
		t.Fatalf("%s: sent as probe %d of %d", text(r, Accepted), n, sent)
	}
}

// FuzzProbe describes probes at random: what is built has the announced size, is
// parsed, and matches the probe.
func FuzzProbe(f *testing.F) {
	f.Add(uint8(5), uint16(40000), uint16(33435), uint16(3), uint8(1), []byte{}, uint16(0), uint16(0))
	f.Add(uint8(2), uint16(40000), uint16(33435), uint16(3), uint8(1), []byte{1, 2}, uint16(1500), uint16(0))
	f.Add(uint8(5), uint16(40000), uint16(33435), uint16(3), uint8(1), []byte{1, 2}, uint16(0), uint16(8190))
	f.Fuzz(func(t *testing.T, method uint8, sport, dport, n uint16, ttl uint8, payload []byte, size, offset uint16) {
		for _, addrs := range [][2]netip.Addr{{host4, target4}, {host6, target6}} {
			p := TraceProbe{
				Method: TraceMethod(method % 8), Src: addrs[0], Dst: addrs[1], SrcPort: sport, DstPort: dport,
				N: int(n % 32768), TTL: ttl, Payload: payload, PacketSize: int(size), FragOffset: offset % 8191,
			}
			b, err := p.AppendPacket(nil)
			if err != nil {
				if len(b) != 0 {
					t.Fatalf("%d bytes and %v", len(b), err)
				}
				continue
			}
			if len(b) != p.Size() {
				t.Fatalf("Size %d, %d bytes", p.Size(), len(b))
			}
			m := TraceMatch{Method: p.Method, Src: p.Src, Dst: p.Dst, SrcPort: sport, DstPort: dport, Sent: p.N + 1, FragOffset: p.FragOffset}
			var r Reply
			if reason := ParseFrame(packet.LinkRaw, b, &r); reason != Accepted {
				t.Fatalf("%v: % x", reason, b)
			}
			if p.FragOffset == 0 && int(p.DstPort)+p.N <= 0xffff {
				if got, ok := m.MatchSent(&r); !ok || got != p.N {
					t.Fatalf("sent probe %d is %d %v", p.N, got, ok)
				}
			}
			e := packet.ErrorFields{Type: packet.ICMP6TimeExceeded}
			if p.Dst.Is4() {
				e.Type = packet.ICMP4TimeExceeded
			}
			msg, err := e.Append(nil, b[:min(len(b), 500)], addrs[1], addrs[0])
			if err != nil {
				t.Fatal(err)
			}
			reason := ParseICMP6(msg, Ancillary{Src: addrs[1], Dst: addrs[0]}, &r)
			if p.Dst.Is4() {
				ip := packet.IPv4Fields{Protocol: packet.ProtoICMP, Src: addrs[1], Dst: addrs[0]}
				h, err := ip.Append(nil, len(msg))
				if err != nil {
					t.Fatal(err)
				}
				reason = ParseICMP4(append(h, msg...), &r)
			}
			if reason != Accepted {
				t.Fatalf("%v: % x", reason, msg)
			}
			if got, ok := m.Match(&r); int(p.DstPort)+p.N <= 0xffff && (!ok || got != p.N) {
				t.Fatalf("quoted probe %d is %d %v", p.N, got, ok)
			}
		}
	})
}
