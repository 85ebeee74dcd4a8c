package neigh

import (
	"fmt"
	"net/netip"

	"scamper/shared/packet"
	"scamper/unpriv/netio"
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

// ParseReply returns what a frame says of the sender: an ARP reply, or a neighbour
// advertisement with a link-layer address. ok is false for all other frames, and those
// which the RFCs say are not to be believed. It does not allocate.
func ParseReply(frame []byte) (addr netip.Addr, mac packet.MAC, ok bool) {
	etherType, body, ok := packet.ParseLink(packet.LinkEthernet, frame)
	if !ok {
		return netip.Addr{}, packet.MAC{}, false
	}
	switch etherType {
	case packet.EtherARP:
		arp, err := packet.ParseARP(body)
		if err != nil || arp.Op() != packet.ARPReply {
			return netip.Addr{}, packet.MAC{}, false
		}
		return arp.SenderIP(), arp.SenderMAC(), true
	case packet.EtherIPv6:
		ip, err := packet.ParseIPv6(body)
		if err != nil || ip.NextHeader() != packet.ProtoICMPv6 || ip.HopLimit() != ndHopLimit || ip.Truncated() {
			return netip.Addr{}, packet.MAC{}, false
		}
		message := ip.Payload()[:ip.PayloadLen()]
		nd, err := packet.ParseND(message)
		if err != nil || nd.Type() != packet.ICMP6NeighbourAdvert {
			return netip.Addr{}, packet.MAC{}, false
		}
		sum := packet.PseudoSum(ip.Src(), ip.Dst(), packet.ProtoICMPv6, len(message)).Bytes(message)
		mac, ok := nd.LinkAddr(packet.NDTargetLinkAddr)
		if !ok || sum.Checksum() != 0 {
			return netip.Addr{}, packet.MAC{}, false
		}
		return nd.Target(), mac, true
	}
	return netip.Addr{}, packet.MAC{}, false
}

// Frame takes in a frame that an Ethernet datalink has received. It is cheap while
// nothing is being asked. used is whether it answered a question.
func (c *Cache) Frame(ifindex int, frame []byte) (used bool) {
	if len(c.asking) == 0 {
		return false
	}
	addr, mac, ok := ParseReply(frame)
	return ok && c.Reply(ifindex, addr, mac)
}

// AppendHeader appends the header that frames to dst begin with on a link of a given
// kind. The addresses are for Ethernet only. The error is for links that nothing can be
// sent on.
func AppendHeader(b []byte, link netio.LinkType, src, dst packet.MAC, v6 bool) ([]byte, error) {
	etherType, family := uint16(packet.EtherIPv4), uint32(familyIPv4)
	if v6 {
		etherType, family = packet.EtherIPv6, familyIPv6
	}
	switch link {
	case netio.LinkEthernet:
		eth := packet.EthernetFields{Dst: dst, Src: src, Type: etherType}
		return eth.Append(b), nil
	case netio.LinkLoopback:
		eth := packet.EthernetFields{Type: etherType}
		return eth.Append(b), nil
	case netio.LinkNull:
		return packet.AppendNull(b, family), nil
	case netio.LinkRaw:
		return b, nil
	default:
		return b, fmt.Errorf("no frames can be sent on a link of type %s", link)
	}
}
