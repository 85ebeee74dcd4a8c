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

var rttRuns = []rttRun{{1, 6}, {100, 400}, {10_000, 40_000}, {50_000, 150_000}}

// rttOutcome is by how much recorded round-trip times are off.
type rttOutcome struct {
	name        string
	run         rttRun
	replies     int
	median, p99 time.Duration // of the absolute error
	least       time.Duration // the smallest recorded time less the delay: below 0 a reply came before its probe
}

// BenchmarkRTT compares recorded round-trip times with the delay of a simulated Internet, at growing rates, with those
// of Debian's scamper in between, up to the most that it can be asked for. The simulation's own lateness is in the error
// of both.
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
			b.ReportMetric(float64(o.median.Nanoseconds())/1000, fmt.Sprintf("us-median@%dpps", run.pps))
			b.ReportMetric(float64(o.p99.Nanoseconds())/1000, fmt.Sprintf("us-p99@%dpps", run.pps))
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
	fmt.Fprintln(w, "\trate\treplies\tmedian error\tratio\t99th percentile\tratio\tleast\t")
	for _, o := range table {
		medianRatio, p99Ratio := "", ""
		for _, theirs := range table {
			if theirs.name == "peer" && theirs.run == o.run {
				medianRatio = fmt.Sprintf("%.2f", float64(o.median)/float64(theirs.median))
				p99Ratio = fmt.Sprintf("%.2f", float64(o.p99)/float64(theirs.p99))
			}
		}
		fmt.Fprintf(w, "%s\t%d pps\t%d/%d\t%.1f us\t%s\t%.1f us\t%s\t%+.1f us\t\n", o.name, o.run.pps, o.replies, o.run.targets,
			us(o.median), medianRatio, us(o.p99), p99Ratio, us(o.least))
	}
	_ = w.Flush()
	b.Logf("error of round-trip times, the truth being %v; ratios to the peer, Debian's scamper\n%s", rttDelay, text.String())
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

	dir := b.TempDir()
	list, out := filepath.Join(dir, "targets"), filepath.Join(dir, "out.warts")
	if err := os.WriteFile(list, rttTargets(run.targets), 0o644); err != nil {
		b.Fatal(err)
	}
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
	rtts := readRTTs(b, out)
	if len(rtts) == 0 {
		b.Fatalf("%s at %d pps: no replies", name, run.pps)
	}
	o := rttOutcome{name: name, run: run, replies: len(rtts), least: slices.Min(rtts) - rttDelay}
	for i := range rtts {
		rtts[i] = (rtts[i] - rttDelay).Abs()
	}
	slices.Sort(rtts)
	o.median, o.p99 = rtts[len(rtts)/2], rtts[len(rtts)*99/100]
	return o
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

// readRTTs returns the round-trip times of a file's pings, those with a reply.
func readRTTs(b *testing.B, name string) (list []time.Duration) {
	f, err := os.Open(name)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
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
			list = append(list, p.Probes[0].Replies[0].RTT)
		}
	}
}
