package ping

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"scamper/shared/warts"
	"scamper/testkit"
)

// wireTest is a ping whose packets are compared with what they should be.
type wireTest struct {
	options string // -c 2 unless it has another
	v       int    // 4, 6, or 0 for both
	probe   func(i int, w *wire)
	// answered says whether replies are expected, and checks one.
	answer func(r *warts.PingReply) bool
	flags  warts.PingReplyFlags // of the replies, besides those about fields
}

const (
	freeEcho = 7   // UDP and TCP port with a server
	closed   = 999 // nothing there
	filtered = 443
)

// zeros is n bytes of nothing in hexadecimal.
func zeros(n int) string { return strings.Repeat("00", n) }

// size is what differs between the families: the length of a probe with these bytes behind the IP header.
func (w *wire) size(n int) {
	w.Len = n + 20
	if w.Dst.Is6() {
		w.Len += 20
	}
}

func echo(data int) func(i int, w *wire) {
	return func(i int, w *wire) {
		w.Type, w.ICMPSeq, w.Data = 8, uint16(i), zeros(data)
		if w.Dst.Is6() {
			w.Type = 128
		}
		w.size(8 + data)
	}
}

func with(a, b func(i int, w *wire)) func(i int, w *wire) {
	return func(i int, w *wire) { a(i, w); b(i, w) }
}

func udp(data, dport int) func(i int, w *wire) {
	return func(_ int, w *wire) {
		w.Proto, w.Dport, w.Data = 17, uint16(dport), zeros(data)
		w.size(8 + data)
	}
}

func tcp(flags uint8, dport int) func(i int, w *wire) {
	return func(_ int, w *wire) {
		w.Proto, w.Dport, w.Flags, w.Window = 6, uint16(dport), flags, 65535
		w.size(20)
	}
}

func isEcho(r *warts.PingReply) bool {
	return r.Proto == 1 && r.ICMPType == 0 || r.Proto == 58 && r.ICMPType == 129
}

func isPort(r *warts.PingReply) bool {
	return r.Proto == 1 && r.ICMPType == 3 && r.ICMPCode == 3 || r.Proto == 58 && r.ICMPType == 1 && r.ICMPCode == 4
}

func isTTL(r *warts.PingReply) bool {
	return r.Proto == 1 && r.ICMPType == 11 && r.ICMPCode == 0 || r.Proto == 58 && r.ICMPType == 3 && r.ICMPCode == 0
}

func isTCP(flags uint8) func(*warts.PingReply) bool {
	return func(r *warts.PingReply) bool { return r.Proto == 6 && r.TCPFlags == flags }
}

const (
	rst    = 0x04
	synAck = 0x12
	rstAck = 0x14
)

var wireTests = []wireTest{
	{options: "", probe: echo(56), answer: isEcho},
	{options: "-d 65535", probe: with(echo(56), func(i int, w *wire) { w.ICMPSeq-- }), answer: isEcho},
	{options: "-m 9 -z 0x1c -s 100", v: 4, probe: with(echo(72), func(_ int, w *wire) { w.TTL, w.TOS = 9, 0x1c }), answer: isEcho},
	{options: "-m 9 -z 0x1c -s 100", v: 6, probe: with(echo(52), func(_ int, w *wire) { w.TTL, w.TOS = 9, 0x1c }), answer: isEcho},
	{options: "-m 1", probe: with(echo(56), func(_ int, w *wire) { w.TTL = 1 }), answer: isTTL},
	{options: "-m 2", probe: with(echo(56), func(_ int, w *wire) { w.TTL = 2 }), answer: isTTL},
	{options: "-b 5 -p 123", probe: with(echo(5), func(_ int, w *wire) { w.Data = "0123012301" }), answer: isEcho},
	{options: "-p abcd12", probe: with(echo(56), func(_ int, w *wire) { w.Data = strings.Repeat("abcd12", 18) + "abcd" }), answer: isEcho},
	{options: "-B 0102030405", probe: with(echo(5), func(_ int, w *wire) { w.Data = "0102030405" }), answer: isEcho},
	{options: "-b 0", probe: echo(0), answer: isEcho},
	{options: "-C 4660", probe: with(echo(56), func(_ int, w *wire) { w.Sum, w.Data = 0x1234, "xxxx"+zeros(54) }), answer: isEcho},
	{options: "-C 1 -B ff", v: 4, probe: nil},
	{options: "-C 0x8000 -b 4 -p 77", probe: with(echo(4), func(_ int, w *wire) { w.Sum, w.Data = 0x8000, "xxxx7777" }), answer: isEcho},
	{options: "-C 0", v: 4, probe: with(echo(56), func(_ int, w *wire) { w.Data = "xxxx" + zeros(54) }), answer: isEcho},
	{options: "-O dltx -C 4660", probe: with(echo(56), func(_ int, w *wire) { w.Sum, w.Data = 0x1234, "xxxx"+zeros(54) }), answer: isEcho, flags: warts.PingReplyDLRX},
	{options: "-O dl", probe: echo(56), answer: isEcho, flags: warts.PingReplyDLRX | warts.PingReplyDLTX},
	{options: "-O dl -O sockrx", probe: echo(56), answer: isEcho, flags: warts.PingReplyDLTX},
	{options: "-O dltx", probe: echo(56), answer: isEcho, flags: warts.PingReplyDLRX},
	{options: "-r ROUTER", probe: with(echo(56), func(_ int, w *wire) { w.ToMAC = "020000000102" }), answer: isEcho, flags: warts.PingReplyDLRX},
	{options: "-P icmp-time", v: 4, probe: stamp(44), answer: isStamp},
	{options: "-P icmp-time -s 40", v: 4, probe: stamp(0), answer: isStamp},
	{options: "-P icmp-time -p 5a -b 3", v: 4, probe: with(stamp(3), func(_ int, w *wire) { w.Data = stampData + "5a5a5a" }), answer: isStamp},
	{options: "-P icmp-time -C 4660", v: 4, probe: with(stamp(44), func(_ int, w *wire) {
		w.Sum, w.Data = 0x1234, stampData+"xxxx"+zeros(42)
	}), answer: isStamp},
	{options: "-R", v: 4, probe: with(echo(56), func(_ int, w *wire) { w.Len, w.Options = 124, "072704"+zeros(37) }), answer: func(r *warts.PingReply) bool {
		return isEcho(r) && fmt.Sprint(r.RR) == "[10.0.2.1 10.0.3.1 10.0.3.2 10.0.3.2 10.0.2.2 10.0.1.2 10.0.1.1]"
	}},
	{options: "-R -P udp", v: 4, probe: with(udp(12, 33435), func(_ int, w *wire) { w.Len, w.Options = 80, "072704"+zeros(37) }), answer: func(r *warts.PingReply) bool {
		return isPort(r) && fmt.Sprint(r.RR) == "[10.0.2.1 10.0.3.1 10.0.3.2]" // of what is quoted
	}},
	{options: "-T tsonly", v: 4, probe: with(echo(56), func(_ int, w *wire) { w.Len, w.Options = 124, "44280500"+zeros(36) }), answer: func(r *warts.PingReply) bool {
		return isEcho(r) && timely(r, 7) && len(r.TS.Addrs) == 0
	}},
	{options: "-T tsandaddr", v: 4, probe: with(echo(56), func(_ int, w *wire) { w.Len, w.Options = 120, "44240501"+zeros(32) }), answer: func(r *warts.PingReply) bool {
		return isEcho(r) && timely(r, 4) && fmt.Sprint(r.TS.Addrs) == "[10.0.1.2 10.0.2.2 10.0.3.2 10.0.3.2]"
	}},
	{options: "-T tsprespec=10.0.1.2,10.0.2.2", v: 4, probe: with(echo(56), func(_ int, w *wire) {
		w.Len, w.Options = 104, "44140503"+"0a000102"+zeros(4)+"0a000202"+zeros(4)
	}), answer: func(r *warts.PingReply) bool {
		return isEcho(r) && timely(r, 2) && fmt.Sprint(r.TS.Addrs) == "[10.0.1.2 10.0.2.2]"
	}},
	{options: "-T tsprespec=10.0.1.2,10.9.9.9", v: 4, probe: with(echo(56), func(_ int, w *wire) {
		w.Len, w.Options = 104, "44140503"+"0a000102"+zeros(4)+"0a090909"+zeros(4)
	}), answer: func(r *warts.PingReply) bool {
		return isEcho(r) && timely(r, 1) && fmt.Sprint(r.TS.Addrs) == "[10.0.1.2]"
	}},
	{options: "-T tsprespec=10.0.1.2,10.0.2.2,10.0.3.2,10.0.1.1", v: 4, probe: with(echo(56), func(_ int, w *wire) {
		w.Len, w.Options = 120, "44240503"+"0a000102"+zeros(4)+"0a000202"+zeros(4)+"0a000302"+zeros(4)+"0a000101"+zeros(4)
	}), answer: func(r *warts.PingReply) bool {
		return isEcho(r) && timely(r, 4) && fmt.Sprint(r.TS.Addrs) == "[10.0.1.2 10.0.2.2 10.0.3.2 10.0.1.1]"
	}},
	{options: "-P udp -T tsprespec=10.0.1.2,10.0.2.2", v: 4, probe: with(udp(12, 33435), func(_ int, w *wire) {
		w.Len, w.Options = 60, "44140503"+"0a000102"+zeros(4)+"0a000202"+zeros(4)
	}), answer: func(r *warts.PingReply) bool {
		return isPort(r) && timely(r, 2) && fmt.Sprint(r.TS.Addrs) == "[10.0.1.2 10.0.2.2]"
	}},
	{options: "-P udp", probe: udp(12, 33435), answer: isPort},
	{options: "-P udp -d 999 -B 0a0b", probe: with(udp(2, closed), func(_ int, w *wire) { w.Data = "0a0b" }), answer: isPort},
	{options: "-P udp -d 7", probe: udp(12, freeEcho)},
	{
		options: "-P udp -d 7 -O dl", probe: udp(12, freeEcho), flags: warts.PingReplyDLRX | warts.PingReplyDLTX,
		answer: func(r *warts.PingReply) bool { return r.Proto == 17 },
	},
	{options: "-P udp -O dltx", probe: udp(12, 33435), answer: isPort, flags: warts.PingReplyDLRX},
	{options: "-P udp-dport", probe: with(udp(12, 33435), func(i int, w *wire) { w.Dport += uint16(i) }), answer: isPort},
	{options: "-P udp-sport -m 3 -z 8", probe: with(udp(12, 33435), func(i int, w *wire) {
		w.Sport += uint16(i)
		w.TTL, w.TOS = 3, 8
	}), answer: isPort},
	{options: "-P tcp-syn -d 7", probe: tcp(0x02, freeEcho), answer: isTCP(synAck), flags: warts.PingReplyDLRX},
	{options: "-P tcp-syn -d 999 -A 7", probe: with(tcp(0x02, closed), func(_ int, w *wire) { w.Seq = 7 }), answer: isTCP(rstAck), flags: warts.PingReplyDLRX},
	{options: "-P tcp-syn -d 443", probe: tcp(0x02, filtered)},
	{options: "-P tcp-syn -d 7 -m 2", probe: with(tcp(0x02, freeEcho), func(_ int, w *wire) { w.TTL = 2 }), answer: isTTL, flags: warts.PingReplyDLRX},
	{options: "-P tcp-syn -d 7 -O mss=1300", probe: with(tcp(0x02, freeEcho), func(_ int, w *wire) {
		w.Len += 4
		w.TCPOptions = "02040514"
	}), answer: isTCP(synAck), flags: warts.PingReplyDLRX},
	{options: "-P tcp-syn -d 999 -B 6162", probe: with(tcp(0x02, closed), func(_ int, w *wire) {
		w.Len += 2
		w.Data = "6162"
	}), answer: isTCP(rstAck), flags: warts.PingReplyDLRX},
	{options: "-P tcp-syn -d 7 -O raw", v: 4, probe: tcp(0x02, freeEcho), answer: isTCP(synAck), flags: warts.PingReplyDLRX | warts.PingReplyDLTX},
	{options: "-P tcp-ack -d 999 -A 9", probe: with(tcp(0x10, closed), func(_ int, w *wire) { w.Ack = 9 }), answer: isTCP(rst), flags: warts.PingReplyDLRX},
	{options: "-P tcp-ack-sport -d 999 -A 10", probe: with(tcp(0x10, closed), func(i int, w *wire) {
		w.Sport += uint16(i)
		w.Ack = 10
	}), answer: isTCP(rst), flags: warts.PingReplyDLRX},
	{options: "-P tcp-synack -d 999 -A 11", probe: with(tcp(0x12, closed), func(_ int, w *wire) { w.Ack = 11 }), answer: isTCP(rst), flags: warts.PingReplyDLRX},
	{options: "-P tcp-rst -d 999 -A 12", probe: with(tcp(0x04, closed), func(_ int, w *wire) { w.Seq = 12 })},
	{options: "-P tcp-syn-sport -d 999 -A 13", probe: with(tcp(0x02, closed), func(i int, w *wire) {
		w.Sport += uint16(i)
		w.Seq = 13
	}), answer: isTCP(rstAck), flags: warts.PingReplyDLRX},
	// The answers go to somebody else.
	{options: "-O spoof -S SPOOF", probe: with(echo(56), embedded(56))},
	{options: "-O spoof -S SPOOF -C 4660", probe: with(echo(56), func(i int, w *wire) {
		embedded(56)(i, w)
		n := len(w.Data) - 2*56
		w.Sum, w.Data = 0x1234, w.Data[:n]+"xxxx"+w.Data[n+4:]
	})},
	{options: "-O spoof -O nosrc -S SPOOF", probe: with(echo(56), spoofed)},
	{options: "-O spoof -S SPOOF -P udp", probe: with(udp(12, 33435), embedded(12))},
	{options: "-O spoof -S SPOOF -P tcp-syn -d 7", probe: with(tcp(0x02, freeEcho), embedded(0))},
	{options: "-O spoof -S SPOOF -P tcp-synack -d 7", probe: with(tcp(0x12, freeEcho), spoofed)},
	// With an address of our own the answers are seen.
	{options: "-O spoof -S OWN -O nosrc", probe: echo(56), answer: isEcho, flags: warts.PingReplyDLRX},
}

// stampData is the beginning of a timestamp request; its first four bytes are the time.
const stampData = "tttttttt0000000000000000"

func stamp(data int) func(i int, w *wire) {
	return func(i int, w *wire) {
		w.Type, w.ICMPSeq, w.Data = 13, uint16(i), stampData+zeros(data)
		w.size(20 + data)
	}
}

func isStamp(r *warts.PingReply) bool {
	return r.Proto == 1 && r.ICMPType == 14 && r.TSICMP != nil && isNow(r.TSICMP.Originate) && isNow(r.TSICMP.Receive) &&
		isNow(r.TSICMP.Transmit)
}

// isNow reports whether a time of day in milliseconds is about now.
func isNow(stamp uint32) bool {
	const day = 24 * 60 * 60 * 1000
	d := (midnight(time.Now()) + day - stamp) % day
	return d < 60_000 || day-d < 1000
}

// timely reports whether a reply has n timestamps, all of them right.
func timely(r *warts.PingReply, n int) bool {
	if r.TS == nil || len(r.TS.Stamps) != n {
		return false
	}
	for _, s := range r.TS.Stamps {
		if !isNow(s) {
			return false
		}
	}
	return true
}

func spoofed(_ int, w *wire) { w.Src = netip.MustParseAddr(spoofSource(w.Dst)) }

func spoofSource(dst netip.Addr) string {
	if dst.Is4() {
		return "203.0.113.77"
	}
	return "2001:db8:77::77"
}

// embedded puts the real source address in front of the data.
func embedded(data int) func(i int, w *wire) {
	return func(i int, w *wire) {
		own := fmt.Sprintf("%x", w.Src.AsSlice())
		spoofed(i, w)
		w.Len += len(own) / 2
		w.Data = own + zeros(data)
	}
}

// TestWire compares what is sent with what should be, byte by byte, and what is recorded with what was on the wire.
func TestWire(t *testing.T) {
	chain := testkit.NewNet(t).Chain(testkit.ChainConfig{Routers: 2})
	chain.Target.EchoUDP(freeEcho)
	chain.Target.EchoTCP(freeEcho)
	chain.Target.NFT("table inet f { chain c { type filter hook input priority 0; tcp dport 443 drop; }; }")
	chain.Target.IP("route add 203.0.113.77 dev lo", "route add 2001:db8:77::77 dev lo") // answers to spoofed probes end here

	type running struct {
		wireTest
		name  string
		dst   netip.Addr
		count int
		key   uint16
	}
	var tests []running
	var commands []string
	for _, test := range wireTests {
		for _, dst := range []netip.Addr{chain.Target4(), chain.Target6()} {
			if test.probe == nil || test.v == 4 && dst.Is6() || test.v == 6 && dst.Is4() {
				continue
			}
			own, router := chain.Source4(), chain.Links[0].B.Addr4
			if dst.Is6() {
				own, router = chain.Source6(), chain.Links[0].B.Addr6
			}
			options := strings.NewReplacer("SPOOF", spoofSource(dst), "ROUTER", router.String(), "OWN", own.String()).Replace(test.options)
			n := len(tests)
			r := running{wireTest: test, name: test.options + " " + dst.String(), dst: dst, count: 2, key: uint16(20000 + 10*n)}
			commands = append(commands, fmt.Sprintf("ping -c 2 -i 0.3 -W 0.5 -U %d -F %d %s %s", n, r.key, options, dst))
			tests = append(tests, r)
		}
	}
	capture := chain.Prober.Capture("eth0")
	records := measure(t, chain.Prober, nil, commands...)
	packets := decodeAll(capture.Stop())
	for n, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := records[uint32(n)]
			if p.StopReason != warts.PingStopCompleted || int(p.Sent) != test.count {
				t.Fatalf("stopped for %v %q, sent %d", p.StopReason, p.ErrMsg, p.Sent)
			}
			var sent []wire
			for _, w := range packets {
				if k := w.key(); w.Out && w.Dst == test.dst && test.key <= k && k < test.key+10 && w.Offset == 0 &&
					!(w.Proto == 6 && w.Flags == rst && !strings.Contains(test.options, "tcp-rst")) { // the system's own resets
					sent = append(sent, w)
				}
			}
			if len(sent) != test.count {
				t.Fatalf("%d probes on the wire, want %d: %+v", len(sent), test.count, sent)
			}
			for i := range sent {
				checkProbe(t, test.wireTest, i, test.key, p, sent)
			}
			checkReplies(t, test.wireTest, p, sent, packets)
		})
	}
}

func checkProbe(t *testing.T, test wireTest, i int, key uint16, p *warts.Ping, sent []wire) {
	got := sent[i]
	src := "10.0.1.1"
	want := wire{Out: true, Dst: got.Dst, TTL: 64, Proto: 1, DF: true, SumOK: true, ToMAC: "020000000102"}
	if got.Dst.Is6() {
		src, want.Proto, want.DF = "fd00:1::1", 58, false
	}
	want.Src = netip.MustParseAddr(src)
	if strings.Contains(test.options, "-P udp") || strings.Contains(test.options, "-P tcp") {
		want.Sport = key
	} else {
		want.ICMPID = key
	}
	test.probe(i, &want)
	ignore := []string{"At", "ID"}
	if want.Sum == 0 && !strings.Contains(test.options, "-C") {
		ignore = append(ignore, "Sum")
	}
	if !strings.Contains(test.options, "-A") { // the same random number in all probes
		if i > 0 && (got.Seq != sent[0].Seq || got.Ack != sent[0].Ack) {
			t.Errorf("probe %d has TCP numbers %d, %d, the first %d, %d", i, got.Seq, got.Ack, sent[0].Seq, sent[0].Ack)
		}
		if got.Flags&0x10 == 0 && got.Ack != 0 {
			t.Errorf("acknowledgement number %d without ACK", got.Ack)
		}
		ignore = append(ignore, "Seq", "Ack")
	} else if got.Flags&0x10 != 0 {
		ignore = append(ignore, "Seq") // random too
	}
	if len(got.Data) == len(want.Data) { // bytes that depend on others
		data := []byte(got.Data)
		for j := range data {
			if want.Data[j] == 'x' || want.Data[j] == 't' {
				data[j] = want.Data[j]
			}
		}
		got.Data = string(data)
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(wire{}, ignore...), cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Errorf("probe %d (-want +got):\n%s", i, diff)
	}
	if got.Dst.Is4() && got.ID == 0 {
		t.Errorf("probe %d has IP-ID 0", i)
	}
	if i > 0 && got.Dst.Is4() && got.ID == sent[i-1].ID {
		t.Errorf("probes %d and %d have the same IP-ID", i-1, i)
	}
	if int(p.Size) != got.Len {
		t.Errorf("size %d recorded, %d sent", p.Size, got.Len)
	}
	if p.SrcPort != key || p.TTL != got.TTL || p.ToS != got.TOS {
		t.Errorf("recorded source port %d, TTL %d, TOS %d", p.SrcPort, p.TTL, p.ToS)
	}
	if strings.Contains(test.options, "-P tcp") && p.TCPSeq != got.Seq || p.TCPAck != got.Ack {
		t.Errorf("TCP numbers %d, %d recorded, %d, %d sent", p.TCPSeq, p.TCPAck, got.Seq, got.Ack)
	}
}

// slack is how far times in a record may be from those in the capture: much on a machine that is busy with other things.
const slack = 20 * time.Millisecond

func checkReplies(t *testing.T, test wireTest, p *warts.Ping, sent, packets []wire) {
	if test.answer == nil {
		if len(p.Probes) != 0 {
			t.Errorf("replies %+v", p.Probes)
		}
		return
	}
	if len(p.Probes) != len(sent) {
		t.Fatalf("%d of %d probes have replies", len(p.Probes), len(sent))
	}
	for i := range p.Probes {
		pr := &p.Probes[i]
		if sent[i].Dst.Is4() && (uint32(pr.IPID) != sent[i].ID || pr.Replies[0].Flags&warts.PingReplyProbeIPID == 0) {
			t.Errorf("probe %d: IP-ID %d recorded, %d sent", i, pr.IPID, sent[i].ID)
		}
		tx := time.Unix(int64(pr.TX.Sec), int64(pr.TX.Usec)*1000)
		if d := sent[i].At.Sub(tx); d < -slack || d > slack {
			t.Errorf("probe %d left %v after the time recorded", i, d)
		}
		if len(pr.Replies) != 1 {
			t.Errorf("probe %d has %d replies", i, len(pr.Replies))
		}
		for j := range pr.Replies {
			checkReply(t, test, i, &pr.Replies[j], sent, packets)
		}
	}
}

func checkReply(t *testing.T, test wireTest, i int, r *warts.PingReply, sent, packets []wire) {
	const about = warts.PingReplyTTL | warts.PingReplyToS | warts.PingReplyIPID | warts.PingReplyProbeIPID
	if !test.answer(r) || r.Flags&^about != test.flags || r.Flags&warts.PingReplyTTL == 0 || r.Flags&warts.PingReplyToS == 0 {
		t.Errorf("reply to probe %d: %+v, timestamps %+v", i, r, r.TS)
	}
	if r.IfName != "" && r.IfName != "eth0" {
		t.Errorf("interface %q", r.IfName)
	}
	for _, w := range packets {
		if w.Out || w.Src != r.Addr.IP() || w.Len != int(r.Size) || w.TTL != r.TTL || w.TOS != r.ToS || w.Proto != r.Proto ||
			w.Src.Is4() && (w.ID != r.IPID || r.Flags&warts.PingReplyIPID == 0) {
			continue
		}
		switch r.Proto {
		case 1, 58:
			if w.Type != r.ICMPType || w.Code != r.ICMPCode || (isEcho(r) || isStamp(r)) && w.ICMPSeq != sent[i].ICMPSeq {
				continue
			}
		case 6:
			if w.Flags != r.TCPFlags {
				continue
			}
		}
		if d := w.At.Sub(sent[i].At) - r.RTT; d > slack || d < -slack {
			continue
		}
		return
	}
	t.Errorf("reply to probe %d was not on the wire: %+v", i, r)
}
