package engine_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"scamper/shared/warts"
	"scamper/testkit"
)

// account are the lines at the end of a debug file, by their first word.
var accountLine = regexp.MustCompile(`(?m)^\[[0-9:]+\] scamper: ((?:tasks|packets|replies|received and unused|routes|neighbours|names): .*)$`)

// account returns the numbers of a debug file's account by what they count.
func account(t testing.TB, path string) map[string]int {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]int)
	lines := accountLine.FindAllStringSubmatch(string(b), -1)
	if len(lines) != 7 {
		t.Errorf("%d lines of account in:\n%s", len(lines), b)
	}
	for _, m := range lines {
		what, list, _ := strings.Cut(m[1], ": ")
		for item := range strings.SplitSeq(list, ", ") {
			n, of, _ := strings.Cut(item, " ")
			if got[what+" "+of], err = strconv.Atoi(n); err != nil && what != "received and unused" {
				t.Errorf("account line %q", m[1])
			}
		}
	}
	return got
}

// records reads a file of whole records.
func records(t testing.TB, path string) (list []warts.Record) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for r := warts.NewReader(f); ; {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatalf("after %d records: %v", len(list), err)
		}
		list = append(list, rec)
	}
}

func countOf(list []warts.Record, kind warts.Type) (n int) {
	for _, r := range list {
		if r.Type() == kind {
			n++
		}
	}
	return n
}

// writeTargets writes a list of n addresses that far answers for.
func writeTargets(t testing.TB, path string, n int) {
	t.Helper()
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "10.%d.%d.%d\n", 64+i>>16&63, i>>8&255, i&255)
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// The account in a debug file adds up, and nothing is said of losses when there were none.
func TestAccountWritten(t *testing.T) {
	chain := far(t)
	dir := testkit.OpenDir(t)
	debug, list := filepath.Join(dir, "debug"), filepath.Join(dir, "list")
	writeTargets(t, list, 100)
	r := chain.Prober.Start(command(t, "-p", "2000", "-d", debug, "-o", os.DevNull, "-O", "noinitndc",
		"-c", "ping -P tcp-syn -c 1", "-f", list)).Wait(limit)
	if r.Status != 0 || r.Stderr != "" {
		t.Fatalf("%+v", r)
	}
	a := account(t, debug)
	if a["tasks started"] != 100 || a["tasks ended"] != 100 || a["packets sent"] != 100 || a["replies matched"] < 100 ||
		a["neighbours asked for"] != 1 || a["neighbours answered"] != 1 ||
		a["neighbours known"] > 99 || a["neighbours questions not sent"] != 0 || a["packets refused"] != 0 {
		t.Errorf("account %v", a)
	}
}

// The kernel takes packets more slowly than they are made, at a rate at which another goroutine sends them. A signal ends
// the run at once all the same: finished measurements and the halted ones are in the file, and what was not sent is told.
func TestSignalWithFullSendBuffer(t *testing.T) {
	testkit.NeedProgram(t, "tc")
	chain := far(t)
	if r := chain.Prober.Run(limit, "tc", "qdisc", "replace", "dev", "eth0", "root",
		"tbf", "rate", "32kbit", "burst", "4k", "limit", "100000000"); r.Err != nil {
		t.Fatalf("tc: %+v", r)
	}
	dir := testkit.OpenDir(t)
	debug, list, out := filepath.Join(dir, "debug"), filepath.Join(dir, "list"), filepath.Join(dir, "out.warts")
	const targets = 40_000
	writeTargets(t, list, targets)
	p := chain.Prober.Start(command(t, "-p", "50000", "-d", debug, "-O", "warts", "-o", out, "-c", "ping -c 1 -W 500ms", "-f", list))
	waitFor(t, "the first results", func() bool {
		info, err := os.Stat(out)
		return err == nil && info.Size() > 1000
	})
	waitFor(t, "a full send buffer", func() bool { return sendQueue(t, chain.Prober) >= sendBuffer })
	time.Sleep(500 * time.Millisecond) // for the next packet to find it full
	began := time.Now()
	p.Signal(unix.SIGINT)
	r := p.Wait(limit)
	if took := time.Since(began); r.Status != 0 || took > limit/4 {
		t.Errorf("status %d after %v", r.Status, took)
	}
	all, a := records(t, out), account(t, debug)
	pings, probes, answered := 0, 0, 0
	for _, rec := range all {
		if ping, ok := rec.(*warts.Ping); ok {
			pings++
			probes += int(ping.Sent)
			if len(ping.Probes) > 0 && len(ping.Probes[0].Replies) > 0 {
				answered++
			}
		}
	}
	if last := all[len(all)-1]; last.Type() != warts.TypeCycleStop || countOf(all, warts.TypeCycleStop) != 1 {
		t.Errorf("the last record is a %v", last.Type())
	}
	if a["tasks started"] != a["tasks ended"] || pings != a["tasks started"] || pings == targets || answered == 0 {
		t.Errorf("%d pings in the file, %d answered; %v", pings, answered, a)
	}
	if probes == 0 || probes != a["packets sent"] {
		t.Errorf("%d probes are recorded, %d were sent", probes, a["packets sent"])
	}
	unsent := a["packets not sent any more"]
	if unsent == 0 || a["packets times the send buffer was full"] == 0 ||
		a["packets sent"]+a["packets refused"]+a["packets without room"]+unsent > a["tasks started"] {
		t.Errorf("account %v", a)
	}
	for _, want := range []string{fmt.Sprintf("%d packets were not sent any more at the end", unsent), " times the send buffer was full"} {
		if !strings.Contains(r.Stderr, want) {
			t.Errorf("stderr %q lacks %q", r.Stderr, want)
		}
	}
}

// sendBuffer is what the kernel lets wait in the send buffer of a socket that sends probes: twice the 4 MB it is asked for.
const sendBuffer = 8 << 20

// sendQueue returns how many bytes wait in the send buffers of a namespace's raw IPv4 sockets.
func sendQueue(t testing.TB, s *testkit.Namespace) (size int) {
	t.Helper()
	var table []byte
	var err error
	s.Do(func() { table, err = os.ReadFile("/proc/thread-self/net/raw") })
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range sendQueues.FindAllSubmatch(table, -1) {
		n, err := strconv.ParseInt(string(m[1]), 16, 64)
		if err != nil {
			t.Fatalf("%s: %v", m[0], err)
		}
		size += int(n)
	}
	return size
}

// sendQueues finds tx_queue in lines of /proc/net/raw: number, two addresses, state, tx_queue:rx_queue.
var sendQueues = regexp.MustCompile(`(?m)^ *\d+: [0-9A-F:]+ [0-9A-F:]+ [0-9A-F]+ ([0-9A-F]+):`)
