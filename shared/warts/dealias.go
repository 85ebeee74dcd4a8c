package warts

import "time"

// DealiasMethod is the technique of an alias resolution.
type DealiasMethod uint8

// The dealias methods.
const (
	DealiasMercator   DealiasMethod = 1
	DealiasAlly       DealiasMethod = 2
	DealiasRadarGun   DealiasMethod = 3
	DealiasPrefixScan DealiasMethod = 4
	DealiasBump       DealiasMethod = 5
	DealiasMidarEst   DealiasMethod = 6
	DealiasMidarDisc  DealiasMethod = 7
)

var dealiasMethods = [...]string{"", "mercator", "ally", "radargun", "prefixscan", "bump", "midarest", "midardisc"}

// String returns the token of the method ("radargun"), its decimal number if unknown.
func (m DealiasMethod) String() string { return token(dealiasMethods[:], int(m)) }

// DealiasResult is what an alias resolution found.
type DealiasResult uint8

// The dealias results.
const (
	DealiasNone       DealiasResult = 0
	DealiasAliases    DealiasResult = 1
	DealiasNotAliases DealiasResult = 2
	DealiasHalted     DealiasResult = 3
	DealiasIPIDEcho   DealiasResult = 4 // replies have the IP-ID of the probe
	DealiasError      DealiasResult = 5
)

var dealiasResults = [...]string{"none", "aliases", "not-aliases", "halted", "ipid-echo", "error"}

// String returns the token of the result ("not-aliases"), its decimal number if unknown.
func (r DealiasResult) String() string { return token(dealiasResults[:], int(r)) }

// Dealias is the result of an alias resolution.
type Dealias struct {
	List   *List
	Cycle  *Cycle
	UserID uint32
	Start  Time
	Method DealiasMethod
	Result DealiasResult
	ErrMsg string

	// The parameters of the method: the one of Method is set, the others are nil. All are nil if the method is unknown.
	Mercator   *DealiasMercatorParams
	Ally       *DealiasAllyParams
	RadarGun   *DealiasRadarGunParams
	PrefixScan *DealiasPrefixScanParams
	Bump       *DealiasBumpParams
	MidarEst   *DealiasMidarEstParams
	MidarDisc  *DealiasMidarDiscParams

	// ProbeDefs are the kinds of probes sent: 1 for mercator, 2 for ally and bump, at least one for radargun, midarest
	// and midardisc (prefixscan and midarest: at most 65535). The first of a prefixscan has the target A.
	ProbeDefs []DealiasProbeDef
	Probes    []DealiasProbe
	Kept      Kept
}

// Type returns TypeDealias.
func (*Dealias) Type() Type { return TypeDealias }

// DealiasFlags are options of a method that are bits; their meaning depends on the method.
type DealiasFlags uint8

// The flags of the methods that have some.
const (
	DealiasAllyNoBS        DealiasFlags = 0x01 // byte-swapped IP-IDs are not considered
	DealiasRadarGunShuffle DealiasFlags = 0x01 // order of the probes shuffled each round
	DealiasPrefixScanNoBS  DealiasFlags = 0x01 // byte-swapped IP-IDs are not considered
	DealiasPrefixScanCSA   DealiasFlags = 0x02 // alias found through a common source address
)

// DealiasMercatorParams are the parameters of mercator.
type DealiasMercatorParams struct {
	Attempts uint8
	Wait     time.Duration // for a reply; stored in whole seconds, up to 255
	Kept     Kept
}

// DealiasAllyParams are the parameters of ally.
type DealiasAllyParams struct {
	WaitProbe time.Duration // between probes; stored in milliseconds, up to 65.535 s
	Wait      time.Duration // for a reply; stored in whole seconds, up to 255
	Attempts  uint8
	Fudge     uint16 // 0: strict sequence
	Flags     DealiasFlags
	Kept      Kept
}

// DealiasRadarGunParams are the parameters of radargun.
type DealiasRadarGunParams struct {
	Rounds    uint16
	WaitProbe time.Duration // between probes; stored in milliseconds, up to 65.535 s
	WaitRound time.Duration // between rounds; stored in milliseconds
	Wait      time.Duration // for a reply; stored in whole seconds, up to 255
	Flags     DealiasFlags
	Kept      Kept
}

// DealiasPrefixScanParams are the parameters of prefixscan.
type DealiasPrefixScanParams struct {
	A         Addr   // an alias of it is sought; zero if unknown
	B         Addr   // in the prefix to scan; zero if unknown
	AB        Addr   // the alias found; zero if none
	Exclude   []Addr // not scanned; at most 65535
	PrefixLen uint8
	Attempts  uint8
	Fudge     uint16        // 0: strict sequence
	WaitProbe time.Duration // between probes; stored in milliseconds, up to 65.535 s
	Wait      time.Duration // for a reply; stored in whole seconds, up to 255
	Replies   uint8         // required
	Flags     DealiasFlags
	Kept      Kept
}

// DealiasBumpParams are the parameters of bump.
type DealiasBumpParams struct {
	WaitProbe time.Duration // between probes; stored in milliseconds, up to 65.535 s
	Limit     uint16
	Attempts  uint8
	Kept      Kept
}

// DealiasMidarEstParams are the parameters of midarest. Waits are stored in microseconds, up to 4294.967295 s.
type DealiasMidarEstParams struct {
	Rounds    uint8
	WaitProbe time.Duration
	WaitRound time.Duration
	Wait      time.Duration // for a reply
	Kept      Kept
}

// DealiasMidarDiscParams are the parameters of midardisc.
type DealiasMidarDiscParams struct {
	Wait     time.Duration // for a reply; stored in microseconds, up to 4294.967295 s
	Schedule []DealiasRound
	StartAt  Time // zero if none was given
	Kept     Kept
}

// DealiasRound is an entry of midardisc's schedule.
type DealiasRound struct {
	Start Time   // relative to the beginning of the measurement
	Begin uint32 // index of the first probe definition
	End   uint32 // index of the last one
}

// DealiasProbeMethod is the kind of probe in a definition.
type DealiasProbeMethod uint8

// The methods of probe definitions.
const (
	DealiasICMPEcho    DealiasProbeMethod = 1
	DealiasTCPAck      DealiasProbeMethod = 2
	DealiasUDP         DealiasProbeMethod = 3
	DealiasTCPAckSport DealiasProbeMethod = 4 // source port varies
	DealiasUDPDport    DealiasProbeMethod = 5 // destination port varies
	DealiasTCPSynSport DealiasProbeMethod = 6 // source port varies
)

var dealiasProbeMethods = [...]string{
	"", "icmp-echo", "tcp-ack", "udp", "tcp-ack-sport", "udp-dport", "tcp-syn-sport",
}

// String returns the token of the method ("tcp-ack"), its decimal number if unknown.
func (m DealiasProbeMethod) String() string { return token(dealiasProbeMethods[:], int(m)) }

// IsICMP reports whether probes are ICMP messages.
func (m DealiasProbeMethod) IsICMP() bool { return m == DealiasICMPEcho }

// IsTCP reports whether probes are TCP segments.
func (m DealiasProbeMethod) IsTCP() bool {
	return m == DealiasTCPAck || m == DealiasTCPAckSport || m == DealiasTCPSynSport
}

// IsUDP reports whether probes are UDP datagrams.
func (m DealiasProbeMethod) IsUDP() bool { return m == DealiasUDP || m == DealiasUDPDport }

// DealiasProbeDef describes a kind of probe.
type DealiasProbeDef struct {
	ID       uint32 // as stored: normally the index of the definition
	Method   DealiasProbeMethod
	Src      Addr // zero if not known
	Dst      Addr // must be known to be written
	TTL      uint8
	ToS      uint8
	SrcPort  uint16 // UDP and TCP
	DstPort  uint16 // UDP and TCP
	TCPFlags uint8
	ICMPID   uint16
	ICMPSum  uint16
	Size     uint16 // bytes with IP header; 0 in files of old versions: the default
	MTU      uint16 // pseudo MTU, -M; 0 = none
	Kept     Kept
}

// DealiasProbe is a probe with its replies.
type DealiasProbe struct {
	Def     uint32 // index of the probe definition
	TX      Time
	Seq     uint32
	IPID    uint16         // IPv4 only
	Replies []DealiasReply // at most 65535
	Kept    Kept
}

// DealiasReplyFlags tell what is known about a reply.
type DealiasReplyFlags uint8

// DealiasReplyIPID32 means that IPID32 is valid: the reply came as an IPv6 fragment.
const DealiasReplyIPID32 DealiasReplyFlags = 0x01

// DealiasReply is a reply to a probe.
type DealiasReply struct {
	Addr     Addr // of the sender; must be known to be written
	RX       Time
	IPID     uint16 // IPv4
	IPID32   uint32 // IPv6; valid with DealiasReplyIPID32
	Flags    DealiasReplyFlags
	TTL      uint8
	Proto    uint8 // IP protocol: 1, 6, 17, 58
	ICMPType uint8
	ICMPCode uint8
	QuoTTL   uint8 // TTL in the packet that an ICMP reply quotes
	TCPFlags uint8
	Size     uint16 // bytes with IP header; 0 = not known
	Exts     []ICMPExt
	Kept     Kept
}

// IsICMP reports whether the reply is ICMP or ICMPv6.
func (r *DealiasReply) IsICMP() bool { return r.Proto == 1 || r.Proto == 58 }

// IsTCP reports whether the reply is TCP.
func (r *DealiasReply) IsTCP() bool { return r.Proto == 6 }

// Quotes reports whether the reply is an ICMP error that quotes the probe: ICMP type 3 or 11, ICMPv6 type 1 or 3.
func (r *DealiasReply) Quotes() bool {
	return r.Proto == 1 && (r.ICMPType == 3 || r.ICMPType == 11) ||
		r.Proto == 58 && (r.ICMPType == 1 || r.ICMPType == 3)
}
