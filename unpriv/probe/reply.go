package probe

import (
	"bytes"
	"net/netip"

	"scamper/shared/packet"
	"scamper/unpriv/netio"
)

// Kind says what a received packet is.
type Kind uint8

// Kinds of packet.
const (
	KindNone             Kind = iota
	KindError                 // ICMP or ICMPv6 error with a quote
	KindEcho                  // echo request
	KindEchoReply             //
	KindTimestamp             // ICMP timestamp request
	KindTimestampReply        //
	KindTCP                   //
	KindUDP                   //
	KindFragment              // IP fragment other than the first: no transport header
	KindARPRequest            //
	KindARPReply              //
	KindNeighbourSolicit      // ICMPv6 neighbour solicitation
	KindNeighbourAdvert       // ICMPv6 neighbour advertisement
)

var kindNames = [...]string{
	"none", "ICMP error", "echo request", "echo reply", "timestamp request", "timestamp reply", "TCP", "UDP",
	"fragment", "ARP request", "ARP reply", "neighbour solicitation", "neighbour advertisement",
}

// String names the kind.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown"
}

// Capture is how the packet was received. Whoever received it fills this in; parsing
// leaves it alone.
type Capture struct {
	Stamp    netio.Stamp // wall clock
	Kernel   bool        // Stamp is the kernel's
	IfIndex  int32       // interface, 0 if not known
	Outgoing bool        // datalink: the copy of a packet that this host sent
}

// IP is what the IP header of the received packet said, or the ancillary data that
// stand in for it.
type IP struct {
	Version   uint8      // 4 or 6
	Src, Dst  netip.Addr // Dst is invalid if the socket didn't tell
	Protocol  uint8      // of the transport, behind IPv6 extension headers
	TTL       uint8      // TTL or hop limit, if HasTTL
	TOS       uint8      // type of service or traffic class, if HasTOS
	HasTTL    bool
	HasTOS    bool
	HasID     bool   // ID is there: always for IPv4; for IPv6 if there was a fragment header
	DF        bool   // IPv4: don't fragment
	More      bool   // more fragments follow
	Offset    uint16 // fragment offset, in units of 8 bytes
	ID        uint32 // identification: 16 bits for IPv4, 32 for IPv6
	FlowLabel uint32 // IPv6, only from a datalink
	Size      int    // bytes of the whole packet, as its header says
	Options   []byte // IPv4 options
}

// ICMP is what the ICMP header and what it belongs to said. Which fields are of use
// depends on the type.
type ICMP struct {
	Type, Code uint8
	ID, Seq    uint16 // echo, timestamp
	MTU        uint32 // bytes: IPv4 unreachable/fragmentation needed, IPv6 packet too big
	Pointer    uint32 // parameter problem: offset of the offending byte
	Originate  uint32 // timestamp: milliseconds since midnight UT
	Receive    uint32
	Transmit   uint32
	Extensions packet.Extensions // RFC 4884 objects of an error
}

// Quote is what an ICMP error quoted of a packet: what it looked like where the error
// was made.
type Quote struct {
	Src, Dst  netip.Addr
	Protocol  uint8  // of the transport, behind IPv6 extension headers
	TTL       uint8  // TTL or hop limit
	TOS       uint8  // type of service or traffic class
	DF        bool   // IPv4: don't fragment
	Fragment  bool   // the packet was a fragment, or had an IPv6 fragment header
	Offset    uint16 // fragment offset, in units of 8 bytes; if not 0, there is no transport header in Payload
	ID        uint16 // IPv4 identification
	FragID    uint32 // IPv6 identification, if Fragment
	FlowLabel uint32 // IPv6
	Size      int    // bytes of the whole packet, as its header said

	SrcPort, DstPort uint16 // UDP, TCP
	Checksum         uint16 // UDP, ICMP
	Type, Code       uint8  // ICMP
	ICMPID, ICMPSeq  uint16 // ICMP
	Seq              uint32 // TCP

	Options []byte // IPv4 options
	Payload []byte // what was quoted behind the IP headers, from the transport header on
}

// TCP is what a TCP header said.
type TCP struct {
	SrcPort, DstPort uint16
	Seq, Ack         uint32
	Flags            uint8
	HasMSS           bool
	Window           uint16
	MSS              uint16
	Options          []byte
	Payload          []byte // as much as was captured
	Len              int    // bytes of payload, as the IP header says
}

// UDP is what a UDP header said.
type UDP struct {
	SrcPort, DstPort uint16
	Checksum         uint16
	Payload          []byte // as much as was captured
}

// Neighbour is what ARP or neighbour discovery said.
type Neighbour struct {
	MAC    packet.MAC // ARP: of the sender; ND: the link-layer address option, if HasMAC
	HasMAC bool
	Flags  uint8      // neighbour advertisement
	Target netip.Addr // ARP: target protocol address; ND: target address. The ARP sender is in IP.Src
}

// Reply is a received packet, grouped by where a field was found. Groups that don't
// fit its Kind are zero.
//
// All byte slices, Extensions included, refer into the buffer that was parsed. They
// are valid until it is received into again: [Reply.Clone] what is to be kept.
type Reply struct {
	Capture   Capture
	Kind      Kind
	Datalink  bool // parsed by ParseFrame
	IP        IP
	ICMP      ICMP
	Quote     Quote
	TCP       TCP
	UDP       UDP
	Neighbour Neighbour
	Packet    []byte // the whole packet: from the IP header on, from the ICMPv6 header on (ParseICMP6), or ARP
}

// Clone returns a copy that refers to nothing of the receive buffer.
func (r *Reply) Clone() *Reply {
	c := *r
	c.IP.Options = bytes.Clone(r.IP.Options)
	c.ICMP.Extensions = bytes.Clone(r.ICMP.Extensions)
	c.Quote.Options = bytes.Clone(r.Quote.Options)
	c.Quote.Payload = bytes.Clone(r.Quote.Payload)
	c.TCP.Options = bytes.Clone(r.TCP.Options)
	c.TCP.Payload = bytes.Clone(r.TCP.Payload)
	c.UDP.Payload = bytes.Clone(r.UDP.Payload)
	c.Packet = bytes.Clone(r.Packet)
	return &c
}

// Targets returns the addresses by which the tasks that may want the packet are
// found, the second one to be asked after the first, or invalid:
//
//	ICMP errors                     quoted destination
//	echo and timestamp replies      source
//	echo and timestamp requests     destination (copies of our own probes)
//	fragments                       source, destination
//	TCP SYN without ACK             destination
//	other TCP                       source, destination
//	UDP                             destination, source
//	ARP, neighbour discovery        the sender of ARP, the target of the other
//
// Addresses have no zone.
func (r *Reply) Targets() (first, second netip.Addr) {
	switch r.Kind {
	case KindError:
		return r.Quote.Dst, netip.Addr{}
	case KindEchoReply, KindTimestampReply, KindARPRequest, KindARPReply:
		return r.IP.Src, netip.Addr{}
	case KindEcho, KindTimestamp:
		return r.IP.Dst, netip.Addr{}
	case KindFragment:
		return r.IP.Src, r.IP.Dst
	case KindTCP:
		if r.TCP.Flags&(packet.SYN|packet.ACK) == packet.SYN {
			return r.IP.Dst, netip.Addr{}
		}
		return r.IP.Src, r.IP.Dst
	case KindUDP:
		return r.IP.Dst, r.IP.Src
	case KindNeighbourSolicit, KindNeighbourAdvert:
		return r.Neighbour.Target, netip.Addr{}
	}
	return netip.Addr{}, netip.Addr{}
}

// is reports an ICMP message of one type for each IP version; a type of 255 means
// that there is none.
func (r *Reply) is(type4, type6 uint8) bool {
	t := type6
	if r.IP.Version == 4 {
		t = type4
	}
	return r.Kind == KindError && r.ICMP.Type == t
}

// IsTimeExceeded reports an ICMP "time exceeded in transit". The one for reassembly
// (code 1) isn't a hop's answer.
func (r *Reply) IsTimeExceeded() bool {
	return r.is(packet.ICMP4TimeExceeded, packet.ICMP6TimeExceeded) && r.ICMP.Code == packet.ICMP4ExceededTransit
}

// IsUnreach reports an ICMP "destination unreachable" of any code.
func (r *Reply) IsUnreach() bool { return r.is(packet.ICMP4Unreach, packet.ICMP6Unreach) }

// IsPortUnreach reports an ICMP "port unreachable".
func (r *Reply) IsPortUnreach() bool {
	code := uint8(packet.ICMP6UnreachPort)
	if r.IP.Version == 4 {
		code = packet.ICMP4UnreachPort
	}
	return r.IsUnreach() && r.ICMP.Code == code
}

// IsTooBig reports that a packet was too big to be forwarded: ICMPv6 "packet too
// big", ICMP unreachable "fragmentation needed".
func (r *Reply) IsTooBig() bool {
	if r.IP.Version == 4 {
		return r.IsUnreach() && r.ICMP.Code == packet.ICMP4UnreachNeedFrag
	}
	return r.is(0xff, packet.ICMP6TooBig)
}

// IsParamProblem reports an ICMP "parameter problem".
func (r *Reply) IsParamProblem() bool {
	return r.is(packet.ICMP4ParamProblem, packet.ICMP6ParamProblem)
}

// options returns the IPv4 options that carry what was recorded on the way: those of
// the quoted packet for an error, else those of the packet itself.
func (r *Reply) options() []byte {
	if r.Kind == KindError {
		return r.Quote.Options
	}
	return r.IP.Options
}

// RecordRoute returns the record route option, of the quoted packet if this is an
// error.
func (r *Reply) RecordRoute() (packet.RecordRoute, bool) {
	return packet.FindRecordRoute(r.options())
}

// TimestampOption returns the IPv4 timestamp option, of the quoted packet if this is
// an error. It is there even if it has no entries yet.
func (r *Reply) TimestampOption() (packet.TimestampOption, bool) {
	return packet.FindTimestampOption(r.options())
}
