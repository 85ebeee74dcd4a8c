package warts

import (
	"strconv"
	"time"
)

// TraceMethod is the kind of probe that a trace sends.
type TraceMethod uint8

// The trace methods.
const (
	TraceICMPEcho      TraceMethod = 1
	TraceUDP           TraceMethod = 2
	TraceTCP           TraceMethod = 3 // SYN
	TraceICMPEchoParis TraceMethod = 4
	TraceUDPParis      TraceMethod = 5
	TraceTCPAck        TraceMethod = 6
)

var traceMethods = [...]string{"", "icmp-echo", "udp", "tcp", "icmp-echo-paris", "udp-paris", "tcp-ack"}

// String returns the token of the method ("udp-paris"), its decimal number if unknown.
func (m TraceMethod) String() string { return token(traceMethods[:], int(m)) }

// IsICMP reports whether probes are ICMP messages.
func (m TraceMethod) IsICMP() bool { return m == TraceICMPEcho || m == TraceICMPEchoParis }

// IsTCP reports whether probes are TCP segments.
func (m TraceMethod) IsTCP() bool { return m == TraceTCP || m == TraceTCPAck }

// IsUDP reports whether probes are UDP datagrams.
func (m TraceMethod) IsUDP() bool { return m == TraceUDP || m == TraceUDPParis }

// token is names[v], or v in decimal if there is no such name.
func token(names []string, v int) string {
	if v >= 0 && v < len(names) && names[v] != "" {
		return names[v]
	}
	return strconv.Itoa(v)
}

// TraceStop is the reason why a trace ended.
type TraceStop uint8

// The stop reasons of a trace; the comment says what StopData is.
const (
	TraceStopNone       TraceStop = 0
	TraceStopCompleted  TraceStop = 1
	TraceStopUnreach    TraceStop = 2 // ICMP code
	TraceStopICMP       TraceStop = 3 // ICMP type
	TraceStopLoop       TraceStop = 4
	TraceStopGapLimit   TraceStop = 5
	TraceStopError      TraceStop = 6 // low byte of errno
	TraceStopHopLimit   TraceStop = 7
	TraceStopGSS        TraceStop = 8 // global stop set of doubletree
	TraceStopHalted     TraceStop = 9
	TraceStopInProgress TraceStop = 10 // a copy of work in progress
)

var traceStops = [...]string{
	"none", "completed", "unreach", "icmp", "loop", "gaplimit", "error", "hoplimit", "gss", "halted", "inprogress",
}

// String returns the token of the reason in lower case ("gaplimit"), its decimal number if unknown.
func (r TraceStop) String() string { return token(traceStops[:], int(r)) }

// TraceGapAction is what a trace does at the gap limit.
type TraceGapAction uint8

// The gap actions.
const (
	TraceGapStop      TraceGapAction = 1
	TraceGapLastDitch TraceGapAction = 2 // probe with TTL 255
)

var traceGapActions = [...]string{"", "stop", "lastditch"}

// String returns the token of the action, its decimal number if unknown.
func (a TraceGapAction) String() string { return token(traceGapActions[:], int(a)) }

// TraceFlags are the options of a trace that are bits.
type TraceFlags uint32

// The trace flags.
const (
	TraceAllAttempts   TraceFlags = 0x001 // -Q: send all attempts
	TracePMTUDFlag     TraceFlags = 0x002 // -M: path MTU discovery
	TraceDL            TraceFlags = 0x004 // -O dl: datalink timestamps
	TraceIgnoreTTLDst  TraceFlags = 0x008 // -T: TTL exceeded from the destination isn't the end
	TraceDoubletreeOn  TraceFlags = 0x010
	TraceICMPCsumDport TraceFlags = 0x020 // DstPort holds the ICMP checksum
	TraceConstPayload  TraceFlags = 0x040 // payload not adapted to the checksum
	TraceRXErr         TraceFlags = 0x080 // replies from the sockets' error queue: Size and IPID of replies unknown
	TracePTR           TraceFlags = 0x100 // names looked up
	TraceRaw           TraceFlags = 0x200 // raw socket used
	TraceBack          TraceFlags = 0x400 // probed backwards from the hop limit
)

// Trace is the result of a traceroute.
type Trace struct {
	List       *List
	Cycle      *Cycle
	UserID     uint32 // -U
	Src        Addr   // zero if not known
	Dst        Addr   // must be known to be written
	Router     Addr   // -r: probes were sent via this router; zero if none
	Start      Time
	StopReason TraceStop
	StopData   uint8
	StopHop    uint8 // TTL of the reply that ended the trace when parallel probing went further; 0 = none
	ErrMsg     string
	Flags      TraceFlags

	Method     TraceMethod
	SrcPort    uint16 // ICMP: the echo identifier
	DstPort    uint16 // udp: the base port; ICMP with TraceICMPCsumDport: the checksum
	Attempts   uint8  // probes per hop
	HopLimit   uint8  // highest TTL; 0 = none
	FirstHop   uint8  // TTL of the first probe; 0 in old files means 1
	Squeries   uint8  // TTLs probed in parallel; 0 in files means 1
	GapLimit   uint8
	GapAction  TraceGapAction
	Loops      uint8         // loops allowed before stopping
	LoopAction uint8         // always 0
	Confidence uint8         // percent: 0, 95 or 99
	Wait       time.Duration // for a reply; stored in whole seconds, up to 255
	WaitProbe  time.Duration // least time between probes; stored in centiseconds modulo 256
	ToS        uint8         // of probes: IP ToS or traffic class
	ProbeSize  uint16        // bytes of an ordinary probe with IP header
	Offset     uint16        // -o: fragment offset of probes
	ProbeCount uint16        // probes sent, PMTUD and last-ditch ones included

	// HopCount is the highest TTL probed, answered or not. 0 means the highest TTL that has a reply, and is filled in
	// when a record is read.
	HopCount uint16

	// Probes are those of the trace itself, ordered by TTL, then as they were sent. A file holds only the probes that
	// have replies: a trace that was read has no others.
	Probes []TraceProbe

	PMTUD      *TracePMTUD      // nil if path MTU discovery wasn't done
	LastDitch  *TraceLastDitch  // nil if there were no last-ditch probes
	Doubletree *TraceDoubletree // nil if not doubletree

	Kept Kept
}

// Type returns TypeTrace.
func (*Trace) Type() Type { return TypeTrace }

// TraceHopFlags tell what is known about a probe of a trace and its reply.
type TraceHopFlags uint8

// The hop flags. TraceHopDLTX and TraceHopPending are about the probe, the others about the reply.
const (
	TraceHopSockRX  TraceHopFlags = 0x01 // receive time from the socket
	TraceHopDLTX    TraceHopFlags = 0x02 // transmit time from the datalink
	TraceHopDLRX    TraceHopFlags = 0x04 // receive time from the datalink
	TraceHopTSC     TraceHopFlags = 0x08 // RTT from a CPU counter; historic
	TraceHopTTL     TraceHopFlags = 0x10 // TTL of the reply is valid
	TraceHopTCP     TraceHopFlags = 0x20 // the reply is TCP
	TraceHopUDP     TraceHopFlags = 0x40 // the reply is UDP
	TraceHopPending TraceHopFlags = 0x80 // no outcome for the probe yet; never in a file
)

// TraceProbe is a probe of a trace with its replies. Replies that follow each other in a file and agree in TTL, ID and
// Size are those of one probe.
type TraceProbe struct {
	TTL     uint8  // not 0; 255 for PMTUD and last-ditch probes
	ID      uint8  // attempt, from 0 as in the file; users are shown ID+1 modulo 256
	Size    uint16 // bytes with IP header
	Flags   TraceHopFlags
	TX      Time // when it was sent; seconds 0: not known
	Replies []TraceReply
}

// TraceReply is a reply to a probe of a trace: ICMP unless Flags say TCP or UDP.
type TraceReply struct {
	Addr     Addr   // of the sender; must be known to be written
	Name     string // PTR name of Addr, "" if unknown
	RTT      time.Duration
	Flags    TraceHopFlags // those of the probe included
	TTL      uint8         // valid with TraceHopTTL
	ToS      uint8
	ICMPType uint8
	ICMPCode uint8
	TCPFlags uint8
	QuoTTL   uint8  // TTL in the packet that the reply quotes; see [TraceReply.Quotes]
	QuoToS   uint8  // ToS in the quote
	QuoLen   uint16 // IP length in the quote
	Size     uint16 // IP length of the reply
	IPID     uint16 // 0 for IPv6
	NextMTU  uint16 // of a packet too big
	Exts     []ICMPExt
	Kept     Kept
}

// IsICMP reports whether the reply is an ICMP message: it is neither TCP nor UDP.
func (r *TraceReply) IsICMP() bool { return r.Flags&(TraceHopTCP|TraceHopUDP) == 0 }

// Quotes reports whether the reply is an ICMP error that quotes the probe in the sense of the format: IPv4 type 3 or 11,
// IPv6 type 1, 2 or 3. QuoTTL, QuoToS and QuoLen have a meaning only then.
func (r *TraceReply) Quotes() bool {
	if !r.IsICMP() {
		return false
	}
	switch r.Addr.typ {
	case AddrIPv4:
		return r.ICMPType == 3 || r.ICMPType == 11
	case AddrIPv6:
		return r.ICMPType >= 1 && r.ICMPType <= 3
	}
	return false
}

// IsPTB reports whether the reply is a packet too big (IPv4 type 3 code 4, IPv6 type 2), which has a NextMTU.
func (r *TraceReply) IsPTB() bool {
	if !r.IsICMP() {
		return false
	}
	switch r.Addr.typ {
	case AddrIPv4:
		return r.ICMPType == 3 && r.ICMPCode == 4
	case AddrIPv6:
		return r.ICMPType == 2
	}
	return false
}

// TracePMTUD is what path MTU discovery found.
type TracePMTUD struct {
	Version uint8  // 2 is what is written today; 1 has no notes. 0 in a file means 1
	IfMTU   uint16 // of the interface
	PathMTU uint16
	OutMTU  uint16 // towards the first router, when big packets vanish before it; else 0
	Probes  []TraceProbe
	Notes   []TracePMTUDNote
	Kept    Kept
}

// TracePMTUDNoteType is what a note is about.
type TracePMTUDNoteType uint8

// The note types.
const (
	TraceNotePTB     TracePMTUDNoteType = 1 // packet too big with a good next-hop MTU
	TraceNotePTBBad  TracePMTUDNoteType = 2 // packet too big whose MTU was not usable
	TraceNoteSilence TracePMTUDNoteType = 3 // big packets vanish
)

var traceNotes = [...]string{"", "ptb", "ptb-bad", "silence"}

// String returns the token of the note type, its decimal number if unknown.
func (t TracePMTUDNoteType) String() string { return token(traceNotes[:], int(t)) }

// TracePMTUDNote is a step of path MTU discovery.
type TracePMTUDNote struct {
	Type    TracePMTUDNoteType
	NextMTU uint16 // inferred
	// Reply says which reply the note is about: its index, from 0, among all replies of the section's probes in order.
	// -1 means none. See [TracePMTUD.ReplyAt].
	Reply int
	Kept  Kept
}

// ReplyAt returns the reply with index i, as notes count them, and its probe; nil if there is none.
func (p *TracePMTUD) ReplyAt(i int) (*TraceProbe, *TraceReply) {
	if i < 0 {
		return nil, nil
	}
	for n := range p.Probes {
		probe := &p.Probes[n]
		if i < len(probe.Replies) {
			return probe, &probe.Replies[i]
		}
		i -= len(probe.Replies)
	}
	return nil, nil
}

// TraceLastDitch holds the probes sent with TTL 255 after the gap limit was reached.
type TraceLastDitch struct {
	Probes []TraceProbe // as in [Trace]
	Kept   Kept
}

// TraceDoubletree is what doubletree did. The global stop set itself is not stored.
type TraceDoubletree struct {
	FirstHop uint8  // from which probing began
	LSSStop  Addr   // ended backwards probing (local stop set); zero if none
	GSSStop  Addr   // ended forward probing (global stop set); zero if none
	LSSName  string // name of the local stop set; "" if none
	Flags    TraceDoubletreeFlags
	Kept     Kept
}

// TraceDoubletreeFlags are the options of doubletree that are bits.
type TraceDoubletreeFlags uint8

// TraceDoubletreeNoBackwards means that there was no backwards probing.
const TraceDoubletreeNoBackwards TraceDoubletreeFlags = 0x01
