package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"scamper/shared/warts"
	"scamper/testkit"
)

// memory returns the largest resident set that a process has had, in kB; 0 if it is gone.
func memory(pid int) int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), "VmHWM:")
	var kb int
	fmt.Sscan(rest, &kb)
	return kb
}

// peak waits for a run and returns the most memory, in kB, that its main process was seen to have.
func peak(t testing.TB, p *testkit.Process) (kb int, r testkit.Result) {
	t.Helper()
	pid := mainProcess(t, p.Cmd.Process.Pid)
	for p.Running() {
		kb = max(kb, memory(pid))
		time.Sleep(10 * time.Millisecond)
	}
	return kb, p.Wait(limit)
}

// A list of 300,000 lines is streamed: it is 40 MB, and what the process has in memory is less and does not grow with
// it.
func TestLongList(t *testing.T) {
	t.Parallel()
	const n = 300_000
	chain := far(t)
	dir := testkit.OpenDir(t)
	long, short, out := filepath.Join(dir, "long"), filepath.Join(dir, "short"), filepath.Join(dir, "out.warts")
	comment := strings.Repeat("x", 120)
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "10.%d.%d.%d # %s\n", 64+i>>16&63, i>>8&255, i&255, comment)
		if i == n/100 {
			writeFile(t, short, b.String())
		}
	}
	writeFile(t, long, b.String())
	run := func(list string) int {
		t.Helper()
		kb, r := peak(t, chain.Prober.Start(command(program(t), "-p", "100000", "-w", "2000", "-o", out,
			"-c", "ping -c 1 -W 20ms", "-f", list)))
		if r.Err != nil {
			t.Fatalf("%v\n%s", r.Err, r.Stderr)
		}
		return kb
	}
	small := run(short)
	big := run(long)
	if size := int(fileSize(long) >> 10); big > size || big > small+small/2+8<<10 {
		t.Errorf("%d kB for a list of %d kB, %d kB for the hundredth part of it", big, size, small)
	}
	f, err := warts.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.Want = []warts.Type{warts.TypePing}
	f.Reuse = true
	pings := 0
	for r, err := range f.All() {
		if err != nil {
			t.Fatal(err)
		}
		if r.Type() == warts.TypePing {
			pings++
		}
	}
	if pings != n {
		t.Errorf("%d results for %d lines", pings, n)
	}
}

// What comes through a pipe without end is read no faster than it is measured.
func TestEndlessInput(t *testing.T) {
	t.Parallel()
	ns := alone(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	fed := make(chan int)
	go func() {
		lines := []byte(strings.Repeat("127.0.0.1 # "+strings.Repeat("x", 1000)+"\n", 100))
		total := 0
		for {
			n, err := w.Write(lines)
			total += n
			if err != nil {
				fed <- total
				return
			}
		}
	}()
	out := filepath.Join(testkit.OpenDir(t), "out.json")
	cmd := command(program(t), "-p", "100", "-o", out, "-c", quick, "-f", "-")
	cmd.Stdin = r
	p := ns.Start(cmd)
	r.Close()
	pid := mainProcess(t, p.Cmd.Process.Pid)
	eventually(t, "three results", func() bool {
		b, _ := os.ReadFile(out)
		return strings.Count(string(b), `"type":"ping"`) >= 3
	})
	kb := memory(pid)
	p.Signal(unix.SIGTERM)
	got := p.Wait(limit)
	w.Close()
	if got.Status != 0 || got.Stderr != "" {
		t.Errorf("status %d, stderr %q", got.Status, got.Stderr)
	}
	total := <-fed
	if total > 8<<20 || kb > 60<<10 {
		t.Errorf("%d bytes were read, with %d kB of memory", total, kb)
	}
}

// Results come in the order in which they are complete; pings that could be taken for one another wait for each other.
func TestOrder(t *testing.T) {
	t.Parallel()
	chain := far(t)
	const a, b = "10.64.0.1", "10.64.0.2"
	for range 3 {
		list := jsonLines(t, mustRun(t, chain.Prober, "-p", "1000", "-O", "json", "-c", quick, "-i", a, a, b, a))
		if diff := cmp.Diff([]string{a, b, a, a}, values(list, "ping", "dst")); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
	// With identifiers of their own they do not.
	list := jsonLines(t, mustRun(t, chain.Prober, "-p", "1000", "-O", "json", "-I",
		"ping -c 3 -i 100ms -W 200ms -F 1 "+a, "ping -c 1 -W 200ms -F 2 "+a))
	if diff := cmp.Diff([]string{"1", "3"}, values(list, "ping", "ping_sent")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// span is when a measurement was certainly running.
type span struct{ from, to time.Time }

// together is the largest number of spans that have a moment in common.
func together(list []span) (most int) {
	for _, a := range list {
		n := 0
		for _, b := range list {
			if !b.from.After(a.from) && b.to.After(a.from) {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// No more tasks run at once than the window allows.
func TestWindow(t *testing.T) {
	t.Parallel()
	chain := far(t)
	list := filepath.Join(testkit.OpenDir(t), "list")
	farList(t, list, 30)
	for _, window := range []int{1, 3, 30} {
		out := filepath.Join(testkit.OpenDir(t), "out.warts")
		mustRun(t, chain.Prober, "-p", "10000", "-w", fmt.Sprint(window), "-o", out, "-c", "ping -c 2 -i 50ms -W 50ms", "-f", list)
		var spans []span
		for _, r := range wholeWarts(t, out) {
			p, ok := r.(*warts.Ping)
			if !ok {
				continue
			}
			if len(p.Probes) != 2 {
				t.Fatalf("%d probes of two were answered", len(p.Probes))
			}
			spans = append(spans, span{p.Probes[0].TX.Time(), p.Probes[1].TX.Time()})
		}
		if got := together(spans); len(spans) != 30 || got > window || got < min(window, 2) {
			t.Errorf("window %d: %d of %d at once", window, got, len(spans))
		}
	}
}

// The packet rate is kept whatever sends the packets: in no stretch of time are there more than its share, plus what may
// be made up for after being late.
func TestPace(t *testing.T) {
	t.Parallel()
	chain := far(t)
	dir := testkit.OpenDir(t)
	list := filepath.Join(dir, "list")
	for _, test := range []struct {
		pps, targets int
		command      string
		packets      int
	}{
		{50, 100, "ping -c 1 -W 50ms", 100},
		{400, 100, "ping -c 6 -i 1ms -W 50ms", 600},
		{100, 30, "trace -P udp-paris", 30},
	} {
		farList(t, list, test.targets)
		seen := chain.Target.Capture("eth0")
		mustRun(t, chain.Prober, "-p", fmt.Sprint(test.pps), "-o", filepath.Join(dir, "out"), "-c", test.command, "-f", list)
		var at []time.Time
		for _, p := range seen.Stop() {
			if ip := p.IP(); !p.Outgoing && len(ip) > 20 && ip[0]>>4 == 4 && ip[16] == 10 && ip[17] >= 64 {
				at = append(at, p.Time)
			}
		}
		if len(at) != test.packets {
			t.Errorf("%d packets of %q, want %d", len(at), test.command, test.packets)
		}
		burst := test.pps/4 + 2 // 250 ms
		for i := range at {
			for j := i; j < len(at); j++ {
				if allowed := burst + int(at[j].Sub(at[i]).Seconds()*float64(test.pps)); j-i+1 > allowed {
					t.Fatalf("%q at %d pps: %d packets in %v", test.command, test.pps, j-i+1, at[j].Sub(at[i]))
				}
			}
		}
	}
}

// A paced run takes at least the time that its packets need, and no window makes it faster.
func TestPaceTotal(t *testing.T) {
	t.Parallel()
	chain := far(t)
	list := filepath.Join(testkit.OpenDir(t), "list")
	farList(t, list, 200)
	for _, window := range []string{"0", "10"} {
		out := filepath.Join(testkit.OpenDir(t), "out.warts")
		mustRun(t, chain.Prober, "-p", "200", "-w", window, "-o", out, "-c", "ping -c 1 -W 1ms", "-f", list)
		var first, last time.Time
		for _, r := range wholeWarts(t, out) {
			if p, ok := r.(*warts.Ping); ok && len(p.Probes) > 0 {
				at := p.Probes[0].TX.Time()
				if first.IsZero() || at.Before(first) {
					first = at
				}
				if at.After(last) {
					last = at
				}
			}
		}
		// 200 packets at 200 per second, a quarter of a second of them perhaps at once.
		if took := last.Sub(first); took < 700*time.Millisecond {
			t.Errorf("window %s: all packets within %v", window, took)
		}
	}
}
