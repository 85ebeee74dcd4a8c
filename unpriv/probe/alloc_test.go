package probe

import (
	"net/netip"
	"testing"

	"scamper/shared/packet"
	"scamper/shared/warts"
)

// hot are the steps that every packet goes through.
func hot(t testing.TB) map[string]func() {
	t.Helper()
	buf := make([]byte, 0, 2048)
	var r Reply
	e4 := error4(t, packet.ErrorFields{Type: packet.ICMP4TimeExceeded}, probe4(t))
	x4 := error4(t, packet.ErrorFields{Type: packet.ICMP4TimeExceeded, Form: packet.Legacy, Objects: mpls(t, 16, 17)}, probe4(t))
	e6 := error6(t, packet.ErrorFields{Type: packet.ICMP6TimeExceeded}, probe6(t))
	tp := TraceProbe{Method: warts.TraceUDPParis, Src: host4, Dst: target4, SrcPort: 40000, DstPort: 33435, N: 3, TTL: 4}
	tp6 := tp
	tp6.Src, tp6.Dst = host6, target6
	frag := tp6
	frag.FragOffset = 5
	pp := PingProbe{Src: host4, Dst: target4, SrcPort: 1, ID: 5906, TTL: 64, PayloadLen: 56}
	pt := pp
	pt.Timestamp, pt.Prespec, pt.Force, pt.Embed = TimestampPrespec, []netip.Addr{host4, target4}, true, host4
	ps := PingProbe{Method: warts.PingTCPSyn, Src: host6, Dst: target6, MSS: 1460, TTL: 64}
	tb := TooBig{Src: host6, Dst: target6, MTU: 1280, Packet: make([]byte, 1400)}
	tb.Packet[0] = 0x60
	tm := TraceMatch{Method: warts.TraceUDPParis, Src: host4, Dst: target4, SrcPort: 40000, DstPort: 33435, Sent: 5}
	pm := PingMatch{Src: host4, Dst: target4, SrcPort: 5001, Sent: 2, IDs: []uint16{1, 2}}
	var udp, syn []byte
	for _, b := range frames(t, "trace4") {
		var p Reply
		ParseFrame(packet.LinkEthernet, b, &p)
		if p.Kind == KindUDP {
			udp = b
		}
		if p.Kind == KindTCP && p.TCP.HasMSS {
			syn = b
		}
	}
	return map[string]func(){
		"trace probe":          func() { _, _ = tp.AppendPacket(buf) },
		"trace probe IPv6":     func() { _, _ = tp6.AppendPayload(buf) },
		"fragment probe":       func() { _, _ = frag.AppendPacket(buf) },
		"ping probe":           func() { _, _ = pp.AppendPacket(buf) },
		"ping probe, options":  func() { _, _ = pt.AppendPacket(buf) },
		"ping probe TCP":       func() { _, _ = ps.AppendPacket(buf) },
		"packet too big":       func() { _, _ = tb.AppendPacket(buf) },
		"size":                 func() { _ = tp.Size() + pp.Size() },
		"ICMP error":           func() { ParseICMP4(e4, &r) },
		"ICMP error with MPLS": func() { ParseICMP4(x4, &r) },
		"ICMPv6 error":         func() { ParseICMP6(e6, ancillary, &r) },
		"frame UDP":            func() { ParseFrame(packet.LinkEthernet, udp, &r) },
		"frame TCP":            func() { ParseFrame(packet.LinkEthernet, syn, &r) },
		"refused":              func() { ParseICMP4(e4[:50], &r) },
		"parse and match": func() {
			ParseICMP4(e4, &r)
			r.Targets()
			tm.Match(&r)
		},
		"ping match": func() { pm.Match(&r) },
	}
}

// TestAllocs: nothing on the way of a packet allocates.
func TestAllocs(t *testing.T) {
	for name, f := range hot(t) {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations, want 0", name, n)
		}
	}
}

func BenchmarkHot(b *testing.B) {
	for name, f := range hot(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
}
