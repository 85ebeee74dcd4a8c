package trace

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scamper/shared/warts"
	"scamper/testkit"
)

// TestWaysOfTCP holds that the results of the TCP methods do not depend on whether probes leave through the datalink or a
// raw socket, and on what asks for it.
func TestWaysOfTCP(t *testing.T) {
	testkit.NeedRoot(t)
	scamper := testkit.BuildCommand(t, command)
	chain := testkit.NewNet(t).Chain(testkit.ChainConfig{Routers: 3})
	type way struct{ global, options string }
	results := func(w way) map[string]map[string]any {
		args := []string{"-p", "500", "-O", "json"}
		if w.global != "" {
			args = append(args, "-O", w.global)
		}
		args = append(args, "-I")
		for i, method := range []string{"tcp", "tcp-ack", "tcp -Q -q 3", "tcp-ack -d 80 -t 9"} {
			for j, dst := range []string{chain.Target4().String(), chain.Target6().String()} {
				options := w.options
				if j == 1 && options == "-O raw" { // IPv4 only
					options = ""
				}
				args = append(args, fmt.Sprintf("trace -U %d -s %d -w 2 -P %s %s %s", i, 46000+2*i+j, method, options, dst))
			}
		}
		ran := chain.Prober.Run(60*time.Second, scamper, args...)
		if ran.Err != nil || len(ran.Stderr) > 0 {
			t.Fatalf("%v: %v %s", w, ran.Err, ran.Stderr)
		}
		byName := map[string]map[string]any{}
		for line := range strings.Lines(string(ran.Stdout)) {
			r := map[string]any{}
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				t.Fatalf("%v in %s", err, line)
			}
			if r["type"] != "trace" {
				continue
			}
			if r["stop_reason"] != "COMPLETED" {
				t.Errorf("%v: %s", w, line)
			}
			byName[fmt.Sprint(r["userid"], " ", r["method"], " ", r["dst"])] = r
			withoutTimes(r)
			withoutWay(r)
		}
		return byName
	}
	want := results(way{})
	if len(want) != 8 {
		t.Fatalf("%d results", len(want))
	}
	for _, w := range []way{
		{options: "-O dl"},
		{options: "-O raw"},
		{global: "rawtcp"},
		{global: "planetlab"},
		{"rawtcp", "-O dl"},
		{"planetlab", "-O raw"},
	} {
		if diff := cmp.Diff(want, results(w)); diff != "" {
			t.Errorf("%v (-default +this way):\n%s", w, diff)
		}
	}
}

// withoutWay removes what says which way was asked for, and where the time of sending is from: a raw socket's packets are
// seen on the datalink, our own frames are not.
func withoutWay(r map[string]any) {
	without := func(in map[string]any, names ...any) {
		flags, _ := in["flags"].([]any)
		in["flags"] = slices.DeleteFunc(append([]any{}, flags...), func(flag any) bool { return slices.Contains(names, flag) })
	}
	without(r, "dl", "raw")
	hops, _ := r["hops"].([]any)
	for _, hop := range hops {
		without(hop.(map[string]any), "dltxts")
	}
}

// TestUnfinishedChecksums holds that UDP-paris over IPv6 works where the interface is to finish checksums and routers
// quote unfinished ones: a veth link as it is by default. Each reply is with its own probe.
func TestUnfinishedChecksums(t *testing.T) {
	testkit.NeedRoot(t)
	ethtool := testkit.NeedProgram(t, "ethtool")
	scamper := testkit.BuildCommand(t, command)
	links := map[int]testkit.LinkConfig{}
	for i := 1; i <= 4; i++ {
		links[i] = testkit.LinkConfig{Offload: true}
	}
	chain := testkit.NewNet(t).Chain(testkit.ChainConfig{Routers: 3, Link: links})
	out := chain.Prober.MustRun(5*time.Second, ethtool, "-k", "eth0")
	if !strings.Contains(out, "tx-checksumming: on") {
		t.Fatalf("checksums are not left to the interface: %s", out)
	}
	commands := []string{
		"", "-Q -q 3", "-N 3", "-O dl", "-O dl -Q", "-O const-payload", "-O const-payload -Q -q 3", "-O const-payload -O dl",
		"-p 0102030405", "-p 0102030405 -Q", "-p 0102030405 -O const-payload", "-p 0102030405 -O const-payload -Q -q 3 -N 2",
		"-p 00", "-P udp", "-P udp -p 010203 -Q", "-O back -m 4 -N 2", "-c 95",
	}
	args := []string{"-I"}
	for i, c := range commands {
		args = append(args, fmt.Sprintf("trace -U %d -s %d -w 2 %s %s", i, 47000+i, c, chain.Target6()))
	}
	records, stderr := record(t, chain.Prober, scamper, args...)
	if stderr != "" {
		t.Errorf("said %s", stderr)
	}
	hops := chain.Hops6()
	for i, c := range commands {
		r := records[uint32(i)]
		if r == nil || r.StopReason != warts.TraceStopCompleted {
			t.Errorf("%s: %+v", c, r)
			continue
		}
		seen := 0
		for j := range r.Probes {
			p := &r.Probes[j]
			seen = max(seen, int(p.TTL))
			if want := hops[min(int(p.TTL), len(hops))-1]; len(p.Replies) != 1 || p.Replies[0].Addr.IP() != want {
				t.Errorf("%s: probe %d with TTL %d has %d replies, want one of %s: %+v", c, j, p.TTL, len(p.Replies), want, p.Replies)
			}
		}
		if seen < len(hops) {
			t.Errorf("%s: TTLs up to %d were probed", c, seen)
		}
	}
}

// TestUnspecifiedSource leaves the source address to routing, so that the record has the one on the wire.
func TestUnspecifiedSource(t *testing.T) {
	testkit.NeedRoot(t)
	scamper := testkit.BuildCommand(t, command)
	chain := testkit.NewNet(t).Chain(testkit.ChainConfig{Routers: 1})
	records, _ := record(t, chain.Prober, scamper, "-I",
		"trace -U 4 -w 1 -S 0.0.0.0 "+chain.Target4().String(), "trace -U 6 -w 1 -S :: "+chain.Target6().String())
	for id, src := range map[uint32]netip.Addr{4: chain.Source4(), 6: chain.Source6()} {
		if r := records[id]; r == nil || reason(r) != "COMPLETED/0" || r.HopCount != 2 || r.Src != warts.AddrFrom(src) {
			t.Errorf("trace %d: %+v", id, r)
		}
	}
}
