package simnet

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scamper/shared/packet"
)

func TestTooBig(t *testing.T) {
	each(t, func(t *testing.T, dst string, v6 bool) {
		for _, tt := range []struct {
			setting string
			claims  int
		}{
			{"mtu = 1400", 1400},
			{"mtu = 1400\ntoo-big = \"send\"", 1400},
			{"mtu = 1400\ntoo-big = \"no-mtu\"", 0},
			{"mtu = 1400\ntoo-big = 9000", 9000},
		} {
			n := play(small(t, map[string]string{"r2-r3": tt.setting}))
			d := n.one(t, probe{dst: dst, kind: "udp", size: 1401, dport: 33435}, 0)
			typ, mtu := 3<<8|4, 0
			if v6 {
				typ, mtu = 2<<8, int(packet.ICMP(d.raw[40:]).MTU6())
			} else {
				mtu = int(packet.ICMP(d.raw[20:]).MTU4())
			}
			if d.icmpType() != typ || mtu != tt.claims || d.ttl() != 254 {
				t.Errorf("%s: %x with MTU %d, TTL %d; want %x, %d, 254", tt.setting, d.icmpType(), mtu, d.ttl(), typ, tt.claims)
			}
			if q, _ := d.quoteOf(t).TTL(); q != 63 {
				t.Errorf("%s: quoted TTL %d, want 63", tt.setting, q)
			}
			if d := n.one(t, probe{dst: dst, kind: "udp", size: 1400, dport: 33435}, 0); d.icmpType() == typ {
				t.Errorf("%s: 1400 bytes are too big", tt.setting)
			}
		}
		n := play(small(t, map[string]string{"r2-r3": "mtu = 1400\ntoo-big = \"silent\""}))
		n.none(t, probe{dst: dst, kind: "udp", size: 1401}, 0, dropBlackHole)
		balanced(t, n)
	})
}

// Packets without DF are fragmented on the way there and on the way back.
func TestFragmentationByRouters(t *testing.T) {
	n := play(small(t, map[string]string{"r2-r3": "mtu = 1000"}))
	sent := probe{dst: d4, kind: "echo", size: 1500, fragments: true, sport: 5, dport: 6}.build(t, n.t)
	replies := n.Exchange(sent, 0)
	if len(replies) != 2 {
		t.Fatalf("%d fragments, want 2", len(replies))
	}
	var data []byte
	for i, r := range replies {
		d := decode(t, r)
		if len(r.Packet) > 1000 || int(d.ip4.FragOffset)*8 != len(data) || (d.ip4.Flags&1 != 0) != (i == 0) {
			t.Errorf("fragment %d: %d bytes, offset %d, flags %v", i, len(r.Packet), d.ip4.FragOffset, d.ip4.Flags)
		}
		if err, sum := d.ip4.VerifyChecksum(); err != nil || !sum.Valid {
			t.Errorf("fragment %d: header checksum %v %v", i, err, sum)
		}
		data = append(data, r.Packet[20:]...)
	}
	if diff := cmp.Diff(sent[28:], data[8:]); diff != "" {
		t.Errorf("payload (-sent +received):\n%s", diff)
	}
	// The router behind the narrow link sees, and quotes, the first fragment.
	q := n.one(t, probe{dst: d4, kind: "echo", size: 1500, fragments: true, ttl: 3}, 0).quoteOf(t)
	if l, _ := q.TotalLen(); l != 996 || !packet.IPv4(q).MF() {
		t.Errorf("quoted total length %d, MF %v; want the first fragment's 996", l, packet.IPv4(q).MF())
	}
	balanced(t, n)
}

// fragmentsOf cuts a packet the way its sender would.
func fragmentsOf(ip []byte, size int) [][]byte {
	var list [][]byte
	if ip[0]>>4 == 6 {
		body := ip[40:]
		for at := 0; at < len(body); at += size {
			end := min(at+size, len(body))
			b := append([]byte(nil), ip[:40]...)
			b[6] = packet.ProtoFragment
			putBE16(b[4:], uint16(8+end-at))
			b, _ = packet.Fragment{NextHeader: ip[6], Offset: uint16(at / 8), More: end < len(body), ID: 77}.Append(b)
			list = append(list, append(b, body[at:end]...))
		}
		return list
	}
	body := ip[20:]
	for at := 0; at < len(body); at += size {
		end := min(at+size, len(body))
		b := append(append([]byte(nil), ip[:20]...), body[at:end]...)
		more := uint16(0)
		if end < len(body) {
			more = 0x2000
		}
		putBE16(b[2:], uint16(len(b)))
		putBE16(b[6:], more|uint16(at/8))
		packet.IPv4(b).UpdateChecksum()
		list = append(list, b)
	}
	return list
}

func TestReassembly(t *testing.T) {
	each(t, func(t *testing.T, dst string, v6 bool) {
		n := play(small(t, map[string]string{"": ""}))
		whole := probe{dst: dst, kind: "echo", size: 1400, fragments: true, sport: 9, dport: 1}.build(t, n.t)
		pieces := fragmentsOf(whole, 400)
		for _, order := range [][]int{{0, 1, 2, 3}, {3, 1, 0, 2}} {
			var replies []Reply
			for k, i := range order {
				if got := n.Exchange(pieces[i], n.now); len(got) > 0 && k < len(order)-1 {
					t.Fatalf("an answer to %d of %d fragments", k+1, len(order))
				} else {
					replies = got
				}
			}
			if len(replies) != 1 {
				t.Fatalf("order %v: %d replies", order, len(replies))
			}
			d := decode(t, replies[0])
			header := len(whole) - 1400 + map[bool]int{false: 28, true: 48}[v6]
			if diff := cmp.Diff(whole[header:], d.raw[header:]); diff != "" {
				t.Errorf("payload (-sent +received):\n%s", diff)
			}
		}
		// A fragment that overlaps another one discards the packet (RFC 5722 section 4).
		n.Exchange(pieces[0], n.now)
		n.Exchange(pieces[0], n.now)
		if n.count.Dropped[dropFragments] != 1 {
			t.Errorf("overlapping fragments: %v", n.count.Rows())
		}
		balanced(t, n)
	})
}

// tooBigFor is a packet too big, or fragmentation needed, about a reply.
func tooBigFor(t testing.TB, reply []byte, mtu int) []byte {
	t.Helper()
	if reply[0]>>4 == 4 {
		src, dst := packet.IPv4(reply).Dst(), packet.IPv4(reply).Src()
		f := packet.ErrorFields{Type: packet.ICMP4Unreach, Code: packet.ICMP4UnreachNeedFrag, Rest: uint32(mtu)}
		m, err := f.Append(nil, reply[:28], src, dst)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := (&packet.IPv4Fields{TTL: 255, Protocol: packet.ProtoICMP, Src: src, Dst: dst}).Append(nil, len(m))
		return append(b, m...)
	}
	src, dst := packet.IPv6(reply).Dst(), packet.IPv6(reply).Src()
	f := packet.ErrorFields{Type: packet.ICMP6TooBig, Rest: uint32(mtu)}
	m, err := f.Append(nil, reply[:min(len(reply), 1232)], src, dst)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := (&packet.IPv6Fields{HopLimit: 255, NextHeader: packet.ProtoICMPv6, Src: src, Dst: dst}).Append(nil, len(m))
	return append(b, m...)
}

// A host fragments what does not fit its own link, untold.
func TestHostsKnowTheirLink(t *testing.T) {
	n := play(small(t, nil))
	var replies []Reply
	for _, piece := range fragmentsOf(probe{dst: d6, kind: "echo", size: 4000}.build(t, n.t), 1400) {
		replies = n.Exchange(piece, 0)
	}
	if len(replies) != 3 || len(replies[0].Packet) > 1500 {
		t.Errorf("%d packets, want 3 fragments", len(replies))
	}
	balanced(t, n)
}

// What "ping -M" and "dealias -M" make hosts do.
func TestFragmentedRepliesAfterTooBig(t *testing.T) {
	n := play(small(t, map[string]string{"d": "fragment-id-start = 4294967295"}))
	p := probe{dst: d6, kind: "echo", size: 1400}
	first := n.one(t, p, 0)
	if first.frag6 != nil {
		t.Fatal("a fragment before any packet too big")
	}
	n.Exchange(tooBigFor(t, first.raw, 1300), 0)
	for i, want := range []uint32{4294967295, 0, 1} {
		replies := n.Exchange(p.build(t, n.t), time.Duration(i)*time.Second)
		if len(replies) != 2 {
			t.Fatalf("%d fragments, want 2", len(replies))
		}
		data := 0
		for k, r := range replies {
			d := decode(t, r)
			if d.frag6 == nil || d.frag6.Identification != want || d.frag6.MoreFragments != (k == 0) || len(r.Packet) > 1300 {
				t.Errorf("fragment %d: %+v, %d bytes; want id %d", k, d.frag6, len(r.Packet), want)
			}
			data += len(r.Packet) - 48
		}
		if data != 1400-40 {
			t.Errorf("fragments hold %d bytes, want 1360", data)
		}
	}
	if d := n.one(t, probe{dst: d6, kind: "echo", size: 1200}, 0); d.frag6 != nil {
		t.Error("a reply that fits is fragmented")
	}
	if replies := n.Exchange(p.build(t, n.t), 11*time.Minute); len(replies) != 1 {
		t.Errorf("%d fragments after 10 minutes, want a whole packet", len(replies))
	}

	n = play(small(t, map[string]string{"d": "atomic-fragments = true"}))
	n.Exchange(tooBigFor(t, n.one(t, p, 0).raw, 600), 0)
	if d := n.one(t, probe{dst: d6, kind: "echo", size: 100}, 0); d.frag6 == nil || d.frag6.MoreFragments || d.frag6.FragmentOffset != 0 {
		t.Errorf("no atomic fragment after a packet too big of 600: %+v", d.frag6)
	}

	n = play(small(t, map[string]string{"d": "heed-too-big = false"}))
	n.Exchange(tooBigFor(t, n.one(t, p, 0).raw, 1300), 0)
	if d := n.one(t, p, 0); d.frag6 != nil {
		t.Error("packet too big was heeded")
	}

	n = play(small(t, nil))
	p = probe{dst: d4, kind: "echo", size: 1400}
	n.Exchange(tooBigFor(t, n.one(t, p, 0).raw, 600), 0)
	replies := n.Exchange(p.build(t, n.t), 0)
	if len(replies) != 3 || len(replies[0].Packet) != 596 {
		t.Fatalf("%d fragments, want 3 of at most 600 bytes", len(replies))
	}
	for _, r := range replies {
		decode(t, r)
	}
	balanced(t, n)
}

// A reply that does not fit the way back makes the routers tell its sender, who then fragments.
func TestRepliesLearnThePath(t *testing.T) {
	n := play(small(t, map[string]string{"": `
[[router]]
name = "narrow"
[[link]]
between = ["r3", "narrow"]
prefix = ["10.0.1.0/30", "2001:db8:20::/64"]
[[link]]
between = ["narrow", "r1"]
prefix = ["10.0.1.4/30", "2001:db8:21::/64"]
mtu = 1400
cost = 5
[[route]]
at = "r3"
prefix = "2001:db8:0:1::/64"
via = "narrow"
[[route]]
at = "narrow"
prefix = "2001:db8:0:1::/64"
via = "r1"
`}))
	p := probe{dst: d6, kind: "echo", size: 1450}
	n.none(t, p, 0, dropBlackHole)
	replies := n.Exchange(p.build(t, n.t), time.Second)
	if len(replies) != 2 || len(replies[0].Packet) > 1400 {
		t.Errorf("%d packets after the path MTU was told, want 2 fragments", len(replies))
	}
	balanced(t, n)
}

func TestUnreachableCodes(t *testing.T) {
	for i, u := range unreachables {
		n := play(small(t, map[string]string{
			"d": fmt.Sprintf("udp = %q\ntcp = %q\necho = %q\ntimestamp = %q", u.name, u.name, u.name, u.name),
			"":  fmt.Sprintf("[[route]]\nat = \"r2\"\nprefix = [\"203.0.113.0/24\", \"2001:db8:113::/48\"]\nreject = %q", u.name),
		}))
		want4, want6 := 3<<8|int(u.v4), 1<<8|int(u.v6)
		if i == unreachProto {
			want6 = 4<<8 | 1
		}
		for _, kind := range []string{"udp", "syn", "echo"} {
			if d := n.one(t, probe{dst: d4, kind: kind, size: 60}, 0); d.icmpType() != want4 || d.src() != d4 {
				t.Errorf("%s %s: %x from %s, want %x", u.name, kind, d.icmpType(), d.src(), want4)
			}
			if d := n.one(t, probe{dst: d6, kind: kind, size: 80}, 0); d.icmpType() != want6 || d.src() != d6 {
				t.Errorf("%s %s: %x from %s, want %x", u.name, kind, d.icmpType(), d.src(), want6)
			}
		}
		if d := n.one(t, probe{dst: "203.0.113.9", kind: "udp"}, 0); d.icmpType() != want4 || d.src() != "10.0.0.2" {
			t.Errorf("route %s: %x from %s, want %x from r2", u.name, d.icmpType(), d.src(), want4)
		}
		if d := n.one(t, probe{dst: "2001:db8:113::9", kind: "udp"}, 0); d.icmpType() != want6 {
			t.Errorf("route %s: %x, want %x", u.name, d.icmpType(), want6)
		}
		balanced(t, n)
	}
	n := play(small(t, nil))
	if d := n.one(t, probe{dst: "203.0.113.9", kind: "udp"}, 0); d.icmpType() != 3<<8 || d.src() != "192.0.2.1" {
		t.Errorf("no route: %x from %s, want net unreachable from the first router", d.icmpType(), d.src())
	}
	if d := n.one(t, probe{dst: d4, kind: "other", size: 40}, 0); d.icmpType() != 3<<8|2 {
		t.Errorf("unknown protocol: %x, want protocol unreachable", d.icmpType())
	}
	if d := n.one(t, probe{dst: d6, kind: "other", size: 60}, 0); d.icmpType() != 4<<8|1 || be32(d.raw[44:]) != 6 {
		t.Errorf("unknown next header: %x, pointer %d; want parameter problem at 6", d.icmpType(), be32(d.raw[44:]))
	}
}

func TestLoops(t *testing.T) {
	n := play(small(t, map[string]string{"": `
[[router]]
name = "x"
[[link]]
between = ["r3", "x"]
prefix = ["10.0.0.8/30", "2001:db8:12::/64"]
[[link]]
between = ["x", "r2"]
prefix = ["10.0.0.12/30", "2001:db8:13::/64"]
[[route]]
at = ["r2"]
prefix = ["203.0.113.0/24", "2001:db8:113::/48"]
via = "r3"
[[route]]
at = "r3"
prefix = ["203.0.113.0/24", "2001:db8:113::/48"]
via = "x"
[[route]]
at = "x"
prefix = ["203.0.113.0/24", "2001:db8:113::/48"]
via = "r2"
[[route]]
at = "r1"
prefix = ["203.0.113.0/24", "2001:db8:113::/48"]
via = "r2"
`}))
	for ttl, want := range map[uint8]string{1: "192.0.2.1", 2: "10.0.0.2", 3: "10.0.0.6", 4: "10.0.0.10", 5: "10.0.0.14", 6: "10.0.0.6", 255: "10.0.0.6"} {
		if d := n.one(t, probe{dst: "203.0.113.1", ttl: ttl, kind: "udp"}, 0); d.src() != want {
			t.Errorf("TTL %d: from %s, want %s", ttl, d.src(), want)
		}
	}
	truth, err := n.t.Truth(netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr(d4))
	if err != nil {
		t.Fatal(err)
	}
	if !truth.Paths[0].Loop || truth.Paths[1].Loop {
		t.Errorf("loops: %v %v, want true false", truth.Paths[0].Loop, truth.Paths[1].Loop)
	}
}

func TestReturnPathOfDifferentLength(t *testing.T) {
	n := play(small(t, map[string]string{"": `
[[router]]
name = ["x1", "x2"]
[[chain]]
through = ["r3", "x1", "x2", "r1"]
prefix = ["10.1.0.0/24", "2001:db8:1000::/48"]
cost = 10
[[route]]
at = "r3"
prefix = ["192.0.2.0/24", "2001:db8:0:1::/64"]
via = "x1"
[[route]]
at = ["x1"]
prefix = ["192.0.2.0/24", "2001:db8:0:1::/64"]
via = "x2"
[[route]]
at = ["x2"]
prefix = ["192.0.2.0/24", "2001:db8:0:1::/64"]
via = "r1"
`}))
	each(t, func(t *testing.T, dst string, v6 bool) {
		for ttl, want := range map[uint8]uint8{2: 254, 3: 252, 64: 60} {
			d := n.one(t, probe{dst: dst, ttl: ttl, kind: "echo"}, 0)
			if d.ttl() != want {
				t.Errorf("probe TTL %d: reply TTL %d, want %d", ttl, d.ttl(), want)
			}
		}
	})
}

func TestSourceFilter(t *testing.T) {
	n := play(small(t, map[string]string{"r1-r2": `sources = ["192.0.2.0/24", "2001:db8:0:1::/64"]`}))
	each(t, func(t *testing.T, dst string, v6 bool) {
		n.one(t, probe{dst: dst, kind: "echo"}, 0)
		n.none(t, probe{src: map[bool]string{false: "1.2.3.4", true: "2001:db8:5::1"}[v6], dst: dst, kind: "echo"}, 0, dropFiltered)
	})
}
