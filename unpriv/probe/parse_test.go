package probe

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scamper/shared/packet"
	"scamper/shared/warts"
	"scamper/unpriv/netio"
)

// probe4 and probe6 are UDP-paris probes, whole packets.
func probe4(t testing.TB) []byte {
	p := TraceProbe{Method: warts.TraceUDPParis, Src: host4, Dst: target4, SrcPort: 40000, DstPort: 33435, TTL: 1, TOS: 5}
	b, err := p.AppendPacket(nil)
	return must(t, b, err)
}

func probe6(t testing.TB) []byte {
	p := TraceProbe{Method: warts.TraceUDPParis, Src: host6, Dst: target6, SrcPort: 40000, DstPort: 33435, TTL: 1, TOS: 5}
	b, err := p.AppendPacket(nil)
	return must(t, b, err)
}

// error4 is an ICMP error as a raw socket gives it.
func error4(t testing.TB, f packet.ErrorFields, quote []byte) []byte {
	t.Helper()
	msg, err := f.Append(nil, quote, addr("10.77.1.2"), host4)
	msg = must(t, msg, err)
	ip := packet.IPv4Fields{TOS: 0xc0, ID: 99, TTL: 62, Protocol: packet.ProtoICMP, Src: addr("10.77.1.2"), Dst: host4}
	b, err := ip.Append(nil, len(msg))
	return append(must(t, b, err), msg...)
}

// error6 is an ICMPv6 error as a raw socket gives it.
func error6(t testing.TB, f packet.ErrorFields, quote []byte) []byte {
	t.Helper()
	msg, err := f.Append(nil, quote, addr("fd77:1::2"), host6)
	return must(t, msg, err)
}

var ancillary = Ancillary{Src: addr("fd77:1::2"), Dst: host6, HopLimit: 62, TrafficClass: 3}

func mpls(t testing.TB, labels ...uint32) []byte {
	t.Helper()
	var stack []packet.MPLSLabel
	for i, l := range labels {
		stack = append(stack, packet.MPLSLabel{Label: l, TTL: 1, Bottom: i == len(labels)-1})
	}
	b, err := packet.AppendMPLS(nil, stack...)
	return must(t, b, err)
}

func TestParseICMP4(t *testing.T) {
	b := error4(t, packet.ErrorFields{Type: packet.ICMP4TimeExceeded, Form: packet.Legacy, Objects: mpls(t, 16, 17)}, probe4(t))
	capture := Capture{Stamp: netio.Stamp(5), Kernel: true, IfIndex: 3}
	r := Reply{Capture: capture, Kind: KindTCP, TCP: TCP{Seq: 9}}
	if reason := ParseICMP4(b, &r); reason != Accepted {
		t.Fatal(reason)
	}
	want := Reply{
		Capture: capture, Kind: KindError, Packet: b,
		IP:   IP{Version: 4, Src: addr("10.77.1.2"), Dst: host4, Protocol: 1, TTL: 62, TOS: 0xc0, HasTTL: true, HasTOS: true, HasID: true, ID: 99, Size: len(b)},
		ICMP: ICMP{Type: 11, Extensions: r.ICMP.Extensions},
		Quote: Quote{
			Src: host4, Dst: target4, Protocol: 17, TTL: 1, TOS: 5, DF: true, ID: 1, Size: 44,
			SrcPort: 40000, DstPort: 33435, Checksum: 1, Payload: probe4(t)[20:],
		},
	}
	if diff := cmp.Diff(want, r, cmpReply...); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	o, rest, ok := r.ICMP.Extensions.Next()
	if !ok || !o.IsMPLS() || o.Labels() != 2 || o.Label(1).Label != 17 || len(rest) != 0 {
		t.Errorf("extensions % x", []byte(r.ICMP.Extensions))
	}
	if !r.IsTimeExceeded() || r.IsUnreach() || r.IsTooBig() || r.IsParamProblem() {
		t.Error("what it is")
	}

	// A quote longer than 128 bytes ends where the extensions begin.
	large := TraceProbe{Method: warts.TraceUDPParis, Src: host4, Dst: target4, PacketSize: 1500}
	lb, err := large.AppendPacket(nil)
	lb = must(t, lb, err)
	if reason := ParseICMP4(error4(t, packet.ErrorFields{Type: 3, Code: 4, Rest: packet.TooBigRest(1400), Form: packet.Legacy, Objects: mpls(t, 5)}, lb), &r); reason != Accepted {
		t.Fatal(reason)
	}
	if !bytes.Equal(r.Quote.Payload, lb[20:128]) || !r.IsTooBig() || r.ICMP.MTU != 1400 || r.Quote.Size != 1500 {
		t.Errorf("payload of %d bytes, MTU %d, size %d", len(r.Quote.Payload), r.ICMP.MTU, r.Quote.Size)
	}
	if reason := ParseICMP4(error4(t, packet.ErrorFields{Type: 12, Rest: packet.Pointer4Rest(20)}, lb[:28]), &r); reason != Accepted || r.ICMP.Pointer != 20 || !r.IsParamProblem() {
		t.Errorf("parameter problem: %v, pointer %d", reason, r.ICMP.Pointer)
	}
	if reason := ParseICMP4(error4(t, packet.ErrorFields{Type: 3, Code: 3}, lb[:28]), &r); reason != Accepted || !r.IsPortUnreach() {
		t.Errorf("port unreachable: %v", reason)
	}
}

func TestParseICMP6(t *testing.T) {
	b := error6(t, packet.ErrorFields{Type: packet.ICMP6TimeExceeded, Form: packet.RFC4884, Objects: mpls(t, 16)}, probe6(t))
	var r Reply
	if reason := ParseICMP6(b, ancillary, &r); reason != Accepted {
		t.Fatal(reason)
	}
	want := Reply{
		Kind: KindError, Packet: b,
		IP:   IP{Version: 6, Src: addr("fd77:1::2"), Dst: host6, Protocol: 58, TTL: 62, TOS: 3, HasTTL: true, HasTOS: true, Size: 40 + len(b)},
		ICMP: ICMP{Type: 3, Extensions: r.ICMP.Extensions},
		Quote: Quote{
			Src: host6, Dst: target6, Protocol: 17, TTL: 1, TOS: 5, Size: 60,
			SrcPort: 40000, DstPort: 33435, Checksum: 1, Payload: probe6(t)[40:],
		},
	}
	if diff := cmp.Diff(want, r, cmpReply...); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if o, _, ok := r.ICMP.Extensions.Next(); !ok || o.Label(0).Label != 16 {
		t.Errorf("extensions % x", []byte(r.ICMP.Extensions))
	}
	if reason := ParseICMP6(b, Ancillary{Src: addr("fe80::1%3"), HopLimit: -1, TrafficClass: -1}, &r); reason != Accepted {
		t.Fatal(reason)
	}
	if r.IP.Src != addr("fe80::1") || r.IP.Dst.IsValid() || r.IP.HasTTL || r.IP.HasTOS {
		t.Errorf("without ancillary data: %+v", r.IP)
	}
	big := error6(t, packet.ErrorFields{Type: packet.ICMP6TooBig, Rest: 100000}, probe6(t))
	if reason := ParseICMP6(big, ancillary, &r); reason != Accepted || !r.IsTooBig() || r.ICMP.MTU != 100000 {
		t.Errorf("packet too big: %v MTU %d", reason, r.ICMP.MTU)
	}
	if reason := ParseICMP6(error6(t, packet.ErrorFields{Type: 1, Code: 4}, probe6(t)), ancillary, &r); reason != Accepted || !r.IsPortUnreach() {
		t.Errorf("port unreachable: %v", reason)
	}
	frag := TraceProbe{Method: warts.TraceTCP, Src: host6, Dst: target6, SrcPort: 7, N: 9, FragOffset: 3}
	fb, err := frag.AppendPacket(nil)
	if reason := ParseICMP6(error6(t, packet.ErrorFields{Type: 3}, must(t, fb, err)), ancillary, &r); reason != Accepted {
		t.Fatal(reason)
	}
	q := Quote{Src: host6, Dst: target6, Protocol: 6, Fragment: true, Offset: 3, FragID: 7<<16 | 9, Size: 52, Payload: []byte{0, 0, 0, 9}}
	if diff := cmp.Diff(q, r.Quote, cmpReply...); diff != "" {
		t.Errorf("fragment (-want +got):\n%s", diff)
	}
}

// TestReasons says for each packet that is of no use why.
func TestReasons(t *testing.T) {
	p4, p6 := probe4(t), probe6(t)
	exceeded := packet.ErrorFields{Type: packet.ICMP4TimeExceeded}
	e4 := error4(t, exceeded, p4)
	change := func(b []byte, at int, v ...byte) []byte {
		b = bytes.Clone(b)
		copy(b[at:], v)
		return b
	}
	icmp4 := func(typ, code uint8) []byte {
		b, err := packet.AppendICMP4(nil, packet.IPv4Fields{TTL: 3, Src: target4, Dst: host4}, packet.ICMPFields{Type: typ, Code: code}, make([]byte, 20))
		return must(t, b, err)
	}
	for _, tt := range []struct {
		name string
		b    []byte
		want Reason
	}{
		{"empty", nil, Short},
		{"19 bytes", e4[:19], Short},
		{"version", change(e4, 0, 0x65), Malformed},
		{"header length", change(e4, 0, 0x44), Malformed},
		{"total length", change(e4, 2, 0, 19), Malformed},
		{"UDP", change(e4, 9, 17), Protocol},
		{"fragment", change(e4, 6, 0, 1), Protocol},
		{"ICMP header cut", e4[:27], Short},
		{"echo request", icmp4(8, 0), ICMPType},
		{"redirect", icmp4(5, 0), ICMPType},
		{"source quench", icmp4(4, 0), ICMPType},
		{"unknown type", icmp4(250, 0), ICMPType},
		{"reassembly", icmp4(11, 1), ICMPCode},
		{"timestamp reply", icmp4(14, 0), Accepted},
		{"timestamp reply cut", icmp4(14, 0)[:39], Short},
		{"nothing quoted", e4[:28], QuoteShort},
		{"quoted header cut", e4[:47], QuoteShort},
		{"7 bytes of UDP", e4[:55], QuoteShort},
		{"8 bytes of UDP", e4[:56], Accepted},
		{"quoted version", change(e4, 28, 0x65), QuoteMalformed},
		{"quoted header length", change(e4, 28, 0x44), QuoteMalformed},
		{"quoted header length beyond", change(e4[:56], 28, 0x4f), QuoteShort},
		{"quoted GRE", change(e4, 28+9, 47), QuoteProtocol},
		{"quoted ICMPv6", change(e4, 28+9, 58), QuoteProtocol},
		{"quoted fragment", change(e4[:48], 28+6, 0, 1), Accepted},
		{"quoted fragment of GRE", change(change(e4, 28+9, 47), 28+6, 0, 1), QuoteProtocol},
	} {
		var r Reply
		if got := ParseICMP4(tt.b, &r); got != tt.want {
			t.Errorf("ICMP %s: %v, want %v", tt.name, got, tt.want)
		}
		if (r.Kind != KindNone) != (tt.want == Accepted) {
			t.Errorf("ICMP %s: kind %v", tt.name, r.Kind)
		}
	}

	e6 := error6(t, packet.ErrorFields{Type: packet.ICMP6TimeExceeded}, p6)
	icmp6 := func(typ, code uint8) []byte {
		return packet.ICMPFields{Type: typ, Code: code}.Append(nil, make([]byte, 20), 0)
	}
	for _, tt := range []struct {
		name string
		b    []byte
		want Reason
	}{
		{"empty", nil, Short},
		{"7 bytes", e6[:7], Short},
		{"echo reply", icmp6(129, 0), Accepted},
		{"echo request", icmp6(128, 0), ICMPType},
		{"parameter problem", icmp6(4, 0), ICMPType},
		{"neighbour advertisement", icmp6(136, 0), ICMPType},
		{"reassembly", icmp6(3, 1), ICMPCode},
		{"nothing quoted", e6[:8], QuoteShort},
		{"quoted header cut", e6[:47], QuoteShort},
		{"7 bytes of UDP", e6[:55], QuoteShort},
		{"8 bytes of UDP", e6[:56], Accepted},
		{"quoted version", change(e6, 8, 0x45), QuoteMalformed},
		{"quoted ICMP", change(e6, 8+6, 1), QuoteProtocol},
		{"quoted extension header cut", change(e6, 8+6, 0, 1, 0, 9), QuoteShort},
	} {
		var r Reply
		if got := ParseICMP6(tt.b, ancillary, &r); got != tt.want {
			t.Errorf("ICMPv6 %s: %v, want %v", tt.name, got, tt.want)
		}
	}

	frame := func(typ uint16, b []byte) []byte {
		f := packet.EthernetFields{Type: typ}
		return append(f.Append(nil), b...)
	}
	ip6 := func(next uint8, hops uint8, b []byte) []byte {
		f := packet.IPv6Fields{NextHeader: next, HopLimit: hops, Src: target6, Dst: host6}
		h, err := f.Append(nil, len(b))
		return append(must(t, h, err), b...)
	}
	nd := packet.NDFields{Type: packet.ICMP6NeighbourAdvert, Target: target6}
	na, err := nd.Append(nil, target6, host6)
	na = must(t, na, err)
	arp := packet.ARPFields{Op: packet.ARPReply, SenderIP: target4, TargetIP: host4}
	ab, err := arp.Append(nil)
	ab = must(t, ab, err)
	for _, tt := range []struct {
		name string
		b    []byte
		want Reason
	}{
		{"empty", nil, LinkUnknown},
		{"LLDP", frame(0x88cc, nil), EtherType},
		{"no IPv4", frame(packet.EtherIPv4, nil), Short},
		{"IPv4 as IPv6", frame(packet.EtherIPv6, append(p4, p4...)), Malformed},
		{"our probe", frame(packet.EtherIPv4, p4), Accepted},
		{"UDP cut", frame(packet.EtherIPv4, p4[:27]), Short},
		{"OSPF", frame(packet.EtherIPv4, change(p4, 9, 89)), Protocol},
		{"TCP header length", frame(packet.EtherIPv4, change(p4, 9, 6)), Malformed},
		{"later fragment of OSPF", frame(packet.EtherIPv4, change(change(p4, 9, 89), 6, 0, 1)), Accepted},
		{"redirect without quote", frame(packet.EtherIPv4, icmp4(5, 0)), QuoteMalformed},
		{"reassembly", frame(packet.EtherIPv4, change(e4, 21, 1)), Accepted},
		{"redirect", frame(packet.EtherIPv4, change(e4, 20, 5)), Accepted},
		{"echo request", frame(packet.EtherIPv4, icmp4(8, 0)), Accepted},
		{"timestamp request", frame(packet.EtherIPv4, icmp4(13, 0)), Accepted},
		{"timestamp request cut", frame(packet.EtherIPv4, icmp4(13, 0)[:39]), Short},
		{"router advertisement", frame(packet.EtherIPv4, icmp4(9, 0)), ICMPType},
		{"ICMP cut", frame(packet.EtherIPv4, icmp4(0, 0)[:27]), Short},
		{"IPv6 cut", frame(packet.EtherIPv6, p6[:39]), Short},
		{"IPv6 OSPF", frame(packet.EtherIPv6, change(p6, 6, 89)), Protocol},
		{"IPv6 extension header cut", frame(packet.EtherIPv6, change(p6, 6, 43, 1, 0, 99)), Accepted},
		{"ICMPv6 cut", frame(packet.EtherIPv6, ip6(58, 3, na[:7])), Short},
		{"MLD", frame(packet.EtherIPv6, ip6(58, 3, icmp6(143, 0))), ICMPType},
		{"parameter problem", frame(packet.EtherIPv6, ip6(58, 3, error6(t, packet.ErrorFields{Type: 4}, p6))), Accepted},
		{"advertisement", frame(packet.EtherIPv6, ip6(58, 255, na)), Accepted},
		{"advertisement through a router", frame(packet.EtherIPv6, ip6(58, 254, na)), NeighbourForm},
		{"advertisement cut", frame(packet.EtherIPv6, ip6(58, 255, na[:23])), NeighbourForm},
		{"advertisement of a group", frame(packet.EtherIPv6, ip6(58, 255, change(na, 8, 0xff))), NeighbourForm},
		{"ARP reply", frame(packet.EtherARP, ab), Accepted},
		{"ARP cut", frame(packet.EtherARP, ab[:27]), NeighbourForm},
		{"ARP operation", frame(packet.EtherARP, change(ab, 7, 9)), NeighbourForm},
	} {
		if tt.name == "IPv6 extension header cut" {
			// A routing header of 8*(len+1) bytes: the UDP length byte there is too long.
			tt.b, tt.want = change(tt.b, 14+41, 200), Short
		}
		var r Reply
		if got := ParseFrame(packet.LinkEthernet, tt.b, &r); got != tt.want {
			t.Errorf("frame %s: %v, want %v", tt.name, got, tt.want)
		}
		if (r.Kind != KindNone) != (tt.want == Accepted) {
			t.Errorf("frame %s: kind %v", tt.name, r.Kind)
		}
	}

	var counts Counts
	if !counts.Add(Accepted) || counts.Add(QuoteShort) || counts.Add(QuoteShort) || counts.Add(200) || counts[QuoteShort] != 2 || counts[Accepted] != 1 {
		t.Errorf("counts %v", counts)
	}
	seen := map[string]bool{}
	for r := range Reason(Reasons + 1) {
		if r.String() == "" || seen[r.String()] {
			t.Errorf("reason %d: name %q", r, r.String())
		}
		seen[r.String()] = true
	}
}

func TestTargets(t *testing.T) {
	a, b, c := addr("192.0.2.1"), addr("192.0.2.2"), addr("192.0.2.3")
	none := netip.Addr{}
	for _, tt := range []struct {
		name          string
		reply         Reply
		first, second netip.Addr
	}{
		{"error", Reply{Kind: KindError, IP: IP{Src: a, Dst: b}, Quote: Quote{Src: b, Dst: c}}, c, none},
		{"echo reply", Reply{Kind: KindEchoReply, IP: IP{Src: a, Dst: b}}, a, none},
		{"echo request", Reply{Kind: KindEcho, IP: IP{Src: a, Dst: b}}, b, none},
		{"timestamp reply", Reply{Kind: KindTimestampReply, IP: IP{Src: a, Dst: b}}, a, none},
		{"timestamp request", Reply{Kind: KindTimestamp, IP: IP{Src: a, Dst: b}}, b, none},
		{"fragment", Reply{Kind: KindFragment, IP: IP{Src: a, Dst: b}}, a, b},
		{"SYN", Reply{Kind: KindTCP, IP: IP{Src: a, Dst: b}, TCP: TCP{Flags: packet.SYN | packet.ECE}}, b, none},
		{"SYN/ACK", Reply{Kind: KindTCP, IP: IP{Src: a, Dst: b}, TCP: TCP{Flags: packet.SYN | packet.ACK}}, a, b},
		{"RST", Reply{Kind: KindTCP, IP: IP{Src: a, Dst: b}, TCP: TCP{Flags: packet.RST}}, a, b},
		{"UDP", Reply{Kind: KindUDP, IP: IP{Src: a, Dst: b}}, b, a},
		{"ARP", Reply{Kind: KindARPReply, IP: IP{Src: a}, Neighbour: Neighbour{Target: b}}, a, none},
		{"advertisement", Reply{Kind: KindNeighbourAdvert, IP: IP{Src: a}, Neighbour: Neighbour{Target: c}}, c, none},
		{"nothing", Reply{}, none, none},
	} {
		first, second := tt.reply.Targets()
		if first != tt.first || second != tt.second {
			t.Errorf("%s: %v %v, want %v %v", tt.name, first, second, tt.first, tt.second)
		}
	}
}

// TestClone: what was cloned survives the next packet in the same buffer.
func TestClone(t *testing.T) {
	for _, name := range captures {
		buf := make([]byte, 2048)
		for i, b := range frames(t, name) {
			var r, again Reply
			if ParseFrame(packet.LinkEthernet, buf[:copy(buf, b)], &r) != Accepted {
				continue
			}
			c := r.Clone()
			for j := range buf {
				buf[j] = 0xee
			}
			ParseFrame(packet.LinkEthernet, b, &again)
			if diff := cmp.Diff(again, *c, cmpReply...); diff != "" {
				t.Fatalf("%s, frame %d (-parsed +clone):\n%s", name, i+1, diff)
			}
		}
	}
}

// TestLinkTypes parses one packet behind each link header.
func TestLinkTypes(t *testing.T) {
	p := probe6(t)
	for link, header := range map[packet.LinkType][]byte{
		packet.LinkEthernet: append(make([]byte, 12), 0x86, 0xdd),
		packet.LinkLoopback: append(make([]byte, 12), 0x86, 0xdd),
		packet.LinkNull:     packet.AppendNull(nil, 24),
		packet.LinkRaw:      nil,
		packet.LinkVoid:     nil,
		packet.LinkFirewire: append(make([]byte, 16), 0x86, 0xdd),
	} {
		var r Reply
		if reason := ParseFrame(link, append(bytes.Clone(header), p...), &r); reason != Accepted || r.Kind != KindUDP || !bytes.Equal(r.Packet, p) {
			t.Errorf("%v: %v, %v", link, reason, r.Kind)
		}
	}
}
