package bench

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"text/tabwriter"
	"time"

	"scamper/shared/warts"
	"scamper/testkit"
	"scamper/tools/simnet"
	"scamper/tools/simnet/live"
)

// rttDelay is how long the simulated targets take to answer: what a perfect tool would record.
const rttDelay = 10 * time.Millisecond

// rttWorld is a router with a prefix behind it that answers all echo requests after rttDelay.
const rttWorld = `
seed = 1

[monitor]
address = ["192.0.2.2/24"]

[[gateway]]
router = "r1"
address = ["192.0.2.1"]

[[router]]
name = ["r1"]

[[prefix]]
name = "targets"
at = "r1"
prefix = ["10.64.0.0/10"]
gateway = ["10.64.0.1"]
delay = "10ms"
`

// rttRun is a rate and how many targets are pinged at it.
type rttRun struct{ pps, targets int }

var rttRuns = []rttRun{{1, 20}, {100, 400}, {10_000, 40_000}, {50_000, 150_000}}

// rttOutcome is by how much recorded round-trip times are off.
type rttOutcome struct {
	name    string
	run     rttRun
	replies int
	delay   spread // recorded time against rttDelay
	late    spread // the simulation's part of that: between the kernel's stamps on the interface, against rttDelay
	own     spread // the program's part: recorded time against the time between the kernel's stamps
}

// spread describes errors: of their sizes the median and the 99th percentile, and the least with its sign.
type spread struct{ median, p99, least time.Duration }

// spreadOf changes the order and signs of errs, of which there must be some.
func spreadOf(errs []time.Duration) spread {
	s := spread{least: slices.Min(errs)}
	for i := range errs {
		errs[i] = errs[i].Abs()
	}
	slices.Sort(errs)
	s.median, s.p99 = errs[len(errs)/2], errs[len(errs)*99/100]
	return s
}

// BenchmarkRTT compares recorded round-trip times with the delay of a simulated Internet, at growing rates, with those
// of Debian's scamper in between, up to the most that it can be asked for.
//
// The simulation answers later than it should. By how much is taken from the kernel's stamps of each request and reply
// on the monitor's interface; what a recorded time differs from the time between those is the program's own error.
//
//	CGO_ENABLED=0 go test ./bench -run '^$' -bench RTT -benchtime 1x
func BenchmarkRTT(b *testing.B) {
	testkit.NeedRoot(b)
	ours := testkit.BuildCommand(b, "scamper/cmd/scamper")
	peer := testkit.NeedProgram(b, "scamper")
	for range b.N {
		var table []rttOutcome
		for _, run := range rttRuns {
			o := measureRTT(b, "scamper", ours, run)
			table = append(table, o)
			b.ReportMetric(us(o.own.median), fmt.Sprintf("us-median@%dpps", run.pps))
			b.ReportMetric(us(o.own.p99), fmt.Sprintf("us-p99@%dpps", run.pps))
			if run.pps <= peerMax {
				table = append(table, measureRTT(b, "peer", peer, run))
			}
		}
		printRTT(b, table)
	}
}

func printRTT(b *testing.B, table []rttOutcome) {
	var text bytes.Buffer
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\t\t\tsimulation late\t\tagainst 10ms\t\t\town error\t\t\t\t\t")
	fmt.Fprintln(w, "\trate\treplies\tmedian\t99%\tmedian\tratio\t99%\tmedian\tratio\t99%\tratio\tleast\t")
	for _, o := range table {
		var against *rttOutcome
		for i := range table {
			if table[i].name == "peer" && table[i].run == o.run {
				against = &table[i]
			}
		}
		ratio := func(of func(*rttOutcome) time.Duration) string {
			if against == nil {
				return ""
			}
			return fmt.Sprintf("%.2f", float64(of(&o))/float64(of(against)))
		}
		fmt.Fprintf(w, "%s\t%d pps\t%d/%d\t%.1f us\t%.1f us\t%.1f us\t%s\t%.1f us\t%.1f us\t%s\t%.1f us\t%s\t%+.1f us\t\n",
			o.name, o.run.pps, o.replies, o.run.targets, us(o.late.median), us(o.late.p99),
			us(o.delay.median), ratio(func(o *rttOutcome) time.Duration { return o.delay.median }), us(o.delay.p99),
			us(o.own.median), ratio(func(o *rttOutcome) time.Duration { return o.own.median }),
			us(o.own.p99), ratio(func(o *rttOutcome) time.Duration { return o.own.p99 }), us(o.own.least))
	}
	_ = w.Flush()
	b.Logf("error of round-trip times; ratios to the peer, Debian's scamper\n%s", text.String())
}

func us(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

// measureRTT pings targets of the simulated prefix, one probe each.
func measureRTT(b *testing.B, name, program string, run rttRun) rttOutcome {
	topology, err := simnet.Parse("rtt.toml", []byte(rttWorld))
	if err != nil {
		b.Fatal(err)
	}
	bed, err := live.Start(topology)
	if err != nil {
		b.Fatal(err)
	}
	defer bed.Close()
	bed.Precise()

	dir := b.TempDir()
	list, out := filepath.Join(dir, "targets"), filepath.Join(dir, "out.warts")
	if err := os.WriteFile(list, rttTargets(run.targets), 0o644); err != nil {
		b.Fatal(err)
	}
	recorder := startWire(b, bed)
	var stderr bytes.Buffer
	cmd := exec.Command(program, "-p", strconv.Itoa(run.pps), "-O", "warts", "-o", out, "-c", "ping -c 1", "-f", list)
	cmd.Stderr = &stderr
	if err := bed.Start(cmd); err != nil {
		b.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		b.Fatalf("%s at %d pps: %v\n%s", name, run.pps, err, stderr.String())
	}
	if stderr.Len() > 0 {
		b.Logf("%s at %d pps says: %s", name, run.pps, stderr.String())
	}
	took, recorded := recorder.stop(b), readRTTs(b, out)
	var delay, late, own []time.Duration
	for target, rtt := range recorded {
		wired, ok := took[target]
		if !ok {
			b.Fatalf("%s at %d pps: the reply of %v was not on the interface", name, run.pps, target)
		}
		delay = append(delay, rtt-rttDelay)
		late = append(late, wired-rttDelay)
		own = append(own, rtt-wired)
	}
	if len(own) == 0 {
		b.Fatalf("%s at %d pps: no replies", name, run.pps)
	}
	return rttOutcome{
		name: name, run: run, replies: len(own), delay: spreadOf(delay), late: spreadOf(late), own: spreadOf(own),
	}
}

// rttTargets lists distinct addresses of the prefix, the same ones each time.
func rttTargets(n int) []byte {
	r := rand.New(rand.NewPCG(3, 4))
	var text bytes.Buffer
	for _, i := range r.Perm(1 << 18)[:n] {
		i += 2 // 10.64.0.1 is the router, which answers at once
		fmt.Fprintln(&text, netip.AddrFrom4([4]byte{10, 64 | byte(i>>16), byte(i >> 8), byte(i)}))
	}
	return text.Bytes()
}

// readRTTs returns the round-trip times of a file's pings by target, of those with a reply.
func readRTTs(b *testing.B, name string) map[netip.Addr]time.Duration {
	f, err := os.Open(name)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	list := make(map[netip.Addr]time.Duration)
	r := warts.NewReader(f)
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			b.Fatal(err)
		}
		if p, ok := rec.(*warts.Ping); ok && len(p.Probes) > 0 && len(p.Probes[0].Replies) > 0 {
			list[p.Dst.IP()] = p.Probes[0].Replies[0].RTT
		}
	}
}
