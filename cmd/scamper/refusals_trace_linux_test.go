package main_test

import "strings"

// traceGrammar is what trace refuses.
var traceGrammar = grammar{
	word: "trace",
	options: []grammarOption{
		{letter: "c", class: number, good: "95", refused: []refusal{
			value("0", "confidence must be 95 or 99"), value("94", "confidence must be 95 or 99"),
			value("96", "confidence must be 95 or 99"), value("100", "confidence must be 95 or 99"),
			value("-95", "confidence must be 95 or 99"),
		}},
		{letter: "d", class: text, name: "dport", min: 1, max: 65535, good: "80"},
		{letter: "f", class: number, name: "firsthop", min: 1, max: 255, good: "1"},
		{letter: "g", class: number, name: "gaplimit", min: 1, max: 255, good: "5"},
		{letter: "G", class: number, name: "gapaction", min: 1, max: 2, good: "1"},
		{letter: "H", class: text, good: "1", refused: append(
			malformed("malformed wait-probe-hop delay"),
			value("2.000001", "wait-probe-hop delay cannot be > 2s"), value("2001ms", "wait-probe-hop delay cannot be > 2s"),
			value("18446744073709551616", "wait-probe-hop delay cannot be > 2s"),
		)},
		{letter: "l", class: number, name: "loops", min: 0, max: 255, good: "1"},
		{letter: "m", class: number, name: "hoplimit", min: 0, max: 255, good: "5"},
		{letter: "M"},
		{letter: "N", class: number, name: "squeries", min: 1, max: 255, good: "1"},
		{letter: "o", class: number, name: "offset", min: 0, max: 8190, good: "0"},
		{letter: "O", class: text, good: "dl", often: true, refused: []refusal{
			value("x", "unknown option"), value("dlx", "unknown option"), value("d", "unknown option"),
			value("dtree", "unknown option"), value("spoof", "unknown option"), value("dl,raw", "unknown option"),
			value(`""`, "unknown option"),
		}},
		{letter: "p", class: text, good: "00", refused: []refusal{
			value("xx", "payload must be specified in hex"), value("0x00", "payload must be specified in hex"),
			value("000", "expected even number of hex characters"),
		}},
		{letter: "P", class: text, good: "udp", refused: []refusal{
			value("x", "invalid trace method"), value("udp-", "invalid trace method"), value("icmp-echo", "invalid trace method"),
			value("tcp-syn", "invalid trace method"), value("paris", "invalid trace method"),
		}},
		{letter: "q", class: number, name: "attempts", min: 1, max: 20, good: "2"},
		{letter: "Q"},
		{letter: "r", class: text, good: "192.0.2.3"},
		{letter: "s", class: number, name: "sport", min: 0, max: 65535, good: "5000"},
		{letter: "S", class: text, good: "192.0.2.2"},
		{letter: "t", class: text, name: "tos", min: 0, max: 255, good: "0"},
		{letter: "T"},
		{letter: "U", class: number, name: "userid", min: 0, max: 4294967295, good: "1"},
		{letter: "w", class: text, good: "1", refused: append(
			malformed("malformed timeout"),
			value("1.5", "timeout cannot have fractions of second"), value("1500ms", "timeout cannot have fractions of second"),
			value("0.5", "timeout cannot have fractions of second"),
			value("0", "timeout must be within 1s - 10s"), value("11", "timeout must be within 1s - 10s"),
			value("11000ms", "timeout must be within 1s - 10s"),
			value("18446744073709551616", "timeout must be within 1s - 10s"),
		)},
		{letter: "W", class: text, good: "1", refused: append(
			malformed("malformed inter-probe delay"),
			value("15ms", "inter-probe granularity limited to 10ms"), value("1ms", "inter-probe granularity limited to 10ms"),
			value("1.5", "inter-probe granularity limited to 10ms"),
			value("201", "inter-probe delay cannot be > 2s"), value("2010ms", "inter-probe delay cannot be > 2s"),
			value("3s", "inter-probe delay cannot be > 2s"),
		)},
		{letter: "y", class: number, name: "stream", min: 0, max: 20, good: "1"},
		{letter: "z", class: text, good: "192.0.2.3", often: true},
		{letter: "Z", class: text, good: "set"},
	},
	combinations: []refusals{
		combination("trace", "backwards probing must be used with a hoplimit",
			"-O back "+dst4, "-O back -f 2 -P icmp "+dst6, "-O back -z 192.0.2.3 "+dst4),
		combination("trace", "backwards probing cannot be used with doubletree",
			"-O back -m 5 -z 192.0.2.3 "+dst4, "-O back -m 5 -Z set "+dst4),
		combination("trace", "firsthop cannot be beyond hoplimit", "-f 5 -m 4 "+dst4, "-m 254 -f 255 "+dst6, "-O back -m 1 -f 2 "+dst4),
		combination("trace", "squeries cannot be greater than gaplimit", "-N 6 "+dst4, "-g 2 -N 3 "+dst6),
		combination("trace", "cannot do pmtud without all of path",
			"-M -f 2 "+dst4, "-M -z 192.0.2.3 "+dst4, "-M -Z set "+dst4, "-Mf 2 "+dst6, "-MP tcp -f 2 "+dst4),
		combination("trace", "cannot do pmtud with this probe method", "-M -P tcp "+dst4, "-MP TCP "+dst6),
		combination("trace", "cannot set both all-attempts and confidence", "-Qc 95 "+dst4, "-c 99 -Q "+dst6, "-Qc 95 localhost"),
		combination("trace", "cannot include a payload with TCP traceroute",
			"-p 00 -P tcp "+dst4, "-p 00 -P tcp-ack "+dst4, "-p 00 -P tcp "+dst6, "-p 00 -P tcp-ack "+dst6, "-p 00 -N 2 -P tcp "+dst4),
		combination("trace", "cannot send parallel probes with TCP methods",
			"-N 2 -P tcp "+dst4, "-N 2 -P tcp-ack "+dst4, "-N 2 -P tcp "+dst6, "-N 2 -P tcp -O raw "+dst6),
		combination("trace", "-O raw only works for IPv4 TCP methods",
			"-O raw "+dst4, "-O raw -P udp "+dst4, "-O raw -P udp-paris "+dst4, "-O raw -P icmp "+dst4, "-O raw -P icmp-paris "+dst4,
			"-O raw -P tcp "+dst6, "-O raw -P tcp-ack "+dst6, "-O raw -o 1 "+dst4),
		combination("trace", "can only do fragment traceroute with IPv6",
			"-o 1 "+dst4, "-o 8190 -P tcp "+dst4, "-o 1 -S x "+dst4),
		combination("trace", "invalid source address",
			"-S x "+dst4, "-S localhost "+dst4, "-S 127.1 "+dst4, "-S "+dst6+" "+dst4, "-S "+dst4+" "+dst6, "-S fe80::1%lo "+dst6,
			"-S x -r x "+dst4),
		combination("trace", "invalid router address",
			"-r x "+dst4, "-r localhost "+dst4, "-r "+dst6+" "+dst4, "-r "+dst4+" "+dst6, "-r x -z x "+dst4),
		combination("trace", "cannot resolve gss",
			"-z x "+dst4, "-z localhost "+dst4, "-z "+dst6+" "+dst4, "-z "+dst4+" "+dst6, "-z 192.0.2.3 -z x "+dst4),
		combination("trace", "cannot store gss entry",
			"-z 192.0.2.3 -z 192.0.2.3 "+dst4, "-z 192.0.2.3 -z 192.0.2.4 -z 192.0.2.3 "+dst4, "-z 2001:db8::3 -z 2001:db8:0::3 "+dst6),
	},
}

// malformed are values that are no times, each with the given text.
func malformed(want string) (out []refusal) {
	for v := range strings.FieldsSeq("x -1 1.x 1. .5 1m 1sec 1.0000001 1.5us 1ms1 0x1 1e1") {
		out = append(out, value(v, want))
	}
	return out
}
