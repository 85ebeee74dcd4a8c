package ping

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"scamper/shared/option"
	"scamper/shared/packet"
	"scamper/shared/warts"
	"scamper/unpriv/probe"
	"scamper/unpriv/technique"
)

// Options are the checked options of a ping towards destinations of one address family. Pings may share one value:
// nothing changes it after it was parsed.
type Options struct {
	V6 bool // the destination is IPv6

	Method    warts.PingMethod
	Count     uint16        // probes to send, from 1
	StopCount uint16        // replies after which to stop; 0 is never
	Wait      time.Duration // between two probes
	Timeout   time.Duration // for replies after the last probe
	TTL       uint8         // from 1
	ToS       uint8
	Stream    uint8 // a copy of the ping is written after each so many probes; 0 is never

	SrcPort    uint16 // source port, of the first probe where each has its own; ICMP: the identifier
	AnySrcPort bool   // SrcPort means nothing: each ping chooses a free one
	DstPort    uint16 // ICMP: the first sequence number

	ICMPSum      uint16 // the ICMP checksum of all probes, if HasICMPSum
	HasICMPSum   bool
	TCPNumber    uint32 // TCP sequence or acknowledgement number of all probes, if HasTCPNumber
	HasTCPNumber bool   // otherwise it is random
	MSS          uint16 // TCP maximum segment size option; 0 is none

	// HeaderLen is the number of bytes of a probe before its payload: IP header with options, transport header, the 12
	// bytes of an ICMP timestamp, and the embedded address of a spoofed probe.
	HeaderLen int
	// PayloadLen is the number of bytes after that: Payload, or Pattern repeated and cut at the end, or zeros. With
	// HasICMPSum its first two bytes are taken by what makes up for the checksum.
	PayloadLen int
	Payload    []byte // nil when not given
	Pattern    []byte // nil when not given; at most 16 bytes

	Src    netip.Addr // the source address; invalid when routing decides
	Router netip.Addr // the router to send through; invalid when routing decides

	PMTU        uint16              // pseudo MTU; 0 is off
	RecordRoute bool                // IPv4 record route option
	TS          probe.PingTimestamp // IPv4 timestamp option
	TSAddrs     []netip.Addr        // TimestampPrespec: 1 to 4 IPv4 addresses

	Datalink   bool // use the datalink for time stamps and reception
	DatalinkTX bool // use the datalink for sending
	Spoof      bool // Src need not be an address of this system
	NoSrc      bool // do not embed the real source address in spoofed probes
	TooBig     bool // the aim is to get fragmented replies
	Raw        bool // send TCP through a raw IPv4 socket
	SockRX     bool // receive from sockets rather than the datalink

	UserID uint32

	src, router, ts string // as given, until the family of the destination is known
	size            int    // -s; 0 is not given
	payloadSize     int    // -b
}

// Size is the number of bytes of a probe, IP header included.
func (o *Options) Size() int { return o.HeaderLen + o.PayloadLen }

// commands is what ping commands are.
var commands = technique.Commands[Options]{
	Table: &table, New: newOptions, Alone: checksAlone, Complete: complete, Towards: checksTowards,
}

// newOptions returns the options of a ping that gives none. Those that depend on others are filled in by complete.
func newOptions() *Options {
	return &Options{Method: warts.PingICMPEcho, Count: 4, Wait: time.Second, TTL: 64}
}

// complete fills in what depends on the family of the destination, on the process and on other options.
func complete(o *Options, v6 bool, given option.Letters, d technique.Defaults) {
	o.V6 = v6
	if !given.Has('W') {
		o.Timeout = max(time.Second, o.Wait)
	}
	o.AnySrcPort = given.Has('F') && o.SrcPort == 0
	if !given.Has('F') {
		o.SrcPort = uint16(d.Pid)
		if !o.Method.IsICMP() {
			o.SrcPort |= 0x8000
		}
		if o.Method.VariesSport() && o.overruns(o.SrcPort) { // lower, so that there are ports for all probes
			o.SrcPort = uint16(65536 - int(o.Count))
		}
	}
	if !given.Has('d') && !o.Method.IsICMP() {
		o.DstPort = 33435
	}
}

// headerLen computes HeaderLen: the size of a probe without payload.
func (o *Options) headerLen() int {
	q := probe.PingProbe{
		Method: o.Method, Dst: netip.IPv4Unspecified(), MSS: o.MSS,
		RecordRoute: o.RecordRoute, Timestamp: o.TS, Prespec: o.TSAddrs,
	}
	if o.V6 {
		q.Dst = netip.IPv6Unspecified()
	}
	if o.Spoof && !o.NoSrc {
		q.Embed = q.Dst
	}
	if o.V6 && o.Method == warts.PingICMPTime { // cannot be sent, but has a size that is recorded
		q.Method = warts.PingICMPEcho
		return q.Size() + packet.ICMPTimestampLen - packet.ICMPHeaderLen
	}
	return q.Size()
}

// parseTS fills in TS and TSAddrs; it reports failure.
func (o *Options) parseTS(text string) (bad bool) {
	const preSpec = "tsprespec="
	switch {
	case strings.EqualFold(text, "tsonly"):
		o.TS = probe.TimestampOnly
	case strings.EqualFold(text, "tsandaddr"):
		o.TS = probe.TimestampAndAddr
	case len(text) > len(preSpec) && strings.EqualFold(text[:len(preSpec)], preSpec):
		o.TS = probe.TimestampPrespec
		o.TSAddrs = nil
		for word := range strings.SplitSeq(text[len(preSpec):], ",") {
			a, ok := option.ParseAddr(word)
			if !ok || !a.Is4() || len(o.TSAddrs) == 4 {
				return true
			}
			o.TSAddrs = append(o.TSAddrs, a)
		}
	default:
		return true
	}
	return false
}

type check = option.Check[Options]

// checksAlone come before the destination is looked at.
var checksAlone = []check{
	{
		Fails: func(o *Options, _ option.Letters) bool {
			return o.MSS > 0 && o.Method != warts.PingTCPSyn && o.Method != warts.PingTCPSynAck &&
				o.Method != warts.PingTCPSynSport
		},
		Text: "mss option only valid with tcp-syn probes",
	},
}

// checksTowards come once the family of the destination is known, in the order in which a user is told.
var checksTowards = []check{
	{
		Fails: func(_ *Options, given option.Letters) bool { return given.Has('p') && given.Has('B') },
		Text:  "only specify one of pattern or payload",
	},
	{
		Fails: func(o *Options, given option.Letters) bool {
			return given.Has('B') && given.Has('b') && len(o.Payload) != o.payloadSize
		},
		Text: "payload size inconsistent with payload",
	},
	{
		Fails: func(o *Options, given option.Letters) bool { return given.Has('T') && o.V6 },
		Text:  "timestamp option only valid with IPv4 dst",
	},
	{
		Fails: func(o *Options, _ option.Letters) bool { return o.RecordRoute && o.V6 },
		Text:  "record route option only valid with IPv4 dst",
	},
	{
		Fails: func(o *Options, given option.Letters) bool { return given.Has('T') && o.RecordRoute },
		Text:  "cannot use both TS and RR options",
	},
	{
		Fails: func(o *Options, given option.Letters) bool { return given.Has('T') && o.parseTS(o.ts) },
		Text:  "invalid timestamp option",
	},
	{
		Fails: func(o *Options, _ option.Letters) bool {
			o.HeaderLen = o.headerLen()
			return o.size != 0 && o.size < o.HeaderLen
		},
		Text: "specified probe size too small",
	},
	{
		Fails: func(o *Options, given option.Letters) bool {
			switch {
			case given.Has('B'):
				o.PayloadLen = len(o.Payload)
			case given.Has('b'):
				o.PayloadLen = o.payloadSize
			case o.size != 0:
				o.PayloadLen = o.size - o.HeaderLen
			default:
				o.PayloadLen = probe.PingPayloadLen(o.Method)
			}
			return o.size != 0 && o.size != o.Size()
		},
		Text: "specified probe size inconsistent with payload",
	},
	{
		// The program that this one replaces lets the size wrap around.
		Fails: func(o *Options, _ option.Letters) bool { return o.Size() > 65535 },
		Text:  "specified probe size too large",
	},
	{
		Fails: func(o *Options, _ option.Letters) bool { return o.HasICMPSum && !o.Method.IsICMP() },
		Text:  "icmp-csum only valid for ICMP methods",
	},
	{
		Fails: func(o *Options, _ option.Letters) bool { return o.HasICMPSum && o.PayloadLen < 2 },
		Text:  "payload size must allow csum manipulation",
	},
	{
		Fails: func(o *Options, _ option.Letters) bool { return o.TooBig && !o.V6 },
		Text:  "can only do tbt with IPv6 addresses",
	},
	{
		Fails: func(o *Options, _ option.Letters) bool {
			return o.TooBig && (o.PMTU == 0 || o.Size() <= int(o.PMTU))
		},
		Text: "specify valid path-mtu",
	},
	{
		Fails: func(o *Options, _ option.Letters) bool { return o.PMTU != 0 && o.SockRX },
		Text:  "cannot specify -O sockrx with -M",
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
		Fails: func(o *Options, given option.Letters) bool {
			return o.Method.VariesSport() && given.Has('F') && o.SrcPort != 0 && o.overruns(o.SrcPort)
		},
		Textf: func(o *Options) string {
			return fmt.Sprintf("invalid probe_sport %d given attempts %d", o.SrcPort, o.Count)
		},
	},
	{
		Fails: func(o *Options, _ option.Letters) bool { return o.Method.VariesDport() && o.overruns(o.DstPort) },
		Textf: func(o *Options) string {
			return fmt.Sprintf("invalid probe_dport %d given attempts %d", o.DstPort, o.Count)
		},
	},
	{
		Fails: func(o *Options, _ option.Letters) bool { return o.Raw && (o.V6 || !o.Method.IsTCP()) },
		Text:  "-O raw only works for IPv4 TCP methods",
	},
}

// overruns reports whether counting up from a port for each probe passes the highest port.
func (o *Options) overruns(port uint16) bool { return 65535-int(port) < int(o.Count)-1 }
