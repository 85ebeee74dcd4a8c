package ping

import (
	"math"
	"time"

	"scamper/shared/option"
	"scamper/shared/warts"
)

type row = option.Row[Options]

// table is the grammar of ping. Its order is that of the manual page, letters without regard to case.
var table = option.Table[Options]{
	Word: "ping", Missing: "expected address to ping",
	Rows: []row{
		{
			Option: option.Option{
				Letter: 'A', Arg: "tcp-number", Name: "tcp-seq/ack", Class: option.Number, Kind: option.Int,
				Max: math.MaxUint32, Since: option.Later,
				Help: "TCP sequence number of the probes, or their acknowledgement number where they have one",
			},
			Set: func(o *Options, v option.Value) { o.TCPNumber, o.HasTCPNumber = uint32(v.Int), true },
		},
		{
			Option: option.Option{
				Letter: 'b', Arg: "payload-size", Class: option.Number, Kind: option.Int, Max: 65535,
				Since: option.Later, Help: "bytes of payload in each probe",
			},
			Set: func(o *Options, v option.Value) { o.payloadSize = int(v.Int) },
		},
		{
			Option: option.Option{
				Letter: 'B', Arg: "payload", Class: option.String, Kind: option.Hex, Max: 2000,
				Texts: option.Texts{
					Malformed: "payload must be specified in hex", Odd: "expected even number of hex characters",
					Range: "payload limit is 1000 bytes",
				},
				Help: "payload of each probe, in hexadecimal",
			},
			Set: func(o *Options, v option.Value) { o.Payload = v.Bytes },
		},
		{
			Option: option.Option{
				Letter: 'c', Arg: "probecount", Name: "attempts", Class: option.Number, Kind: option.Int,
				Min: 1, Max: 65535, Default: "4", Help: "number of probes to send",
			},
			Set: func(o *Options, v option.Value) { o.Count = uint16(v.Int) },
		},
		{
			Option: option.Option{
				Letter: 'C', Arg: "icmp-sum", Class: option.String, Kind: option.Int, Max: 65535,
				Help: "ICMP checksum of the probes; two bytes of the payload are chosen to make it right",
			},
			Set: func(o *Options, v option.Value) { o.ICMPSum, o.HasICMPSum = uint16(v.Int), true },
		},
		{
			Option: option.Option{
				Letter: 'd', Arg: "dport", Class: option.Number, Kind: option.Int, Max: 65535, Default: "33435",
				Help: "destination port, the first one for udp-dport; the first sequence number for ICMP, there 0 by default",
			},
			Set: func(o *Options, v option.Value) { o.DstPort = uint16(v.Int) },
		},
		{
			Option: option.Option{
				Letter: 'F', Arg: "sport", Class: option.Number, Kind: option.Int, Max: 65535,
				Help: "source port, or ICMP identifier; 0 lets the program choose",
			},
			Set: func(o *Options, v option.Value) { o.SrcPort = uint16(v.Int) },
		},
		{
			Option: option.Option{
				Letter: 'i', Arg: "wait", Class: option.String, Kind: option.Duration, Unit: time.Second,
				Min: 1e3, Max: 20e6, Default: "1",
				Texts: option.Texts{
					Malformed: "malformed inter-probe delay",
					Range:     "inter-probe delay must be within 1ms - 20s",
				},
				Help: "time between two probes",
			},
			Set: func(o *Options, v option.Value) { o.Wait = v.Duration },
		},
		{
			Option: option.Option{
				Letter: 'm', Arg: "ttl", Class: option.Number, Kind: option.Int, Min: 1, Max: 255, Default: "64",
				Help: "TTL of the probes",
			},
			Set: func(o *Options, v option.Value) { o.TTL = uint8(v.Int) },
		},
		{
			Option: option.Option{
				Letter: 'M', Arg: "MTU", Name: "path-mtu", Class: option.Number, Kind: option.Int, Max: 65535,
				Default: "0",
				Help:    "answer replies larger than this with a packet too big message, 0 never to do so",
			},
			Set: func(o *Options, v option.Value) { o.PMTU = uint16(v.Int) },
		},
		{
			Option: option.Option{
				Letter: 'o', Arg: "replycount", Name: "stop-count", Class: option.Number, Kind: option.Int,
				Max: 65535, Default: "0", Help: "stop after replies to so many probes, 0 to send all probes",
			},
			Set: func(o *Options, v option.Value) { o.StopCount = uint16(v.Int) },
		},
		{
			Option: option.Option{
				Letter: 'O', Arg: "option", Class: option.String, Kind: option.Enum, Repeatable: true,
				Texts: option.Texts{Malformed: "unknown option"}, Words: option.Words(words),
				Help: "adjust the ping",
			},
			Set: func(o *Options, v option.Value) { words[v.Int].Set(o, v) },
		},
		{
			Option: option.Option{
				Letter: 'p', Arg: "pattern", Class: option.String, Kind: option.Hex, Max: 32, Odd: true,
				Texts: option.Texts{
					Malformed: "pattern must be specified in hex",
					Range:     "pattern can be at most 32 hex chars",
				},
				Help: "up to 16 bytes in hexadecimal with which the payload is filled",
			},
			Set: func(o *Options, v option.Value) { o.Pattern = v.Bytes },
		},
		{
			Option: option.Option{
				Letter: 'P', Arg: "method", Class: option.String, Kind: option.Enum, Default: "icmp-echo",
				Texts: option.Texts{Malformed: "invalid ping method"}, Words: methods, Help: "kind of probe",
			},
			Set: func(o *Options, v option.Value) { o.Method = warts.PingMethod(v.Int) },
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
				Letter: 'R', Help: "put an IPv4 record route option into the probes",
			},
			Set: func(o *Options, _ option.Value) { o.RecordRoute = true },
		},
		{
			Option: option.Option{
				Letter: 's', Arg: "size", Name: "probe-size", Class: option.Number, Kind: option.Int, Max: 65535,
				Default: "0",
				Help:    "bytes of a probe with its IP header, 0 for the usual size: 84 (IPv4) or 104 (IPv6) for icmp-echo",
			},
			Set: func(o *Options, v option.Value) { o.size = int(v.Int) },
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
				Letter: 'T', Arg: "timestamp", Class: option.String, Kind: option.Text,
				Help: "put an IPv4 timestamp option into the probes: tsonly, tsandaddr or tsprespec=IP[,IP...]",
			},
			Set: func(o *Options, v option.Value) { o.ts = v.Text },
		},
		{
			Option: option.Option{
				Letter: 'U', Arg: "userid", Class: option.Number, Kind: option.Int, Max: math.MaxUint32, Default: "0",
				Help: "number stored with the result, without effect on the ping",
			},
			Set: func(o *Options, v option.Value) { o.UserID = uint32(v.Int) },
		},
		{
			Option: option.Option{
				Letter: 'W', Arg: "timeout", Class: option.String, Kind: option.Duration, Unit: time.Second,
				Min: 1e3, Max: 255e6,
				Texts: option.Texts{
					Malformed: "malformed timeout", Range: "timeout must be within 1ms - 255s",
				},
				Help: "how long to wait for replies after the last probe; by default 1 s, or the wait if that is longer",
			},
			Set: func(o *Options, v option.Value) { o.Timeout = v.Duration },
		},
		{
			Option: option.Option{
				Letter: 'y', Arg: "stream", Class: option.Number, Kind: option.Int, Max: 20, Default: "0",
				Since: option.Later,
				Help:  "write a copy of the ping after each so many probes",
			},
			Set: func(o *Options, v option.Value) { o.Stream = uint8(v.Int) },
		},
		{
			Option: option.Option{
				Letter: 'z', Arg: "tos", Class: option.String, Kind: option.Int, Max: 255, Default: "0",
				Help: "byte for DSCP and ECN: IPv4 type of service or IPv6 traffic class",
			},
			Set: func(o *Options, v option.Value) { o.ToS = uint8(v.Int) },
		},
	},
}

// methods are the values of -P.
var methods = []option.Word{
	{Name: "icmp-echo", Value: int(warts.PingICMPEcho)},
	{Name: "icmp-time", Value: int(warts.PingICMPTime)},
	{Name: "tcp-syn", Value: int(warts.PingTCPSyn)},
	{Name: "tcp-ack", Value: int(warts.PingTCPAck)},
	{Name: "tcp-ack-sport", Value: int(warts.PingTCPAckSport)},
	{Name: "udp", Value: int(warts.PingUDP)},
	{Name: "udp-dport", Value: int(warts.PingUDPDport)},
	{Name: "tcp-synack", Value: int(warts.PingTCPSynAck), Since: option.Later},
	{Name: "tcp-rst", Value: int(warts.PingTCPRst), Since: option.Later},
	{
		Name: "tcp-syn-sport", Value: int(warts.PingTCPSynSport), Since: option.Later,
	},
	{
		Name: "udp-sport", Value: int(warts.PingUDPSport), Since: option.Later,
	},
}

// words are the values of -O.
var words = []option.WordRow[Options]{
	{
		Word: option.Word{
			Name: "dl", Help: "use the datalink for time stamps and reception",
		},
		Set: func(o *Options, _ option.Value) { o.Datalink = true },
	},
	{
		Word: option.Word{
			Name: "dltx", Since: option.Later, Help: "send through the datalink",
		},
		Set: func(o *Options, _ option.Value) { o.DatalinkTX = true },
	},
	{
		Word: option.Word{
			Name: "mss=", Max: 65535, Malformed: "expected valid MSS value", Since: option.Later,
			Help: "put a maximum segment size option into SYN probes",
		},
		Set: func(o *Options, v option.Value) { o.MSS = uint16(v.Arg) },
	},
	{
		Word: option.Word{
			Name: "nosrc", Since: option.Later,
			Help: "do not embed the real source address in spoofed probes",
		},
		Set: func(o *Options, _ option.Value) { o.NoSrc = true },
	},
	{
		Word: option.Word{
			Name: "raw", Since: option.Later,
			Help: "send TCP probes through a raw IPv4 socket",
		},
		Set: func(o *Options, _ option.Value) { o.Raw = true },
	},
	{
		Word: option.Word{
			Name: "sockrx", Since: option.Later,
			Help: "receive from sockets even if the datalink is open",
		},
		Set: func(o *Options, _ option.Value) { o.SockRX = true },
	},
	{
		Word: option.Word{
			Name: "spoof",
			Help: "the source address need not be one of this system; the real one is put into the payload",
		},
		Set: func(o *Options, _ option.Value) { o.Spoof = true },
	},
	{
		Word: option.Word{
			Name: "tbt",
			Help: "the aim is fragmented replies: -o counts these alone",
		},
		Set: func(o *Options, _ option.Value) { o.TooBig = true },
	},
	{
		// The manual page of 2017 has this spelling, no program does.
		Word: option.Word{Name: "tbl", Alias: true},
		Set:  func(o *Options, _ option.Value) { o.TooBig = true },
	},
}
