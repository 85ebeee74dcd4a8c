package probe

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"

	"scamper/shared/packet"
	"scamper/shared/warts"
)

// captured are the measurements in the captures, as the matchers know them.
var captured = []struct {
	capture string
	id      uint16 // source port or ICMP identifier
	trace   *TraceMatch
	ping    *PingMatch
	replies int
}{
	{"trace4", 40001, &TraceMatch{Method: warts.TraceUDP, DstPort: 33435}, nil, 4},
	{"trace4", 40002, &TraceMatch{Method: warts.TraceUDPParis, DstPort: 33435}, nil, 4},
	{"trace4", 40003, &TraceMatch{Method: warts.TraceICMPEcho}, nil, 4},
	{"trace4", 40004, &TraceMatch{Method: warts.TraceICMPEchoParis, DstPort: 4660}, nil, 4},
	{"trace4", 40005, &TraceMatch{Method: warts.TraceTCP, DstPort: 80}, nil, 4},
	{"trace4", 40006, &TraceMatch{Method: warts.TraceTCPAck, DstPort: 80}, nil, 4},
	{"trace6", 40001, &TraceMatch{Method: warts.TraceUDP, DstPort: 33435}, nil, 4},
	{"trace6", 40002, &TraceMatch{Method: warts.TraceUDPParis, DstPort: 33435}, nil, 4},
	{"trace6", 40003, &TraceMatch{Method: warts.TraceICMPEcho}, nil, 4},
	{"trace6", 40004, &TraceMatch{Method: warts.TraceICMPEchoParis}, nil, 4},
	{"trace6", 40005, &TraceMatch{Method: warts.TraceTCP, DstPort: 80}, nil, 4},
	{"trace6", 40006, &TraceMatch{Method: warts.TraceTCPAck, DstPort: 80}, nil, 4},
	{"trace6", 40007, &TraceMatch{Method: warts.TraceUDPParis, FragOffset: 5}, nil, 3},
	{"pmtud", 40010, &TraceMatch{Method: warts.TraceUDPParis, DstPort: 33435}, nil, 6},
	{"pmtud", 40011, &TraceMatch{Method: warts.TraceUDPParis, DstPort: 33435}, nil, 6},
	{"ping4", 5001, nil, &PingMatch{}, 2},
	{"ping4", 5002, nil, &PingMatch{}, 2},
	{"ping4", 5003, nil, &PingMatch{}, 2},
	{"ping4", 5004, nil, &PingMatch{}, 2},
	{"ping4", 5005, nil, &PingMatch{}, 2},
	{"ping4", 5006, nil, &PingMatch{Method: warts.PingICMPTime}, 2},
	{"ping4", 5007, nil, &PingMatch{}, 2},
	{"ping4", 5008, nil, &PingMatch{}, 2},
	{"ping4", 5009, nil, &PingMatch{}, 1},
	{"ping4", 5010, nil, &PingMatch{}, 1},
	{"ping4", 45001, nil, &PingMatch{Method: warts.PingUDP, DstPort: 33435}, 2},
	{"ping4", 45002, nil, &PingMatch{Method: warts.PingUDPDport, DstPort: 33435}, 2},
	{"ping4", 45003, nil, &PingMatch{Method: warts.PingTCPSyn, DstPort: 80}, 2},
	{"ping4", 45004, nil, &PingMatch{Method: warts.PingTCPAck, DstPort: 80}, 2},
	{"ping4", 45005, nil, &PingMatch{Method: warts.PingTCPAckSport, DstPort: 80, SrcPorts: []uint16{45005, 45006}}, 2},
	{"ping4", 45007, nil, &PingMatch{Method: warts.PingTCPSynAck, DstPort: 80}, 2},
	{"ping4", 45009, nil, &PingMatch{Method: warts.PingUDP, DstPort: 7}, 1},
	{"ping6", 5001, nil, &PingMatch{}, 2},
	{"ping6", 5007, nil, &PingMatch{}, 2},
	{"ping6", 45001, nil, &PingMatch{Method: warts.PingUDP, DstPort: 33435}, 2},
	{"ping6", 45002, nil, &PingMatch{Method: warts.PingUDPDport, DstPort: 33435}, 2},
	{"ping6", 45003, nil, &PingMatch{Method: warts.PingTCPSyn, DstPort: 80}, 2},
	{"ping6", 5009, nil, &PingMatch{}, 2},
}

// TestMatchCaptured goes through the captures: each copy of a probe is recognised as
// the one just sent, each reply finds the next probe, and nothing else matches.
func TestMatchCaptured(t *testing.T) {
	for _, c := range captured {
		t.Run(fmt.Sprintf("%s from %d", c.capture, c.id), func(t *testing.T) {
			mine := byID(c.id)
			if c.ping != nil && c.ping.Method.VariesSport() {
				second := byID(c.id + 1)
				mine = func(r *Reply) bool { return byID(c.id)(r) || second(r) }
			}
			src, dst := host6, target6
			if c.capture == "trace4" || c.capture == "ping4" || c.id == 40010 {
				src, dst = host4, target4
			}
			sent, replies := 0, 0
			var ids []uint16
			match := func(r *Reply, out bool) (int, bool) {
				if c.trace != nil {
					m := *c.trace
					m.Src, m.Dst, m.SrcPort, m.Sent = src, dst, c.id, sent
					if out {
						return m.MatchSent(r)
					}
					return m.Match(r)
				}
				m := *c.ping
				m.Src, m.Dst, m.SrcPort, m.Sent, m.IDs = src, dst, c.id, sent, ids
				if out {
					return m.MatchSent(r)
				}
				return m.Match(r)
			}
			for i, b := range frames(t, c.capture) {
				var r Reply
				if ParseFrame(packet.LinkEthernet, b, &r) != Accepted {
					continue
				}
				out := outgoing(&r)
				if out && mine(&r) && r.IP.Src == src {
					sent++
					ids = append(ids, uint16(r.IP.ID))
					if r.Kind == KindFragment { // seen only where another program sends them
						continue
					}
					if n, ok := match(&r, true); !ok || n != sent-1 {
						t.Errorf("frame %d: sent probe %d, %v; want %d", i+1, n, ok, sent-1)
					}
					continue
				}
				n, ok := match(&r, out)
				if !ok {
					continue
				}
				if out || n != replies {
					t.Errorf("frame %d: %s matches probe %d, want %d", i+1, text(&r, Accepted), n, replies)
				}
				replies++
				if first, second := r.Targets(); first != dst && second != dst {
					t.Errorf("frame %d: targets %v %v, want %v", i+1, first, second, dst)
				}
			}
			if replies != c.replies {
				t.Errorf("%d replies to %d probes, want %d", replies, sent, c.replies)
			}
		})
	}
}

func TestIPIDIndex(t *testing.T) {
	for _, tt := range []struct {
		id   uint16
		sent int
		want int // -1: none
	}{
		{0, 10, -1},
		{1, 10, 0},
		{10, 10, 9},
		{11, 10, 9}, // increased on the way
		{12, 10, -1},
		{0x0100, 10, 0}, // bytes swapped
		{0x0a00, 10, 9},
		{0x0b00, 10, -1},
		{0x0001, 300, 0},
		{0x0100, 300, 255}, // fits as it is: taken literally
		{0x012c, 300, 299},
		{0x012d, 300, 299},
		{0x2c01, 300, 299}, // 300 swapped
		{1, 1, 0},
		{2, 1, 0},
		{3, 1, -1},
		{1, 0, -1},
		{0x0100, 0, -1},
		{0xffff, 65535, 65534},
		{0xffff, 65534, 65533},
	} {
		got, ok := IPIDIndex(tt.id, tt.sent)
		if !ok {
			got = -1
		}
		if got != tt.want || ok && (got < 0 || got >= tt.sent) {
			t.Errorf("id %#04x of %d probes: %d, want %d", tt.id, tt.sent, got, tt.want)
		}
	}
}

// exceeded is a time exceeded that quotes a packet to a target.
func exceeded(dst netip.Addr, q Quote) Reply {
	r := Reply{Kind: KindError, IP: IP{Version: 6, Src: addr("2001:db8::77"), Dst: host6}, Quote: q}
	r.ICMP.Type = packet.ICMP6TimeExceeded
	r.Quote.Src = host6
	if dst.Is4() {
		r.IP = IP{Version: 4, Src: addr("192.0.2.77"), Dst: host4}
		r.ICMP.Type = packet.ICMP4TimeExceeded
		r.Quote.Src = host4
	}
	r.Quote.Dst = dst
	return r
}

// from is a reply of the target itself.
func from(r Reply, dst netip.Addr) Reply {
	r.IP = IP{Version: 6, Src: dst, Dst: host6}
	if dst.Is4() {
		r.IP = IP{Version: 4, Src: dst, Dst: host4}
	}
	return r
}

func TestTraceMatch(t *testing.T) {
	const udp, tcp, icmp, icmp6 = packet.ProtoUDP, packet.ProtoTCP, packet.ProtoICMP, packet.ProtoICMPv6
	m4 := func(method warts.TraceMethod, sent int) TraceMatch {
		return TraceMatch{Method: method, Src: host4, Dst: target4, SrcPort: 40000, DstPort: 33435, Sent: sent}
	}
	m6 := func(method warts.TraceMethod, sent int) TraceMatch {
		return TraceMatch{Method: method, Src: host6, Dst: target6, SrcPort: 40000, DstPort: 33435, Sent: sent}
	}
	q := func(proto uint8, id, checksum uint16) Quote {
		return Quote{Protocol: proto, SrcPort: 40000, DstPort: 33435, ID: id, Checksum: checksum}
	}
	with := func(r Reply, change func(r *Reply)) Reply {
		change(&r)
		return r
	}
	mwith := func(m TraceMatch, change func(m *TraceMatch)) TraceMatch {
		change(&m)
		return m
	}
	frag := func(id uint32, proto uint8, data ...byte) Quote {
		return Quote{Protocol: proto, Fragment: true, Offset: 5, FragID: id, Payload: data}
	}
	m6frag := mwith(m6(warts.TraceUDPParis, 300), func(m *TraceMatch) { m.FragOffset = 5 })

	tests := []struct {
		name  string
		match TraceMatch
		reply Reply
		want  int // -1: none
	}{
		{"UDP first", m4(warts.TraceUDP, 5), exceeded(target4, Quote{Protocol: udp, SrcPort: 40000, DstPort: 33435}), 0},
		{"UDP last", m4(warts.TraceUDP, 5), exceeded(target4, Quote{Protocol: udp, SrcPort: 40000, DstPort: 33439}), 4},
		{"UDP not sent yet", m4(warts.TraceUDP, 5), exceeded(target4, Quote{Protocol: udp, SrcPort: 40000, DstPort: 33440}), -1},
		{"UDP below", m4(warts.TraceUDP, 5), exceeded(target4, Quote{Protocol: udp, SrcPort: 40000, DstPort: 33434}), -1},
		{"UDP other source port", m4(warts.TraceUDP, 5), exceeded(target4, Quote{Protocol: udp, SrcPort: 40001, DstPort: 33435}), -1},
		{"UDP port wrapped", mwith(m4(warts.TraceUDP, 5), func(m *TraceMatch) { m.DstPort = 65535 }), exceeded(target4, Quote{Protocol: udp, SrcPort: 40000, DstPort: 0}), -1},
		{"UDP other protocol", m4(warts.TraceUDP, 5), exceeded(target4, q(tcp, 1, 1)), -1},
		{"UDP other target", m4(warts.TraceUDP, 5), exceeded(addr("10.77.3.3"), q(udp, 1, 1)), -1},
		{"UDP fragment", m4(warts.TraceUDP, 5), with(exceeded(target4, q(udp, 1, 1)), func(r *Reply) { r.Quote.Offset = 1 }), -1},
		{"UDP not to us", m4(warts.TraceUDP, 5), with(exceeded(target4, q(udp, 1, 1)), func(r *Reply) { r.IP.Dst = addr("10.77.0.9") }), -1},
		{"UDP to who knows", m4(warts.TraceUDP, 5), with(exceeded(target4, q(udp, 1, 1)), func(r *Reply) { r.IP.Dst = netip.Addr{} }), 0},
		{"UDP IPv6", m6(warts.TraceUDP, 5), exceeded(target6, Quote{Protocol: udp, SrcPort: 40000, DstPort: 33437}), 2},
		{"UDP no probes", m4(warts.TraceUDP, 0), exceeded(target4, q(udp, 1, 1)), -1},

		{"unreachable", m4(warts.TraceUDP, 5), with(exceeded(target4, q(udp, 1, 1)), func(r *Reply) { r.ICMP.Type, r.ICMP.Code = packet.ICMP4Unreach, 13 }), 0},
		{"too big", m6(warts.TraceUDP, 5), with(exceeded(target6, q(udp, 1, 1)), func(r *Reply) { r.ICMP.Type = packet.ICMP6TooBig }), 0},
		{"parameter problem", m4(warts.TraceUDP, 5), with(exceeded(target4, q(udp, 1, 1)), func(r *Reply) { r.ICMP.Type = packet.ICMP4ParamProblem }), -1},
		{"reassembly", m4(warts.TraceUDP, 5), with(exceeded(target4, q(udp, 1, 1)), func(r *Reply) { r.ICMP.Code = 1 }), -1},
		{"source quench", m4(warts.TraceUDP, 5), with(exceeded(target4, q(udp, 1, 1)), func(r *Reply) { r.ICMP.Type = packet.ICMP4SourceQuench }), -1},

		{"paris by checksum and id", m4(warts.TraceUDPParis, 5), exceeded(target4, q(udp, 3, 3)), 2},
		{"paris, both too high", m4(warts.TraceUDPParis, 5), exceeded(target4, q(udp, 6, 6)), -1},
		{"paris by id, checksum altered", m4(warts.TraceUDPParis, 5), exceeded(target4, q(udp, 3, 0x7777)), 2},
		{"paris by id, no checksum", m4(warts.TraceUDPParis, 5), exceeded(target4, q(udp, 3, 0)), 2},
		{"paris by swapped id", m4(warts.TraceUDPParis, 5), exceeded(target4, q(udp, 0x0300, 3)), 2},
		{"paris by increased id", m4(warts.TraceUDPParis, 5), exceeded(target4, q(udp, 6, 5)), 4},
		{"paris without id", m4(warts.TraceUDPParis, 5), exceeded(target4, q(udp, 0, 3)), -1},
		{"paris other port", m4(warts.TraceUDPParis, 5), exceeded(target4, Quote{Protocol: udp, SrcPort: 40000, DstPort: 33436, ID: 3, Checksum: 3}), -1},
		{"paris const payload", mwith(m4(warts.TraceUDPParis, 5), func(m *TraceMatch) { m.ConstPayload = true }), exceeded(target4, q(udp, 4, 0x1234)), 3},
		{"paris IPv6", m6(warts.TraceUDPParis, 5), exceeded(target6, q(udp, 0, 5)), 4},
		{"paris IPv6 beyond", m6(warts.TraceUDPParis, 5), exceeded(target6, q(udp, 0, 6)), -1},
		{"paris IPv6 no checksum", m6(warts.TraceUDPParis, 5), exceeded(target6, q(udp, 0, 0)), -1},
		{"paris IPv6 const payload", mwith(m6(warts.TraceUDPParis, 5), func(m *TraceMatch) { m.ConstPayload = true }), with(exceeded(target6, q(udp, 0, 2)), func(r *Reply) { r.Quote.FlowLabel = 4 }), 3},
		{"paris IPv6 const payload, no label", mwith(m6(warts.TraceUDPParis, 5), func(m *TraceMatch) { m.ConstPayload = true }), exceeded(target6, q(udp, 0, 2)), -1},

		{"ICMP", m4(warts.TraceICMPEcho, 5), exceeded(target4, Quote{Protocol: icmp, Type: 8, ICMPID: 40000, ICMPSeq: 4}), 4},
		{"ICMP type not looked at", m4(warts.TraceICMPEchoParis, 5), exceeded(target4, Quote{Protocol: icmp, Type: 0, ICMPID: 40000}), 0},
		{"ICMP other id", m4(warts.TraceICMPEcho, 5), exceeded(target4, Quote{Protocol: icmp, Type: 8, ICMPID: 40001, ICMPSeq: 4}), -1},
		{"ICMP not sent yet", m4(warts.TraceICMPEcho, 5), exceeded(target4, Quote{Protocol: icmp, Type: 8, ICMPID: 40000, ICMPSeq: 5}), -1},
		{"ICMP in IPv6", m6(warts.TraceICMPEcho, 5), exceeded(target6, Quote{Protocol: icmp, Type: 8, ICMPID: 40000}), -1},
		{"ICMPv6", m6(warts.TraceICMPEchoParis, 5), exceeded(target6, Quote{Protocol: icmp6, Type: 128, ICMPID: 40000, ICMPSeq: 1}), 1},
		{"echo reply", m4(warts.TraceICMPEcho, 5), from(Reply{Kind: KindEchoReply, ICMP: ICMP{ID: 40000, Seq: 3}}, target4), 3},
		{"echo reply beyond", m4(warts.TraceICMPEcho, 5), from(Reply{Kind: KindEchoReply, ICMP: ICMP{ID: 40000, Seq: 5}}, target4), -1},
		{"echo reply of another", m4(warts.TraceICMPEcho, 5), from(Reply{Kind: KindEchoReply, ICMP: ICMP{ID: 40000, Seq: 3}}, addr("10.77.3.3")), -1},
		{"echo reply for UDP", m4(warts.TraceUDP, 5), from(Reply{Kind: KindEchoReply, ICMP: ICMP{ID: 40000, Seq: 3}}, target4), -1},
		{"echo request", m4(warts.TraceICMPEcho, 5), from(Reply{Kind: KindEcho, ICMP: ICMP{ID: 40000, Seq: 3}}, target4), -1},

		{"TCP", m4(warts.TraceTCP, 5), exceeded(target4, q(tcp, 2, 0)), 1},
		{"TCP swapped id", m4(warts.TraceTCPAck, 5), exceeded(target4, q(tcp, 0x0500, 0)), 4},
		{"TCP other port", m4(warts.TraceTCP, 5), exceeded(target4, Quote{Protocol: tcp, SrcPort: 40001, DstPort: 33435, ID: 1}), -1},
		{"TCP IPv6", m6(warts.TraceTCP, 5), with(exceeded(target6, q(tcp, 0, 0)), func(r *Reply) { r.Quote.FlowLabel = 5 }), 4},
		{"TCP IPv6 without label", m6(warts.TraceTCP, 5), exceeded(target6, q(tcp, 1, 1)), -1},
		{"TCP IPv6 label beyond", m6(warts.TraceTCP, 5), with(exceeded(target6, q(tcp, 0, 0)), func(r *Reply) { r.Quote.FlowLabel = 6 }), -1},
		{"SYN/ACK", m4(warts.TraceTCP, 5), from(Reply{Kind: KindTCP, TCP: TCP{SrcPort: 33435, DstPort: 40000, Flags: 0x12}}, target4), 4},
		{"SYN/ACK before any probe", m4(warts.TraceTCP, 0), from(Reply{Kind: KindTCP, TCP: TCP{SrcPort: 33435, DstPort: 40000, Flags: 0x12}}, target4), -1},
		{"SYN/ACK other port", m4(warts.TraceTCP, 5), from(Reply{Kind: KindTCP, TCP: TCP{SrcPort: 33435, DstPort: 40001, Flags: 0x12}}, target4), -1},
		{"SYN/ACK for UDP", m4(warts.TraceUDP, 5), from(Reply{Kind: KindTCP, TCP: TCP{SrcPort: 33435, DstPort: 40000}}, target4), -1},
		{"UDP reply", m4(warts.TraceUDP, 5), from(Reply{Kind: KindUDP, UDP: UDP{SrcPort: 33437, DstPort: 40000}}, target4), 2},
		{"UDP reply beyond", m4(warts.TraceUDP, 5), from(Reply{Kind: KindUDP, UDP: UDP{SrcPort: 33440, DstPort: 40000}}, target4), -1},
		{"UDP reply for paris", m6(warts.TraceUDPParis, 5), from(Reply{Kind: KindUDP, UDP: UDP{SrcPort: 33435, DstPort: 40000}}, target6), 4},
		{"UDP reply for paris, other port", m6(warts.TraceUDPParis, 5), from(Reply{Kind: KindUDP, UDP: UDP{SrcPort: 33436, DstPort: 40000}}, target6), -1},
		{"UDP reply of another", m4(warts.TraceUDP, 5), from(Reply{Kind: KindUDP, UDP: UDP{SrcPort: 33437, DstPort: 40000}}, addr("10.77.3.3")), -1},

		{"fragment", m6frag, exceeded(target6, frag(40000<<16|299, udp, 0, 0, 1, 0x2b)), 299},
		{"fragment other id", m6frag, exceeded(target6, frag(40001<<16, udp, 0, 0, 0, 0)), -1},
		{"fragment other protocol", m6frag, exceeded(target6, frag(40000<<16, tcp, 0, 0, 0, 0)), -1},
		{"fragment short", m6frag, exceeded(target6, frag(40000<<16, udp, 0, 0, 0)), -1},
		{"fragment beyond", m6frag, exceeded(target6, frag(40000<<16, udp, 0, 0, 1, 0x2c)), -1},
		{"fragment other offset", mwith(m6frag, func(m *TraceMatch) { m.FragOffset = 6 }), exceeded(target6, frag(40000<<16, udp, 0, 0, 0, 0)), -1},

		{"zone of the target", mwith(m6(warts.TraceUDP, 5), func(m *TraceMatch) { m.Dst = addr("fe80::2%eth0") }), exceeded(addr("fe80::2"), q(udp, 1, 1)), 0},
		{"no method", m4(0, 5), exceeded(target4, q(udp, 1, 1)), -1},
		{"nothing", m4(warts.TraceUDP, 5), Reply{}, -1},
	}
	for _, tt := range tests {
		got, ok := tt.match.Match(&tt.reply)
		if !ok {
			got = -1
		}
		if got != tt.want {
			t.Errorf("%s: probe %d, want %d", tt.name, got, tt.want)
		}
	}
}

// TestUnfinishedChecksum: a virtual link leaves the checksum of UDP over IPv6
// unfinished, and routers quote it so; the payload tells what it would be. What the
// kernel leaves there may look like the checksum of another probe.
func TestUnfinishedChecksum(t *testing.T) {
	for _, tt := range []struct {
		src  netip.Addr
		want int // the sum of the pseudo header, 0: any
	}{{host6, 0}, {addr("fd77::abcd"), 0}, {addr("fd77::2"), 3}} {
		dst := target6
		if tt.want != 0 { // an address that makes the sum that
			a := dst.As16()
			a[14], a[15] = 0, 0
			rest := packet.PseudoSum(tt.src, netip.AddrFrom16(a), packet.ProtoUDP, 20).Value()
			binary.BigEndian.PutUint16(a[14:], packet.Sum(^rest).Word(uint16(tt.want)).Value())
			dst = netip.AddrFrom16(a)
		}
		m := TraceMatch{Method: warts.TraceUDPParis, Src: tt.src, Dst: dst, SrcPort: 40000, DstPort: 33435, Sent: 7}
		p := TraceProbe{Method: warts.TraceUDPParis, Src: tt.src, Dst: dst, SrcPort: 40000, DstPort: 33435, TTL: 1}
		for n := range m.Sent {
			p.N = n
			b, err := p.AppendPacket(nil)
			b = must(t, b, err)
			left := packet.PseudoSum(tt.src, dst, packet.ProtoUDP, len(b)-packet.IPv6HeaderLen).Value()
			if tt.want != 0 && int(left) != tt.want {
				t.Fatalf("the sum of the pseudo header is %d, want %d", left, tt.want)
			}
			binary.BigEndian.PutUint16(b[46:], left)
			f := packet.ErrorFields{Type: packet.ICMP6TimeExceeded}
			msg, err := f.Append(nil, b, addr("fd77:1::2"), tt.src)
			var r Reply
			if reason := ParseICMP6(must(t, msg, err), Ancillary{Src: addr("fd77:1::2"), Dst: tt.src}, &r); reason != Accepted {
				t.Fatal(reason)
			}
			if got, ok := m.Match(&r); !ok || got != n {
				t.Errorf("from %s: probe %d: %d %v", tt.src, n, got, ok)
			}
			msg, err = f.Append(nil, b[:len(b)-1], addr("fd77:1::2"), tt.src)
			ParseICMP6(must(t, msg, err), Ancillary{Src: addr("fd77:1::2"), Dst: tt.src}, &r)
			if got, ok := m.Match(&r); ok {
				t.Errorf("from %s: probe %d, quote cut by one byte: matched %d", tt.src, n, got)
			}
		}
	}
}

func TestPingMatch(t *testing.T) {
	const udp, tcp, icmp, icmp6 = packet.ProtoUDP, packet.ProtoTCP, packet.ProtoICMP, packet.ProtoICMPv6
	ids := []uint16{100, 200, 300, 400, 500, 600, 700}
	m4 := func(method warts.PingMethod) PingMatch {
		return PingMatch{
			Method: method, Src: host4, Dst: target4, SrcPort: 40000, DstPort: 33435, Sent: 7, IDs: ids,
			SrcPorts: []uint16{40000, 50001, 50002, 50003, 50004, 50005, 50006},
		}
	}
	m6 := func(method warts.PingMethod) PingMatch {
		m := m4(method)
		m.Src, m.Dst, m.IDs = host6, target6, nil
		return m
	}
	seq := func(m PingMatch, first uint16) PingMatch {
		m.DstPort = first
		return m
	}
	with := func(r Reply, change func(r *Reply)) Reply {
		change(&r)
		return r
	}
	echo := func(dst netip.Addr, id, seq uint16) Reply {
		return from(Reply{Kind: KindEchoReply, ICMP: ICMP{ID: id, Seq: seq}}, dst)
	}
	quoted := func(dst netip.Addr, proto uint8, sport, dport, id uint16) Reply {
		return exceeded(dst, Quote{Protocol: proto, SrcPort: sport, DstPort: dport, ID: id})
	}
	quotedEcho := func(dst netip.Addr, proto, typ uint8, id, seq uint16) Reply {
		return exceeded(dst, Quote{Protocol: proto, Type: typ, ICMPID: id, ICMPSeq: seq})
	}
	segment := func(dst netip.Addr, sport, dport uint16, id uint32) Reply {
		return with(from(Reply{Kind: KindTCP, TCP: TCP{SrcPort: sport, DstPort: dport, Flags: 0x14}}, dst), func(r *Reply) { r.IP.ID = id })
	}
	datagram := func(dst netip.Addr, sport, dport uint16) Reply {
		return with(from(Reply{Kind: KindUDP, UDP: UDP{SrcPort: sport, DstPort: dport}}, dst), func(r *Reply) { r.IP.ID = 300 })
	}

	tests := []struct {
		name  string
		match PingMatch
		reply Reply
		want  int // -1: none
	}{
		{"echo", seq(m4(warts.PingICMPEcho), 0), echo(target4, 40000, 6), 6},
		{"echo beyond", seq(m4(warts.PingICMPEcho), 0), echo(target4, 40000, 7), -1},
		{"echo first sequence 5", seq(m4(warts.PingICMPEcho), 5), echo(target4, 40000, 6), 1},
		{"echo below the first", seq(m4(warts.PingICMPEcho), 5), echo(target4, 40000, 4), -1},
		{"echo wrapped", seq(m6(warts.PingICMPEcho), 65534), echo(target6, 40000, 2), 4},
		{"echo other id", seq(m4(warts.PingICMPEcho), 0), echo(target4, 40001, 6), -1},
		{"echo of another", seq(m4(warts.PingICMPEcho), 0), echo(addr("10.77.3.3"), 40000, 6), -1},
		{"echo not to us", seq(m4(warts.PingICMPEcho), 0), with(echo(target4, 40000, 6), func(r *Reply) { r.IP.Dst = spoof4 }), -1},
		{"echo for icmp-time", seq(m4(warts.PingICMPTime), 0), echo(target4, 40000, 6), -1},
		{"timestamp", seq(m4(warts.PingICMPTime), 0), with(echo(target4, 40000, 6), func(r *Reply) { r.Kind = KindTimestampReply }), 6},
		{"timestamp for icmp-echo", seq(m4(warts.PingICMPEcho), 0), with(echo(target4, 40000, 6), func(r *Reply) { r.Kind = KindTimestampReply }), -1},
		{"timestamp other id", seq(m4(warts.PingICMPTime), 0), with(echo(target4, 1, 6), func(r *Reply) { r.Kind = KindTimestampReply }), -1},

		{"quoted echo", seq(m4(warts.PingICMPEcho), 0), quotedEcho(target4, icmp, 8, 40000, 3), 3},
		{"quoted echo wrapped", seq(m4(warts.PingICMPEcho), 65535), quotedEcho(target4, icmp, 8, 40000, 0), 1},
		{"quoted timestamp for echo", seq(m4(warts.PingICMPEcho), 0), quotedEcho(target4, icmp, 13, 40000, 3), -1},
		{"quoted timestamp", seq(m4(warts.PingICMPTime), 0), quotedEcho(target4, icmp, 13, 40000, 3), 3},
		{"quoted echo in IPv6", seq(m6(warts.PingICMPEcho), 0), quotedEcho(target6, icmp6, 128, 40000, 3), 3},
		{"quoted reply", seq(m4(warts.PingICMPEcho), 0), quotedEcho(target4, icmp, 0, 40000, 3), -1},
		{"quoted other id", seq(m4(warts.PingICMPEcho), 0), quotedEcho(target4, icmp, 8, 40001, 3), -1},
		{"quoted other target", seq(m4(warts.PingICMPEcho), 0), quotedEcho(addr("10.77.3.3"), icmp, 8, 40000, 3), -1},
		{"quoted fragment", seq(m4(warts.PingICMPEcho), 0), with(quotedEcho(target4, icmp, 8, 40000, 3), func(r *Reply) { r.Quote.Offset = 1 }), -1},
		{"parameter problem", seq(m4(warts.PingICMPEcho), 0), with(quotedEcho(target4, icmp, 8, 40000, 3), func(r *Reply) { r.ICMP.Type = packet.ICMP4ParamProblem }), 3},
		{"redirect", seq(m4(warts.PingICMPEcho), 0), with(quotedEcho(target4, icmp, 8, 40000, 3), func(r *Reply) { r.ICMP.Type = packet.ICMP4Redirect }), -1},
		{"reassembly", seq(m4(warts.PingICMPEcho), 0), with(quotedEcho(target4, icmp, 8, 40000, 3), func(r *Reply) { r.ICMP.Code = 1 }), -1},

		{"quoted UDP by id", m4(warts.PingUDP), quoted(target4, udp, 40000, 33435, 400), 3},
		{"quoted UDP, id unknown", m4(warts.PingUDP), quoted(target4, udp, 40000, 33435, 999), 6},
		{"quoted UDP, id of the fifth last", m4(warts.PingUDP), quoted(target4, udp, 40000, 33435, 300), 2},
		{"quoted UDP, id of the sixth last", m4(warts.PingUDP), quoted(target4, udp, 40000, 33435, 200), 6},
		{"quoted UDP in IPv6", m6(warts.PingUDP), quoted(target6, udp, 40000, 33435, 400), 6},
		{"quoted UDP other port", m4(warts.PingUDP), quoted(target4, udp, 40000, 33436, 400), -1},
		{"quoted UDP other source port", m4(warts.PingUDP), quoted(target4, udp, 40001, 33435, 400), -1},
		{"quoted TCP for UDP", m4(warts.PingUDP), quoted(target4, tcp, 40000, 33435, 400), -1},
		{"quoted udp-dport", m4(warts.PingUDPDport), quoted(target4, udp, 40000, 33437, 400), 2},
		{"quoted udp-dport beyond", m4(warts.PingUDPDport), quoted(target4, udp, 40000, 33442, 400), -1},
		{"quoted udp-dport below", m4(warts.PingUDPDport), quoted(target4, udp, 40000, 33434, 400), -1},
		{"quoted udp-sport", m4(warts.PingUDPSport), quoted(target4, udp, 50002, 33435, 999), 2},
		{"quoted udp-sport unknown", m4(warts.PingUDPSport), quoted(target4, udp, 50009, 33435, 400), -1},
		{"quoted udp-sport other port", m4(warts.PingUDPSport), quoted(target4, udp, 50002, 33436, 400), -1},
		{"quoted TCP by id", m4(warts.PingTCPSyn), quoted(target4, tcp, 40000, 33435, 600), 5},
		{"quoted tcp-syn-sport", m6(warts.PingTCPSynSport), quoted(target6, tcp, 50006, 33435, 0), 6},

		{"TCP with id echoed", m4(warts.PingTCPAck), segment(target4, 33435, 40000, 500), 4},
		{"TCP with other id", m4(warts.PingTCPRst), segment(target4, 33435, 40000, 0), 6},
		{"TCP in IPv6", m6(warts.PingTCPSyn), segment(target6, 33435, 40000, 500), 6},
		{"TCP sport", m4(warts.PingTCPAckSport), segment(target4, 33435, 50003, 500), 3},
		{"TCP other port", m4(warts.PingTCPAck), segment(target4, 33434, 40000, 500), -1},
		{"TCP for UDP", m4(warts.PingUDP), segment(target4, 33435, 40000, 500), -1},
		{"UDP reply: the last probe", m4(warts.PingUDP), datagram(target4, 33435, 40000), 6},
		{"UDP reply of udp-dport", m4(warts.PingUDPDport), datagram(target4, 33438, 40000), 3},
		{"UDP reply of udp-sport", m4(warts.PingUDPSport), datagram(target4, 33435, 50001), 1},
		{"UDP reply for TCP", m4(warts.PingTCPAck), datagram(target4, 33435, 40000), -1},
		{"UDP reply other port", m4(warts.PingUDP), datagram(target4, 33436, 40000), -1},
		{"fragment", m4(warts.PingUDP), from(Reply{Kind: KindFragment}, target4), -1},
		{"nothing sent", PingMatch{Method: warts.PingUDP, Src: host4, Dst: target4, SrcPort: 40000, DstPort: 33435}, datagram(target4, 33435, 40000), -1},
	}
	for _, tt := range tests {
		got, ok := tt.match.Match(&tt.reply)
		if !ok {
			got = -1
		}
		if got != tt.want {
			t.Errorf("%s: probe %d, want %d", tt.name, got, tt.want)
		}
	}
}

// TestMatchSentRefuses: copies of packets that are no probes of ours.
func TestMatchSentRefuses(t *testing.T) {
	m := TraceMatch{Method: warts.TraceTCP, Src: host4, Dst: target4, SrcPort: 40000, DstPort: 80, Sent: 5}
	rst := Reply{Kind: KindTCP, IP: IP{Version: 4, Src: host4, Dst: target4, ID: 1}, TCP: TCP{SrcPort: 40000, DstPort: 80, Flags: packet.RST}}
	if n, ok := m.MatchSent(&rst); ok {
		t.Errorf("the kernel's RST is probe %d", n)
	}
	rst.TCP.Flags = packet.SYN
	if n, ok := m.MatchSent(&rst); !ok || n != 0 {
		t.Errorf("SYN: %d %v", n, ok)
	}
	rst.IP.Src = spoof4
	if n, ok := m.MatchSent(&rst); ok {
		t.Errorf("another source's SYN is probe %d", n)
	}
	p := PingMatch{Method: warts.PingTCPSyn, Src: host4, Dst: target4, SrcPort: 40000, DstPort: 80, Sent: 1, IDs: []uint16{7}}
	rst.IP.Src = host4
	if n, ok := p.MatchSent(&rst); ok {
		t.Errorf("a SYN with another id is probe %d", n)
	}
	rst.IP.ID = 7
	if n, ok := p.MatchSent(&rst); !ok || n != 0 {
		t.Errorf("ping SYN: %d %v", n, ok)
	}
	for _, kind := range []Kind{KindNone, KindEcho, KindTimestamp, KindUDP, KindError} {
		r := rst
		r.Kind = kind
		if _, ok := p.MatchSent(&r); ok {
			t.Errorf("%v matched a TCP ping", kind)
		}
		if _, ok := m.MatchSent(&r); ok {
			t.Errorf("%v matched a TCP trace", kind)
		}
	}
}
