package simnet

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scamper/shared/packet"
)

// Addresses where nobody is: the last router says so, in front of a plain prefix and inside a procedural one.
func TestDeadAddresses(t *testing.T) {
	for _, tt := range []struct {
		topology, first, from string
		least, most           int
	}{
		{"chain", "203.0.113.0", "10.0.0.14", 90, 166},
		{"chain", "2001:db8:113::", "2001:db8:10:3::2", 90, 166},
		{"internet", "20.200.7.0", "100.64.0.0/10", 45, 110},
		{"internet", "2a00:0:5::", "2001:db8:ffff::/64", 45, 110},
	} {
		n := play(load(t, tt.topology))
		dead, alive := 0, 0
		a := netip.MustParseAddr(tt.first)
		for range 256 {
			for _, r := range n.Exchange(probe{dst: a.String(), kind: "echo", sport: 1}.build(t, n.t), n.now) {
				d := decode(t, r)
				switch d.icmpType() {
				case 3<<8 | 1, 1<<8 | 3:
					dead++
					src := netip.MustParseAddr(d.src())
					if pool, err := netip.ParsePrefix(tt.from); d.src() != tt.from && (err != nil || !pool.Contains(src)) {
						t.Fatalf("%v: host unreachable from %v, want %s", a, src, tt.from)
					}
					if ttl, _ := d.quoteOf(t).TTL(); ttl < 50 || ttl > 63 {
						t.Errorf("%v: quoted TTL %d", a, ttl)
					}
				case 0, 129 << 8:
					alive++
				}
			}
			a = a.Next()
		}
		if dead < tt.least || dead > tt.most || alive == 0 {
			t.Errorf("%s %s: %d dead, %d alive", tt.topology, tt.first, dead, alive)
		}
		balanced(t, n)
	}
}

// Options are filled in by the routers of procedural prefixes too, there and back.
func TestOptionsInProceduralPrefixes(t *testing.T) {
	topo := load(t, "internet")
	n := play(topo)
	ts, _ := packet.AppendTimestampOption(nil, packet.TimestampAndAddr, 4)
	for i := range 50 {
		dst := netip.AddrFrom4([4]byte{20, 3, byte(i), 9})
		truth, err := topo.Truth(dst)
		if err != nil {
			t.Fatal(err)
		}
		replies := n.Exchange(probe{dst: dst.String(), kind: "echo", options: ts}.build(t, topo), n.now)
		if len(replies) == 0 || decode(t, replies[0]).icmpType() != 0 {
			continue
		}
		d := decode(t, replies[0])
		stamps, _ := packet.FindTimestampOption(packet.IPv4(d.raw).Options())
		var got []string
		for k := range stamps.Len() {
			a, _ := stamps.At(k)
			got = append(got, a.String())
		}
		// r1, r2 and the edge by their outgoing interfaces, then the first router of the tree.
		want := []string{"10.0.0.1", "10.0.0.5", "10.0.0.6"}
		if diff := cmp.Diff(want, got[:3]); diff != "" || len(got) != 4 {
			t.Fatalf("%v (-want +got):\n%s%v", dst, diff, got)
		}
		p := &truth.Paths[0]
		first := false
		for _, h := range p.Hops {
			first = first || h.Address.String() == got[3] && h.TTLs[0] == 4
		}
		if !first {
			t.Errorf("%v: fourth stamp by %s, which is not at TTL 4", dst, got[3])
		}
		// Everybody else found no room: the other routers of the tree, the host, and the way back.
		inTree := p.Length[0] - 4
		if want := min(inTree-1+1+inTree+3, 15); int(stamps.Overflow()) < want-1 {
			t.Errorf("%v: overflow %d, want about %d", dst, stamps.Overflow(), want)
		}
	}
}

func TestFlowFields(t *testing.T) {
	topo := small(t, nil)
	n := play(topo)
	hash := func(p probe, fields hashFields, change func(b []byte)) uint64 {
		b := p.build(t, topo)
		if change != nil {
			change(b)
		}
		var j journey
		if packet.IPv4(b).HeaderLen() == 20 && b[0]>>4 == 4 {
			packet.IPv4(b).UpdateChecksum()
		}
		if !n.parse(&j, b) {
			t.Fatalf("%+v does not parse", p)
		}
		return j.flowHash(fields)
	}
	udp := probe{dst: d4, kind: "udp", sport: 1, dport: 2, size: 44}
	echo := probe{dst: d4, kind: "echo", sport: 1, dport: 2, size: 44}
	udp6 := probe{dst: d6, kind: "udp", sport: 1, dport: 2, size: 64}
	for name, field := range hashWords {
		for _, tt := range []struct {
			what    string
			a, b    probe
			change  func(b []byte)
			differs hashFields // fields by which the two packets differ
		}{
			{"source", udp, probe{src: "192.0.2.3", dst: d4, kind: "udp", sport: 1, dport: 2, size: 44}, nil, hashSource},
			{"destination", udp, probe{dst: "198.51.100.11", kind: "udp", sport: 1, dport: 2, size: 44}, nil, hashDestination},
			{"source port", udp, probe{dst: d4, kind: "udp", sport: 9, dport: 2, size: 44}, nil, hashPorts | hashSourcePort},
			{"destination port", udp6, probe{dst: d6, kind: "udp", sport: 1, dport: 9, size: 64}, nil, hashPorts | hashDestinationPort},
			{"TOS", udp, probe{dst: d4, kind: "udp", sport: 1, dport: 2, size: 44, tos: 8}, nil, hashTOS},
			{"IP-ID", udp, probe{dst: d4, kind: "udp", sport: 1, dport: 2, size: 44, id: 8}, nil, hashIPID},
			{"flow label", udp6, udp6, func(b []byte) { b[3] = 9 }, hashFlowLabel},
			{"payload", udp, probe{dst: d4, kind: "udp", sport: 1, dport: 2, size: 60}, nil, 0},
			{
				"ICMP sequence, with its checksum", echo,
				probe{dst: d4, kind: "echo", sport: 1, dport: 9, size: 44},
				nil,
				hashPorts | hashICMP | hashDestinationPort,
			},
			{"ICMP checksum", echo, echo, func(b []byte) { b[22] ^= 1 }, hashPorts | hashDestinationPort},
			{"TTL", udp, probe{dst: d4, kind: "udp", sport: 1, dport: 2, size: 44, ttl: 9}, nil, 0},
		} {
			if got, want := hash(tt.a, field, nil) != hash(tt.b, field, tt.change), tt.differs&field != 0; got != want {
				t.Errorf("%s: packets that differ in their %s hash differently: %v, want %v", name, tt.what, got, want)
			}
		}
	}
}
