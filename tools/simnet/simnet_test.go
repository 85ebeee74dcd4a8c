package simnet

import (
	"net/netip"
	"testing"
	"time"

	"scamper/shared/packet"
)

func load(t testing.TB, name string) *Topology {
	t.Helper()
	topo, err := Load("topologies/" + name + ".toml")
	if err != nil {
		t.Fatal(err)
	}
	return topo
}

func parse(t testing.TB, text string) *Topology {
	t.Helper()
	topo, err := Parse("test.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return topo
}

func play(topo *Topology) *Net {
	return New(topo, Options{Start: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)})
}

// probe is a packet to be built.
type probe struct {
	src, dst     string // src "" is the monitor
	ttl          uint8
	kind         string // echo, udp, syn, ack, timestamp
	sport, dport uint16 // echo: id and seq
	size         int    // of the whole packet; 0: the smallest
	id           uint16
	fragments    bool // DF off
	options      []byte
	tos          uint8
}

func (p probe) build(t testing.TB, topo *Topology) []byte {
	t.Helper()
	dst := netip.MustParseAddr(p.dst)
	var src netip.Addr
	if p.src != "" {
		src = netip.MustParseAddr(p.src)
	} else {
		for _, a := range topo.Monitor.Addresses {
			if a.Addr().Is4() == dst.Is4() {
				src = a.Addr()
			}
		}
	}
	header := 20 + (len(p.options)+3)&^3
	if dst.Is6() {
		header = 40
	}
	minimum := map[string]int{"echo": 8, "udp": 8, "syn": 20, "ack": 20, "timestamp": 20, "other": 0}[p.kind]
	payload := make([]byte, max(p.size-header-minimum, 0))
	for i := range payload {
		payload[i] = byte(i)
	}
	proto := map[string]uint8{"echo": 1, "timestamp": 1, "udp": 17, "syn": 6, "ack": 6, "other": 99}[p.kind]
	if dst.Is6() && proto == 1 {
		proto = packet.ProtoICMPv6
	}
	n := minimum + len(payload)
	if p.ttl == 0 {
		p.ttl = 64
	}
	var b []byte
	var err error
	if dst.Is4() {
		b, err = (&packet.IPv4Fields{
			TTL: p.ttl, Protocol: proto, Src: src, Dst: dst, ID: p.id, DF: !p.fragments, Options: p.options, TOS: p.tos,
		}).Append(nil, n)
	} else {
		b, err = (&packet.IPv6Fields{HopLimit: p.ttl, NextHeader: proto, Src: src, Dst: dst, TrafficClass: p.tos}).Append(nil, n)
	}
	if err != nil {
		t.Fatal(err)
	}
	pseudo := packet.PseudoSum(src, dst, proto, n)
	switch p.kind {
	case "echo":
		f := packet.ICMPFields{Type: packet.ICMP4Echo, Rest: packet.EchoRest(p.sport, p.dport)}
		if dst.Is6() {
			f.Type = packet.ICMP6Echo
		} else {
			pseudo = 0
		}
		b = f.Append(b, payload, pseudo)
	case "timestamp":
		b = packet.ICMPFields{Type: packet.ICMP4Timestamp, Rest: packet.EchoRest(p.sport, p.dport)}.Append(b, append(make([]byte, 12), payload...), 0)
	case "udp":
		b, err = packet.UDPFields{SrcPort: p.sport, DstPort: p.dport}.Append(b, payload, pseudo)
	case "syn", "ack":
		f := packet.TCPFields{SrcPort: p.sport, DstPort: p.dport, Seq: 1000, Flags: packet.SYN}
		if p.kind == "ack" {
			f.Flags, f.Ack = packet.ACK, 2000
		}
		b, err = f.Append(b, payload, pseudo)
	case "other":
		b = append(b, payload...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// balanced checks that every packet ended in exactly one way.
func balanced(t testing.TB, n *Net) {
	t.Helper()
	c := n.Counters()
	ends := c.ToMonitor + c.ToAttached + c.Answered + c.Absorbed
	for _, d := range c.Dropped {
		ends += d
	}
	if c.PacketsIn+c.RepliesMade != ends {
		t.Errorf("%d packets came in and %d were made, but %d ended: %+v", c.PacketsIn, c.RepliesMade, ends, c.Rows())
	}
}

func TestTraceThroughChain(t *testing.T) {
	topo := load(t, "chain")
	for _, tt := range []struct {
		dst  string
		hops []string
	}{
		{"198.51.100.10", []string{"192.0.2.1", "10.0.0.2", "10.0.0.6", "10.0.0.10", "10.0.0.14", "198.51.100.10"}},
		{"2001:db8:100::10", []string{
			"2001:db8:0:1::1", "2001:db8:10::2", "2001:db8:10:1::2", "2001:db8:10:2::2", "2001:db8:10:3::2", "2001:db8:100::10",
		}},
	} {
		for _, kind := range []string{"udp", "echo", "syn"} {
			n := play(topo)
			for i, want := range tt.hops {
				replies := n.Exchange(probe{dst: tt.dst, ttl: uint8(i + 1), kind: kind, sport: 40000, dport: 33435, size: 60}.build(t, topo), time.Duration(i)*time.Second)
				if len(replies) != 1 {
					t.Fatalf("%s %s TTL %d: %d replies", kind, tt.dst, i+1, len(replies))
				}
				var src netip.Addr
				var ttl uint8
				if b := replies[0].Packet; b[0]>>4 == 4 {
					src, ttl = packet.IPv4(b).Src(), packet.IPv4(b).TTL()
				} else {
					src, ttl = packet.IPv6(b).Src(), packet.IPv6(b).HopLimit()
				}
				if src.String() != want {
					t.Errorf("%s %s TTL %d: reply from %v, want %v", kind, tt.dst, i+1, src, want)
				}
				wantTTL := uint8(255 - i)
				if i == len(tt.hops)-1 {
					wantTTL = uint8(64 - i)
				}
				if ttl != wantTTL {
					t.Errorf("%s %s TTL %d: reply has TTL %d, want %d", kind, tt.dst, i+1, ttl, wantTTL)
				}
			}
			balanced(t, n)
		}
	}
}
