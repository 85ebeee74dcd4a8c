package packet

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// These tests have what this package builds decoded by an independent program, which
// also computes the checksums again.

func decode(t *testing.T, b []byte, first gopacket.LayerType) gopacket.Packet {
	t.Helper()
	p := gopacket.NewPacket(b, first, gopacket.DecodeOptions{NoCopy: true})
	if e := p.ErrorLayer(); e != nil {
		t.Fatalf("other decoder: %v\n% x", e.Error(), b)
	}
	// The other program computes the checksum of UDP, TCP and ICMPv6 only when told for which header.
	for _, l := range p.Layers() {
		if c, ok := l.(interface {
			SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
		}); ok {
			if err := c.SetNetworkLayerForChecksum(p.NetworkLayer()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if bad, mismatch := p.VerifyChecksums(); bad != nil || len(mismatch) != 0 {
		t.Fatalf("other decoder on checksums: %v %+v\n% x", bad, mismatch, b)
	}
	return p
}

func layer[T gopacket.Layer](t *testing.T, p gopacket.Packet, typ gopacket.LayerType) T {
	t.Helper()
	l, ok := p.Layer(typ).(T)
	if !ok {
		t.Fatalf("other decoder sees no %v in %v", typ, p)
	}
	return l
}

func TestOtherDecoderIPv4(t *testing.T) {
	eth := EthernetFields{Dst: Broadcast, Src: MAC{2, 0, 0, 0, 0, 9}, Type: EtherIPv4}
	rr, err := AppendRecordRoute(nil, 9)
	ip := IPv4Fields{TOS: 0x1c, ID: 77, DF: true, TTL: 9, Protocol: ProtoUDP, Src: a4, Dst: b4, Options: must(t, rr, err)}
	b, err := ip.Append(eth.Append(nil), 8+5)
	b = must(t, b, err)
	b, err = UDPFields{40000, 33435}.Append(b, []byte("hello"), PseudoSum(a4, b4, ProtoUDP, 13))
	p := decode(t, must(t, b, err), layers.LayerTypeEthernet)
	e := layer[*layers.Ethernet](t, p, layers.LayerTypeEthernet)
	if !bytes.Equal(e.SrcMAC, eth.Src[:]) || !bytes.Equal(e.DstMAC, eth.Dst[:]) {
		t.Errorf("ethernet %v", e)
	}
	h := layer[*layers.IPv4](t, p, layers.LayerTypeIPv4)
	if h.TOS != 0x1c || h.Id != 77 || h.Flags != layers.IPv4DontFragment || h.TTL != 9 || h.Length != 73 || h.IHL != 15 ||
		h.SrcIP.String() != a4.String() || h.DstIP.String() != b4.String() || len(h.Options) != 2 || h.Options[0].OptionType != 7 {
		t.Errorf("IPv4 %+v", h)
	}
	u := layer[*layers.UDP](t, p, layers.LayerTypeUDP)
	if u.SrcPort != 40000 || u.DstPort != 33435 || string(u.Payload) != "hello" {
		t.Errorf("UDP %+v", u)
	}

	// An ICMP error with extensions about it.
	mpls, err := AppendMPLS(nil, MPLSLabel{Label: 300, Exp: 2, Bottom: true, TTL: 3})
	f := ErrorFields{Type: ICMP4TimeExceeded, Form: RFC4884, Objects: must(t, mpls, err)}
	b, err = f.Append(nil, b[14:], b4, a4)
	msg := must(t, b, err)
	outer := IPv4Fields{TTL: 250, Protocol: ProtoICMP, Src: b4, Dst: a4}
	b, err = outer.Append(nil, len(msg))
	p = decode(t, append(must(t, b, err), msg...), layers.LayerTypeIPv4)
	m := layer[*layers.ICMPv4](t, p, layers.LayerTypeICMPv4)
	if m.TypeCode.Type() != layers.ICMPv4TypeTimeExceeded || m.Id>>8 != 0 || m.Id&0xff != 128/4 {
		t.Errorf("ICMP %+v", m)
	}
}

func TestOtherDecoderIPv6(t *testing.T) {
	f := TCPFields{SrcPort: 39003, DstPort: 80, Seq: 1, Ack: 2, Flags: SYN | ACK, Window: 3, Options: AppendMSS(nil, 1440)}
	size := f.HeaderLen() + 4
	ip := IPv6Fields{TrafficClass: 5, FlowLabel: 0xabcde, NextHeader: ProtoHopByHop, HopLimit: 6, Src: a6, Dst: b6}
	b, err := ip.Append(nil, 16+size)
	b = must(t, b, err)
	b, err = AppendOptionsHeader(b, ProtoDestOpts, IPv6Option{OptionRouterAlert, []byte{0, 0}})
	b = must(t, b, err)
	b, err = AppendOptionsHeader(b, ProtoTCP)
	b = must(t, b, err)
	b, err = f.Append(b, []byte("data"), PseudoSum(a6, b6, ProtoTCP, size))
	// The other program computes no checksum behind extension headers: without them, too.
	p := gopacket.NewPacket(must(t, b, err), layers.LayerTypeIPv6, gopacket.Default)
	plain := ip
	plain.NextHeader = ProtoTCP
	pb, err := plain.Append(nil, size)
	decode(t, append(must(t, pb, err), b[56:]...), layers.LayerTypeIPv6)
	h := layer[*layers.IPv6](t, p, layers.LayerTypeIPv6)
	if h.TrafficClass != 5 || h.FlowLabel != 0xabcde || h.HopLimit != 6 || int(h.Length) != 16+size ||
		h.SrcIP.String() != a6.String() || h.DstIP.String() != b6.String() {
		t.Errorf("IPv6 %+v", h)
	}
	s := layer[*layers.TCP](t, p, layers.LayerTypeTCP)
	if s.SrcPort != 39003 || s.DstPort != 80 || s.Seq != 1 || s.Ack != 2 || !s.SYN || !s.ACK || s.FIN || s.Window != 3 ||
		len(s.Options) != 1 || s.Options[0].OptionType != layers.TCPOptionKindMSS || string(s.Payload) != "data" {
		t.Errorf("TCP %+v", s)
	}

	// A fragment.
	ip.NextHeader = ProtoFragment
	b, err = ip.Append(nil, 8+16)
	b = must(t, b, err)
	b, err = Fragment{NextHeader: ProtoUDP, Offset: 185, More: true, ID: 0xfeedf00d}.Append(b)
	b = appendZeros(must(t, b, err), 16)
	p = gopacket.NewPacket(b, layers.LayerTypeIPv6, gopacket.Default)
	g := layer[*layers.IPv6Fragment](t, p, layers.LayerTypeIPv6Fragment)
	if g.NextHeader != layers.IPProtocolUDP || g.FragmentOffset != 185 || !g.MoreFragments || g.Identification != 0xfeedf00d {
		t.Errorf("fragment %+v", g)
	}

	// Neighbour discovery and ARP.
	nd := NDFields{Type: ICMP6NeighbourSolicit, Target: b6, Option: NDSourceLinkAddr, MAC: MAC{1, 2, 3, 4, 5, 6}}
	group, _ := SolicitedNode(b6)
	ip = IPv6Fields{NextHeader: ProtoICMPv6, HopLimit: 255, Src: a6, Dst: group}
	b, err = ip.Append(nil, 32)
	b = must(t, b, err)
	b, err = nd.Append(b, a6, group)
	p = decode(t, must(t, b, err), layers.LayerTypeIPv6)
	n := layer[*layers.ICMPv6NeighborSolicitation](t, p, layers.LayerTypeICMPv6NeighborSolicitation)
	if n.TargetAddress.String() != b6.String() || len(n.Options) != 1 || n.Options[0].Type != layers.ICMPv6OptSourceAddress ||
		!bytes.Equal(n.Options[0].Data, nd.MAC[:]) {
		t.Errorf("solicitation %+v", n)
	}
	arp := ARPFields{Op: ARPReply, SenderMAC: MAC{1}, TargetMAC: MAC{2}, SenderIP: a4, TargetIP: b4}
	b, err = arp.Append(nil)
	p = decode(t, must(t, b, err), layers.LayerTypeARP)
	r := layer[*layers.ARP](t, p, layers.LayerTypeARP)
	if r.Operation != layers.ARPReply || r.SourceHwAddress[0] != 1 || r.DstHwAddress[0] != 2 ||
		netip.AddrFrom4([4]byte(r.SourceProtAddress)) != a4 || netip.AddrFrom4([4]byte(r.DstProtAddress)) != b4 {
		t.Errorf("ARP %+v", r)
	}
}

// TestOtherBuilder parses what the other program builds.
func TestOtherBuilder(t *testing.T) {
	build := func(ls ...gopacket.SerializableLayer) []byte {
		t.Helper()
		buf := gopacket.NewSerializeBuffer()
		if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ls...); err != nil {
			t.Fatal(err)
		}
		return buf.Bytes()
	}
	ip4 := &layers.IPv4{Version: 4, TTL: 3, Id: 9, Protocol: layers.IPProtocolTCP, SrcIP: a4.AsSlice(), DstIP: b4.AsSlice()}
	tcp := &layers.TCP{SrcPort: 1, DstPort: 2, Seq: 3, SYN: true, Window: 4, Options: []layers.TCPOption{
		{OptionType: layers.TCPOptionKindMSS, OptionLength: 4, OptionData: []byte{5, 0xb4}},
		{OptionType: layers.TCPOptionKindSACKPermitted, OptionLength: 2},
	}}
	if err := tcp.SetNetworkLayerForChecksum(ip4); err != nil {
		t.Fatal(err)
	}
	p, err := ParseIPv4(build(ip4, tcp, gopacket.Payload("xyz")))
	if err != nil || !p.ChecksumOK() {
		t.Fatalf("IPv4: %v", err)
	}
	s, err := ParseTCP(p.Payload())
	if err != nil || !s.ChecksumOK(PseudoSum(p.Src(), p.Dst(), ProtoTCP, len(s))) || string(s.Payload()) != "xyz" || s.Flags() != SYN {
		t.Fatalf("TCP: %v % x", err, []byte(s))
	}
	if mss, ok := s.MSS(); mss != 1460 || !ok || !s.SACKPermitted() {
		t.Errorf("MSS %d %v", mss, ok)
	}

	ip6 := &layers.IPv6{Version: 6, HopLimit: 4, NextHeader: layers.IPProtocolICMPv6, SrcIP: a6.AsSlice(), DstIP: b6.AsSlice()}
	icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(layers.ICMPv6TypeEchoRequest, 0)}
	if err := icmp.SetNetworkLayerForChecksum(ip6); err != nil {
		t.Fatal(err)
	}
	p6, err := ParseIPv6(build(ip6, icmp, &layers.ICMPv6Echo{Identifier: 7, SeqNumber: 8}, gopacket.Payload("abc")))
	if err != nil {
		t.Fatal(err)
	}
	u, ok := p6.Upper()
	m, err := ParseICMP(u.Payload)
	if !ok || err != nil || m.ID() != 7 || m.Seq() != 8 || !m.ChecksumOK(pseudo6(p6.Src(), p6.Dst(), len(m))) {
		t.Errorf("ICMPv6: %v %v % x", ok, err, []byte(m))
	}
}
