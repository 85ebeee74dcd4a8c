package trace

import (
	"net/netip"
	"time"

	"scamper/shared/option"
	"scamper/shared/warts"
	"scamper/unpriv/probe"
	"scamper/unpriv/technique"
)

// Options are the checked options of a trace towards destinations of one address family. Traces may share one value:
// nothing changes it after it was parsed.
type Options struct {
	V6 bool // the destination is IPv6

	Method       warts.TraceMethod
	FirstHop     uint8 // TTL of the first probe, from 1
	HopLimit     uint8 // highest TTL; 0 is no limit but that of the protocols, 255
	GapLimit     uint8 // unresponsive hops in a row that bring about GapAction, from 1
	GapAction    warts.TraceGapAction
	Loops        uint8 // loops at which to stop; 0 does not look for loops
	Attempts     uint8 // probes per hop at most, 1 to 20
	AllAttempts  bool  // send all attempts, whatever the replies
	Confidence   uint8 // percent: 95, 99, or 0 for off
	IgnoreTTLDst bool  // time exceeded from the destination does not end the trace

	SrcPort    uint16 // ICMP: the identifier. With AnySrcPort only the first choice for ICMP, else meaningless
	AnySrcPort bool   // the program chooses a free source port or identifier
	DstPort    uint16 // ICMP-paris: the checksum
	ToS        uint8
	Offset     uint16 // IPv6 fragment offset in units of 8 bytes; 0 is no fragment

	// Payload is what probes carry after the header of UDP or ICMP; nil is the default of zeros. Of the Paris methods it
	// has two bytes at least, because those are rewritten: a single byte is followed by a zero.
	Payload []byte

	Src    netip.Addr // the source address; invalid when routing decides
	Router netip.Addr // the router to send through; invalid when routing decides

	Wait      time.Duration // for a reply
	WaitProbe time.Duration // least time between two probes
	WaitHop   time.Duration // least time between two probes of a hop, in parallel probing
	Parallel  uint8         // TTLs that may be outstanding at once, from 1
	Stream    uint8         // a copy of the trace is written after each so many probes; 0 is never

	UserID uint32

	PMTUD        bool // discover the path MTU afterwards
	Datalink     bool // take time stamps from the datalink
	ConstPayload bool // the payload stays the same, something else tells probes apart
	Raw          bool // send TCP through a raw IPv4 socket
	PTR          bool // look up the names of hops
	Back         bool // probe from HopLimit downwards

	GSS    []netip.Addr // global stop set
	LSS    string       // name of the local stop set; empty is none
	NoBack bool         // doubletree without its backward phase

	src, router string   // as given, until the family of the destination is known
	gss         []string // the same
}

// Doubletree reports whether stop sets are used.
func (o *Options) Doubletree() bool { return len(o.GSS) > 0 || o.LSS != "" }

// Size is the number of bytes of an ordinary probe, IP header included.
func (o *Options) Size() int {
	p := probe.TraceProbe{Method: o.Method, Dst: netip.IPv4Unspecified(), Payload: o.Payload, FragOffset: o.Offset}
	if o.V6 {
		p.Dst = netip.IPv6Unspecified()
	}
	return p.Size()
}

// commands is what trace commands are.
var commands = technique.Commands[Options]{
	Table: &table, New: newOptions, Alone: checksAlone, Complete: complete, Towards: checksTowards,
}

// newOptions returns the options of a trace that gives none. A source port and a destination port that depend on others
// are filled in by complete.
func newOptions() *Options {
	return &Options{
		Method: warts.TraceUDPParis, FirstHop: 1, GapLimit: 5, GapAction: warts.TraceGapStop, Loops: 1, Attempts: 2,
		Wait: 5 * time.Second, Parallel: 1,
	}
}

// complete fills in what depends on the family of the destination, on the process and on other options.
func complete(o *Options, v6 bool, given option.Letters, d technique.Defaults) {
	port := uint16(d.Pid) | 0x8000 // also the identifier and the checksum of ICMP-paris
	o.V6 = v6
	o.AnySrcPort = given.Has('s') && o.SrcPort == 0
	if !given.Has('s') || o.AnySrcPort && o.Method.IsICMP() {
		o.SrcPort = port
	}
	if !given.Has('d') {
		o.DstPort = 33435
		if o.Method == warts.TraceICMPEchoParis {
			o.DstPort = port
		}
	}
	if o.paris() && len(o.Payload) == 1 {
		o.Payload = []byte{o.Payload[0], 0}
	}
}

func (o *Options) paris() bool {
	return o.Method == warts.TraceUDPParis || o.Method == warts.TraceICMPEchoParis
}

type check = option.Check[Options]

// checksAlone come before the destination is looked at, in the order in which a user is told.
var checksAlone = []check{
	{
		Fails: func(o *Options, given option.Letters) bool { return o.Back && !given.Has('m') },
		Text:  "backwards probing must be used with a hoplimit",
	},
	{
		Fails: func(o *Options, given option.Letters) bool { return o.Back && given.HasAny("zZ") },
		Text:  "backwards probing cannot be used with doubletree",
	},
	{
		Fails: func(o *Options, _ option.Letters) bool { return o.HopLimit != 0 && o.FirstHop > o.HopLimit },
		Text:  "firsthop cannot be beyond hoplimit",
	},
	{
		Fails: func(o *Options, _ option.Letters) bool { return o.Parallel > o.GapLimit },
		Text:  "squeries cannot be greater than gaplimit",
	},
	{
		Fails: func(o *Options, given option.Letters) bool {
			return o.PMTUD && (o.FirstHop > 1 || given.HasAny("zZ"))
		},
		Text: "cannot do pmtud without all of path",
	},
	{
		Fails: func(o *Options, _ option.Letters) bool { return o.PMTUD && o.Method == warts.TraceTCP },
		Text:  "cannot do pmtud with this probe method",
	},
	{
		Fails: func(o *Options, _ option.Letters) bool { return o.Confidence != 0 && o.AllAttempts },
		Text:  "cannot set both all-attempts and confidence",
	},
}

// maxGSS is how many addresses a global stop set may have.
const maxGSS = 65535

// checksTowards come once the family of the destination is known.
var checksTowards = []check{
	{
		Fails: func(o *Options, given option.Letters) bool { return given.Has('p') && o.Method.IsTCP() },
		Text:  "cannot include a payload with TCP traceroute",
	},
	{
		// The program that this one replaces records the size modulo 65536, and fails to send.
		Fails: func(o *Options, _ option.Letters) bool { return o.Size() > 65535 },
		Text:  "specified probe size too large",
	},
	{
		Fails: func(o *Options, _ option.Letters) bool { return o.Parallel > 1 && o.Method.IsTCP() },
		Text:  "cannot send parallel probes with TCP methods",
	},
	{
		Fails: func(o *Options, _ option.Letters) bool { return o.Raw && (o.V6 || !o.Method.IsTCP()) },
		Text:  "-O raw only works for IPv4 TCP methods",
	},
	{
		Fails: func(o *Options, _ option.Letters) bool { return o.Offset != 0 && !o.V6 },
		Text:  "can only do fragment traceroute with IPv6",
	},
	{
		Fails: func(o *Options, given option.Letters) bool {
			ok := true
			if given.Has('S') {
				o.Src, ok = option.ParseAddrOf(o.src, o.V6)
			}
			return !ok
		},
		Text: "invalid source address",
	},
	{
		Fails: func(o *Options, given option.Letters) bool {
			ok := true
			if given.Has('r') {
				o.Router, ok = option.ParseAddrOf(o.router, o.V6)
			}
			return !ok
		},
		Text: "invalid router address",
	},
	{
		Fails: func(o *Options, _ option.Letters) bool {
			o.GSS = make([]netip.Addr, 0, len(o.gss))
			for _, text := range o.gss {
				a, ok := option.ParseAddrOf(text, o.V6)
				if !ok {
					return true
				}
				o.GSS = append(o.GSS, a)
			}
			return false
		},
		Text: "cannot resolve gss",
	},
	{
		Fails: func(o *Options, _ option.Letters) bool {
			seen := make(map[netip.Addr]bool, len(o.GSS))
			for _, a := range o.GSS {
				if seen[a] {
					return true
				}
				seen[a] = true
			}
			return false
		},
		Text: "cannot store gss entry",
	},
	{
		Fails: func(o *Options, _ option.Letters) bool { return len(o.GSS) >= maxGSS },
		Text:  "gss limited to 65535 entries",
	},
}
