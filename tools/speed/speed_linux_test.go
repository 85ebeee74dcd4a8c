package speed

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"scamper/shared/warts"
	"scamper/testkit"
)

// What BenchmarkFileTools asks for: a third of the wall-clock time of the C tools, no more CPU time, bounded memory.
const (
	speedRecords = 200_000 // of each type
	speedRounds  = 5
	wallShare    = 1.0 / 3
	memoryLimit  = 64 << 20
)

// cost is what a run took.
type cost struct {
	wall, cpu time.Duration
	memory    int64 // bytes, the most that was resident
}

// BenchmarkFileTools runs our tools and Debian's on the same files, in turns, and compares the best runs of each.
func BenchmarkFileTools(b *testing.B) {
	dir := b.TempDir()
	tools := []string{"sc_warts2json", "sc_wartsdump", "sc_warts2text", "sc_wartscat"}
	ours, theirs := map[string]string{}, map[string]string{}
	for _, tool := range tools {
		ours[tool] = testkit.BuildCommand(b, "scamper/cmd/"+tool)
		theirs[tool] = testkit.NeedProgram(b, tool)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	files := []string{filepath.Join(dir, "pings"), filepath.Join(dir, "traces")}
	writeRecords(b, files[0], func(l *warts.List, c *warts.Cycle, at warts.Time) warts.Record {
		return randomPing(rng, l, c, at)
	})
	writeRecords(b, files[1], func(l *warts.List, c *warts.Cycle, at warts.Time) warts.Record {
		return randomTrace(rng, l, c, at)
	})
	for range b.N {
		var report strings.Builder
		w := tabwriter.NewWriter(&report, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(w, "\ntool\tfile\tC wall\tours\tshare\tC CPU\tours\tshare\tC memory\tours\t")
		for _, tool := range tools {
			for _, file := range files {
				c, o := best(b, theirs[tool], ours[tool], file)
				wall, cpu := float64(o.wall)/float64(c.wall), float64(o.cpu)/float64(c.cpu)
				fmt.Fprintf(w, "%s\t%s\t%.2f s\t%.2f s\t%.0f%%\t%.2f s\t%.2f s\t%.0f%%\t%.1f MB\t%.1f MB\t\n",
					tool, filepath.Base(file), c.wall.Seconds(), o.wall.Seconds(), 100*wall,
					c.cpu.Seconds(), o.cpu.Seconds(), 100*cpu, float64(c.memory)/1e6, float64(o.memory)/1e6)
				if wall > wallShare || cpu > 1 || o.memory > memoryLimit {
					b.Errorf("%s of %s: %.0f%% of the time, %.0f%% of the CPU time, %.1f MB",
						tool, filepath.Base(file), 100*wall, 100*cpu, float64(o.memory)/1e6)
				}
			}
		}
		w.Flush()
		b.Log(report.String())
	}
}

// best runs two programs in turns and returns the least of each cost.
func best(b *testing.B, c, o string, file string) (cCost, oCost cost) {
	b.Helper()
	for i := range speedRounds {
		x, y := measure(b, c, file), measure(b, o, file)
		if i == 0 {
			cCost, oCost = x, y
		}
		cCost, oCost = cCost.least(x), oCost.least(y)
	}
	return cCost, oCost
}

func (c cost) least(d cost) cost {
	return cost{min(c.wall, d.wall), min(c.cpu, d.cpu), max(c.memory, d.memory)}
}

func measure(b *testing.B, program, file string) cost {
	b.Helper()
	out, err := os.Create(filepath.Join(filepath.Dir(file), "out"))
	if err != nil {
		b.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command(program, file)
	cmd.Stdout = out
	start := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatalf("%s %s: %v", program, file, err)
	}
	wall := time.Since(start)
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return cost{wall, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), usage.Maxrss << 10}
}

// writeRecords writes a file of one cycle.
func writeRecords(b *testing.B, name string, make func(*warts.List, *warts.Cycle, warts.Time) warts.Record) {
	b.Helper()
	f, err := os.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	out := bufio.NewWriterSize(f, 1<<20)
	w := warts.NewWriter(out)
	list := &warts.List{Name: "default", Description: "default"}
	cycle := &warts.Cycle{List: list, Start: 1_700_000_000, HostName: "monitor"}
	write := func(rec warts.Record) {
		if err := w.Write(rec); err != nil {
			b.Fatal(err)
		}
	}
	write(cycle)
	at := warts.Time{Sec: cycle.Start}
	for range speedRecords {
		at = at.Add(time.Millisecond)
		write(make(list, cycle, at))
	}
	stop := *cycle
	stop.Kind, stop.Stop = warts.CycleStop, at.Sec+1
	write(&stop)
	if err := out.Flush(); err != nil {
		b.Fatal(err)
	}
}

func randomAddr(rng *rand.Rand) warts.Addr {
	v := rng.Uint32()
	return warts.AddrFrom(netip.AddrFrom4([4]byte{byte(v>>24)%200 + 1, byte(v >> 16), byte(v >> 8), byte(v)}))
}

var speedSource = warts.AddrFrom(netip.MustParseAddr("192.0.2.1"))

func randomPing(rng *rand.Rand, l *warts.List, c *warts.Cycle, at warts.Time) *warts.Ping {
	dst := randomAddr(rng)
	return &warts.Ping{
		List: l, Cycle: c, Src: speedSource, Dst: dst, Start: at, StopReason: warts.PingStopCompleted, ProbeCount: 1,
		Sent: 1, Size: 84, Wait: time.Second, Timeout: time.Second, TTL: 64, SrcPort: 4711,
		Probes: []warts.PingProbe{{
			TX: at, IPID: uint16(rng.Uint32()), Flags: warts.PingReplyProbeIPID,
			Replies: []warts.PingReply{{
				Addr: dst, RTT: time.Duration(rng.IntN(200_000)) * time.Microsecond, IPID: uint32(rng.IntN(65536)),
				Flags: warts.PingReplyTTL | warts.PingReplyIPID | warts.PingReplyProbeIPID | warts.PingReplyToS,
				TTL:   55, Proto: 1, Size: 84, IfName: "eth0",
			}},
		}},
	}
}

func randomTrace(rng *rand.Rand, l *warts.List, c *warts.Cycle, at warts.Time) *warts.Trace {
	t := &warts.Trace{
		List: l, Cycle: c, Src: speedSource, Dst: randomAddr(rng), Start: at, StopReason: warts.TraceStopCompleted,
		Method: warts.TraceUDPParis, SrcPort: 4711, DstPort: 33435, Attempts: 2, FirstHop: 1, Squeries: 1, GapLimit: 5,
		GapAction: warts.TraceGapStop, Loops: 1, Wait: 5 * time.Second, ProbeSize: 44,
	}
	hops := 8 + rng.IntN(10)
	t.HopCount, t.ProbeCount = uint16(hops), uint16(hops)
	for ttl := 1; ttl <= hops; ttl++ {
		if rng.IntN(8) == 0 && ttl < hops {
			continue
		}
		r := warts.TraceReply{
			Addr: randomAddr(rng), RTT: time.Duration(ttl*10_000+rng.IntN(5000)) * time.Microsecond,
			Flags: warts.TraceHopSockRX | warts.TraceHopTTL, TTL: uint8(64 - ttl), ToS: 0xc0, ICMPType: 11, QuoTTL: 1,
			QuoLen: 44, Size: 56, IPID: uint16(rng.Uint32()),
		}
		if ttl == hops {
			r.Addr, r.ICMPType, r.ICMPCode = t.Dst, 3, 3
		}
		t.Probes = append(t.Probes, warts.TraceProbe{
			TTL: uint8(ttl), Size: 44, Flags: r.Flags, TX: at.Add(time.Duration(ttl) * 20 * time.Millisecond),
			Replies: []warts.TraceReply{r},
		})
	}
	return t
}
