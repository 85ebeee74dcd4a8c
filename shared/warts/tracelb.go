package warts

import (
	"iter"
	"time"
)

// TracelbMethod is the kind of probe that a tracelb sends and the field that it varies.
type TracelbMethod uint8

// The tracelb methods.
const (
	TracelbUDPDport    TracelbMethod = 1
	TracelbICMPEcho    TracelbMethod = 2 // varies the checksum
	TracelbUDPSport    TracelbMethod = 3
	TracelbTCPSport    TracelbMethod = 4
	TracelbTCPAckSport TracelbMethod = 5
)

var tracelbMethods = [...]string{"", "udp-dport", "icmp-echo", "udp-sport", "tcp-sport", "tcp-ack-sport"}

// String returns the token of the method ("udp-dport"), its decimal number if unknown.
func (m TracelbMethod) String() string { return token(tracelbMethods[:], int(m)) }

// TracelbFlags are the options of a tracelb that are bits.
type TracelbFlags uint8

// TracelbPTR means that names were looked up.
const TracelbPTR TracelbFlags = 0x01

// Tracelb is the result of a tracelb: all paths between two hosts that load balancers give (MDA traceroute). It has no
// stop reason.
type Tracelb struct {
	List       *List
	Cycle      *Cycle
	UserID     uint32
	Src        Addr // zero if not known
	Dst        Addr // must be known to be written
	Router     Addr // probes were sent via this router; zero if none
	Start      Time
	ErrMsg     string
	Flags      TracelbFlags
	Method     TracelbMethod
	SrcPort    uint16 // base; ICMP: the ICMP id
	DstPort    uint16 // base
	ProbeSize  uint16 // bytes with IP header
	ToS        uint8
	FirstHop   uint8
	Attempts   uint8 // per probe
	Confidence uint8 // percent
	GapLimit   uint8
	Wait       time.Duration // for a reply; stored in whole seconds, up to 255
	WaitProbe  time.Duration // least time between probes; stored in centiseconds, up to 2.55 s
	ProbeCount uint32        // probes sent
	ProbeMax   uint32        // probes allowed

	Nodes []TracelbNode // in order of discovery, at most 65535
	// Links are ordered by From, then To, those without To last. At most 65535.
	Links []TracelbLink
	Kept  Kept
}

// Type returns TypeTracelb.
func (*Tracelb) Type() Type { return TypeTracelb }

// LinksFrom yields the links that begin at a node, in the record's order, with their index in Links.
func (t *Tracelb) LinksFrom(node int) iter.Seq2[int, *TracelbLink] {
	return func(yield func(int, *TracelbLink) bool) {
		for i := range t.Links {
			if int(t.Links[i].From) == node && !yield(i, &t.Links[i]) {
				return
			}
		}
	}
}

// TracelbNodeFlags tell what is known about a node.
type TracelbNodeFlags uint8

// TracelbNodeQTTL means that QuoTTL is known.
const TracelbNodeQTTL TracelbNodeFlags = 0x01

// TracelbNode is an interface that answered. Two nodes may have the same address with different QuoTTL: a node is
// identified by its index.
type TracelbNode struct {
	Addr   Addr   // zero: unresponsive
	Name   string // PTR name, "" if unknown
	Flags  TracelbNodeFlags
	QuoTTL uint8 // TTL in the quotes; valid with TracelbNodeQTTL
	Kept   Kept
}

// TracelbLink leads from a node to another one, over len(Sets)-1 hops in between that are not nodes.
type TracelbLink struct {
	From uint16       // index of the node
	To   int          // index of the node; -1 if the path was not resolved to an end
	Sets []TracelbSet // one for each hop, at most 255
	Kept Kept
}

// TracelbSet holds the probes of one hop of a link.
type TracelbSet struct {
	Probes []TracelbProbe // at most 65535
	Kept   Kept
}

// TracelbProbe is a probe of a tracelb with its replies.
type TracelbProbe struct {
	TX Time
	// FlowID is the value of the field that varies: a port, or the ICMP checksum counted from 1.
	FlowID  uint16
	TTL     uint8
	Attempt uint8          // from 0
	Replies []TracelbReply // at most 65535
	Kept    Kept
}

// TracelbReplyFlags tell what is known about a reply of a tracelb.
type TracelbReplyFlags uint8

// The reply flags.
const (
	TracelbReplyTTL TracelbReplyFlags = 0x01 // TTL is known
	TracelbReplyTCP TracelbReplyFlags = 0x02 // the reply is TCP, else it is ICMP
)

// TracelbReply is a reply to a probe of a tracelb.
type TracelbReply struct {
	Addr     Addr // of the sender; must be known to be written
	RX       Time
	IPID     uint16 // 0 for IPv6
	TTL      uint8  // valid with TracelbReplyTTL
	Flags    TracelbReplyFlags
	ICMPType uint8
	ICMPCode uint8
	TCPFlags uint8
	QuoTTL   uint8 // TTL in the packet that an ICMP reply quotes
	QuoToS   uint8 // ToS in it
	Exts     []ICMPExt
	Kept     Kept
}

// IsTCP reports whether the reply is TCP; else it is ICMP.
func (r *TracelbReply) IsTCP() bool { return r.Flags&TracelbReplyTCP != 0 }
