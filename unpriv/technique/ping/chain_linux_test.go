package ping

import (
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"scamper/shared/warts"
	"scamper/testkit"
)

// TestErrorRecords has the texts and numbers of what goes wrong in records.
func TestErrorRecords(t *testing.T) {
	chain := testkit.NewNet(t).Chain(testkit.ChainConfig{Routers: 1})
	chain.Prober.IP("route del 10.0.2.0/24", "route add unreachable 10.9.9.0/24", "route add 10.8.8.8 via 10.0.1.77 dev eth0")
	tests := []struct {
		command string
		errno   syscall.Errno
		text    string
	}{
		{"10.99.1.1", syscall.ENETUNREACH, "getsrc connect to dst failed for 10.99.1.1: Network is unreachable"},
		{"10.9.9.9", syscall.EHOSTUNREACH, "getsrc connect to dst failed for 10.9.9.9: No route to host"},
		{"2001:db8::1", syscall.ENETUNREACH, "getsrc connect to dst failed for 2001:db8::1: Network is unreachable"},
		{"-S 10.0.77.1 10.0.1.2", syscall.EADDRNOTAVAIL, "assign requested address"},
		{"-P udp -S 10.0.77.1 10.0.1.2", syscall.EADDRNOTAVAIL, "assign requested address"},
		{"-P tcp-syn -W 4 10.8.8.8", 0, "did not get mac address for 10.0.1.77"},
		{"-P tcp-syn -W 0.3 10.8.8.7", syscall.ENETUNREACH, "getsrc connect"},
		{"-P icmp-time fd00:1::2", 0, ""},
		{"::ffff:10.0.1.2", syscall.EADDRNOTAVAIL, "no source address for ::ffff:10.0.1.2, which is an IPv4 address"},
		{"-P udp -S ::ffff:10.0.1.1 ::ffff:10.0.1.2", syscall.EADDRNOTAVAIL, "which is an IPv4 address"},
		{"-s 1501 fd00:1::2", syscall.EMSGSIZE, "essage too long"},
	}
	var commands []string
	for i, test := range tests {
		commands = append(commands, fmt.Sprintf("ping -U %d %s", i, test.command))
	}
	records := measure(t, chain.Prober, nil, commands...)
	for i, test := range tests {
		p := records[uint32(i)]
		if p.StopReason != warts.PingStopError || p.StopData != uint8(test.errno) || !strings.Contains(p.ErrMsg, test.text) || p.Sent != 0 {
			t.Errorf("ping %s: stop %v, errno %d (%v), sent %d, text %q", test.command, p.StopReason, p.StopData,
				syscall.Errno(p.StopData), p.Sent, p.ErrMsg)
		}
	}
}

// TestPseudoMTU answers large replies with packets too big, after which they come in pieces.
func TestPseudoMTU(t *testing.T) {
	chain := testkit.NewNet(t).Chain(testkit.ChainConfig{Routers: 2})
	// Not the default, which is not to listen to messages that would make packets so small.
	chain.Target.Sysctl("net.ipv4.route.min_pmtu", "552")
	tests := []struct {
		options string
		dst     netip.Addr
		mtu     int
		sizes   []uint16 // of the replies
		ids     []bool   // IPv6: with fragment header
		tooBig  int      // packets too big on the wire
		sent    int
	}{
		{"-M 600 -s 1000 -c 3", chain.Target4(), 600, []uint16{1000, 596, 596}, nil, 1, 3},
		{"-M 1280 -s 1400 -c 3", chain.Target6(), 1280, []uint16{1400, 1280, 1280}, []bool{false, true, true}, 1, 3},
	}
	for _, test := range tests {
		t.Run(test.options, func(t *testing.T) {
			capture := chain.Prober.Capture("eth0")
			p := measure(t, chain.Prober, nil, fmt.Sprintf("ping -i 0.3 -W 0.5 %s %s", test.options, test.dst))[0]
			checkPieces(t, p, test.sizes, test.ids, test.sent)
			n := 0
			var last time.Time
			for _, w := range decodeAll(capture.Stop()) {
				if w.Out && (w.Proto == 1 && w.Type == 8 || w.Proto == 58 && w.Type == 128) {
					if !last.IsZero() && w.At.Sub(last) < 295*time.Millisecond {
						t.Errorf("probe %v after the packet before it", w.At.Sub(last))
					}
					last = w.At
				}
				if !w.Out || w.Type != 3 && w.Type != 2 || w.Proto != 1 && w.Proto != 58 {
					continue
				}
				n++
				last = w.At
				checkTooBig(t, w, test.dst, test.mtu)
			}
			if n != test.tooBig {
				t.Errorf("%d packets too big, want %d", n, test.tooBig)
			}
		})
	}
	// The target knows the small MTU by now: all replies are fragments from the start.
	for options, want := range map[string]struct {
		sizes []uint16
		sent  int
	}{
		"-O tbt -M 1280 -s 1300 -c 3":      {[]uint16{1280, 1280, 1280}, 3},
		"-O tbl -M 1280 -s 1300 -c 9 -o 2": {[]uint16{1280, 1280}, 2},
	} {
		p := measure(t, chain.Prober, nil, fmt.Sprintf("ping -i 0.2 -W 0.5 %s %s", options, chain.Target6()))[0]
		checkPieces(t, p, want.sizes, []bool{true, true, true}, want.sent)
	}
}

// TestTooBigTrick counts fragments alone, with a target that has not heard of a small MTU.
func TestTooBigTrick(t *testing.T) {
	chain := testkit.NewNet(t).Chain(testkit.ChainConfig{Routers: 1})
	capture := chain.Prober.Capture("eth0")
	p := measure(t, chain.Prober, nil, fmt.Sprintf("ping -i 0.2 -W 0.5 -O tbt -M 1280 -s 1300 -c 9 -o 2 %s", chain.Target6()))[0]
	checkPieces(t, p, []uint16{1300, 1280, 1280}, []bool{false, true, true}, 3)
	var sent, came []wire // probes and packets too big; whole replies and first fragments
	for _, w := range decodeAll(capture.Stop()) {
		switch {
		case w.Out && w.Proto == 58 && (w.Type == 128 || w.Type == 2):
			sent = append(sent, w)
		case !w.Out && w.Proto == 58 && w.Type == 129 && w.Offset == 0:
			came = append(came, w)
		}
	}
	if len(sent) != 4 || len(came) != 3 || sent[1].Type != 2 {
		t.Fatalf("on the wire: sent %+v, came %+v", sent, came)
	}
	checkTooBig(t, sent[1], chain.Target6(), 1280)
	for i, w := range came {
		if r := p.Probes[i].Replies[0]; int(w.ICMPSeq) != i || w.Len != int(r.Size) || w.ID != r.IPID || w.More != (i > 0) {
			t.Errorf("reply %d has size %d and identification %#x, on the wire %+v", i, r.Size, r.IPID, w)
		}
	}
	// A target that does not answer plainly is given up at once.
	p = measure(t, chain.Prober, nil, fmt.Sprintf("ping -i 0.2 -W 0.5 -m 1 -O tbt -M 1280 -s 1300 -c 9 -o 2 %s", chain.Target6()))[0]
	if p.Sent != 1 || p.StopReason != warts.PingStopCompleted || len(p.Probes) != 1 || p.Probes[0].Replies[0].ICMPType != 3 {
		t.Errorf("sent %d, stopped for %v, %+v", p.Sent, p.StopReason, p.Probes)
	}
}

func checkPieces(t *testing.T, p *warts.Ping, sizes []uint16, ids []bool, sent int) {
	t.Helper()
	if p.StopReason != warts.PingStopCompleted || int(p.Sent) != sent || len(p.Probes) != sent {
		t.Fatalf("stopped for %v %s, sent %d, %d answered", p.StopReason, p.ErrMsg, p.Sent, len(p.Probes))
	}
	for i := range p.Probes {
		r := p.Probes[i].Replies
		if len(r) != 1 || r[0].Size != sizes[i] {
			t.Errorf("replies to probe %d: %+v", i, r)
		}
		if ids != nil && (r[0].Flags&warts.PingReplyIPID != 0) != ids[i] {
			t.Errorf("reply to probe %d has flags %#x, identification %#x", i, r[0].Flags, r[0].IPID)
		}
	}
}

func checkTooBig(t *testing.T, w wire, dst netip.Addr, mtu int) {
	t.Helper()
	want := wire{TTL: 255, Proto: 1, Type: 3, Code: 4, Len: 56, ICMPSeq: uint16(mtu)}
	if dst.Is6() {
		want = wire{TTL: 255, Proto: 58, Type: 2, Len: 1280, ICMPSeq: uint16(mtu)}
	}
	if w.TTL != want.TTL || w.Proto != want.Proto || w.Type != want.Type || w.Code != want.Code || w.Len != want.Len ||
		w.ICMPID != 0 || w.ICMPSeq != want.ICMPSeq || w.Dst != dst || w.DF || w.TOS != 0 || w.ID != 0 || !w.SumOK {
		t.Errorf("packet too big: %+v", w)
	}
	if first := map[bool]string{true: "45", false: "6"}[dst.Is4()]; !strings.HasPrefix(w.Data, first) {
		t.Errorf("packet too big quotes %.80s", w.Data)
	}
}

// TestLocalTarget pings addresses of this machine. Linux drops IPv4 frames that come from the loopback's datalink, so
// what would leave as frames goes through a raw socket there.
func TestLocalTarget(t *testing.T) {
	chain := testkit.NewNet(t).Chain(testkit.ChainConfig{Routers: 1})
	chain.Prober.EchoTCP(freeEcho)
	type want struct {
		answer func(r *warts.PingReply) bool
		v      int
	}
	var commands []string
	var wants []want
	for _, test := range []struct {
		options string
		want
	}{
		{"-P tcp-syn -d 7", want{answer: isTCP(synAck)}},
		{"-P tcp-syn -d 999", want{answer: isTCP(rstAck)}},
		{"-P tcp-syn-sport -d 999", want{answer: isTCP(rstAck)}},
		{"-P tcp-ack -d 999", want{answer: isTCP(rst)}},
		{"-P tcp-ack-sport -d 7", want{answer: isTCP(rst)}},
		{"-P tcp-synack -d 999", want{answer: isTCP(rst)}},
		{"-P tcp-syn -d 7 -O dl", want{answer: isTCP(synAck)}},
		{"-P tcp-syn -d 7 -O raw", want{isTCP(synAck), 4}},
		{"-P udp-dport", want{answer: isPort}},
		{"-P icmp-time", want{isStamp, 4}},
		{"-O dl", want{answer: isEcho}},
		{"-O dltx", want{answer: isEcho}},
		{"-M 1280 -s 1400", want{isEcho, 6}},
	} {
		for _, dst := range []netip.Addr{
			netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback(), chain.Source4(), chain.Source6(),
		} {
			if test.v == 4 && dst.Is6() || test.v == 6 && dst.Is4() {
				continue
			}
			n := len(commands)
			commands = append(commands, fmt.Sprintf("ping -c 2 -i 0.2 -W 0.5 -U %d -F %d %s %s", n, 20000+10*n, test.options, dst))
			wants = append(wants, test.want)
		}
	}
	records := measure(t, chain.Prober, nil, commands...)
	for n, command := range commands {
		p := records[uint32(n)]
		if p.StopReason != warts.PingStopCompleted || p.Sent != 2 {
			t.Errorf("%s: sent %d, stopped for %v %s", command, p.Sent, p.StopReason, p.ErrMsg)
		}
		if len(p.Probes) != 2 {
			t.Errorf("%s: %d of 2 probes are answered", command, len(p.Probes))
		}
		for i := range p.Probes {
			r := p.Probes[i].Replies
			if len(r) != 1 || r[0].Addr != p.Dst || !wants[n].answer(&r[0]) || r[0].RTT > 100*time.Millisecond {
				t.Errorf("%s: replies to probe %d: %+v", command, i, r)
			}
		}
	}
}

// TestUnspecifiedSource leaves the source address to routing, so that the record has the one on the wire.
func TestUnspecifiedSource(t *testing.T) {
	chain := testkit.NewNet(t).Chain(testkit.ChainConfig{Routers: 1})
	for _, method := range []string{"icmp-echo", "udp", "tcp-ack"} {
		records := measure(t, chain.Prober, nil,
			fmt.Sprintf("ping -U 4 -c 2 -i 0.1 -W 0.5 -P %s -S 0.0.0.0 %s", method, chain.Target4()),
			fmt.Sprintf("ping -U 6 -c 2 -i 0.1 -W 0.5 -P %s -S :: %s", method, chain.Target6()))
		for id, src := range map[uint32]netip.Addr{4: chain.Source4(), 6: chain.Source6()} {
			p := records[id]
			if p.StopReason != warts.PingStopCompleted || p.Src != warts.AddrFrom(src) || len(p.Probes) != 2 ||
				len(p.Probes[0].Replies) != 1 || len(p.Probes[1].Replies) != 1 {
				t.Errorf("%s over IPv%d: %+v", method, id, p)
			}
		}
	}
}

// TestPrespecList reads destinations and the routers that are to stamp probes from a list (-O tsps). Routers on
// the way, there or back, stamp in the order of the list; who comes behind one that is not on the way does not.
func TestPrespecList(t *testing.T) {
	chain := testkit.NewNet(t).Chain(testkit.ChainConfig{Routers: 2})
	list := filepath.Join(t.TempDir(), "list")
	want := map[string]string{ // by destination and list
		"10.0.3.2 10.0.1.2 10.0.2.2":          "[10.0.1.2 10.0.2.2]",
		"10.0.2.2 10.0.1.2":                   "[10.0.1.2]",
		"10.0.3.1 10.0.2.2 10.0.1.2":          "[10.0.2.2 10.0.1.2]", // the second on the way back
		"10.0.1.2 10.9.9.9 10.0.1.2":          "[]",
		"10.0.2.1 10.0.1.2 10.0.2.1 10.0.1.1": "[10.0.1.2 10.0.2.1 10.0.1.1]",
	}
	text := strings.Join(slices.Sorted(maps.Keys(want)), "\n") + "\n"
	if err := os.WriteFile(list, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	program := testkit.BuildCommand(t, "scamper/cmd/scamper")
	file := filepath.Join(t.TempDir(), "out.warts")
	got := chain.Prober.Run(60*time.Second, program, "-p", "1000", "-O", "warts", "-o", file, "-O", "tsps", "-f",
		list)
	if got.Err != nil || got.Stderr != "" {
		t.Fatalf("scamper: %v\n%s", got.Err, got.Stderr)
	}
	records := readPings(t, file)
	if len(records) != len(want) {
		t.Fatalf("%d records of %d lines", len(records), len(want))
	}
	for _, p := range records {
		line := p.Dst.String()
		for _, a := range p.TSPreSpec {
			line += " " + a.String()
		}
		stamps, ok := want[line]
		if !ok || len(p.Probes) != 4 {
			t.Errorf("%s: %d probes answered, stopped for %v %s", line, len(p.Probes), p.StopReason, p.ErrMsg)
			continue
		}
		for i := range p.Probes {
			r := &p.Probes[i].Replies[0]
			if len(p.Probes[i].Replies) != 1 || !isEcho(r) || r.TS == nil || fmt.Sprint(r.TS.Addrs) != stamps || !timely(r, len(r.TS.Addrs)) {
				t.Errorf("%s: reply %+v, timestamps %+v, want of %s", line, r, r.TS, stamps)
			}
		}
	}
}

// TestOwnOptions has the options that scamper 20211212 lacks or treats otherwise, and that no packet shows: copies while a
// ping goes on (-y), and numbers that the program chooses (-F 0), with which pings of one target run side by side.
func TestOwnOptions(t *testing.T) {
	chain := testkit.NewNet(t).Chain(testkit.ChainConfig{Routers: 1})
	chain.Target.EchoTCP(freeEcho)
	program := testkit.BuildCommand(t, "scamper/cmd/scamper")
	run := func(commands ...string) []*warts.Ping {
		t.Helper()
		file := filepath.Join(t.TempDir(), "out.warts")
		args := append([]string{"-p", "1000", "-O", "warts", "-o", file, "-I"}, commands...)
		if got := chain.Prober.Run(60*time.Second, program, args...); got.Err != nil || got.Stderr != "" {
			t.Fatalf("scamper: %v\n%s", got.Err, got.Stderr)
		}
		return readPings(t, file)
	}
	for _, dst := range []netip.Addr{chain.Target4(), chain.Target6()} {
		records := run(fmt.Sprintf("ping -c 5 -y 2 -i 0.2 -W 0.3 %s", dst))
		var got []string
		for _, p := range records {
			answered := 0
			for i := range p.Probes {
				answered += len(p.Probes[i].Replies)
			}
			got = append(got, fmt.Sprintf("%s %d sent %d answered", p.StopReason, p.Sent, answered))
		}
		want := []string{"inprogress 2 sent 1 answered", "inprogress 4 sent 3 answered", "done 5 sent 5 answered"}
		if !slices.Equal(got, want) {
			t.Errorf("%s with -y 2: %q, want %q", dst, got, want)
		}
		methods := []string{"icmp-echo", "udp", "udp-sport", "tcp-syn -d 7", "tcp-ack-sport -d 7"}
		var commands []string
		for i, method := range methods {
			for range 3 {
				commands = append(commands, fmt.Sprintf("ping -U %d -c 3 -i 0.2 -W 0.5 -F 0 -P %s %s", i, method, dst))
			}
		}
		records = run(commands...)
		ports := make(map[string]bool)
		for _, p := range records {
			method := methods[p.UserID]
			ports[fmt.Sprint(method, p.SrcPort)] = true
			if len(p.Probes) != 3 || p.SrcPort == 0 {
				t.Errorf("%s to %s: %d probes answered, source port %d", method, dst, len(p.Probes), p.SrcPort)
			}
			if d := p.Start.Sub(records[0].Start).Abs(); d > 300*time.Millisecond {
				t.Errorf("%s to %s: started %v after another", method, dst, d)
			}
		}
		if len(records) != len(commands) || len(ports) != len(commands) {
			t.Errorf("%d records of %d commands to %s, with ports %v", len(records), len(commands), dst, ports)
		}
	}
}
