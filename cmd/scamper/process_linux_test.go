package main_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"scamper/shared/warts"
	"scamper/testkit"
)

// far is a prober and a machine next to it that answers for all of a prefix.
func far(t testing.TB) *testkit.Chain {
	t.Helper()
	chain := testkit.NewNet(t).Chain(testkit.ChainConfig{})
	prefix := netip.MustParsePrefix("10.64.0.0/10")
	chain.Target.AnswerPrefix(prefix)
	chain.RoutePrefix(prefix)
	return chain
}

// farList writes a list of n addresses that far answers for.
func farList(t testing.TB, path string, n int) {
	t.Helper()
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "10.%d.%d.%d\n", 64+i>>16&63, i>>8&255, i&255)
	}
	writeFile(t, path, b.String())
}

// busy is a run that goes on until it is told to end: it has written results, and a ping is in progress whose
// destination answered before.
type busy struct {
	*testkit.Process
	helper, main int
	out          string
}

func startBusy(t *testing.T, args ...string) *busy {
	t.Helper()
	ns := alone(t)
	seen := ns.Capture("lo")
	out := filepath.Join(testkit.OpenDir(t), "out.warts")
	b := &busy{out: out}
	b.Process = ns.Start(command(program(t), append(args, "-p", "1000", "-O", "warts", "-o", out,
		"-I", "ping -c 1 -W 50ms 127.0.0.1", "ping -c 10000 -i 0.05 127.0.0.2")...))
	b.helper = b.Cmd.Process.Pid
	b.main = mainProcess(t, b.helper)
	eventually(t, "the first result is written", func() bool { return fileSize(out) > 100 })
	seen.Wait(limit, func(packets []testkit.Packet) bool {
		n := 0
		for _, p := range packets {
			if ip := p.IP(); len(ip) > 20 && ip[20] == 0 && ip[15] == 2 { // an echo reply from 127.0.0.2
				n++
			}
		}
		return n >= 3
	})
	return b
}

func TestMainProcessHasNothing(t *testing.T) {
	t.Parallel()
	b := startBusy(t)
	u := nobody(t)
	const none = "0000000000000000"
	got := status(t, b.main, "Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")
	want := map[string]string{
		"Uid": four(u.Uid), "Gid": four(u.Gid), "Groups": "",
		"CapInh": none, "CapPrm": none, "CapEff": none, "CapBnd": none, "CapAmb": none, "NoNewPrivs": "1", "Seccomp": "2",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("main process, -want +got:\n%s", diff)
	}
	for _, link := range []string{"root", "cwd"} {
		to, err := os.Readlink(fmt.Sprintf("/proc/%d/%s", b.main, link))
		if err != nil || to != "/var/empty" {
			t.Errorf("%s is %q, error %v", link, to, err)
		}
	}
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/root/", b.main))
	if err != nil || len(entries) > 0 {
		t.Errorf("the root directory has %v, error %v", entries, err)
	}
	var st unix.Stat_t
	if err := unix.Stat("/var/empty", &st); err != nil || st.Uid != 0 || st.Mode&0o022 != 0 {
		t.Errorf("the root directory belongs to %d, mode %#o, error %v", st.Uid, st.Mode, err)
	}
	// The only file is the one that results go to, and nothing leads to a directory.
	for _, to := range descriptors(t, b.main) {
		switch {
		case !strings.HasPrefix(to, "/"), to == b.out, to == "/dev/null":
		case strings.HasPrefix(to, "/sys/fs/cgroup/") && strings.Contains(to, "/cpu."): // Go's runtime: its share of processors
		default:
			t.Errorf("the main process has %s open", to)
		}
	}

	helper := status(t, b.helper, "Uid", "NoNewPrivs", "Seccomp", "CapAmb", "CapInh")
	wantHelper := map[string]string{"Uid": four("0"), "NoNewPrivs": "1", "Seccomp": "2", "CapAmb": none, "CapInh": none}
	if diff := cmp.Diff(wantHelper, helper); diff != "" {
		t.Errorf("helper, -want +got:\n%s", diff)
	}
}

// descriptors are what a process has open.
func descriptors(t testing.TB, pid int) []string {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, fd := range list {
		if to, err := os.Readlink(filepath.Join(dir, fd.Name())); err == nil {
			out = append(out, to)
		}
	}
	return out
}

// A killed process takes the other one with it, and what is in the file can be read.
func TestKill(t *testing.T) {
	t.Parallel()
	peer := testkit.NeedProgram(t, "sc_wartsdump")
	for _, victim := range []string{"helper", "main"} {
		t.Run(victim, func(t *testing.T) {
			b := startBusy(t)
			pid := b.helper
			if victim == "main" {
				pid = b.main
			}
			if err := unix.Kill(pid, unix.SIGKILL); err != nil {
				t.Fatal(err)
			}
			r := b.Wait(limit)
			if victim == "main" && r.Status != 128+9 {
				t.Errorf("status %d", r.Status)
			}
			eventually(t, "both have ended", func() bool { return ended(b.main) && ended(b.helper) })
			list, err := readWarts(t, b.out)
			if err != nil {
				t.Errorf("after %d records: %v", len(list), err)
			}
			got := kinds(list)
			want := []string{"list", "cycle-start", "ping"}
			if victim == "helper" { // the main process had time for the rest
				want = append(want, "ping", "cycle-stop")
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("records, -want +got:\n%s", diff)
			}
			dump, err := command(peer, b.out).CombinedOutput()
			if n := strings.Count(string(dump), "ping from "); err != nil || n != count(list, warts.TypePing) {
				t.Errorf("sc_wartsdump: %d pings, error %v\n%s", n, err, dump)
			}
		})
	}
}

// Killed in the middle of much writing, the file has all but perhaps the end of its last record.
func TestKillWriting(t *testing.T) {
	t.Parallel()
	peer := testkit.NeedProgram(t, "sc_wartsdump")
	chain := far(t)
	dir := testkit.OpenDir(t)
	list, out := filepath.Join(dir, "list"), filepath.Join(dir, "out.warts")
	farList(t, list, 300_000)
	p := chain.Prober.Start(command(program(t), "-p", "20000", "-o", out, "-c", "ping -c 1", "-f", list))
	pid := mainProcess(t, p.Cmd.Process.Pid)
	eventually(t, "200 kB are written", func() bool { return fileSize(out) > 200_000 })
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if r := p.Wait(limit); r.Status != 128+9 || !ended(pid) {
		t.Errorf("status %d of the helper, the main process has ended: %v", r.Status, ended(pid))
	}
	records, err := readWarts(t, out)
	pings := count(records, warts.TypePing)
	if len(records) != pings+2 || pings < 1000 {
		t.Errorf("%d records, %d pings, error %v", len(records), pings, err)
	}
	for i, r := range records[2:] {
		if r.(*warts.Ping).Sent != 1 {
			t.Fatalf("ping %d sent %d", i, r.(*warts.Ping).Sent)
		}
	}
	dump, _ := command(peer, out).Output() // its status is not 0 if the last record is cut
	if n := strings.Count(string(dump), "ping from "); n != pings {
		t.Errorf("sc_wartsdump finds %d pings, we %d", n, pings)
	}
}

// A signal ends the run in good order: what is done and what is half done is written, and the stop of the cycle.
func TestSignal(t *testing.T) {
	t.Parallel()
	for _, sig := range []unix.Signal{unix.SIGINT, unix.SIGTERM} {
		for _, to := range []string{"helper", "main", "both"} {
			t.Run(fmt.Sprintf("%v to %s", unix.SignalName(sig), to), func(t *testing.T) {
				t.Parallel()
				b := startBusy(t)
				if to != "main" {
					b.Signal(sig)
				}
				if to != "helper" {
					if err := unix.Kill(b.main, sig); err != nil && to == "main" {
						t.Fatal(err)
					}
				}
				r := b.Wait(limit)
				if r.Status != 0 || r.Stdout != "" || r.Stderr != "" {
					t.Errorf("status %d, output %q, stderr %q", r.Status, r.Stdout, r.Stderr)
				}
				if !ended(b.main) {
					t.Error("the main process lives")
				}
				list := wholeWarts(t, b.out)
				if diff := cmp.Diff([]string{"list", "cycle-start", "ping", "ping", "cycle-stop"}, kinds(list)); diff != "" {
					t.Fatalf("records, -want +got:\n%s", diff)
				}
				partial := list[3].(*warts.Ping)
				replies := 0
				for i := range partial.Probes {
					replies += len(partial.Probes[i].Replies)
				}
				if partial.StopReason != warts.PingStopHalted || partial.Sent < 3 || partial.ProbeCount != 10000 || replies < 3 {
					t.Errorf("%v after %d of %d probes and %d replies", partial.StopReason, partial.Sent, partial.ProbeCount, replies)
				}
				if stop := list[4].(*warts.Cycle); stop.Stop < stop.Start || stop.Start == 0 {
					t.Errorf("the cycle is from %d to %d", stop.Start, stop.Stop)
				}
			})
		}
	}
}

// A closed terminal does not end the run, whichever process hears of it. Signals of higher numbers are delivered later.
func TestHangup(t *testing.T) {
	t.Parallel()
	b := startBusy(t)
	for _, pid := range []int{b.main, b.helper} {
		if err := unix.Kill(pid, unix.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	b.Signal(unix.SIGTERM)
	if r := b.Wait(limit); r.Status != 0 || r.Stdout != "" || r.Stderr != "" {
		t.Errorf("status %d, output %q, stderr %q", r.Status, r.Stdout, r.Stderr)
	}
	if diff := cmp.Diff([]string{"list", "cycle-start", "ping", "ping", "cycle-stop"}, kinds(wholeWarts(t, b.out))); diff != "" {
		t.Errorf("records, -want +got:\n%s", diff)
	}
}

// Commands that have not begun, and those that wait for another one, leave nothing behind.
func TestSignalQueued(t *testing.T) {
	t.Parallel()
	ns := alone(t)
	out := filepath.Join(testkit.OpenDir(t), "out.json")
	p := ns.Start(command(program(t), "-w", "2", "-p", "1000", "-o", out, "-I",
		"ping -c 1 -W 50ms 127.0.0.1", "ping -c 10000 -i 0.05 127.0.0.2", "ping -c 1 127.0.0.2", "ping -c 10000 127.0.0.3", "ping -c 1 127.0.0.4"))
	eventually(t, "the first result is written", func() bool {
		b, err := os.ReadFile(out)
		return err == nil && strings.Contains(string(b), `"ping"`)
	})
	p.Signal(unix.SIGTERM)
	r := p.Wait(limit)
	if r.Status != 0 || r.Stderr != "" {
		t.Errorf("status %d, stderr %q", r.Status, r.Stderr)
	}
	lines := jsonLines(t, readFile(t, out))
	if len(lines) < 4 || lines[0]["type"] != "cycle-start" || lines[len(lines)-1]["type"] != "cycle-stop" {
		t.Errorf("%v", lines)
	}
	for _, dst := range values(lines, "ping", "dst") {
		if dst == "127.0.0.4" {
			t.Error("a ping was made that was not to begin any more")
		}
	}
	if n := len(values(lines, "cycle-stop", "id")); n != 1 {
		t.Errorf("%d cycle stops", n)
	}
}

func TestPIDFile(t *testing.T) {
	t.Parallel()
	dir := testkit.OpenDir(t)
	pidFile := filepath.Join(dir, "pid")
	writeFile(t, pidFile, "a line that is longer than any number of a process\n")
	b := startBusy(t, "-e", pidFile)
	if got, want := readFile(t, pidFile), fmt.Sprintln(b.main); got != want {
		t.Errorf("the file says %q, the main process is %q", got, want)
	}
	if got := status(t, b.main, "Uid")["Uid"]; got != four(nobody(t).Uid) {
		t.Errorf("users %s", got)
	}
	if err := unix.Kill(b.main, unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if r := b.Wait(limit); r.Status != 0 {
		t.Errorf("status %d", r.Status)
	}
	if fileSize(pidFile) < 0 {
		t.Error("the file was removed")
	}
}

// Whoever has read the number of the process may signal it at once.
func TestSignalEarly(t *testing.T) {
	t.Parallel()
	ns := alone(t)
	dir := testkit.OpenDir(t)
	for i := range 8 {
		pidFile, out := filepath.Join(dir, strconv.Itoa(i)), filepath.Join(dir, strconv.Itoa(i)+".json")
		p := ns.Start(command(program(t), "-e", pidFile, "-o", out, "-i", "127.0.0.1", "-c", "ping -c 1000"))
		pid := 0
		for n := 0; pid == 0; n++ { // without sleeping
			if b, err := os.ReadFile(pidFile); err == nil && len(b) > 0 && b[len(b)-1] == '\n' {
				pid, _ = strconv.Atoi(strings.TrimSpace(string(b)))
			}
			if !p.Running() {
				t.Fatal(p.Wait(limit))
			}
		}
		if err := unix.Kill(pid, unix.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if r := p.Wait(limit); r.Status != 0 || r.Stderr != "" {
			t.Errorf("status %d, stderr %q", r.Status, r.Stderr)
		}
		if text, err := os.ReadFile(out); err == nil {
			jsonLines(t, string(text))
		}
	}
}
