package main_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"scamper/shared/warts"
	"scamper/testkit"
)

// Each format goes to a file and to standard output, named by -O or by the ending of the file.
func TestFormats(t *testing.T) {
	t.Parallel()
	peer := testkit.NeedProgram(t, "sc_wartsdump")
	ns := alone(t)
	work := []string{"-p", "1000", "-I", quick + " 127.0.0.1", "trace ::1"}
	for _, test := range []struct {
		name   string // of the file; "" is standard output
		words  []string
		format string
	}{
		{"", nil, "text"},
		{"", []string{"text"}, "text"},
		{"", []string{"json"}, "json"},
		{"", []string{"warts"}, "warts"},
		{"", []string{"json", "WARTS"}, "warts"}, // the last one counts
		{"-", []string{"json"}, "json"},
		{"out", nil, "text"},
		{"out.json", nil, "json"},
		{"out.WARTS", nil, "warts"},
		{"out.warts", []string{"json"}, "json"},
		{"out.json", []string{"warts"}, "warts"},
		{"out.warts.gz", nil, "packed"},
		{"out", []string{"warts.xz"}, "packed"},
	} {
		t.Run(fmt.Sprintf("%s %v", test.name, test.words), func(t *testing.T) {
			t.Parallel()
			out := filepath.Join(testkit.OpenDir(t), "stdout")
			var args []string
			for _, w := range test.words {
				args = append(args, "-O", w)
			}
			switch {
			case test.name == "-":
				args = append(args, "-o", "-")
			case test.name != "":
				out = filepath.Join(testkit.OpenDir(t), test.name)
				writeFile(t, out, strings.Repeat("what was in the file before\n", 1000))
				args = append(args, "-o", out)
			}
			stdout := mustRun(t, ns, append(args, work...)...)
			if test.name == "" || test.name == "-" {
				writeFile(t, out, stdout)
			} else if stdout != "" {
				t.Errorf("standard output %q", stdout)
			}
			switch test.format {
			case "text":
				text := readFile(t, out)
				if !strings.Contains(text, "\n--- 127.0.0.1 ping statistics ---\n1 packets transmitted, 1 packets received, 0% packet loss\n") ||
					!strings.Contains(text, "traceroute from ::1 to ::1\n 1  ::1  ") || strings.Contains(text, "default") {
					t.Errorf("text:\n%s", text)
				}
			case "json":
				list := jsonLines(t, readFile(t, out))
				var kinds []string
				for _, o := range list {
					kinds = append(kinds, fmt.Sprint(o["type"]))
				}
				if diff := cmp.Diff([]string{"cycle-start", "trace", "ping", "cycle-stop"}, kinds); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			default:
				if diff := cmp.Diff([]string{"list", "cycle-start", "trace", "ping", "cycle-stop"}, kinds(wholeWarts(t, out))); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
				if test.format == "packed" {
					if readFile(t, out)[:2] == "\x12\x05" {
						t.Error("not packed")
					}
					return // Debian's tools are older than this
				}
				dump, err := command(peer, out).CombinedOutput()
				if err != nil || strings.Count(string(dump), "ping from ") != 1 || strings.Count(string(dump), "traceroute from ") != 1 {
					t.Errorf("sc_wartsdump: %v\n%s", err, dump)
				}
			}
		})
	}
}

// Names with odd characters leave lines of JSON that can be read, where they end before the first character that cannot
// be printed, as in scamper's; records have all of them.
func TestOddNames(t *testing.T) {
	t.Parallel()
	ns := alone(t)
	for _, name := range []string{`a "list" \ of {things}`, "tab\there", "näme", "line\nbreak", `\u0041`} {
		args := []string{"-p", "1000", "-l", name, "-M", name, "-c", quick, "-i", "127.0.0.1", "-O"}
		list := jsonLines(t, mustRun(t, ns, append(args, "json")...))
		printable := name
		if i := strings.IndexFunc(name, func(r rune) bool { return r < 0x20 || r > 0x7e }); i >= 0 {
			printable = name[:i]
		}
		if got := list[0]["list_name"]; got != printable {
			t.Errorf("list %q is %q in JSON", name, got)
		}
		if got := list[1]["monitor"]; got != printable {
			t.Errorf("monitor %q is %q in JSON", name, got)
		}
		out := filepath.Join(testkit.OpenDir(t), "out")
		mustRun(t, ns, append(args, "warts", "-o", out)...)
		if l := wholeWarts(t, out)[0].(*warts.List); l.Name != name || l.Monitor != name {
			t.Errorf("list %q, monitor %q in warts", l.Name, l.Monitor)
		}
	}
}

// An output that cannot be written ends the run, with a message and a status.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	chain := far(t)
	list := filepath.Join(testkit.OpenDir(t), "list")
	farList(t, list, 300_000)
	for _, format := range []string{"text", "json", "warts", "warts.gz"} {
		for _, stdout := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, standard output %v", format, stdout), func(t *testing.T) {
				t.Parallel()
				cmd := command(program(t), "-p", "10000", "-O", format, "-c", "ping -c 1 -W 10ms", "-f", list)
				name := "/dev/full"
				if stdout {
					name = "-"
					full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
					if err != nil {
						t.Fatal(err)
					}
					defer full.Close()
					cmd.Stdout = full
				} else {
					cmd.Args = append(cmd.Args[:1:1], append([]string{"-o", name}, cmd.Args[1:]...)...)
				}
				r := chain.Prober.Start(cmd).Wait(limit)
				if r.Status != 255 {
					t.Errorf("status %d", r.Status)
				}
				oneLine(t, r.Stderr, "could not write "+name+": No space left on device")
			})
		}
	}
	// Also when all is written at the very end.
	r := run(t, chain.Prober, "-o", "/dev/full", "-c", quick, "-i", "10.64.0.1")
	if r.Status != 255 {
		t.Errorf("status %d", r.Status)
	}
	oneLine(t, r.Stderr, "could not write /dev/full: No space left on device")
}

// A warts file on a disk that became full ends with its last whole record.
func TestDiskFullWhole(t *testing.T) {
	t.Parallel()
	chain := far(t)
	peer := testkit.NeedProgram(t, "sc_wartsdump")
	dir := testkit.OpenDir(t)
	list := filepath.Join(dir, "list")
	farList(t, list, 300_000)
	disk := filepath.Join(dir, "disk")
	if err := os.Mkdir(disk, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=204800"); err != nil {
		testkit.Skip(t, fmt.Sprintf("this system forbids mounts: %v", err))
	}
	t.Cleanup(func() { unix.Unmount(disk, unix.MNT_DETACH) })
	out := filepath.Join(disk, "out.warts")
	r := run(t, chain.Prober, "-p", "10000", "-o", out, "-c", "ping -c 1 -W 10ms", "-f", list)
	if r.Status != 255 {
		t.Errorf("status %d", r.Status)
	}
	oneLine(t, r.Stderr, "could not write "+out+": No space left on device")
	records := wholeWarts(t, out)
	pings := count(records, warts.TypePing)
	if size := fileSize(out); size < 200_000 || pings < 500 || pings != len(records)-2 {
		t.Errorf("%d bytes, %d records, %d pings", size, len(records), pings)
	}
	dump, err := command(peer, out).Output()
	if n := strings.Count(string(dump), "ping from "); err != nil || n != pings {
		t.Errorf("sc_wartsdump: %d pings, error %v", n, err)
	}
}

// A reader that goes away ends the run.
func TestClosedPipe(t *testing.T) {
	t.Parallel()
	chain := far(t)
	list := filepath.Join(testkit.OpenDir(t), "list")
	farList(t, list, 300_000)
	for _, format := range []string{"text", "json", "warts"} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd := command(program(t), "-p", "10000", "-O", format, "-c", "ping -c 1 -W 10ms", "-f", list)
		cmd.Stdout = w
		p := chain.Prober.Start(cmd)
		w.Close()
		if _, err := io.ReadFull(r, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		r.Close()
		got := p.Wait(limit)
		if got.Status != 255 {
			t.Errorf("%s: status %d", format, got.Status)
		}
		oneLine(t, got.Stderr, "could not write -: Broken pipe")
	}
}

// stuck starts a run whose output nobody reads, and waits until nothing more goes into the pipe.
func stuck(t *testing.T, chain *testkit.Chain) (p *testkit.Process, main int, out *os.File) {
	t.Helper()
	list := filepath.Join(testkit.OpenDir(t), "list")
	farList(t, list, 300_000)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	cmd := command(program(t), "-p", "100000", "-O", "json", "-c", "ping -c 1 -W 10ms", "-f", list)
	cmd.Stdout = w
	p = chain.Prober.Start(cmd)
	main = mainProcess(t, p.Cmd.Process.Pid)
	full := 0
	eventually(t, "the pipe is full", func() bool {
		n, err := unix.IoctlGetInt(int(r.Fd()), unix.TIOCINQ)
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 && n == full {
			time.Sleep(300 * time.Millisecond)
			again, _ := unix.IoctlGetInt(int(r.Fd()), unix.TIOCINQ)
			return again == n
		}
		full = n
		return false
	})
	w.Close()
	return p, main, r
}

// An output that is not read makes the run wait; nothing is lost, and memory stays within bounds.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	chain := far(t)
	p, main, out := stuck(t, chain)
	time.Sleep(500 * time.Millisecond)
	if kb := memory(main); kb > 150<<10 {
		t.Errorf("%d kB of memory", kb)
	}
	seen := map[string]bool{}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	var last string
	for lines.Scan() {
		last = lines.Text()
		if _, rest, ok := strings.Cut(last, `"dst":"`); ok {
			dst, _, _ := strings.Cut(rest, `"`)
			seen[dst] = true
		}
	}
	if r := p.Wait(limit); r.Status != 0 {
		t.Errorf("status %d, stderr %q", r.Status, r.Stderr)
	}
	if len(seen) != 300_000 || !strings.Contains(last, "cycle-stop") {
		t.Errorf("%d results, the last line is %q", len(seen), last)
	}
}

// When nobody reads the output, one signal waits for a reader, and another one gives up; and so does the end of the
// helper after a while.
func TestStuckEnds(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"main", "helper", "reader", "kill helper", "kill main"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			chain := far(t)
			p, main, out := stuck(t, chain)
			pid := map[string]int{"main": main, "reader": main, "kill main": main}[how]
			if pid == 0 {
				pid = p.Cmd.Process.Pid
			}
			sig := unix.SIGTERM
			if strings.HasPrefix(how, "kill") {
				sig = unix.SIGKILL
			}
			for range 2 { // as some programs do; counts as one
				if err := unix.Kill(pid, sig); err != nil && sig == unix.SIGTERM {
					t.Fatal(err)
				}
			}
			switch how {
			case "main", "helper":
				time.Sleep(1500 * time.Millisecond)
				if !p.Running() {
					t.Error("one signal gave up")
				}
				if err := unix.Kill(pid, sig); err != nil {
					t.Fatal(err)
				}
				r := p.Wait(limit)
				if r.Status != 255 {
					t.Errorf("status %d", r.Status)
				}
				oneLine(t, unsent.ReplaceAllString(r.Stderr, ""), "could not write -: gave up, with ")
			case "reader":
				text, err := io.ReadAll(out)
				if err != nil {
					t.Fatal(err)
				}
				r := p.Wait(limit)
				if r.Status != 0 || unsent.ReplaceAllString(r.Stderr, "") != "" {
					t.Errorf("status %d, stderr %q", r.Status, r.Stderr)
				}
				list := jsonLines(t, string(text))
				if got := list[len(list)-1]["type"]; got != "cycle-stop" {
					t.Errorf("the last line is of type %v", got)
				}
			default:
				p.Wait(limit)
			}
			eventually(t, "both have ended", func() bool { return ended(main) && ended(p.Cmd.Process.Pid) })
		})
	}
}

// unsent is said before all else by a run that a signal ends while a busy machine keeps packets from leaving.
var unsent = regexp.MustCompile(`^\S+ scamper: \d+ packets? w(as|ere) not sent any more at the end\n`)

// Results are readable while the run goes on.
func TestReadableMeanwhile(t *testing.T) {
	t.Parallel()
	ns := alone(t)
	out := filepath.Join(testkit.OpenDir(t), "out.warts")
	p := ns.Start(command(program(t), "-o", out, "-p", "1000", "-I", quick+" 127.0.0.1", quick+" 127.0.0.2", "ping -c 1000 127.0.0.3"))
	eventually(t, "two results can be read", func() bool {
		if fileSize(out) <= 0 {
			return false
		}
		list, err := readWarts(t, out)
		return err == nil && slices.Equal(kinds(list), []string{"list", "cycle-start", "ping", "ping"})
	})
	if !p.Running() {
		t.Error("the run has ended")
	}
}
