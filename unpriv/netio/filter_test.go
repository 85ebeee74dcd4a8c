package netio

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"scamper/shared/packet"
)

// frames of the kinds that a filter tells apart. Fields not named are zero.
func ip4Packet(proto byte, fragment uint16, options int, src, dst uint16) []byte {
	b := make([]byte, 20+options+8)
	b[0] = 0x45 + byte(options/4)
	binary.BigEndian.PutUint16(b[6:], fragment)
	b[9] = proto
	binary.BigEndian.PutUint16(b[20+options:], src)
	binary.BigEndian.PutUint16(b[22+options:], dst)
	return b
}

func ip6Packet(next byte, src, dst uint16) []byte {
	b := make([]byte, 48)
	b[0] = 0x60
	b[6] = next
	binary.BigEndian.PutUint16(b[40:], src)
	binary.BigEndian.PutUint16(b[42:], dst)
	return b
}

// onLink puts the link header in front.
func onLink(link packet.LinkType, ip []byte) []byte {
	header := make([]byte, link.HeaderLen())
	etherType := uint16(etherIPv4)
	if ip[0]>>4 == 6 {
		etherType = etherIPv6
	}
	switch link {
	case packet.LinkEthernet, packet.LinkLoopback:
		binary.BigEndian.PutUint16(header[12:], etherType)
	case packet.LinkFirewire:
		binary.BigEndian.PutUint16(header[16:], etherType)
	}
	return append(header, ip...)
}

func TestNarrow(t *testing.T) {
	ports := []uint16{33434, 50000, 50000}
	many := make([]uint16, 100) // 1000, 1010, ... 1990
	for i := range many {
		many[i] = uint16(1000 + 10*i)
	}
	cases := []struct {
		name   string
		ports  []uint16
		packet []byte
		want   bool
	}{
		{"ICMP", nil, ip4Packet(1, 0, 0, 0, 0), true},
		{"UDP to our port", ports, ip4Packet(17, 0, 0, 53, 33434), true},
		{"UDP from our port", ports, ip4Packet(17, 0, 0, 33434, 53), true},
		{"UDP of others", ports, ip4Packet(17, 0, 0, 53, 33435), false},
		{"UDP without open ports", nil, ip4Packet(17, 0, 0, 0, 0), false},
		{"TCP behind options", ports, ip4Packet(6, 0, 40, 80, 50000), true},
		{"TCP of others behind options", ports, ip4Packet(6, 0, 40, 80, 443), false},
		{"don't fragment is no fragment", ports, ip4Packet(6, 0x4000, 0, 80, 443), false},
		{"first fragment of others", ports, ip4Packet(17, 0x2000, 0, 80, 443), false},
		{"later fragment", ports, ip4Packet(17, 0x0001, 0, 80, 443), true},
		{"last fragment, high offset", ports, ip4Packet(47, 0x1000, 0, 0, 0), true},
		{"GRE", ports, ip4Packet(47, 0, 0, 33434, 33434), false},
		{"ICMPv6", nil, ip6Packet(58, 0, 0), true},
		{"IPv6 hop-by-hop", nil, ip6Packet(0, 0, 0), true},
		{"IPv6 fragment", nil, ip6Packet(44, 0, 0), true},
		{"IPv6 routing", nil, ip6Packet(43, 0, 0), true},
		{"IPv6 destination options", nil, ip6Packet(60, 0, 0), true},
		{"IPv6 UDP to our port", ports, ip6Packet(17, 53, 50000), true},
		{"IPv6 TCP from our port", ports, ip6Packet(6, 50000, 80), true},
		{"IPv6 TCP of others", ports, ip6Packet(6, 80, 443), false},
		{"IPv6 SCTP", ports, ip6Packet(132, 50000, 80), false},
		{"many ports, lowest", many, ip4Packet(17, 0, 0, 53, 1000), true},
		{"many ports, highest", many, ip6Packet(17, 1990, 53), true},
		{"many ports, between", many, ip4Packet(17, 0, 0, 53, 1001), true},
		{"many ports, below", many, ip4Packet(17, 0, 0, 53, 999), false},
		{"many ports, above", many, ip6Packet(6, 53, 1991), false},
		{"many ports, below and above", many, ip6Packet(6, 999, 1991), false},
		{"IP version 5", ports, append([]byte{0x55}, make([]byte, 60)...), false},
	}
	for link := packet.LinkEthernet; link <= packet.LinkVoid; link++ {
		for _, c := range cases {
			t.Run(fmt.Sprintf("%v/%s", link, c.name), func(t *testing.T) {
				frame := onLink(link, c.packet)
				if link.HeaderLen() >= 14 && c.packet[0]>>4 == 5 {
					frame[link.HeaderLen()-2] = 0x88 // some other EtherType
				}
				got, err := Narrow(link, c.ports).Match(frame)
				if err != nil || got != c.want {
					t.Errorf("Match = %v, %v; want %v", got, err, c.want)
				}
			})
		}
	}
	arp := make([]byte, 42)
	arp[12], arp[13] = 0x08, 0x06
	if got, err := Narrow(packet.LinkEthernet, nil).Match(arp); err != nil || !got {
		t.Errorf("ARP: %v, %v", got, err)
	}
}

// Every number of ports must give a program that is accepted, or Narrow would
// quietly let everything pass.
func TestNarrowAssembles(t *testing.T) {
	for _, link := range []packet.LinkType{packet.LinkEthernet, packet.LinkNull, packet.LinkRaw, packet.LinkFirewire} {
		for n := range maxPorts + 3 {
			ports := make([]uint16, n)
			for i := range ports {
				ports[i] = uint16(i * 7)
			}
			if _, err := NewFilter(narrow(link, ports)); err != nil {
				t.Errorf("%v with %d ports: %v", link, n, err)
			}
			if got, err := Narrow(link, ports).Match(onLink(link, ip4Packet(47, 0, 0, 0, 0))); got || err != nil {
				t.Errorf("%v with %d ports lets GRE pass (%v)", link, n, err)
			}
		}
	}
}

func TestEverything(t *testing.T) {
	if got, err := Everything().Match([]byte{1}); !got || err != nil {
		t.Errorf("Match = %v, %v", got, err)
	}
}

// plain is the filter in plain words, on Ethernet.
func plain(b []byte, ports []uint16) bool {
	at := func(i, n int) (v uint32, ok bool) {
		if i+n > len(b) {
			return 0, false
		}
		for _, x := range b[i : i+n] {
			v = v<<8 | uint32(x)
		}
		return v, true
	}
	ours := func(i int) bool {
		src, ok := at(i, 2)
		if !ok {
			return false
		}
		if slices.Contains(ports, uint16(src)) {
			return true
		}
		dst, ok := at(i+2, 2)
		return ok && slices.Contains(ports, uint16(dst))
	}
	etherType, ok := at(12, 2)
	if !ok {
		return false
	}
	switch etherType {
	case etherARP:
		return true
	case etherIPv4:
		fragment, ok := at(20, 2)
		if ok && fragment&0x1fff != 0 {
			return true
		}
		proto, ok2 := at(23, 1)
		if !ok || !ok2 {
			return false
		}
		return proto == 1 || (proto == 6 || proto == 17) && ours(14+int(b[14]&15)*4)
	case etherIPv6:
		next, ok := at(20, 1)
		if !ok {
			return false
		}
		return slices.Contains([]uint32{58, 44, 0, 60, 43}, next) || (next == 6 || next == 17) && ours(54)
	}
	return false
}

func FuzzNarrow(f *testing.F) {
	f.Add(onLink(packet.LinkEthernet, ip4Packet(17, 0, 4, 53, 33434)), uint16(33434), uint16(0))
	f.Add(onLink(packet.LinkEthernet, ip6Packet(6, 80, 443)), uint16(443), uint16(9))
	f.Add([]byte{}, uint16(0), uint16(0))
	f.Fuzz(func(t *testing.T, frame []byte, a, b uint16) {
		ports := []uint16{a, b}
		got, err := Narrow(packet.LinkEthernet, ports).Match(frame)
		if want := plain(frame, ports); err != nil || got != want {
			t.Errorf("Match(%x) = %v, %v; want %v", frame, got, err, want)
		}
	})
}
