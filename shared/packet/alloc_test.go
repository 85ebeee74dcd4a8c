package packet

import "testing"

// sink keeps results from being optimised away.
var sink int

// TestAllocs: neither building nor parsing allocates when the buffer has the room.
func TestAllocs(t *testing.T) {
	buf := make([]byte, 0, 2048)
	payload := make([]byte, 16)
	probe4 := quoted(t, a4, b4, 16)
	probe6 := quoted(t, a6, b6, 12)
	mpls, err := AppendMPLS(nil, MPLSLabel{Label: 16, TTL: 1, Bottom: true})
	mpls = must(t, mpls, err)
	f4 := ErrorFields{Type: ICMP4TimeExceeded, Form: Legacy, Objects: mpls}
	e4, err := f4.Append(nil, probe4, b4, a4)
	e4 = must(t, e4, err)
	f6 := ErrorFields{Type: ICMP6TimeExceeded, Form: RFC4884, Objects: mpls}
	e6, err := f6.Append(nil, probe6, b6, a6)
	e6 = must(t, e6, err)
	tcp := TCPFields{SrcPort: 1, DstPort: 2, Flags: SYN, Options: AppendMSS(nil, 1460)}
	segment, err := tcp.Append(nil, nil, 0)
	segment = must(t, segment, err)
	ip4 := IPv4Fields{TTL: 1, Protocol: ProtoUDP, Src: a4, Dst: b4}
	ip6 := IPv6Fields{HopLimit: 1, NextHeader: ProtoUDP, Src: a6, Dst: b6}
	arp := ARPFields{Op: ARPRequest, SenderIP: a4, TargetIP: b4}
	nd := NDFields{Type: ICMP6NeighbourSolicit, Target: b6, Option: NDSourceLinkAddr}
	rr := make([]byte, 0, 40)
	eth := EthernetFields{Type: EtherIPv4}

	for name, f := range map[string]func(){
		"build IPv4 and UDP": func() {
			b, _ := ip4.Append(eth.Append(buf), 24)
			b, _ = UDPFields{1, 2}.Append(b, payload, PseudoSum(a4, b4, ProtoUDP, 24))
			sink += len(b)
		},
		"build IPv6, options and fragment": func() {
			b, _ := ip6.Append(buf, 16)
			b, _ = AppendOptionsHeader(b, ProtoFragment)
			b, _ = Fragment{NextHeader: ProtoUDP, ID: 1}.Append(b)
			sink += len(b)
		},
		"build TCP": func() {
			b, _ := tcp.Append(buf, payload, PseudoSum(a6, b6, ProtoTCP, 40))
			sink += len(b)
		},
		"build ICMP": func() {
			b, _ := AppendICMP4(buf, ip4, ICMPFields{Type: ICMP4Echo}, payload)
			sink += len(b)
		},
		"build errors": func() {
			b, _ := f4.Append(buf, probe4, b4, a4)
			b, _ = f6.Append(b, probe6, b6, a6)
			sink += len(b)
		},
		"build ARP and ND": func() {
			b, _ := arp.Append(buf)
			b, _ = nd.Append(b, a6, b6)
			sink += len(b)
		},
		"build options": func() {
			b, _ := AppendRecordRoute(rr, 9)
			sink += len(b)
		},
		"parse IPv4 and UDP": func() {
			p, _ := ParseIPv4(probe4)
			u, _ := ParseUDP(p.Payload())
			sink += int(u.SrcPort()) + p.Src().BitLen()
		},
		"parse IPv6": func() {
			p, _ := ParseIPv6(probe6)
			u, _ := p.Upper()
			sink += len(u.Payload) + p.Dst().BitLen()
		},
		"parse TCP": func() {
			s, _ := ParseTCP(segment)
			mss, _ := s.MSS()
			sink += int(mss)
		},
		"parse errors": func() {
			for _, v4 := range []bool{true, false} {
				m := ICMP(e6)
				if v4 {
					m = ICMP(e4)
				}
				e, _ := extensionsOf(m, v4)
				for o := range e.All() {
					sink += o.Labels() + int(o.Label(0).TTL)
				}
				s, d, _ := quoteOf(m, v4).Ports()
				sink += int(s) + int(d)
			}
		},
		"refuse": func() {
			if _, err := ParseIPv4(nil); err != nil {
				sink++
			}
		},
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations, want 0", name, n)
		}
	}
}
