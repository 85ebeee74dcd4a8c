package simnet

import (
	"net/netip"
	"time"

	"scamper/shared/packet"
)

// journey is one IP packet on its way. Its bytes are as its sender made them, except for IPv4 options that routers have
// filled in; the TTL lives in ttl and is written back where somebody looks.
type journey struct {
	b        []byte
	v6       bool
	src, dst netip.Addr
	srcClass int32
	class    int32 // of dst
	header   int   // bytes in front of the transport header, extension headers included
	proto    uint8 // of the transport header
	piece    bool  // a fragment
	later    bool  // a fragment other than the first
	fragment packet.Fragment
	options  bool // IPv4 options
	dirty    bool // options were filled in: the header checksum is stale
	dontFrag bool
	ttl      int
	at       time.Duration
	depth    int
	before   int32 // the face by which it came to the router that it left last; -1: none

	// Packets that the simulation made.
	made    bool
	salt    uint64 // of the sender
	heeds   bool   // sender believes packet too big
	copies  int
	copyGap time.Duration
	fragTo  int    // deliver in fragments of at most this many bytes; 0: whole
	fragID  uint32 // IPv6
	atomic  bool   // deliver with a fragment header even if whole

	hashOf hashFields // flow hash remembered for these fields
	hash   uint64
}

// parse reads a packet's headers. It reports false if the packet is not one.
func (n *Net) parse(j *journey, b []byte) bool {
	if len(b) == 0 {
		return false
	}
	*j = journey{copies: 1, before: -1}
	switch b[0] >> 4 {
	case 4:
		ip, err := packet.ParseIPv4(b)
		if err != nil || ip.Truncated() || !ip.ChecksumOK() {
			return false
		}
		j.b = b[:ip.TotalLen()]
		j.src, j.dst = ip.Src(), ip.Dst()
		j.header = ip.HeaderLen()
		j.proto = ip.Protocol()
		j.ttl = int(ip.TTL())
		j.dontFrag = ip.DF()
		j.piece, j.later = ip.IsFragment(), ip.FragOffset() != 0
		if j.piece {
			j.fragment = packet.Fragment{NextHeader: j.proto, Offset: ip.FragOffset(), More: ip.MF(), ID: uint32(ip.ID())}
		}
		if j.header > packet.IPv4HeaderLen {
			j.options = true
			j.b = append(n.bufs[0][:0], j.b...) // routers write into them
		}
	case 6:
		ip, err := packet.ParseIPv6(b)
		if err != nil || ip.Truncated() {
			return false
		}
		j.v6 = true
		j.b = b[:ip.TotalLen()]
		j.src, j.dst = ip.Src(), ip.Dst()
		j.ttl = int(ip.HopLimit())
		up, ok := packet.WalkExtensions(ip.NextHeader(), j.b[packet.IPv6HeaderLen:])
		j.header = packet.IPv6HeaderLen + up.Offset
		j.proto = up.Protocol
		if !ok {
			return false
		}
		j.piece, j.later, j.fragment = up.HasFragment, up.HasFragment && up.Fragment.Offset != 0, up.Fragment
		j.dontFrag = true
	default:
		return false
	}
	j.class = n.t.classOf(j.dst)
	j.srcClass = n.t.classOf(j.src)
	return true
}

// family is 0 for IPv4 and 1 for IPv6.
func (j *journey) family() int {
	if j.v6 {
		return 1
	}
	return 0
}

// size is how large the largest piece of the packet is on the wire.
func (j *journey) size() int {
	if j.fragTo > 0 {
		return min(j.fragTo, len(j.b))
	}
	return len(j.b)
}

// isError reports an ICMP message about another packet: nothing is said about those (RFC 1122 section 3.2.2, RFC 4443
// section 2.4).
func (j *journey) isError() bool {
	if j.later || len(j.b) <= j.header {
		return false
	}
	switch {
	case j.proto == packet.ProtoICMP && !j.v6:
		return packet.IsError4(j.b[j.header])
	case j.proto == packet.ProtoICMPv6 && j.v6:
		return j.b[j.header] < 128
	}
	return false
}

// stamp fills the IPv4 options in as a router or host at address a does.
func (n *Net) stamp(j *journey, a netip.Addr) {
	options := j.b[packet.IPv4HeaderLen:min(j.header, len(j.b))]
	if rr, ok := packet.FindRecordRoute(options); ok && rr.Record(a) {
		j.dirty = true
	}
	if ts, ok := packet.FindTimestampOption(options); ok && ts.Record(a, n.clock(j.at)) {
		j.dirty = true
	}
}

// nextHeaderAt is where the field is that tells the transport protocol of an IPv6 packet.
func (j *journey) nextHeaderAt() int {
	at, next := 6, packet.IPv6HeaderLen
	for next < j.header && next+1 < len(j.b) {
		at = next
		length := (int(j.b[next+1]) + 1) * 8
		if j.b[at] == packet.ProtoFragment {
			length = packet.FragmentHeaderLen
		}
		next += length
	}
	return at
}
