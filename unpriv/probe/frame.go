package probe

import "scamper/shared/packet"

// ParseFrame parses what a datalink socket received, which begins with the link
// header. Accepted are, in either direction: TCP, UDP, ICMP echo and timestamp
// messages, ICMP errors of all types that quote a UDP, TCP or ICMP packet, IP
// fragments, ARP for IPv4 over Ethernet, and neighbour solicitations and
// advertisements. A first fragment counts as the packet that it begins. Checksums
// aren't looked at: those of packets that this host sent may not be there yet.
func ParseFrame(link packet.LinkType, b []byte, r *Reply) Reason {
	*r = Reply{Capture: r.Capture, Datalink: true}
	etherType, payload, ok := packet.ParseLink(link, b)
	if !ok {
		return LinkUnknown
	}
	switch etherType {
	case packet.EtherIPv4:
		return r.frame4(payload)
	case packet.EtherIPv6:
		return r.frame6(payload)
	case packet.EtherARP:
		return r.frameARP(payload)
	}
	return EtherType
}

// frame4: link > IPv4.
func (r *Reply) frame4(b []byte) Reason {
	p, err := packet.ParseIPv4(b)
	if err != nil {
		return headerReason(err)
	}
	r.setIPv4(p)
	if r.IP.Offset != 0 {
		r.Kind = KindFragment
		return Accepted
	}
	b = p.Payload()
	switch r.IP.Protocol {
	case packet.ProtoTCP:
		return r.setTCP(b, p.TotalLen()-p.HeaderLen())
	case packet.ProtoUDP:
		return r.setUDP(b)
	case packet.ProtoICMP:
		return r.setICMP4(b)
	}
	return Protocol
}

// setICMP4: link > IPv4 > ICMP.
func (r *Reply) setICMP4(b []byte) Reason {
	m, err := packet.ParseICMP(b)
	if err != nil {
		return Short
	}
	r.ICMP.Type, r.ICMP.Code = m.Type(), m.Code()
	switch m.Type() {
	case packet.ICMP4EchoReply:
		return r.setEcho(KindEchoReply, m)
	case packet.ICMP4Echo:
		return r.setEcho(KindEcho, m)
	case packet.ICMP4TimestampReply:
		return r.setTimestamp(KindTimestampReply, m)
	case packet.ICMP4Timestamp:
		return r.setTimestamp(KindTimestamp, m)
	}
	if packet.IsError4(m.Type()) {
		return r.setError4(m)
	}
	return ICMPType
}

// frame6: link > IPv6.
func (r *Reply) frame6(b []byte) Reason {
	p, err := packet.ParseIPv6(b)
	if err != nil {
		return headerReason(err)
	}
	r.Packet = p
	r.IP = IP{
		Version:   6,
		Src:       p.Src(),
		Dst:       p.Dst(),
		Protocol:  p.NextHeader(),
		TTL:       p.HopLimit(),
		TOS:       p.TrafficClass(),
		HasTTL:    true,
		HasTOS:    true,
		FlowLabel: p.FlowLabel(),
		Size:      p.TotalLen(),
	}
	u, ok := p.Upper()
	if !ok {
		return Short
	}
	// link > IPv6 > extension headers
	r.IP.Protocol = u.Protocol
	if u.HasFragment {
		r.IP.HasID, r.IP.ID = true, u.Fragment.ID
		r.IP.More, r.IP.Offset = u.Fragment.More, u.Fragment.Offset
		if r.IP.Offset != 0 {
			r.Kind = KindFragment
			return Accepted
		}
	}
	switch u.Protocol {
	case packet.ProtoTCP:
		return r.setTCP(u.Payload, p.PayloadLen()-u.Offset)
	case packet.ProtoUDP:
		return r.setUDP(u.Payload)
	case packet.ProtoICMPv6:
		return r.setICMP6(u.Payload)
	}
	return Protocol
}

// setICMP6: link > IPv6 > ICMPv6.
func (r *Reply) setICMP6(b []byte) Reason {
	m, err := packet.ParseICMP(b)
	if err != nil {
		return Short
	}
	r.ICMP.Type, r.ICMP.Code = m.Type(), m.Code()
	switch m.Type() {
	case packet.ICMP6EchoReply:
		return r.setEcho(KindEchoReply, m)
	case packet.ICMP6Echo:
		return r.setEcho(KindEcho, m)
	case packet.ICMP6NeighbourSolicit, packet.ICMP6NeighbourAdvert:
		return r.setND(b)
	}
	if packet.IsError6(m.Type()) {
		return r.setError6(m)
	}
	return ICMPType
}

// setND: link > IPv6 > ICMPv6 > neighbour discovery.
func (r *Reply) setND(b []byte) Reason {
	n, err := packet.ParseND(b)
	// A hop limit below 255 came through a router (RFC 4861 section 7.1).
	if err != nil || r.IP.TTL != 255 || n.Target().IsMulticast() {
		return NeighbourForm
	}
	option := uint8(packet.NDTargetLinkAddr)
	r.Kind = KindNeighbourAdvert
	if n.Type() == packet.ICMP6NeighbourSolicit {
		r.Kind, option = KindNeighbourSolicit, packet.NDSourceLinkAddr
	}
	r.Neighbour.Target = n.Target()
	r.Neighbour.Flags = n.Flags()
	r.Neighbour.MAC, r.Neighbour.HasMAC = n.LinkAddr(option)
	return Accepted
}

// setTCP: link > IP > TCP. The size is what the IP header leaves for header and
// payload.
func (r *Reply) setTCP(b []byte, size int) Reason {
	h, err := packet.ParseTCP(b)
	if err != nil {
		return headerReason(err)
	}
	r.Kind = KindTCP
	f := &r.TCP
	f.SrcPort, f.DstPort = h.SrcPort(), h.DstPort()
	f.Seq, f.Ack = h.Seq(), h.Ack()
	f.Flags, f.Window = h.Flags(), h.Window()
	f.Options = h.Options()
	f.Payload = h.Payload()
	f.Len = max(size-h.HeaderLen(), 0)
	f.MSS, f.HasMSS = h.MSS()
	return Accepted
}

// setUDP: link > IP > UDP.
func (r *Reply) setUDP(b []byte) Reason {
	h, err := packet.ParseUDP(b)
	if err != nil {
		return Short
	}
	r.Kind = KindUDP
	r.UDP = UDP{SrcPort: h.SrcPort(), DstPort: h.DstPort(), Checksum: h.Checksum(), Payload: h.Payload()}
	return Accepted
}

// frameARP: link > ARP.
func (r *Reply) frameARP(b []byte) Reason {
	a, err := packet.ParseARP(b)
	if err != nil {
		return NeighbourForm
	}
	switch a.Op() {
	case packet.ARPRequest:
		r.Kind = KindARPRequest
	case packet.ARPReply:
		r.Kind = KindARPReply
	default:
		return NeighbourForm
	}
	r.Packet = a
	r.IP.Version, r.IP.Src = 4, a.SenderIP()
	r.Neighbour = Neighbour{MAC: a.SenderMAC(), HasMAC: true, Target: a.TargetIP()}
	return Accepted
}
