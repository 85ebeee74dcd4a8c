package simnet

import (
	"net/netip"
	"time"

	"scamper/shared/packet"
)

// Handle takes a frame that the machine at a port sent at time now. What the simulation makes of it is fetched with
// Deliver. The frame is not kept.
func (n *Net) Handle(port Port, frame []byte, now time.Duration) {
	n.now = max(n.now, now)
	n.wheel.advance(n.now)
	n.count.FramesIn++
	if int(port) >= len(n.macs) || port < 0 {
		n.count.FramesIgnored++
		return
	}
	eth, err := packet.ParseEthernet(frame)
	if err != nil {
		n.count.FramesIgnored++
		return
	}
	if src := eth.Src(); src[0]&1 == 0 {
		n.macs[port] = src
	}
	switch eth.Type() {
	case packet.EtherARP:
		n.arp(port, eth.Payload())
	case packet.EtherIPv4, packet.EtherIPv6:
		if dst := eth.Dst(); dst[0]&1 != 0 {
			n.multicast(port, eth)
		} else {
			n.fromPort(port, dst, eth.Payload())
		}
	default:
		n.count.FramesIgnored++
	}
}

// multicast looks for neighbour solicitations; nobody here listens to anything else.
func (n *Net) multicast(port Port, eth packet.Ethernet) {
	if eth.Type() == packet.EtherIPv6 && n.solicitation(port, eth.Payload()) {
		return
	}
	n.count.FramesIgnored++
}

func (n *Net) station(port Port, a netip.Addr) *station {
	for i := range n.t.stations[port] {
		s := &n.t.stations[port][i]
		for _, own := range s.addrs {
			if own == a {
				return s
			}
		}
	}
	return nil
}

func (n *Net) arp(port Port, b []byte) {
	m, err := packet.ParseARP(b)
	if err != nil || m.Op() != packet.ARPRequest {
		n.count.FramesIgnored++
		return
	}
	n.count.Resolutions++
	s := n.station(port, m.TargetIP())
	if s == nil || s.silent || m.SenderIP() == m.TargetIP() {
		return
	}
	for _, mac := range s.macs {
		reply := packet.ARPFields{
			Op: packet.ARPReply, SenderMAC: mac, SenderIP: m.TargetIP(), TargetMAC: m.SenderMAC(), TargetIP: m.SenderIP(),
		}
		body, err := reply.Append(n.scratch[:0])
		if err != nil {
			return
		}
		n.frame(port, mac, m.SenderMAC(), packet.EtherARP, body, n.now+s.delay)
		n.count.Advertised++
	}
}

// solicitation answers a neighbour solicitation (RFC 4861 section 7.2.4) and reports whether the packet was one.
func (n *Net) solicitation(port Port, b []byte) bool {
	ip, err := packet.ParseIPv6(b)
	if err != nil || ip.NextHeader() != packet.ProtoICMPv6 || ip.HopLimit() != 255 {
		return false
	}
	m, err := packet.ParseND(ip.Payload())
	if err != nil || m.Type() != packet.ICMP6NeighbourSolicit {
		return false
	}
	n.count.Resolutions++
	s := n.station(port, m.Target())
	if s == nil || s.silent || ip.Src().IsUnspecified() { // duplicate address detection is not contested
		return true
	}
	for _, mac := range s.macs {
		reply := packet.NDFields{
			Type: packet.ICMP6NeighbourAdvert, Flags: packet.NDSolicited | packet.NDOverride | packet.NDRouter,
			Target: m.Target(), Option: packet.NDTargetLinkAddr, MAC: mac,
		}
		if n.t.nodes[n.t.faces[n.t.faces[s.face].peer].node].kind != kindRouter {
			reply.Flags &^= packet.NDRouter
		}
		body, err := reply.Append(n.scratch[:packet.IPv6HeaderLen], m.Target(), ip.Src())
		if err != nil {
			return true
		}
		header := packet.IPv6Fields{NextHeader: packet.ProtoICMPv6, HopLimit: 255, Src: m.Target(), Dst: ip.Src()}
		if _, err := header.Append(body[:0], len(body)-packet.IPv6HeaderLen); err != nil {
			return true
		}
		n.frame(port, mac, n.macs[port], packet.EtherIPv6, body, n.now+s.delay)
		n.count.Advertised++
	}
	return true
}

// frame queues a frame.
func (n *Net) frame(port Port, src, dst packet.MAC, etherType uint16, body []byte, due time.Duration) {
	i := n.wheel.take(packet.EthernetHeaderLen + len(body))
	if i == noFrame {
		n.count.QueueFull++
		return
	}
	eth := packet.EthernetFields{Src: src, Dst: dst, Type: etherType}
	b := eth.Append(n.wheel.frames[i].bytes[:0])
	copy(n.wheel.frames[i].bytes[len(b):], body)
	n.wheel.add(i, port, due, n.now)
	n.count.FramesOut++
}

// fromPort takes an IP packet that was sent to the Ethernet address of a station.
func (n *Net) fromPort(port Port, dst packet.MAC, b []byte) {
	if len(b) > 0 && b[0]>>4 == 6 && n.solicitation(port, b) { // unicast reachability probes
		return
	}
	i, known := n.byMAC[port][dst]
	if !known {
		n.count.FramesIgnored++
		return
	}
	n.count.PacketsIn++
	j := &n.trips[0]
	if !n.parse(j, b) {
		n.drop(dropMalformed)
		return
	}
	j.at, j.made, j.depth = n.now, false, 0
	f := n.t.stations[port][i].face
	n.cross(j, f)
}
