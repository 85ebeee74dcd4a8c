package ping

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"scamper/shared/warts"
	"scamper/unpriv/probe"
	"scamper/unpriv/technique"
	"scamper/unpriv/technique/virtual"
)

// pid makes the ICMP id 0x1234 and the default port 0x9234.
var pid = technique.Defaults{Pid: 0x71234}

var compare = cmp.Options{
	cmpopts.IgnoreUnexported(Options{}),
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
}

// plain is a ping without options to an IPv4 destination.
func plain(change func(o *Options)) *Options {
	o := &Options{
		Method: warts.PingICMPEcho, Count: 4, Wait: time.Second, Timeout: time.Second, TTL: 64, SrcPort: 0x1234,
		HeaderLen: 28, PayloadLen: 56,
	}
	change(o)
	return o
}

// method changes what differs between ICMP and other methods.
func method(m warts.PingMethod, header, payload int) func(o *Options) {
	return func(o *Options) {
		o.Method, o.HeaderLen, o.PayloadLen = m, header, payload
		if !m.IsICMP() {
			o.SrcPort, o.DstPort = 0x9234, 33435
		}
	}
}

func both(a, b func(o *Options)) func(o *Options) { return func(o *Options) { a(o); b(o) } }

func TestParse(t *testing.T) {
	addr := netip.MustParseAddr
	tests := []struct {
		text string
		want func(o *Options)
	}{
		{"192.0.2.1", func(*Options) {}},
		{"2001:db8::1", func(o *Options) { o.V6, o.HeaderLen = true, 48 }},
		{"-P icmp-time 192.0.2.1", method(warts.PingICMPTime, 40, 44)},
		{"-P icmp-time 2001:db8::1", both(method(warts.PingICMPTime, 60, 44), func(o *Options) { o.V6 = true })},
		{"-P tcp-syn 192.0.2.1", method(warts.PingTCPSyn, 40, 0)},
		{"-P tcp-ack 192.0.2.1", method(warts.PingTCPAck, 40, 0)},
		{"-P TCP-ack-sport 192.0.2.1", method(warts.PingTCPAckSport, 40, 0)},
		{"-P udp 192.0.2.1", method(warts.PingUDP, 28, 12)},
		{"-P udp-dport 192.0.2.1", method(warts.PingUDPDport, 28, 12)},
		{"-P udp-sport 192.0.2.1", method(warts.PingUDPSport, 28, 12)},
		{"-P tcp-synack 192.0.2.1", method(warts.PingTCPSynAck, 40, 0)},
		{"-P tcp-rst 192.0.2.1", method(warts.PingTCPRst, 40, 0)},
		{"-P tcp-syn-sport 192.0.2.1", method(warts.PingTCPSynSport, 40, 0)},
		{"-P udp 2001:db8::1", both(method(warts.PingUDP, 48, 12), func(o *Options) { o.V6 = true })},
		{
			"-A 4294967295 -P tcp-syn 192.0.2.1",
			both(method(warts.PingTCPSyn, 40, 0), func(o *Options) { o.TCPNumber, o.HasTCPNumber = 4294967295, true }),
		},
		{"-b 0 192.0.2.1", func(o *Options) { o.PayloadLen = 0 }},
		{"-b 65507 192.0.2.1", func(o *Options) { o.PayloadLen = 65507 }},
		{"-B 00ff 192.0.2.1", func(o *Options) { o.Payload, o.PayloadLen = []byte{0, 255}, 2 }},
		{"-B 00ff -b 2 -s 30 192.0.2.1", func(o *Options) { o.Payload, o.PayloadLen = []byte{0, 255}, 2 }},
		{"-c 65535 192.0.2.1", func(o *Options) { o.Count = 65535 }},
		{"-C 0x1234 192.0.2.1", func(o *Options) { o.ICMPSum, o.HasICMPSum = 0x1234, true }},
		{"-C 0 192.0.2.1", func(o *Options) { o.HasICMPSum = true }},
		{"-d 7 192.0.2.1", func(o *Options) { o.DstPort = 7 }},
		{"-d 0 -P udp 192.0.2.1", both(method(warts.PingUDP, 28, 12), func(o *Options) { o.DstPort = 0 })},
		{"-F 7 192.0.2.1", func(o *Options) { o.SrcPort = 7 }},
		{"-F 0 192.0.2.1", func(o *Options) { o.SrcPort, o.AnySrcPort = 0, true }},
		{
			"-F 0 -P udp 192.0.2.1",
			both(method(warts.PingUDP, 28, 12), func(o *Options) { o.SrcPort, o.AnySrcPort = 0, true }),
		},
		{"-i 0.05 192.0.2.1", func(o *Options) { o.Wait = 50 * time.Millisecond }},
		{"-i 3 192.0.2.1", func(o *Options) { o.Wait, o.Timeout = 3*time.Second, 3*time.Second }},
		{"-i 3 -W 10ms 192.0.2.1", func(o *Options) { o.Wait, o.Timeout = 3*time.Second, 10*time.Millisecond }},
		{"-W 255 192.0.2.1", func(o *Options) { o.Timeout = 255 * time.Second }},
		{"-m 255 192.0.2.1", func(o *Options) { o.TTL = 255 }},
		{"-M 600 192.0.2.1", func(o *Options) { o.PMTU = 600 }},
		{"-o 3 192.0.2.1", func(o *Options) { o.StopCount = 3 }},
		{"-O dl -O dltx -O DL 192.0.2.1", func(o *Options) { o.Datalink, o.DatalinkTX = true, true }},
		{"-O raw -P tcp-syn 192.0.2.1", both(method(warts.PingTCPSyn, 40, 0), func(o *Options) { o.Raw = true })},
		{"-O mss=1460 -P tcp-syn 192.0.2.1", both(method(warts.PingTCPSyn, 44, 0), func(o *Options) { o.MSS = 1460 })},
		{"-O sockrx -O dl 192.0.2.1", func(o *Options) { o.SockRX, o.Datalink = true, true }},
		{
			"-O spoof -S 192.0.2.2 192.0.2.1",
			func(o *Options) { o.Spoof, o.Src, o.HeaderLen = true, addr("192.0.2.2"), 32 },
		},
		{"-O spoof -O nosrc 192.0.2.1", func(o *Options) { o.Spoof, o.NoSrc = true, true }},
		{"-O spoof -P tcp-rst 192.0.2.1", both(method(warts.PingTCPRst, 40, 0), func(o *Options) { o.Spoof = true })},
		{
			"-O spoof -S 2001:db8::2 2001:db8::1",
			func(o *Options) { o.Spoof, o.V6, o.Src, o.HeaderLen = true, true, addr("2001:db8::2"), 64 },
		},
		{
			"-O tbt -M 1280 -s 1300 2001:db8::1",
			func(o *Options) { o.TooBig, o.V6, o.PMTU, o.HeaderLen, o.PayloadLen = true, true, 1280, 48, 1252 },
		},
		{
			"-O tbl -M 1280 -s 1281 2001:db8::1",
			func(o *Options) { o.TooBig, o.V6, o.PMTU, o.HeaderLen, o.PayloadLen = true, true, 1280, 48, 1233 },
		},
		{"-p 123 192.0.2.1", func(o *Options) { o.Pattern = []byte{1, 0x23} }},
		{
			"-p 00112233445566778899aabbccddeeff 192.0.2.1",
			func(o *Options) {
				o.Pattern = []byte{0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}
			},
		},
		{"-r 192.0.2.2 192.0.2.1", func(o *Options) { o.Router = addr("192.0.2.2") }},
		{"-R 192.0.2.1", func(o *Options) { o.RecordRoute, o.HeaderLen = true, 68 }},
		{"-s 0 192.0.2.1", func(*Options) {}},
		{"-s 28 192.0.2.1", func(o *Options) { o.PayloadLen = 0 }},
		{"-s 65535 192.0.2.1", func(o *Options) { o.PayloadLen = 65507 }},
		{"-T tsonly 192.0.2.1", func(o *Options) { o.TS, o.HeaderLen = probe.TimestampOnly, 68 }},
		{"-T TSandaddr 192.0.2.1", func(o *Options) { o.TS, o.HeaderLen = probe.TimestampAndAddr, 64 }},
		{
			"-T tsprespec=192.0.2.2,192.0.2.3 192.0.2.1",
			func(o *Options) {
				o.TS, o.HeaderLen, o.TSAddrs = probe.TimestampPrespec, 48, []netip.Addr{addr("192.0.2.2"), addr("192.0.2.3")}
			},
		},
		{"-U 5 192.0.2.1", func(o *Options) { o.UserID = 5 }},
		{"-y 2 192.0.2.1", func(o *Options) { o.Stream = 2 }},
		{"-z 0x10 192.0.2.1", func(o *Options) { o.ToS = 16 }},
		{
			"-P tcp-ack-sport -F 65535 -c 1 192.0.2.1",
			both(method(warts.PingTCPAckSport, 40, 0), func(o *Options) { o.SrcPort, o.Count = 65535, 1 }),
		},
		{
			"-P udp-dport -d 65532 192.0.2.1",
			both(method(warts.PingUDPDport, 28, 12), func(o *Options) { o.DstPort = 65532 }),
		},
	}
	for _, tt := range tests {
		got, dst, err := commands.Parse(tt.text, pid)
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		if words := strings.Fields(tt.text); dst.String() != words[len(words)-1] {
			t.Errorf("%s: destination %v", tt.text, dst)
		}
		if diff := cmp.Diff(plain(tt.want), got, compare); diff != "" {
			t.Errorf("%s:\n%s", tt.text, diff)
		}
	}
}

// refusals are in the order of what is looked at first, not of letters.
var refusals = []virtual.Refusal{
	{"", "expected address to ping"},
	{"-c 5", "expected address to ping"},
	{"-Q 192.0.2.1", "could not parse ping command"},
	{"-c1 192.0.2.1", "could not parse ping command"},
	{"-s 0x54 192.0.2.1", "could not parse ping command"},
	{"-c 1 -c 1 192.0.2.1", "repeated option -c"},

	{"-A 4294967296 192.0.2.1", "-A failed: tcp-seq/ack must be within 0 - 4294967295"},
	{"-b 65536 192.0.2.1", "-b failed: payload-size must be within 0 - 65535"},
	{"-B 0x 192.0.2.1", "-B failed: payload must be specified in hex"},
	{"-B 000 192.0.2.1", "-B failed: expected even number of hex characters"},
	{"-B " + strings.Repeat("00", 1001) + " 192.0.2.1", "-B failed: payload limit is 1000 bytes"},
	{"-c 0 192.0.2.1", "-c failed: attempts must be within 1 - 65535"},
	{"-c 65536 192.0.2.1", "-c failed: attempts must be within 1 - 65535"},
	{"-C 65536 192.0.2.1", "-C failed: icmp-sum must be within 0 - 65535"},
	{"-d 65536 192.0.2.1", "-d failed: dport must be within 0 - 65535"},
	{"-F 65536 192.0.2.1", "-F failed: sport must be within 0 - 65535"},
	{"-i x 192.0.2.1", "-i failed: malformed inter-probe delay"},
	{"-i 0 192.0.2.1", "-i failed: inter-probe delay must be within 1ms - 20s"},
	{"-i 999us 192.0.2.1", "-i failed: inter-probe delay must be within 1ms - 20s"},
	{"-i 20.000001 192.0.2.1", "-i failed: inter-probe delay must be within 1ms - 20s"},
	{"-m 0 192.0.2.1", "-m failed: ttl must be within 1 - 255"},
	{"-M 65536 192.0.2.1", "-M failed: path-mtu must be within 0 - 65535"},
	{"-o 65536 192.0.2.1", "-o failed: stop-count must be within 0 - 65535"},
	{"-O x 192.0.2.1", "-O failed: unknown option"},
	{"-O mss=65536 192.0.2.1", "-O failed: expected valid MSS value"},
	{"-p x 192.0.2.1", "-p failed: pattern must be specified in hex"},
	{"-p 00112233445566778899aabbccddeeff0 192.0.2.1", "-p failed: pattern can be at most 32 hex chars"},
	{"-P icmp 192.0.2.1", "-P failed: invalid ping method"},
	{"-s 65536 192.0.2.1", "-s failed: probe-size must be within 0 - 65535"},
	{"-U 4294967296 192.0.2.1", "-U failed: userid must be within 0 - 4294967295"},
	{"-W 1.x 192.0.2.1", "-W failed: malformed timeout"},
	{"-W 255.1 192.0.2.1", "-W failed: timeout must be within 1ms - 255s"},
	{"-y 21 192.0.2.1", "-y failed: stream must be within 0 - 20"},
	{"-z 256 192.0.2.1", "-z failed: tos must be within 0 - 255"},

	{"-O mss=1 192.0.2.1", "mss option only valid with tcp-syn probes"},
	{"-O mss=1 -P tcp-ack 192.0.2.1", "mss option only valid with tcp-syn probes"},
	{"192.0.2.1 ", "invalid destination address"},
	{"-p 00 -B 00 192.0.2.1", "only specify one of pattern or payload"},
	{"-B 00 -b 2 192.0.2.1", "payload size inconsistent with payload"},
	{"-T tsonly 2001:db8::1", "timestamp option only valid with IPv4 dst"},
	{"-R 2001:db8::1", "record route option only valid with IPv4 dst"},
	{"-RT tsonly 192.0.2.1", "cannot use both TS and RR options"},
	{"-T x 192.0.2.1", "invalid timestamp option"},
	{"-T tsprespec= 192.0.2.1", "invalid timestamp option"},
	{"-T tsprespec=192.0.2.2, 192.0.2.1", "invalid timestamp option"},
	{"-T tsprespec=2001:db8::2 192.0.2.1", "invalid timestamp option"},
	{"-T tsprespec=10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4,10.0.0.5 192.0.2.1", "invalid timestamp option"},
	{"-s 27 192.0.2.1", "specified probe size too small"},
	{"-s 47 2001:db8::1", "specified probe size too small"},
	{"-s 39 -P icmp-time 192.0.2.1", "specified probe size too small"},
	{"-s 30 -B 001122 192.0.2.1", "specified probe size inconsistent with payload"},
	{"-s 30 -b 3 192.0.2.1", "specified probe size inconsistent with payload"},
	{"-b 65508 192.0.2.1", "specified probe size too large"},
	{"-C 1 -P udp 192.0.2.1", "icmp-csum only valid for ICMP methods"},
	{"-C 1 -s 29 192.0.2.1", "payload size must allow csum manipulation"},
	{"-O tbt -M 10 192.0.2.1", "can only do tbt with IPv6 addresses"},
	{"-O tbt 2001:db8::1", "specify valid path-mtu"},
	{"-O tbt -M 1280 -s 1280 2001:db8::1", "specify valid path-mtu"},
	{"-O sockrx -M 1 192.0.2.1", "cannot specify -O sockrx with -M"},
	{"-S 2001:db8::2 192.0.2.1", "invalid source address"},
	{"-r x 192.0.2.1", "invalid router address"},
	{"-P tcp-ack-sport -F 65533 192.0.2.1", "invalid probe_sport 65533 given attempts 4"},
	{"-P tcp-syn-sport -F 65533 192.0.2.1", "invalid probe_sport 65533 given attempts 4"},
	{"-P udp-sport -F 65533 192.0.2.1", "invalid probe_sport 65533 given attempts 4"},
	{"-P udp-dport -d 65533 192.0.2.1", "invalid probe_dport 65533 given attempts 4"},
	{"-P udp-dport -c 32102 192.0.2.1", "invalid probe_dport 33435 given attempts 32102"},
	{"-O raw 192.0.2.1", "-O raw only works for IPv4 TCP methods"},
	{"-O raw -P tcp-syn 2001:db8::1", "-O raw only works for IPv4 TCP methods"},

	// Several things wrong: each line keeps what follows it wrong as well, as far as that is possible.
	{"-O mss=1 -p 00 -B 00 -b 2 -RT x -s 1 -C 1 -O tbt -S x -r x y", "mss option only valid with tcp-syn probes"},
	{"-p 00 -B 00 -b 2 -RT x -s 1 -C 1 -O tbt -S x -r x y", "invalid destination address"},
	{"-p 00 -B 00 -b 2 -RT x -s 1 -C 1 -O tbt -S x -r x 192.0.2.1", "only specify one of pattern or payload"},
	{"-B 00 -b 2 -RT x -s 1 -C 1 -O tbt -S x -r x 2001:db8::1", "payload size inconsistent with payload"},
	{"-RT x -s 1 -C 1 -O tbt -S x -r x 2001:db8::1", "timestamp option only valid with IPv4 dst"},
	{"-RT x -s 1 -C 1 -O tbt -S x -r x 192.0.2.1", "cannot use both TS and RR options"},
	{"-T x -s 1 -C 1 -O tbt -S x -r x 192.0.2.1", "invalid timestamp option"},
	{"-s 1 -B 00 -C 1 -O tbt -S x -r x 192.0.2.1", "specified probe size too small"},
	{"-s 30 -B 00 -C 1 -O tbt -S x -r x 192.0.2.1", "specified probe size inconsistent with payload"},
	{"-B 00 -C 1 -O tbt -S x -r x 192.0.2.1", "payload size must allow csum manipulation"},
	{"-O tbt -S x -r x 192.0.2.1", "can only do tbt with IPv6 addresses"},
	{"-O tbt -O sockrx -M 65535 -S x -r x 2001:db8::1", "specify valid path-mtu"},
	{"-O sockrx -M 1 -S x -r x 2001:db8::1", "cannot specify -O sockrx with -M"},
	{"-S x -r x -O raw -P udp-dport -d 65535 192.0.2.1", "invalid source address"},
	{"-r x -O raw -P udp-dport -d 65535 192.0.2.1", "invalid router address"},
	{"-O raw -P udp-dport -d 65535 192.0.2.1", "invalid probe_dport 65535 given attempts 4"},
}

func TestRefusals(t *testing.T) {
	virtual.CheckRefusals(t, &commands, pid, refusals)
}

// TestTemplate holds that a template says the same as a command, for good and bad options and both families.
func TestTemplate(t *testing.T) {
	virtual.CheckTemplates(t, &commands, pid, virtual.Texts(
		refusals,
		"", "-c 3 -i 2", "-P udp-dport", "-s 40", "-R", "-T tsprespec=192.0.2.4", "-S 192.0.2.2", "-F 0", "-C 0x10",
	), compare)
}

func FuzzParse(f *testing.F) {
	seeds := virtual.Texts(refusals, "-P udp-dport -T tsprespec=192.0.2.2 -s 80 192.0.2.1")
	virtual.FuzzCommands(f, &commands, seeds, func(o *Options, dst netip.Addr) error {
		if dst.Is6() != o.V6 {
			return errors.New("wrong family")
		}
		if o.Count == 0 || o.TTL == 0 || o.Wait < time.Millisecond || o.Timeout < time.Millisecond ||
			o.PayloadLen < 0 || o.Size() > 65535 || o.Size() < o.HeaderLen || len(o.TSAddrs) > 4 ||
			len(o.Pattern) > 16 || o.Payload != nil && len(o.Payload) != o.PayloadLen ||
			o.Src.IsValid() && o.Src.Is6() != o.V6 {
			return errors.New("options out of range")
		}
		return nil
	})
}
