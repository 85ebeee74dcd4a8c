package simnet

import (
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"scamper/shared/packet"
)

// decoded is a reply as an independent decoder sees it.
type decoded struct {
	raw   []byte
	at    time.Duration
	ip4   *layers.IPv4
	ip6   *layers.IPv6
	frag6 *layers.IPv6Fragment
	icmp4 *layers.ICMPv4
	icmp6 *layers.ICMPv6
	udp   *layers.UDP
	tcp   *layers.TCP
	quote []byte // of an ICMP error, extensions included
}

func (d *decoded) src() string {
	if d.ip4 != nil {
		return d.ip4.SrcIP.String()
	}
	return d.ip6.SrcIP.String()
}

func (d *decoded) ttl() uint8 {
	if d.ip4 != nil {
		return d.ip4.TTL
	}
	return d.ip6.HopLimit
}

// icmpType is type and code as one number, 0 if the reply is no ICMP.
func (d *decoded) icmpType() int {
	switch {
	case d.icmp4 != nil:
		return int(d.icmp4.TypeCode.Type())<<8 | int(d.icmp4.TypeCode.Code())
	case d.icmp6 != nil:
		return int(d.icmp6.TypeCode.Type())<<8 | int(d.icmp6.TypeCode.Code())
	}
	return 0
}

// decode reads a reply with gopacket, and checks all its checksums and lengths.
func decode(t testing.TB, r Reply) *decoded {
	t.Helper()
	d := &decoded{raw: r.Packet, at: r.At}
	first := gopacket.LayerType(layers.LayerTypeIPv4)
	if r.Packet[0]>>4 == 6 {
		first = layers.LayerTypeIPv6
	}
	p := gopacket.NewPacket(r.Packet, first, gopacket.Default)
	if e := p.ErrorLayer(); e != nil {
		t.Fatalf("reply does not decode: %v\n% x", e.Error(), r.Packet)
	}
	fragment := false
	for _, l := range p.Layers() {
		switch l := l.(type) {
		case *layers.IPv4:
			d.ip4 = l
			fragment = l.Flags&layers.IPv4MoreFragments != 0 || l.FragOffset != 0
			if int(l.Length) != len(r.Packet) {
				t.Errorf("total length %d of %d bytes", l.Length, len(r.Packet))
			}
		case *layers.IPv6:
			d.ip6 = l
			if int(l.Length)+40 != len(r.Packet) {
				t.Errorf("payload length %d of %d bytes", l.Length, len(r.Packet))
			}
		case *layers.IPv6Fragment:
			d.frag6 = l
			fragment = true
		case *layers.ICMPv4:
			d.icmp4 = l
			if int(l.TypeCode.Type()) == 3 || int(l.TypeCode.Type()) == 11 {
				d.quote = l.Payload
			}
		case *layers.ICMPv6:
			d.icmp6 = l
			if l.TypeCode.Type() < 128 {
				d.quote = r.Packet[48:]
			}
		case *layers.UDP:
			d.udp = l
		case *layers.TCP:
			d.tcp = l
		}
	}
	if fragment { // its transport checksum covers what is not here
		return d
	}
	for _, l := range p.Layers() {
		if upper, ok := l.(interface {
			SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
		}); ok {
			if err := upper.SetNetworkLayerForChecksum(p.NetworkLayer()); err != nil {
				t.Fatal(err)
			}
		}
	}
	err, bad := p.VerifyChecksums()
	if err != nil {
		t.Errorf("verifying checksums: %v", err)
	}
	for _, m := range bad {
		t.Errorf("wrong checksum in %v: %x, should be %x\n% x", m.Layer.LayerType(), m.Actual, m.Correct, r.Packet)
	}
	return d
}

// one sends a probe and wants exactly one reply.
func (n *Net) one(t testing.TB, p probe, now time.Duration) *decoded {
	t.Helper()
	replies := n.Exchange(p.build(t, n.t), now)
	if len(replies) != 1 {
		t.Fatalf("%+v: %d replies, want 1", p, len(replies))
	}
	return decode(t, replies[0])
}

func (n *Net) none(t testing.TB, p probe, now time.Duration, why Reason) {
	t.Helper()
	before := n.count.Dropped[why]
	if replies := n.Exchange(p.build(t, n.t), now); len(replies) != 0 {
		t.Fatalf("%+v: %d replies, want none", p, len(replies))
	}
	if n.count.Dropped[why] != before+1 {
		t.Errorf("%+v was not dropped as %v: %v", p, why, n.count.Rows())
	}
}

// small is a topology of monitor - r1 - r2 - r3 - d in which some tables are replaced.
func small(t testing.TB, more map[string]string) *Topology {
	t.Helper()
	text := `
seed = 3
[monitor]
address = ["192.0.2.2/24", "2001:db8:0:1::2/64"]
[[gateway]]
router = "r1"
address = ["192.0.2.1", "2001:db8:0:1::1"]
[[router]]
name = "r1"
[[router]]
name = "r2"
address = ["10.9.9.9", "2001:db8:99::9"]
` + more["r2"] + `
[[router]]
name = "r3"
` + more["r3"] + `
[[link]]
between = ["r1", "r2"]
prefix = ["10.0.0.0/30", "2001:db8:10::/64"]
` + more["r1-r2"] + `
[[link]]
between = ["r2", "r3"]
prefix = ["10.0.0.4/30", "2001:db8:11::/64"]
` + more["r2-r3"] + `
[[host]]
name = "d"
at = "r3"
address = ["198.51.100.10", "2001:db8:100::10", "198.51.100.11"]
gateway = ["198.51.100.1", "2001:db8:100::1"]
` + more["d"] + "\n" + more[""]
	return parse(t, text)
}

const (
	d4 = "198.51.100.10"
	d6 = "2001:db8:100::10"
)

// quoteOf is the quoted packet of an error, without extensions.
func (d *decoded) quoteOf(t testing.TB) packet.Quote {
	t.Helper()
	if d.quote == nil {
		t.Fatalf("no quote in % x", d.raw)
	}
	return packet.Quote(d.quote)
}
