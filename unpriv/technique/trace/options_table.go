package trace

import (
	"math"
	"time"

	"scamper/shared/option"
	"scamper/shared/warts"
)

type row = option.Row[Options]

// table is the grammar of trace. Its order is that of the manual page, letters without regard to case.
var table = option.Table[Options]{
	Word: "trace", Missing: "expected address to trace",
	Rows: []row{
		{
			Option: option.Option{
				Letter: 'c', Arg: "confidence", Class: option.Number, Kind: option.Int, Only: []int64{95, 99},
				Max: 99, Texts: option.Texts{Range: "confidence must be 95 or 99"},
				Help: "confidence in percent, 95 or 99, that all interfaces replying at a hop were seen",
			},
			Set: func(o *Options, v option.Value) { o.Confidence = uint8(v.Int) },
		},
		{
			Option: option.Option{
				Letter: 'd', Arg: "dport", Class: option.String, Kind: option.Int, Min: 1, Max: 65535,
				Default: "33435",
				Help:    "destination port, the first one for method UDP; the ICMP checksum for ICMP-paris",
			},
			Set: func(o *Options, v option.Value) { o.DstPort = uint16(v.Int) },
		},
		{
			Option: option.Option{
				Letter: 'f', Arg: "firsthop", Class: option.Number, Kind: option.Int, Min: 1, Max: 255,
				Default: "1", Help: "TTL of the first probe",
			},
			Set: func(o *Options, v option.Value) { o.FirstHop = uint8(v.Int) },
		},
		{
			Option: option.Option{
				Letter: 'g', Arg: "gaplimit", Class: option.Number, Kind: option.Int, Min: 1, Max: 255,
				Default: "5", Help: "unresponsive hops in a row that bring about the gap action",
			},
			Set: func(o *Options, v option.Value) { o.GapLimit = uint8(v.Int) },
		},
		{
			Option: option.Option{
				Letter: 'G', Arg: "gapaction", Class: option.Number, Kind: option.Int, Min: 1, Max: 2,
				Default: "1", Help: "what to do at the gap limit: 1 stop, 2 send last-ditch probes with TTL 255",
			},
			Set: func(o *Options, v option.Value) { o.GapAction = warts.TraceGapAction(v.Int) },
		},
		{
			Option: option.Option{
				Letter: 'H', Arg: "wait-probe-hop", Class: option.String, Kind: option.Duration, Unit: time.Second,
				Max: 2e6, Default: "0", Since: option.Later,
				Texts: option.Texts{
					Malformed: "malformed wait-probe-hop delay", Range: "wait-probe-hop delay cannot be > 2s",
				},
				Help: "least time between two probes of a hop in parallel probing",
			},
			Set: func(o *Options, v option.Value) { o.WaitHop = v.Duration },
		},
		{
			Option: option.Option{
				Letter: 'l', Arg: "loops", Class: option.Number, Kind: option.Int, Max: 255, Default: "1",
				Help: "loops at which to stop, 0 not to look for loops",
			},
			Set: func(o *Options, v option.Value) { o.Loops = uint8(v.Int) },
		},
		{
			Option: option.Option{
				Letter: 'm', Arg: "maxttl", Name: "hoplimit", Class: option.Number, Kind: option.Int, Max: 255,
				Default: "0", Help: "highest TTL, 0 for no limit but the 255 of the protocols",
			},
			Set: func(o *Options, v option.Value) { o.HopLimit = uint8(v.Int) },
		},
		{
			Option: option.Option{
				Letter: 'M', Help: "discover the path MTU after the trace",
			},
			Set: func(o *Options, _ option.Value) { o.PMTUD = true },
		},
		{
			Option: option.Option{
				Letter: 'N', Arg: "squeries", Class: option.Number, Kind: option.Int, Min: 1, Max: 255,
				Default: "1", Since: option.Later,
				Help: "TTLs that may have an unanswered probe at a time",
			},
			Set: func(o *Options, v option.Value) { o.Parallel = uint8(v.Int) },
		},
		{
			Option: option.Option{
				Letter: 'o', Arg: "offset", Class: option.Number, Kind: option.Int, Max: 8190, Default: "0",
				Help: "send IPv6 fragments of this offset, in units of 8 bytes",
			},
			Set: func(o *Options, v option.Value) { o.Offset = uint16(v.Int) },
		},
		{
			Option: option.Option{
				Letter: 'O', Arg: "option", Class: option.String, Kind: option.Enum, Repeatable: true,
				Texts: option.Texts{Malformed: "unknown option"}, Words: option.Words(words),
				Help: "adjust the trace",
			},
			Set: func(o *Options, v option.Value) { words[v.Int].Set(o, v) },
		},
		{
			Option: option.Option{
				Letter: 'p', Arg: "payload", Class: option.String, Kind: option.Hex,
				Texts: option.Texts{
					Malformed: "payload must be specified in hex", Odd: "expected even number of hex characters",
				},
				Help: "payload of the probes, in hexadecimal; the Paris methods rewrite its first two bytes",
			},
			Set: func(o *Options, v option.Value) { o.Payload = v.Bytes },
		},
		{
			Option: option.Option{
				Letter: 'P', Arg: "method", Class: option.String, Kind: option.Enum, Default: "UDP-paris",
				Texts: option.Texts{Malformed: "invalid trace method"},
				Words: []option.Word{
					{Name: "UDP", Value: int(warts.TraceUDP)},
					{Name: "TCP", Value: int(warts.TraceTCP)},
					{Name: "ICMP", Value: int(warts.TraceICMPEcho)},
					{Name: "ICMP-paris", Value: int(warts.TraceICMPEchoParis)},
					{Name: "UDP-paris", Value: int(warts.TraceUDPParis)},
					{Name: "TCP-ack", Value: int(warts.TraceTCPAck)},
				},
				Help: "kind of probe",
			},
			Set: func(o *Options, v option.Value) { o.Method = warts.TraceMethod(v.Int) },
		},
		{
			Option: option.Option{
				Letter: 'q', Arg: "attempts", Class: option.Number, Kind: option.Int, Min: 1, Max: 20,
				Default: "2", Help: "probes sent to a hop before it counts as unresponsive",
			},
			Set: func(o *Options, v option.Value) { o.Attempts = uint8(v.Int) },
		},
		{
			Option: option.Option{Letter: 'Q', Help: "send all attempts to each hop, whatever the replies"},
			Set:    func(o *Options, _ option.Value) { o.AllAttempts = true },
		},
		{
			Option: option.Option{
				Letter: 'r', Arg: "router", Class: option.String, Kind: option.Text, Since: option.Later,
				Help: "address of the router to send probes through",
			},
			Set: func(o *Options, v option.Value) { o.router = v.Text },
		},
		{
			Option: option.Option{
				Letter: 's', Arg: "sport", Class: option.Number, Kind: option.Int, Max: 65535,
				Help: "source port, or ICMP identifier; 0 lets the program choose",
			},
			Set: func(o *Options, v option.Value) { o.SrcPort = uint16(v.Int) },
		},
		{
			Option: option.Option{
				Letter: 'S', Arg: "srcaddr", Class: option.String, Kind: option.Text,
				Help: "source address, one of this system",
			},
			Set: func(o *Options, v option.Value) { o.src = v.Text },
		},
		{
			Option: option.Option{
				Letter: 't', Arg: "tos", Class: option.String, Kind: option.Int, Max: 255, Default: "0",
				Help: "byte for DSCP and ECN: IPv4 type of service or IPv6 traffic class",
			},
			Set: func(o *Options, v option.Value) { o.ToS = uint8(v.Int) },
		},
		{
			Option: option.Option{
				Letter: 'T', Help: "go on after a time exceeded message from the destination",
			},
			Set: func(o *Options, _ option.Value) { o.IgnoreTTLDst = true },
		},
		{
			Option: option.Option{
				Letter: 'U', Arg: "userid", Class: option.Number, Kind: option.Int, Max: math.MaxUint32, Default: "0",
				Help: "number stored with the result, without effect on the trace",
			},
			Set: func(o *Options, v option.Value) { o.UserID = uint32(v.Int) },
		},
		{
			Option: option.Option{
				Letter: 'w', Arg: "wait", Class: option.String, Kind: option.Duration, Unit: time.Second,
				Min: 1e6, Max: 10e6, Step: time.Second, Default: "5",
				Texts: option.Texts{
					Malformed: "malformed timeout", Step: "timeout cannot have fractions of second",
					Range: "timeout must be within 1s - 10s",
				},
				Help: "how long to wait for a reply, in whole seconds",
			},
			Set: func(o *Options, v option.Value) { o.Wait = v.Duration },
		},
		{
			Option: option.Option{
				Letter: 'W', Arg: "wait-probe", Class: option.String, Kind: option.Duration,
				Unit: 10 * time.Millisecond, Max: 2e6, Step: 10 * time.Millisecond, Default: "0",
				Texts: option.Texts{
					Malformed: "malformed inter-probe delay", Step: "inter-probe granularity limited to 10ms",
					Range: "inter-probe delay cannot be > 2s",
				},
				Help: "least time between two probes, in units of 10 ms",
			},
			Set: func(o *Options, v option.Value) { o.WaitProbe = v.Duration },
		},
		{
			Option: option.Option{
				Letter: 'y', Arg: "stream", Class: option.Number, Kind: option.Int, Max: 20, Default: "0",
				Since: option.Later,
				Help:  "write a copy of the trace after each so many probes",
			},
			Set: func(o *Options, v option.Value) { o.Stream = uint8(v.Int) },
		},
		{
			Option: option.Option{
				Letter: 'z', Arg: "gss-entry", Class: option.String, Kind: option.Text, Repeatable: true,
				Help: "address of the global stop set, at which to stop",
			},
			Set: func(o *Options, v option.Value) { o.gss = append(o.gss, v.Text) },
		},
		{
			Option: option.Option{
				Letter: 'Z', Arg: "lss-name", Class: option.String, Kind: option.Text,
				Help: "name of the local stop set, at which to stop probing backwards",
			},
			Set: func(o *Options, v option.Value) { o.LSS = v.Text },
		},
	},
}

// words are the values of -O.
var words = []option.WordRow[Options]{
	{
		Word: option.Word{
			Name: "back", Since: option.Later,
			Help: "probe from the highest TTL downwards",
		},
		Set: func(o *Options, _ option.Value) { o.Back = true },
	},
	{
		Word: option.Word{
			Name: "const-payload", Since: option.Later,
			Help: "leave the payload of UDP-paris probes alone",
		},
		Set: func(o *Options, _ option.Value) { o.ConstPayload = true },
	},
	{
		Word: option.Word{Name: "dl", Help: "take time stamps from the datalink"},
		Set:  func(o *Options, _ option.Value) { o.Datalink = true },
	},
	{
		Word: option.Word{
			Name: "dtree-noback", Help: "do not probe backwards with doubletree",
		},
		Set: func(o *Options, _ option.Value) { o.NoBack = true },
	},
	{
		Word: option.Word{
			Name: "ptr", Since: option.Later,
			Help: "look up the names of hops",
		},
		Set: func(o *Options, _ option.Value) { o.PTR = true },
	},
	{
		Word: option.Word{
			Name: "raw", Since: option.Later,
			Help: "send TCP probes through a raw IPv4 socket",
		},
		Set: func(o *Options, _ option.Value) { o.Raw = true },
	},
}
