package simnet

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scamper/shared/packet"
)

func TestUDPAndTCPPorts(t *testing.T) {
	n := play(small(t, map[string]string{"d": `
udp-ports = { "5300" = "open", "100-200" = "silent", "300" = "host-prohibited" }
tcp = "closed"
tcp-ports = { "80" = "open", "443" = "filtered", "25" = "admin-prohibited" }
tcp-mss = 1300
`}))
	each(t, func(t *testing.T, dst string, v6 bool) {
		d := n.one(t, probe{dst: dst, kind: "udp", sport: 9, dport: 5300, size: 100}, 0)
		if d.udp == nil || d.udp.SrcPort != 5300 || d.udp.DstPort != 9 || d.src() != dst || len(d.raw) != 100 {
			t.Errorf("open UDP port: %+v", d.udp)
		}
		n.none(t, probe{dst: dst, kind: "udp", dport: 150}, 0, dropSilent)
		if d := n.one(t, probe{dst: dst, kind: "udp", dport: 300}, 0); d.icmpType() != map[bool]int{false: 3<<8 | 10, true: 1<<8 | 1}[v6] {
			t.Errorf("prohibited UDP port: %x", d.icmpType())
		}
		d = n.one(t, probe{dst: dst, kind: "syn", sport: 9, dport: 80}, 0)
		if d.tcp == nil || !d.tcp.SYN || !d.tcp.ACK || d.tcp.Ack != 1001 || len(d.tcp.Options) == 0 || be16(d.tcp.Options[0].OptionData) != 1300 {
			t.Errorf("open TCP port: %+v", d.tcp)
		}
		again := n.one(t, probe{dst: dst, kind: "syn", sport: 9, dport: 80}, time.Second)
		if again.tcp.Seq != d.tcp.Seq {
			t.Error("a SYN sent again gets another sequence number")
		}
		d = n.one(t, probe{dst: dst, kind: "ack", sport: 9, dport: 80}, 0)
		if d.tcp == nil || !d.tcp.RST || d.tcp.ACK || d.tcp.Seq != 2000 {
			t.Errorf("ACK out of the blue: %+v", d.tcp)
		}
		d = n.one(t, probe{dst: dst, kind: "syn", sport: 9, dport: 81}, 0)
		if d.tcp == nil || !d.tcp.RST || !d.tcp.ACK || d.tcp.Ack != 1001 || d.tcp.Seq != 0 {
			t.Errorf("closed TCP port: %+v", d.tcp)
		}
		n.none(t, probe{dst: dst, kind: "syn", dport: 443}, 0, dropSilent)
		if d := n.one(t, probe{dst: dst, kind: "syn", dport: 25}, 0); d.icmpType() != map[bool]int{false: 3<<8 | 13, true: 1<<8 | 1}[v6] {
			t.Errorf("prohibited TCP port: %x", d.icmpType())
		}
	})
	balanced(t, n)
}

func TestTimestampReply(t *testing.T) {
	n := play(small(t, nil))
	d := n.one(t, probe{dst: d4, kind: "timestamp", sport: 7, dport: 8}, 1500*time.Millisecond)
	m := packet.ICMP(d.raw[20:])
	_, receive, transmit, ok := m.Timestamps()
	want := uint32((3*3600+4*60+5)*1000 + 1500)
	if !ok || m.Type() != packet.ICMP4TimestampReply || m.ID() != 7 || m.Seq() != 8 || receive != want || transmit != want {
		t.Errorf("type %d, receive %d, transmit %d; want %d", m.Type(), receive, transmit, want)
	}
	n = play(small(t, map[string]string{"d": `timestamp = "silent"`}))
	n.none(t, probe{dst: d4, kind: "timestamp"}, 0, dropSilent)
}

func TestRecordRouteAndTimestampOptions(t *testing.T) {
	rr, _ := packet.AppendRecordRoute(nil, 9)
	n := play(small(t, nil))
	d := n.one(t, probe{dst: d4, kind: "echo", options: rr}, 0)
	got, _ := packet.FindRecordRoute(packet.IPv4(d.raw).Options())
	var route []string
	for i := range got.Len() {
		route = append(route, got.At(i).String())
	}
	// Routers record the interface that the packet leaves by; on the way back too.
	want := []string{"10.0.0.1", "10.0.0.5", "198.51.100.1", "198.51.100.10", "10.0.0.6", "10.0.0.2", "192.0.2.1"}
	if diff := cmp.Diff(want, route); diff != "" {
		t.Errorf("recorded route (-want +got):\n%s", diff)
	}
	q := n.one(t, probe{dst: d4, kind: "udp", options: rr, ttl: 3}, 0).quoteOf(t)
	options, _ := q.Options()
	quoted, _ := packet.FindRecordRoute(options)
	if quoted.Len() != 2 || quoted.At(1).String() != "10.0.0.5" {
		t.Errorf("quoted route has %d addresses", quoted.Len())
	}
	ts, _ := packet.AppendTimestampOption(nil, packet.TimestampAndAddr, 4)
	d = n.one(t, probe{dst: d4, kind: "echo", options: ts}, 0)
	stamps, _ := packet.FindTimestampOption(packet.IPv4(d.raw).Options())
	a, ms := stamps.At(2)
	if stamps.Len() != 4 || a.String() != "198.51.100.1" || ms != (3*3600+4*60+5)*1000 || stamps.Overflow() != 3 {
		t.Errorf("%d stamps, third %v at %d, overflow %d", stamps.Len(), a, ms, stamps.Overflow())
	}
	pre, _ := packet.AppendTimestampPrespec(nil, []netip.Addr{netip.MustParseAddr("10.0.0.5"), netip.MustParseAddr(d4)})
	d = n.one(t, probe{dst: d4, kind: "echo", options: pre}, 0)
	if stamps, _ = packet.FindTimestampOption(packet.IPv4(d.raw).Options()); stamps.Len() != 2 {
		t.Errorf("%d of 2 prespecified addresses stamped", stamps.Len())
	}

	n = play(small(t, map[string]string{"r2": `options = "ignore"`, "d": `options = "ignore"`}))
	if d := n.one(t, probe{dst: d4, kind: "echo", options: rr}, 0); d.ip4.IHL != 5 {
		t.Error("a host that ignores options returns them")
	}
	n = play(small(t, map[string]string{"r2": `options = "drop"`}))
	n.none(t, probe{dst: d4, kind: "echo", options: rr}, 0, dropOptions)
	balanced(t, n)
}

func TestBadPacketsGetNoAnswer(t *testing.T) {
	n := play(small(t, nil))
	for _, kind := range []string{"udp", "echo", "syn"} {
		for _, dst := range []string{d4, d6} {
			b := probe{dst: dst, kind: kind, size: 80}.build(t, n.t)
			b[len(b)-1] ^= 0xff
			if got := n.Exchange(b, 0); len(got) != 0 {
				t.Errorf("%s to %s with a wrong checksum is answered", kind, dst)
			}
		}
	}
	if n.count.Dropped[dropChecksum] != 6 {
		t.Errorf("%d wrong checksums counted, want 6", n.count.Dropped[dropChecksum])
	}
	b := probe{dst: d4, kind: "udp", ttl: 1}.build(t, n.t)
	b[11] ^= 1
	if got := n.Exchange(b, 0); len(got) != 0 || n.count.Dropped[dropMalformed] != 1 {
		t.Error("a wrong header checksum is not dropped")
	}
	// No errors about errors, nor about later fragments of IPv4.
	e := tooBigFor(t, n.one(t, probe{dst: d4, kind: "echo", size: 100}, 0).raw, 1400)
	e[8] = 2
	packet.IPv4(e).UpdateChecksum()
	if got := n.Exchange(e, 0); len(got) != 0 {
		t.Error("an expired ICMP error is answered")
	}
	later := fragmentsOf(probe{dst: d4, kind: "udp", size: 200, ttl: 2}.build(t, n.t), 80)[1]
	if got := n.Exchange(later, 0); len(got) != 0 {
		t.Error("a later fragment that expires is answered")
	}
	balanced(t, n)
}

// Routers answer later fragments of IPv6 as they do other packets, whatever the fragments are of.
func TestErrorsAboutLaterFragments6(t *testing.T) {
	n := play(small(t, map[string]string{"r2-r3": "mtu = 1280"}))
	expired := int(packet.ICMP6TimeExceeded) << 8
	for _, tt := range []struct {
		name  string
		probe probe
		first int // bytes in the first fragment
		want  int // type and code
	}{
		{"UDP, expired", probe{dst: d6, kind: "udp", size: 200, ttl: 2}, 80, expired},
		{"ICMP, expired", probe{dst: d6, kind: "echo", size: 200, ttl: 2}, 80, expired},
		{"TCP, expired", probe{dst: d6, kind: "syn", size: 200, ttl: 2}, 80, expired},
		{"no route", probe{dst: "2001:db8:ffff::1", kind: "udp", size: 200}, 80, int(packet.ICMP6Unreach) << 8},
		{"too big", probe{dst: d6, kind: "udp", size: 3000}, 1400, int(packet.ICMP6TooBig) << 8},
	} {
		later := fragmentsOf(tt.probe.build(t, n.t), tt.first)[1]
		got := n.Exchange(later, 0)
		if len(got) != 1 {
			t.Errorf("%s: %d replies, want 1", tt.name, len(got))
			continue
		}
		d := decode(t, got[0])
		if d.icmpType() != tt.want {
			t.Errorf("%s: type and code %#x, want %#x", tt.name, d.icmpType(), tt.want)
		}
		later[7] = d.quoteOf(t)[7]
		if diff := cmp.Diff(later[:min(len(later), maxQuote6)], []byte(d.quoteOf(t))); diff != "" {
			t.Errorf("%s: quote (-sent +received):\n%s", tt.name, diff)
		}
	}
	balanced(t, n)
}
