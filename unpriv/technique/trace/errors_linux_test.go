package trace

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"scamper/shared/packet"
	"scamper/shared/warts"
	"scamper/testkit"
	"scamper/tools/simnet"
	"scamper/unpriv/technique/virtual"
)

// Errors of the system end a trace with a record that says what and why, and a line on standard error.
func TestErrorRecords(t *testing.T) {
	testkit.NeedRoot(t)
	scamper := testkit.BuildCommand(t, command)
	chain := testkit.NewNet(t).Chain(testkit.ChainConfig{Routers: 1})
	chain.Prober.MustRun(5*time.Second, "ip", "route", "add", "unreachable", "10.99.0.0/16")
	target := chain.Target4().String()
	stranger := "10.0.1.77" // on the link, but not there
	cases := []struct {
		command string
		reason  string
		text    string
		probes  int
	}{
		{"10.99.1.1", "ERROR/113", "getsrc connect to dst failed for 10.99.1.1: No route to host", 0},
		{"-P icmp 10.99.1.1", "ERROR/113", "getsrc connect to dst failed for 10.99.1.1: No route to host", 0},
		{"-S 9.9.9.9 " + target, "ERROR/99", "could not bind udp4dgram 9.9.9.9:43002: Cannot assign requested address", 0},
		{"-P icmp -S 9.9.9.9 " + target, "ERROR/99", "could not bind icmp4 9.9.9.9: Cannot assign requested address", 0},
		{"-P tcp -w 2 " + stranger, "ERROR/0", "dlhdr_ethcb: did not get mac address for " + stranger, 0},
		{"-M 127.0.0.1", "COMPLETED/0", "invalid MTU 65536", 1},
		{"-M ::1", "COMPLETED/0", "invalid MTU 65536", 1},
		{"-d 65535 -P udp -w 1 -q 1 -m 2 " + target, "HOPLIMIT/0", "", 2},
	}
	args := []string{"-I"}
	for i, c := range cases {
		args = append(args, fmt.Sprintf("trace -U %d -s %d %s", i+1, 43000+i, c.command))
	}
	records, stderr := record(t, chain.Prober, scamper, args...)
	for i, c := range cases {
		r := records[uint32(i+1)]
		switch {
		case r == nil:
			t.Errorf("%s: no record", c.command)
			continue
		case reason(r) != c.reason || r.ErrMsg != c.text || int(r.ProbeCount) != c.probes:
			t.Errorf("%s: %s %q, %d probes; want %s %q, %d", c.command, reason(r), r.ErrMsg, r.ProbeCount, c.reason, c.text, c.probes)
		}
		if line := fmt.Sprintf("trace to %s failed: %s\n", r.Dst, c.text); c.text != "" && !strings.Contains(stderr, line) {
			t.Errorf("%s: nothing is said: %s", c.command, stderr)
		}
	}
}

// A destination on this machine is one hop away, by every method.
func TestLocalDestination(t *testing.T) {
	testkit.NeedRoot(t)
	scamper := testkit.BuildCommand(t, command)
	chain := testkit.NewNet(t).Chain(testkit.ChainConfig{Routers: 1})
	args := []string{"-I"}
	for _, m := range []string{"udp", "udp-paris", "icmp", "icmp-paris", "tcp", "tcp-ack", "udp-paris -O dl", "icmp -O dl"} {
		for _, dst := range []string{"127.0.0.1", "::1", chain.Source4().String(), chain.Source6().String()} {
			args = append(args, fmt.Sprintf("trace -U %d -s %d -w 1 -q 1 -g 1 -P %s %s", len(args), 44000+len(args), m, dst))
		}
	}
	records, stderr := record(t, chain.Prober, scamper, args...)
	if stderr != "" {
		t.Errorf("said %s", stderr)
	}
	for i, c := range args[1:] {
		r := records[uint32(i+1)]
		if r == nil || reason(r) != "COMPLETED/0" || hops(r) != "1:"+r.Dst.String() {
			t.Errorf("%s: %+v", c, r)
		}
	}
}

// Fragments of IPv6 (-o) carry no transport header: identification and data tell them apart.
func TestFragments(t *testing.T) {
	testkit.NeedRoot(t)
	scamper := testkit.BuildCommand(t, command)
	chain := testkit.NewNet(t).Chain(testkit.ChainConfig{Routers: 2})
	capture := chain.Prober.Capture("eth0")
	protos := []uint8{packet.ProtoUDP, packet.ProtoUDP, packet.ProtoICMPv6, packet.ProtoTCP}
	args := []string{"-I"}
	for i, o := range []string{"-P udp -o 5", "-P udp-paris -o 7 -p aabbcc -t 9", "-P icmp -o 1", "-P tcp -o 100"} {
		args = append(args, fmt.Sprintf("trace -U %d -s %d -w 1 -q 1 -m 2 %s %s", i+1, 45001+i, o, chain.Target6()))
	}
	records, stderr := record(t, chain.Prober, scamper, args...)
	if stderr != "" {
		t.Errorf("said %s", stderr)
	}
	sent := map[int]int{}
	for _, p := range capture.Stop() {
		ip := p.Data[packet.EthernetHeaderLen:]
		if p.EtherType() != packet.EtherIPv6 || packet.IPv6(ip).Src() != chain.Source6() || ip[6] != packet.ProtoFragment {
			continue
		}
		f := ip[40:]
		i := int(f[4])<<8 + int(f[5]) - 45001
		n := sent[i]
		sent[i]++
		offset := []int{5, 7, 1, 100}[i]
		data := []string{"00000000", "00000000aabbcc", "00000000", "00000000"}[i]
		if n == 1 {
			data = "00000001" + data[8:]
		}
		if f[0] != protos[i] || int(f[2])<<8+int(f[3]) != offset<<3 || int(f[7]) != n || int(ip[7]) != n+1 ||
			fmt.Sprintf("%x", f[8:8+len(data)/2]) != data || int(ip[5]) != 8+len(data)/2 {
			t.Errorf("%s, packet %d: %x", args[i+1], n, ip)
		}
		if flow := packet.IPv6(ip).FlowLabel(); flow != 0 {
			t.Errorf("flow label %d", flow)
		}
	}
	for i := range protos {
		r := records[uint32(i+1)]
		if r == nil || sent[i] != 2 || reason(r) != "HOPLIMIT/0" ||
			fmt.Sprint(hopsOf(r)) != fmt.Sprint(chain.Hops6()[:2]) || int(r.Offset) != []int{5, 7, 1, 100}[i] {
			t.Errorf("%s: %d packets, %+v", args[i+1], sent[i], r)
		}
	}
}

// Label stacks, and what else routers add to their errors, are recorded.
func TestExtensions(t *testing.T) {
	for _, dst := range []string{"198.51.101.10", "2001:db8:101::10"} {
		for _, method := range []string{"udp-paris", "icmp", "tcp"} {
			topology, err := simnet.Load("../../../tools/simnet/topologies/trace.toml")
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(t, topology)
			r := w.trace("-P " + method + " " + dst)
			got := map[uint8]string{}
			for i := range r.Probes {
				for _, e := range r.Probes[i].Replies[0].Exts {
					got[r.Probes[i].TTL] += fmt.Sprintf("%d/%d %x ", e.Class, e.CType, e.Data)
				}
			}
			if len(got) != 3 || got[4] != "1/1 03e8100105dc77fc " || got[5] != "1/1 05dc8101 " || !strings.HasPrefix(got[6], "2/15 ") {
				t.Errorf("%s %s: extensions %v", method, dst, got)
			}
		}
	}
}

// Every option is in the record as it was given.
func TestRecordHasOptions(t *testing.T) {
	w := newWorld(t, virtual.Parse(t, virtual.Chain("", "", "", "")))
	r := w.trace("-P udp -c 99 -d 40000 -f 2 -g 7 -G 2 -l 3 -m 9 -O dl -q 3 -s 5000 -S 192.0.2.2 -t 0x20 -T -U 77 -w 3 -W 4 " + target4)
	if r.Method != warts.TraceUDP || r.Confidence != 99 || r.DstPort != 40000 || r.FirstHop != 2 || r.GapLimit != 7 ||
		r.GapAction != warts.TraceGapLastDitch || r.Loops != 3 || r.HopLimit != 9 || r.Attempts != 3 || r.SrcPort != 5000 ||
		r.Src.String() != virtual.Own4 || r.ToS != 32 || r.UserID != 77 || r.Wait != 3*time.Second || r.WaitProbe != 40*time.Millisecond ||
		r.Flags != warts.TraceDL|warts.TraceIgnoreTTLDst || r.ProbeSize != 44 {
		t.Errorf("%+v", r)
	}
	r = newWorld(t, virtual.Parse(t, virtual.Chain("", "", "", ""))).trace("-N 3 -Q -q 2 -O const-payload -r 192.0.2.1 -P udp-paris " + target4)
	if r.Squeries != 3 || r.Flags != warts.TraceAllAttempts|warts.TraceConstPayload || r.Router.String() != "192.0.2.1" {
		t.Errorf("%+v", r)
	}
	r = newWorld(t, virtual.Parse(t, virtual.Chain("", "", "", ""))).trace("-O back -m 4 -P icmp-paris -d 99 " + target4)
	if r.Flags != warts.TraceBack|warts.TraceICMPCsumDport || r.DstPort != 99 || r.SrcPort != 0x9234 {
		t.Errorf("%+v", r)
	}
}

// Time stamps of the datalink are used with -O dl, whether the ICMP socket is read before or after it.
func TestDatalinkStamps(t *testing.T) {
	for _, first := range []bool{false, true} {
		for _, dst := range []string{target4, target6} {
			w := newWorld(t, virtual.Parse(t, virtual.Chain("", "", "", "")))
			w.DatalinkFirst = first
			r := w.trace("-O dl " + dst)
			for i := range r.Probes[:2] { // the last one may be over before the datalink is read
				const want = warts.TraceHopDLTX | warts.TraceHopDLRX | warts.TraceHopTTL
				if got := r.Probes[i].Replies[0].Flags; got != want {
					t.Errorf("%s, datalink first %v, probe %d: flags %v, want %v", dst, first, i, got, want)
				}
			}
		}
	}
	// Without it the flags do not depend on what other tasks have open.
	w := newWorld(t, virtual.Parse(t, virtual.Chain("", "", "", "")))
	w.add("-P tcp " + target4)
	w.add(target4)
	for _, r := range w.run() {
		if r.Method == warts.TraceUDPParis && r.Probes[0].Replies[0].Flags != warts.TraceHopSockRX|warts.TraceHopTTL {
			t.Errorf("flags %v", r.Probes[0].Replies[0].Flags)
		}
	}
}
