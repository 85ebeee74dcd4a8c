package neigh

import (
	"fmt"
	"net/netip"

	"scamper/shared/packet"
)

// Hop limit of all neighbour discovery messages; a lower one was forwarded, hence does
// not come from a neighbour (RFC 4861 section 7.1).
const ndHopLimit = 255

// ndSolicitLen is the length of a solicitation with a link-layer address (RFC 4861
// sections 4.3, 4.6.1): 24 + 8 bytes.
const ndSolicitLen = 32

// AppendQuery appends the frame that asks for a neighbour: an ARP request (RFC 826) to
// all, or a neighbour solicitation (RFC 4861 section 4.3) to the group of those whose
// address ends like the one in question. Errors wrap packet.ErrFamily.
func AppendQuery(b []byte, q *Query) ([]byte, error) {
	start := len(b)
	if q.Addr.Is4() {
		eth := packet.EthernetFields{Dst: packet.Broadcast, Src: q.SrcMAC, Type: packet.EtherARP}
		arp := packet.ARPFields{Op: packet.ARPRequest, SenderMAC: q.SrcMAC, SenderIP: q.SrcIP, TargetIP: q.Addr}
		b, err := arp.Append(eth.Append(b))
		if err != nil {
			return b[:start], err
		}
		return b, nil
	}
	group, mac := packet.SolicitedNode(q.Addr)
	eth := packet.EthernetFields{Dst: mac, Src: q.SrcMAC, Type: packet.EtherIPv6}
	ip := packet.IPv6Fields{NextHeader: packet.ProtoICMPv6, HopLimit: ndHopLimit, Src: q.SrcIP, Dst: group}
	nd := packet.NDFields{
		Type: packet.ICMP6NeighbourSolicit, Target: q.Addr,
		Option: packet.NDSourceLinkAddr, MAC: q.SrcMAC,
	}
	b, err := ip.Append(eth.Append(b), ndSolicitLen)
	if err == nil {
		b, err = nd.Append(b, q.SrcIP, group)
	}
	if err != nil {
		return b[:start], err
	}
	return b, nil
}

// parse returns what a frame says of its sender: an ARP reply or request, or a neighbour
// advertisement with a link-layer address; reply is whether it is no request. ok is false
// for all other frames, and those which the RFCs say are not to be believed. A host that
// has moved begins with a request (RFC 5227, section 3), or with an advertisement (RFC
// 4861, section 7.2.6). It does not allocate.
func parse(frame []byte) (addr netip.Addr, mac packet.MAC, reply, ok bool) {
	etherType, body, ok := packet.ParseLink(packet.LinkEthernet, frame)
	if !ok {
		return netip.Addr{}, packet.MAC{}, false, false
	}
	switch etherType {
	case packet.EtherARP:
		arp, err := packet.ParseARP(body)
		if err != nil || arp.Op() != packet.ARPReply && arp.Op() != packet.ARPRequest {
			return netip.Addr{}, packet.MAC{}, false, false
		}
		return arp.SenderIP(), arp.SenderMAC(), arp.Op() == packet.ARPReply, true
	case packet.EtherIPv6:
		ip, err := packet.ParseIPv6(body)
		if err != nil || ip.NextHeader() != packet.ProtoICMPv6 || ip.HopLimit() != ndHopLimit || ip.Truncated() {
			return netip.Addr{}, packet.MAC{}, false, false
		}
		message := ip.Payload()[:ip.PayloadLen()]
		nd, err := packet.ParseND(message)
		if err != nil || nd.Type() != packet.ICMP6NeighbourAdvert {
			return netip.Addr{}, packet.MAC{}, false, false
		}
		sum := packet.PseudoSum(ip.Src(), ip.Dst(), packet.ProtoICMPv6, len(message)).Bytes(message)
		mac, ok := nd.LinkAddr(packet.NDTargetLinkAddr)
		if !ok || sum.Checksum() != 0 {
			return netip.Addr{}, packet.MAC{}, false, false
		}
		return nd.Target(), mac, true, true
	}
	return netip.Addr{}, packet.MAC{}, false, false
}

// tells reports whether a frame could be one that parse takes, for the price of a few
// comparisons.
func tells(frame []byte) bool {
	const etherType, ip, ip6 = 12, 14, 40 // offset, and lengths of the headers
	if len(frame) < ip+packet.ARPLen || frame[etherType] == 0x08 && frame[etherType+1] == 0x00 {
		return false
	}
	if frame[etherType] == 0x86 && frame[etherType+1] == 0xdd {
		return frame[ip+6] == packet.ProtoICMPv6 && len(frame) > ip+ip6 && frame[ip+ip6] == packet.ICMP6NeighbourAdvert
	}
	return true // ARP, or something rare
}

// Frame takes in a frame that an Ethernet datalink has received. It is cheap for all
// that do not tell an address. used is whether it answered a question.
//
// A neighbour that tells another address than we know is forgotten, not believed: whoever
// wants it asks, and hears from the one who has it.
func (c *Cache) Frame(ifindex int, frame []byte) (used bool) {
	if len(c.asking)+len(c.known) == 0 || !tells(frame) {
		return false
	}
	addr, mac, reply, ok := parse(frame)
	if !ok {
		return false
	}
	c.moved(Key{ifindex, addr.WithZone("")}, mac)
	return reply && c.Reply(ifindex, addr, mac)
}

// AppendHeader appends the header that frames to dst begin with on a link of a given
// kind. The addresses are for Ethernet only. The error is for links that nothing can be
// sent on.
func AppendHeader(b []byte, link packet.LinkType, src, dst packet.MAC, v6 bool) ([]byte, error) {
	etherType, family := uint16(packet.EtherIPv4), uint32(familyIPv4)
	if v6 {
		etherType, family = packet.EtherIPv6, familyIPv6
	}
	switch link {
	case packet.LinkEthernet:
		eth := packet.EthernetFields{Dst: dst, Src: src, Type: etherType}
		return eth.Append(b), nil
	case packet.LinkLoopback:
		eth := packet.EthernetFields{Type: etherType}
		return eth.Append(b), nil
	case packet.LinkNull:
		return packet.AppendNull(b, family), nil
	case packet.LinkRaw:
		return b, nil
	default:
		return b, fmt.Errorf("no frames can be sent on a link of type %s", link)
	}
}
