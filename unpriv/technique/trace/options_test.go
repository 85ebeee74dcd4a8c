package trace

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"scamper/shared/warts"
	"scamper/unpriv/technique"
	"scamper/unpriv/technique/virtual"
)

// pid makes the default port 0x9234.
var pid = technique.Defaults{Pid: 0x71234}

var compare = cmp.Options{
	cmpopts.IgnoreUnexported(Options{}),
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
}

// plain is a trace without options.
func plain(change func(o *Options)) *Options {
	o := &Options{
		Method: warts.TraceUDPParis, FirstHop: 1, GapLimit: 5, GapAction: warts.TraceGapStop, Loops: 1, Attempts: 2,
		SrcPort: 0x9234, DstPort: 33435, Wait: 5 * time.Second, Parallel: 1, GSS: []netip.Addr{},
	}
	change(o)
	return o
}

func TestParse(t *testing.T) {
	addr := netip.MustParseAddr
	tests := []struct {
		text string
		want func(o *Options)
	}{
		{"192.0.2.1", func(*Options) {}},
		{"2001:db8::1", func(o *Options) { o.V6 = true }},
		{"-c 95 192.0.2.1", func(o *Options) { o.Confidence = 95 }},
		{"-c 99 192.0.2.1", func(o *Options) { o.Confidence = 99 }},
		{"-d 80 192.0.2.1", func(o *Options) { o.DstPort = 80 }},
		{"-d 0x50 -P tcp 192.0.2.1", func(o *Options) { o.Method, o.DstPort = warts.TraceTCP, 80 }},
		{"-f 255 192.0.2.1", func(o *Options) { o.FirstHop = 255 }},
		{"-f 3 -m 3 192.0.2.1", func(o *Options) { o.FirstHop, o.HopLimit = 3, 3 }},
		{"-f 3 -m 0 192.0.2.1", func(o *Options) { o.FirstHop, o.HopLimit = 3, 0 }},
		{"-g 255 192.0.2.1", func(o *Options) { o.GapLimit = 255 }},
		{"-G 2 192.0.2.1", func(o *Options) { o.GapAction = warts.TraceGapLastDitch }},
		{"-H 0.5 -N 5 192.0.2.1", func(o *Options) { o.WaitHop, o.Parallel = 500*time.Millisecond, 5 }},
		{"-l 0 192.0.2.1", func(o *Options) { o.Loops = 0 }},
		{"-M -P tcp-ack 192.0.2.1", func(o *Options) { o.PMTUD, o.Method = true, warts.TraceTCPAck }},
		{"-o 8190 2001:db8::1", func(o *Options) { o.Offset, o.V6 = 8190, true }},
		{"-o 0 192.0.2.1", func(*Options) {}},
		{
			"-O dl -O DTREE-noback -O const-payload -O ptr 192.0.2.1",
			func(o *Options) { o.Datalink, o.NoBack, o.ConstPayload, o.PTR = true, true, true, true },
		},
		{"-O raw -P TCP 192.0.2.1", func(o *Options) { o.Raw, o.Method = true, warts.TraceTCP }},
		{"-O back -m 7 192.0.2.1", func(o *Options) { o.Back, o.HopLimit = true, 7 }},
		{"-p 0a0B0c 192.0.2.1", func(o *Options) { o.Payload = []byte{10, 11, 12} }},
		{"-p 0a 192.0.2.1", func(o *Options) { o.Payload = []byte{10, 0} }}, // two bytes are rewritten
		{"-p 0a -P udp 192.0.2.1", func(o *Options) { o.Payload, o.Method = []byte{10}, warts.TraceUDP }},
		{"-P UDP 192.0.2.1", func(o *Options) { o.Method = warts.TraceUDP }},
		{"-P icmp 192.0.2.1", func(o *Options) { o.Method = warts.TraceICMPEcho }},
		{"-P ICMP-paris 192.0.2.1", func(o *Options) { o.Method, o.DstPort = warts.TraceICMPEchoParis, 0x9234 }},
		{"-P icmp-paris -d 7 192.0.2.1", func(o *Options) { o.Method, o.DstPort = warts.TraceICMPEchoParis, 7 }},
		{"-P udp-Paris 192.0.2.1", func(*Options) {}},
		{"-q 20 192.0.2.1", func(o *Options) { o.Attempts = 20 }},
		{"-QT 192.0.2.1", func(o *Options) { o.AllAttempts, o.IgnoreTTLDst = true, true }},
		{"-r 192.0.2.2 192.0.2.1", func(o *Options) { o.Router = addr("192.0.2.2") }},
		{"-s 65535 192.0.2.1", func(o *Options) { o.SrcPort = 65535 }},
		{"-s 0 192.0.2.1", func(o *Options) { o.SrcPort, o.AnySrcPort = 0, true }},
		{"-s 0 -P icmp 192.0.2.1", func(o *Options) { o.AnySrcPort, o.Method = true, warts.TraceICMPEcho }},
		{"-S 192.0.2.2 192.0.2.1", func(o *Options) { o.Src = addr("192.0.2.2") }},
		{"-t 0x1c 192.0.2.1", func(o *Options) { o.ToS = 28 }},
		{"-U 4294967295 192.0.2.1", func(o *Options) { o.UserID = 4294967295 }},
		{"-U 010 192.0.2.1", func(o *Options) { o.UserID = 8 }},
		{"-w 10 192.0.2.1", func(o *Options) { o.Wait = 10 * time.Second }},
		{"-w 3000ms 192.0.2.1", func(o *Options) { o.Wait = 3 * time.Second }},
		{"-W 200 192.0.2.1", func(o *Options) { o.WaitProbe = 2 * time.Second }},
		{"-W 0.5s 192.0.2.1", func(o *Options) { o.WaitProbe = 500 * time.Millisecond }},
		{"-y 20 192.0.2.1", func(o *Options) { o.Stream = 20 }},
		{
			"-z 192.0.2.3 -z 192.0.2.4 -Z set 192.0.2.1",
			func(o *Options) { o.GSS, o.LSS = []netip.Addr{addr("192.0.2.3"), addr("192.0.2.4")}, "set" },
		},
		{
			"-QTq 3 -W '1' -P \"tcp\" 192.0.2.1",
			func(o *Options) {
				o.AllAttempts, o.IgnoreTTLDst, o.Attempts = true, true, 3
				o.WaitProbe, o.Method = 10*time.Millisecond, warts.TraceTCP
			},
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
	{"-Q", "expected address to trace"},
	{"", "expected address to trace"},
	{"-X 192.0.2.1", "could not parse trace command"},
	{"-q2 192.0.2.1", "could not parse trace command"},
	{"-qq 2 192.0.2.1", "could not parse trace command"},
	{"--help 192.0.2.1", "could not parse trace command"},
	{"-q 0x2 192.0.2.1", "could not parse trace command"},
	{"-q 2 -q 3 192.0.2.1", "repeated option -q"},
	{"-MM 192.0.2.1", "repeated option -M"},

	{"-c 96 192.0.2.1", "-c failed: confidence must be 95 or 99"},
	{"-d 0 192.0.2.1", "-d failed: dport must be within 1 - 65535"},
	{"-d 65536 192.0.2.1", "-d failed: dport must be within 1 - 65535"},
	{"-f 0 192.0.2.1", "-f failed: firsthop must be within 1 - 255"},
	{"-f 256 192.0.2.1", "-f failed: firsthop must be within 1 - 255"},
	{"-g 0 192.0.2.1", "-g failed: gaplimit must be within 1 - 255"},
	{"-g 256 192.0.2.1", "-g failed: gaplimit must be within 1 - 255"},
	{"-G 0 192.0.2.1", "-G failed: gapaction must be within 1 - 2"},
	{"-G 3 192.0.2.1", "-G failed: gapaction must be within 1 - 2"},
	{"-H x 192.0.2.1", "-H failed: malformed wait-probe-hop delay"},
	{"-H 2.1 192.0.2.1", "-H failed: wait-probe-hop delay cannot be > 2s"},
	{"-l 256 192.0.2.1", "-l failed: loops must be within 0 - 255"},
	{"-l -1 192.0.2.1", "-l failed: loops must be within 0 - 255"},
	{"-m 256 192.0.2.1", "-m failed: hoplimit must be within 0 - 255"},
	{"-N 0 192.0.2.1", "-N failed: squeries must be within 1 - 255"},
	{"-N 256 192.0.2.1", "-N failed: squeries must be within 1 - 255"},
	{"-o 8191 2001:db8::1", "-o failed: offset must be within 0 - 8190"},
	{"-O x 192.0.2.1", "-O failed: unknown option"},
	{"-p xy 192.0.2.1", "-p failed: payload must be specified in hex"},
	{"-p 123 192.0.2.1", "-p failed: expected even number of hex characters"},
	{"-P udp-foo 192.0.2.1", "-P failed: invalid trace method"},
	{"-q 0 192.0.2.1", "-q failed: attempts must be within 1 - 20"},
	{"-q 21 192.0.2.1", "-q failed: attempts must be within 1 - 20"},
	{"-s 65536 192.0.2.1", "-s failed: sport must be within 0 - 65535"},
	{"-t 256 192.0.2.1", "-t failed: tos must be within 0 - 255"},
	{"-U 4294967296 192.0.2.1", "-U failed: userid must be within 0 - 4294967295"},
	{"-w x 192.0.2.1", "-w failed: malformed timeout"},
	{"-w 1.5 192.0.2.1", "-w failed: timeout cannot have fractions of second"},
	{"-w 0 192.0.2.1", "-w failed: timeout must be within 1s - 10s"},
	{"-w 11 192.0.2.1", "-w failed: timeout must be within 1s - 10s"},
	{"-W x 192.0.2.1", "-W failed: malformed inter-probe delay"},
	{"-W 15ms 192.0.2.1", "-W failed: inter-probe granularity limited to 10ms"},
	{"-W 201 192.0.2.1", "-W failed: inter-probe delay cannot be > 2s"},
	{"-y 21 192.0.2.1", "-y failed: stream must be within 0 - 20"},

	{"-O back 192.0.2.1", "backwards probing must be used with a hoplimit"},
	{"-O back -m 5 -z 192.0.2.3 192.0.2.1", "backwards probing cannot be used with doubletree"},
	{"-O back -m 5 -Z s 192.0.2.1", "backwards probing cannot be used with doubletree"},
	{"-f 5 -m 4 192.0.2.1", "firsthop cannot be beyond hoplimit"},
	{"-N 6 192.0.2.1", "squeries cannot be greater than gaplimit"},
	{"-M -f 2 192.0.2.1", "cannot do pmtud without all of path"},
	{"-M -z 192.0.2.3 192.0.2.1", "cannot do pmtud without all of path"},
	{"-M -Z s 192.0.2.1", "cannot do pmtud without all of path"},
	{"-M -P tcp 192.0.2.1", "cannot do pmtud with this probe method"},
	{"-Qc 95 192.0.2.1", "cannot set both all-attempts and confidence"},
	{"localhost", "invalid destination address"},
	{"192.0.2.1 ", "invalid destination address"},
	{"192.0.2.1 junk", "invalid destination address"},
	{"127.1", "invalid destination address"},
	{"fe80::1%eth0", "invalid destination address"},
	{"-p 00 -P tcp 192.0.2.1", "cannot include a payload with TCP traceroute"},
	{"-p 00 -P tcp-ack 192.0.2.1", "cannot include a payload with TCP traceroute"},
	{payload(65508) + "192.0.2.1", "specified probe size too large"},
	{payload(65488) + "2001:db8::1", "specified probe size too large"},
	{"-o 1 " + payload(65484) + "2001:db8::1", "specified probe size too large"},
	{"-N 2 -P tcp 192.0.2.1", "cannot send parallel probes with TCP methods"},
	{"-O raw 192.0.2.1", "-O raw only works for IPv4 TCP methods"},
	{"-O raw -P tcp 2001:db8::1", "-O raw only works for IPv4 TCP methods"},
	{"-o 1 192.0.2.1", "can only do fragment traceroute with IPv6"},
	{"-S x 192.0.2.1", "invalid source address"},
	{"-S 2001:db8::2 192.0.2.1", "invalid source address"},
	{"-S 192.0.2.2 2001:db8::1", "invalid source address"},
	{"-r x 192.0.2.1", "invalid router address"},
	{"-r 2001:db8::2 192.0.2.1", "invalid router address"},
	{"-z x 192.0.2.1", "cannot resolve gss"},
	{"-z 2001:db8::3 192.0.2.1", "cannot resolve gss"},
	{"-z 192.0.2.3 -z 192.0.2.3 192.0.2.1", "cannot store gss entry"},

	// Several things wrong: each line keeps all that follows it wrong as well.
	{"-f 5 -m 4 -Mc 95 -QP tcp -p 00 -S x localhost", "firsthop cannot be beyond hoplimit"},
	{"-f 5 -Mc 95 -QP tcp -p 00 -S x localhost", "cannot do pmtud without all of path"},
	{"-Mc 95 -QP tcp -p 00 -S x localhost", "cannot do pmtud with this probe method"},
	{"-c 95 -QP tcp -p 00 -S x localhost", "cannot set both all-attempts and confidence"},
	{"-P tcp -p 00 -N 2 -O raw -o 1 -S x -r x -z x localhost", "invalid destination address"},
	{"-P tcp -p 00 -N 2 -O raw -o 1 -S x -r x -z x 2001:db8::1", "cannot include a payload with TCP traceroute"},
	{"-P tcp -N 2 -O raw -o 1 -S x -r x -z x 2001:db8::1", "cannot send parallel probes with TCP methods"},
	{"-P tcp -O raw -o 1 -S x -r x -z x 2001:db8::1", "-O raw only works for IPv4 TCP methods"},
	{"-P tcp -o 1 -S x -r x -z x 192.0.2.1", "can only do fragment traceroute with IPv6"},
	{"-S x -r x -z x 192.0.2.1", "invalid source address"},
	{"-r x -z x 192.0.2.1", "invalid router address"},
}

// payload is the option that gives probes n bytes of zeros, with a blank behind it.
func payload(n int) string { return "-p " + strings.Repeat("00", n) + " " }

// TestLargestProbe makes the largest probes that the format can record: 65535 bytes.
func TestLargestProbe(t *testing.T) {
	for _, command := range []string{
		payload(65507) + "192.0.2.1", "-P icmp " + payload(65507) + "192.0.2.1", payload(65487) + "2001:db8::1",
		"-o 1 " + payload(65483) + "2001:db8::1",
	} {
		o, dst, err := commands.Parse(command, pid)
		if err != nil {
			t.Errorf("payload of %d digits: %v", strings.Count(command, "0"), err)
		} else if o.Size() != 65535 {
			t.Errorf("payload of %d bytes towards %s: probes of %d bytes, want 65535", len(o.Payload), dst, o.Size())
		}
	}
}

func TestRefusals(t *testing.T) {
	virtual.CheckRefusals(t, &commands, pid, refusals)
}

func TestGSSLimit(t *testing.T) {
	var b strings.Builder
	for i := range maxGSS {
		fmt.Fprintf(&b, "-z 10.0.%d.%d ", i>>8, i&255)
	}
	_, _, err := commands.Parse(b.String()+"192.0.2.1", pid)
	if err == nil || err.Error() != "gss limited to 65535 entries" {
		t.Errorf("%d entries: %v", maxGSS, err)
	}
	b.Reset()
	for i := range 100 {
		fmt.Fprintf(&b, "-z 10.0.%d.%d ", i>>8, i&255)
	}
	if o, _, err := commands.Parse(b.String()+"192.0.2.1", pid); err != nil || len(o.GSS) != 100 || !o.Doubletree() {
		t.Errorf("100 entries: %v", err)
	}
}

// TestTemplate holds that a template says the same as a command, for good and bad options and both families.
func TestTemplate(t *testing.T) {
	virtual.CheckTemplates(t, &commands, pid, virtual.Texts(
		refusals,
		"", "-Q -q 3", "-p 0a", "-P icmp-paris", "-o 3", "-S 192.0.2.2", "-S 2001:db8::2", "-O raw -P tcp",
		"-z 192.0.2.3 ", "-s 0",
	), compare)
}

func FuzzParse(f *testing.F) {
	seeds := virtual.Texts(refusals, "-QTq 3 -W '1' -P \"tcp\" -z 192.0.2.3 192.0.2.1")
	virtual.FuzzCommands(f, &commands, seeds, func(o *Options, dst netip.Addr) error {
		if dst.Is6() != o.V6 {
			return errors.New("wrong family")
		}
		if o.Attempts < 1 || o.Attempts > 20 || o.FirstHop == 0 || o.GapLimit == 0 || o.Wait < time.Second ||
			o.Src.IsValid() && o.Src.Is6() != o.V6 || o.paris() && len(o.Payload) == 1 {
			return errors.New("options out of range")
		}
		return nil
	})
}
