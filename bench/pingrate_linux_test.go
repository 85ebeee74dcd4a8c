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
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"scamper/shared/warts"
	"scamper/testkit"
)

// What is pinged: random addresses of a prefix that the far namespace answers all of.
const (
	targets = 200_000
	prefix4 = "10.64.0.0/10"
	prefix6 = "2001:db8::/42"
)

// peerMax is the highest rate that Debian's scamper takes.
const peerMax = 10_000

// ordinary is the command whose rate counts.
const ordinary = "ping -c 1"

// outcome is what a run came to.
type outcome struct {
	name    string
	pps     int
	reached float64 // packets per second while it sent
	replies int
	cpu     time.Duration // user and system time of all its processes
	memory  int64         // bytes: the largest sum of the resident sets of all its processes
}

func (o outcome) perProbe() float64 { return float64(o.cpu.Microseconds()) / targets }
func (o outcome) answered() float64 { return 100 * float64(o.replies) / targets }

// BenchmarkPingRate pings 200,000 addresses with one probe each, at growing rates, and Debian's scamper at the most that
// it can be asked for. It says which rate is the highest at which 99.9% of the replies are recorded.
func BenchmarkPingRate(b *testing.B) {
	ours := testkit.BuildCommand(b, "scamper/cmd/scamper")
	peer := testkit.NeedProgram(b, "scamper")
	list := targetList(b, prefix4)
	for range b.N {
		var table []outcome
		best := 0
		for _, pps := range []int{peerMax, 50_000, 100_000, 150_000, 200_000, 300_000} {
			o := pingAll(b, "scamper", ours, ordinary, pps, list)
			table = append(table, o)
			if o.answered() >= 99.9 {
				best = max(best, int(o.reached))
			}
			b.ReportMetric(o.perProbe(), fmt.Sprintf("us/ping@%dpps", pps))
			b.ReportMetric(o.answered(), fmt.Sprintf("%%replies@%dpps", pps))
		}
		theirs := pingAll(b, "peer", peer, ordinary, peerMax, list)
		table = append(table, theirs)
		print(b, table, theirs)
		b.Logf("the highest rate at which at least 99.9%% of the replies were recorded: %d packets per second", best)
	}
}

// BenchmarkMethodRate does the same with each way that probes leave and replies come in, at a rate that is hard to reach.
func BenchmarkMethodRate(b *testing.B) {
	ours := testkit.BuildCommand(b, "scamper/cmd/scamper")
	peer := testkit.NeedProgram(b, "scamper")
	lists := []struct{ family, name string }{{" IPv4", targetList(b, prefix4)}, {" IPv6", targetList(b, prefix6)}}
	for range b.N {
		for _, list := range lists {
			for _, options := range []string{"", " -O dl", " -P tcp-syn", " -P tcp-syn -O raw", " -P udp"} {
				if list.family == " IPv6" && strings.HasSuffix(options, " -O raw") {
					continue // there is no such socket for IPv6
				}
				theirs := pingAll(b, "peer", peer, ordinary+strings.TrimSuffix(options, " -O raw"), peerMax, list.name)
				o := pingAll(b, "scamper"+list.family+options, ours, ordinary+options, methodRate, list.name)
				print(b, []outcome{o, theirs}, theirs)
			}
		}
	}
}

const methodRate = 100_000

func print(b *testing.B, table []outcome, theirs outcome) {
	var text bytes.Buffer
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tasked\treached\treplies\tCPU per ping\tratio\tmemory\tratio\t")
	for _, o := range table {
		fmt.Fprintf(w, "%s\t%d pps\t%.0f pps\t%.2f%%\t%.1f us\t%.2f\t%.0f MB\t%.2f\t\n", o.name, o.pps, o.reached, o.answered(),
			o.perProbe(), o.perProbe()/theirs.perProbe(), float64(o.memory)/1e6, float64(o.memory)/float64(theirs.memory))
	}
	_ = w.Flush()
	b.Logf("%d pings of one probe; ratios to the peer, Debian's scamper\n%s", targets, text.String())
}

// targetList writes addresses of a prefix to a file: the same ones each time.
func targetList(b *testing.B, prefix string) string {
	base := netip.MustParsePrefix(prefix)
	r := rand.New(rand.NewPCG(1, 2))
	var text bytes.Buffer
	seen := make(map[netip.Addr]bool) // two pings of one address would run one after the other
	for len(seen) < targets {
		raw := base.Addr().AsSlice()
		for i := range raw {
			fixed := min(max(base.Bits()-8*i, 0), 8) // bits of this byte
			raw[i] |= byte(r.Uint32()) & (0xff >> fixed)
		}
		addr, _ := netip.AddrFromSlice(raw)
		if seen[addr] {
			continue
		}
		seen[addr] = true
		fmt.Fprintln(&text, addr)
	}
	name := filepath.Join(b.TempDir(), "targets")
	if err := os.WriteFile(name, text.Bytes(), 0o644); err != nil {
		b.Fatal(err)
	}
	return name
}

func pingAll(b *testing.B, name, program, command string, pps int, list string) outcome {
	net := testkit.NewNet(b)
	near, far := net.Namespace("near"), net.Namespace("far")
	link := net.Link(near, far, testkit.LinkConfig{})
	far.Sysctl("net.ipv4.icmp_ratemask", "0") // no limit for errors, which answer UDP
	far.Sysctl("net.ipv6.icmp.ratelimit", "0")
	for prefix, hop := range map[string]netip.Addr{prefix4: link.B.Addr4, prefix6: link.B.Addr6} {
		far.AnswerPrefix(netip.MustParsePrefix(prefix))
		near.Route(netip.MustParsePrefix(prefix), hop)
	}

	out := filepath.Join(b.TempDir(), "out.warts")
	cmd := exec.Command(program, "-p", strconv.Itoa(pps), "-O", "warts", "-o", out, "-c", command, "-f", list)
	began := time.Now()
	p := near.Start(cmd)
	memory := watchMemory(cmd.Process.Pid)
	result := p.Wait(5 * time.Minute)
	took := time.Since(began)
	if result.Err != nil {
		b.Fatalf("%s at %d pps: %v\n%s", name, pps, result.Err, result.Stderr)
	}
	if lines := strings.Split(strings.TrimSpace(result.Stderr), "\n"); lines[0] != "" {
		b.Logf("%s at %d pps says %d times: %s", name, pps, len(lines), lines[len(lines)-1])
	}
	o := outcome{name: name, pps: pps, memory: memory(), replies: countReplies(b, out)}
	if ru, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		o.cpu = time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
	}
	o.reached = targets / (took - time.Second).Seconds() // the last ping waits a second for its reply
	return o
}

// countReplies counts the pings that have a reply.
func countReplies(b *testing.B, name string) int {
	f, err := os.Open(name)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	r := warts.NewReader(f)
	n := 0
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return n
		}
		if err != nil {
			b.Fatal(err)
		}
		if p, ok := rec.(*warts.Ping); ok && len(p.Probes) > 0 && len(p.Probes[0].Replies) > 0 {
			n++
		}
	}
}

// watchMemory looks at the resident sets of a process and its children until the returned function is called, which
// returns the largest sum.
func watchMemory(pid int) func() int64 {
	var most int64
	stop := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		for {
			sum := resident(pid)
			children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
			for _, child := range strings.Fields(string(children)) {
				if n, err := strconv.Atoi(child); err == nil {
					sum += resident(n)
				}
			}
			most = max(most, sum)
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	})
	return func() int64 {
		close(stop)
		done.Wait()
		return most
	}
}

func resident(pid int) int64 {
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(statm))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}
