package warts

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// unhex makes bytes of hexadecimal digits; blanks, and what follows a # up to the end of the line, do not count.
func unhex(tb testing.TB, text string) []byte {
	tb.Helper()
	var digits strings.Builder
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		digits.WriteString(strings.Join(strings.Fields(line), ""))
	}
	b, err := hex.DecodeString(digits.String())
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func ip(s string) Addr { return AddrFrom(netip.MustParseAddr(s)) }

var (
	goldenList  = &List{Name: "default", Description: "default"}
	goldenCycle = &Cycle{List: goldenList, Start: 1700000000, HostName: "host1"}
)

// goldens are records and their bytes, the list and cycle before them.
var goldens = []struct {
	name string
	rec  Record
	hex  string
}{
	{"list", goldenList, `
		1205 0001 0000001b 00000001 00000000 64656661756c7400
		01 0008 64656661756c7400           # description`},
	{"cycle start", goldenCycle, `
		1205 0002 00000019 00000001 00000001 00000000 6553f100
		02 0006 686f73743100               # host name`},
	{"trace", &Trace{
		List: goldenList, Cycle: goldenCycle, Src: ip("192.0.2.1"), Dst: ip("198.51.100.9"),
		Start: Time{1700000000, 250000}, StopReason: TraceStopCompleted, Method: TraceUDPParis, Attempts: 2,
		ProbeSize: 44, SrcPort: 40000, DstPort: 33435, FirstHop: 1, Squeries: 1, Wait: 5 * time.Second, Loops: 1,
		HopCount: 2, GapLimit: 5, GapAction: TraceGapStop, ProbeCount: 3,
		Probes: []TraceProbe{
			{TTL: 1, Size: 44, TX: Time{1700000000, 250161}, Replies: []TraceReply{{
				Addr: ip("192.0.2.254"), RTT: 1353 * time.Microsecond, Flags: TraceHopSockRX | TraceHopTTL, TTL: 64,
				ToS: 0xc0, ICMPType: 11, QuoTTL: 1, QuoLen: 44, Size: 72, IPID: 0x1234,
			}}},
			{TTL: 2, ID: 1, Size: 44, TX: Time{1700000000, 310000}, Replies: []TraceReply{{
				Addr: ip("198.51.100.9"), RTT: 467 * time.Microsecond, Flags: TraceHopSockRX | TraceHopTTL, TTL: 63,
				ToS: 0xc0, ICMPType: 3, ICMPCode: 3, QuoTTL: 1, QuoLen: 44, Size: 72, IPID: 0x1234,
			}}},
		},
	}, `
		1205 0006 00000087
		f3 fe ff 3f 0034                   # parameters 1 2 5-7 9-27
		00000001 00000001 6553f100 0003d090 01 00 02 00 05 002c 9c40 829b 01 00 05 01 0002 05 01 00 0003 00 00
		04 01 c0000201   04 01 c6336409    # addresses 0 and 1
		0002                               # hops
		fe 8f 1a 0020 01 40 11 00 00000549 0b00 002c 0048 1234 c0 00 04 01 c00002fe 6553f100 0003d131
		fe 8f 1a 001f 02 3f 11 01 000001d3 0303 002c 0048 1234 c0 00 00 00000001 6553f100 0004baf0
		0000                               # end of the sections`},
	{"ping", &Ping{
		List: goldenList, Cycle: goldenCycle, Src: ip("127.0.0.1"), Dst: ip("127.0.0.1"),
		Start: Time{0x6b03f663, 0xe716f}, StopReason: PingStopCompleted, ProbeCount: 2, Sent: 2, Size: 84, TTL: 64,
		Wait: 200 * time.Millisecond, Timeout: time.Second, SrcPort: 0x6b5,
		Probes: []PingProbe{
			{IPID: 0xa2c5, Flags: PingReplyProbeIPID, TX: Time{0x6b03f663, 0xe72fe}, Replies: []PingReply{{
				Addr: ip("127.0.0.1"), RTT: 643 * time.Microsecond, IPID: 0x9de8, TTL: 64, Proto: 1, Size: 84,
				Flags: PingReplyTTL | PingReplyIPID | PingReplyProbeIPID | PingReplyToS, IfName: "lo",
			}}},
			{ID: 1, IPID: 0x507c, Flags: PingReplyProbeIPID, TX: Time{0x6b03f664, 0x23fba}, Replies: []PingReply{{
				Addr: ip("127.0.0.1"), RTT: 53 * time.Microsecond, IPID: 0x9e0e, TTL: 64, Proto: 1, Size: 84,
				Flags: PingReplyTTL | PingReplyIPID | PingReplyProbeIPID | PingReplyToS, IfName: "lo",
			}}},
		},
	}, `
		1205 0007 0000007d
		f3 bc e5 60 002c 00000001 00000001 6b03f663 000e716f 01 00 0002 0054 00 40 0002 06b5
		04 01 7f000001 00 00000000         # source, and destination: the same
		01 00030d40                        # timeout in seconds, wait in microseconds
		0002
		fe 93 22 0021 27 40 0054 0000 00000283 0000 9de8 a2c5 00 00000000 6b03f663 000e72fe 01 6c6f00
		fe 93 22 001e 27 40 0054 0000 00000035 0001 9e0e 507c 00 00000000 6b03f664 00023fba 01`},
	{"cycle stop", &Cycle{
		Kind: CycleStop, List: goldenList, Start: 1700000000, HostName: "host1", Stop: 1700000001,
	}, `1205 0004 00000009 00000001 6553f101 00`},
}

// TestGolden writes the records one after the other, and reads them back.
func TestGolden(t *testing.T) {
	var enc Encoder
	var file []byte
	for _, g := range goldens {
		got, err := enc.Append(nil, g.rec)
		if err != nil {
			t.Fatalf("%s: %v", g.name, err)
		}
		want := unhex(t, g.hex)
		if !bytes.Equal(got, want) {
			t.Errorf("%s:\n got %x\nwant %x", g.name, got, want)
		}
		file = append(file, want...)
	}
	var got, want []Record
	for rec, err := range NewReader(bytes.NewReader(file)).All() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, rec)
	}
	for _, g := range goldens {
		want = append(want, g.rec)
	}
	opts := cmp.Options{
		cmpopts.IgnoreTypes(Kept{}), cmpopts.EquateEmpty(),
		// The flags that a reply's record has of its probe show in the probe too.
		cmpopts.IgnoreFields(TraceProbe{}, "Flags"),
	}
	if diff := cmp.Diff(want, got, opts); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
}
