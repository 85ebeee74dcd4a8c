package warts

import "time"

// PingMethod is the kind of probe that a ping sends.
type PingMethod uint8

// The ping methods.
const (
	PingICMPEcho    PingMethod = 0
	PingTCPAck      PingMethod = 1
	PingTCPAckSport PingMethod = 2 // source port varies
	PingUDP         PingMethod = 3
	PingUDPDport    PingMethod = 4 // destination port varies
	PingICMPTime    PingMethod = 5
	PingTCPSyn      PingMethod = 6
	PingTCPSynAck   PingMethod = 7
	PingTCPRst      PingMethod = 8
	PingTCPSynSport PingMethod = 9  // source port varies
	PingUDPSport    PingMethod = 10 // source port varies
)

var pingMethods = [...]string{
	"icmp-echo", "tcp-ack", "tcp-ack-sport", "udp", "udp-dport", "icmp-time", "tcp-syn", "tcp-synack", "tcp-rst",
	"tcp-syn-sport", "udp-sport",
}

// String returns the token of the method ("tcp-ack-sport"), its decimal number if unknown.
func (m PingMethod) String() string { return token(pingMethods[:], int(m)) }

// IsICMP reports whether probes are ICMP messages.
func (m PingMethod) IsICMP() bool { return m == PingICMPEcho || m == PingICMPTime }

// IsTCP reports whether probes are TCP segments.
func (m PingMethod) IsTCP() bool {
	switch m {
	case PingTCPAck, PingTCPAckSport, PingTCPSyn, PingTCPSynAck, PingTCPRst, PingTCPSynSport:
		return true
	}
	return false
}

// IsUDP reports whether probes are UDP datagrams.
func (m PingMethod) IsUDP() bool { return m == PingUDP || m == PingUDPDport || m == PingUDPSport }

// VariesSport reports whether each probe has its own source port.
func (m PingMethod) VariesSport() bool {
	return m == PingTCPAckSport || m == PingTCPSynSport || m == PingUDPSport
}

// VariesDport reports whether each probe has its own destination port.
func (m PingMethod) VariesDport() bool { return m == PingUDPDport }

// PingStop is the reason why a ping ended.
type PingStop uint8

// The stop reasons of a ping.
const (
	PingStopNone       PingStop = 0
	PingStopCompleted  PingStop = 1 // all sent, or enough replies
	PingStopError      PingStop = 2 // StopData is the errno of the probing system
	PingStopHalted     PingStop = 3
	PingStopInProgress PingStop = 4 // a copy of work in progress
)

var pingStops = [...]string{"none", "done", "error", "halted", "inprogress"}

// String returns the token of the reason, its decimal number if unknown.
func (r PingStop) String() string { return token(pingStops[:], int(r)) }

// PingFlags are the options of a ping that are bits.
type PingFlags uint32

// The ping flags.
const (
	PingRR        PingFlags = 0x001 // -R: IPv4 record route
	PingSpoof     PingFlags = 0x002 // -O spoof: source address spoofed
	PingPayload   PingFlags = 0x004 // Data is the payload, else a pattern
	PingTSOnly    PingFlags = 0x008 // -T tsonly: IPv4 timestamps
	PingTSAndAddr PingFlags = 0x010 // -T tsandaddr: IPv4 timestamps and addresses
	PingICMPSum   PingFlags = 0x020 // -C: ICMPSum is the checksum of the probes
	PingDL        PingFlags = 0x040 // -O dl: datalink timestamps
	PingTBT       PingFlags = 0x080 // -O tbt: too-big trick
	PingNoSrc     PingFlags = 0x100 // -O nosrc: source address not embedded in probes
	PingRaw       PingFlags = 0x200 // -O raw: raw IPv4 socket
	PingSockRX    PingFlags = 0x400 // -O sockrx: receive from a socket
	PingDLTX      PingFlags = 0x800 // -O dltx: transmit by the datalink
)

// Ping is the result of a ping.
type Ping struct {
	List       *List
	Cycle      *Cycle
	UserID     uint32 // -U
	Src        Addr   // zero if not known
	Dst        Addr   // must be known to be written
	Router     Addr   // -r: probes were sent via this router; zero if none
	Start      Time
	StopReason PingStop
	StopData   uint8
	ErrMsg     string // "" = none
	Flags      PingFlags

	Method     PingMethod
	ProbeCount uint16        // -c: probes asked for
	ReplyCount uint16        // -o: replies after which to stop; 0 = no limit
	Sent       uint16        // probes sent
	Size       uint16        // bytes of a probe with IP header
	Wait       time.Duration // between probes: -i; up to 255.999999 s
	Timeout    time.Duration // for a reply: -W; up to 255.999999 s
	TTL        uint8
	ToS        uint8
	SrcPort    uint16 // ICMP: the ICMP id
	DstPort    uint16 // ICMP: the first sequence number
	ICMPSum    uint16 // valid with PingICMPSum
	TCPSeq     uint32
	TCPAck     uint32
	ReplyPMTU  uint16 // -M; 0 = not used
	TSPreSpec  []Addr // -T tsprespec: IPv4 timestamps at these addresses
	Data       []byte // bytes of the payload or the pattern

	// TCPMSS is the MSS option of the probes, 0 if none. The format has no place for it: it is 0 in a ping that was
	// read.
	TCPMSS uint16

	// Probes are in order of their ID. A file holds only the probes that have replies: a ping that was read has no
	// others.
	Probes []PingProbe

	Kept Kept
}

// Type returns TypePing.
func (*Ping) Type() Type { return TypePing }

// PingReplyFlags tell what is known about a probe of a ping and its reply.
type PingReplyFlags uint8

// The reply flags. PingReplyProbeIPID, PingReplyDLTX and PingReplyPending are about the probe, the others about the
// reply.
const (
	PingReplyTTL       PingReplyFlags = 0x01 // TTL is known
	PingReplyIPID      PingReplyFlags = 0x02 // IPID is known
	PingReplyProbeIPID PingReplyFlags = 0x04 // the probe's IPID is known
	PingReplyDLTX      PingReplyFlags = 0x08 // transmit time from the datalink
	PingReplyDLRX      PingReplyFlags = 0x10 // receive time from the datalink
	PingReplyToS       PingReplyFlags = 0x20 // ToS is known
	PingReplyPending   PingReplyFlags = 0x40 // not answered and not timed out yet; never in a file
)

// PingProbe is a probe of a ping with its replies.
type PingProbe struct {
	ID      uint16 // sequence, from 0
	IPID    uint16 // valid with PingReplyProbeIPID
	SrcPort uint16 // its own source port; 0 if it is the ping's, or the ping's plus ID
	Flags   PingReplyFlags
	TX      Time // when it was sent; seconds 0: not known
	Replies []PingReply
}

// PingReply is a reply to a probe of a ping.
type PingReply struct {
	Addr     Addr // of the sender; must be known to be written
	RTT      time.Duration
	IPID     uint32         // valid with PingReplyIPID; 16 bits for IPv4, the fragment identification for IPv6
	Flags    PingReplyFlags // those of the probe included
	TTL      uint8
	ToS      uint8
	Proto    uint8 // IP protocol: 1, 6, 17 or 58
	ICMPType uint8
	ICMPCode uint8
	TCPFlags uint8
	Size     uint16 // of the whole IP packet, reassembled if the kernel did
	NextMTU  uint16 // of a packet too big
	TCPMSS   uint16 // MSS option of a TCP reply; not in files, 0 when read
	IfName   string // receiving interface, "" if unknown
	RR       []Addr // IPv4 record route option; nil if none

	TS     *PingTimestamps // IPv4 timestamp option; nil if none
	TSICMP *PingICMPStamps // times of an ICMP timestamp reply; nil if it is none
	Kept   Kept
}

// IsICMP reports whether the reply is ICMP: protocol 1 from an IPv4 address, or 58 from an IPv6 address.
func (r *PingReply) IsICMP() bool {
	return r.Proto == 1 && r.Addr.Is4() || r.Proto == 58 && r.Addr.Is6()
}

// IsTCP reports whether the reply is TCP.
func (r *PingReply) IsTCP() bool { return r.Proto == 6 }

// IsUDP reports whether the reply is UDP.
func (r *PingReply) IsUDP() bool { return r.Proto == 17 }

// IsPTB reports whether the reply is a packet too big (IPv4 type 3 code 4, IPv6 type 2), which has a NextMTU.
func (r *PingReply) IsPTB() bool {
	return r.IsICMP() && (r.Addr.Is4() && r.ICMPType == 3 && r.ICMPCode == 4 || r.Addr.Is6() && r.ICMPType == 2)
}

// PingTimestamps is the IPv4 timestamp option of a reply (RFC 791 section 3.1).
type PingTimestamps struct {
	Stamps []uint32 // milliseconds since midnight UTC, or non-standard values with the high bit set
	Addrs  []Addr   // one for each stamp, or none (tsonly)
}

// PingICMPStamps holds the times of an ICMP timestamp reply (RFC 792), in milliseconds since midnight UTC.
type PingICMPStamps struct {
	Originate uint32
	Receive   uint32
	Transmit  uint32
}
