package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scamper/shared/warts"
)

func TestGetopt(t *testing.T) {
	type result struct {
		Options  []Option
		Operands []string
		Stderr   string
	}
	for _, c := range []struct {
		args string
		want result
	}{
		{"", result{}},
		{"-a -o x y", result{Options: []Option{{'a', ""}, {'o', "x"}}, Operands: []string{"y"}}},
		{"y -ox -ab", result{Options: []Option{{'o', "x"}, {'a', ""}, {'b', ""}}, Operands: []string{"y"}}},
		{"-aox", result{Options: []Option{{'a', ""}, {'o', "x"}}}},
		{"-o -a", result{Options: []Option{{'o', "-a"}}}},
		{"- -a", result{Options: []Option{{'a', ""}}, Operands: []string{"-"}}},
		{"-a -- -b", result{Options: []Option{{'a', ""}}, Operands: []string{"-b"}}},
		{"-x", result{Options: []Option{{'?', ""}}, Stderr: "t: invalid option -- 'x'\n"}},
		{"-:", result{Options: []Option{{'?', ""}}, Stderr: "t: invalid option -- ':'\n"}},
		{"-?", result{Options: []Option{{'?', ""}}}},
		{"-o", result{Options: []Option{{'?', ""}}, Stderr: "t: option requires an argument -- 'o'\n"}},
	} {
		var stderr strings.Builder
		opts, operands := Getopt("t", strings.Fields(c.args), "abo:", &stderr)
		if diff := cmp.Diff(c.want, result{opts, operands, stderr.String()}); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.args, diff)
		}
	}
}

func TestStandard(t *testing.T) {
	for _, c := range []struct {
		args string
		want bool
		out  string
	}{
		{"a b", false, ""},
		{"a --help", true, "help\n"},
		{"-- --help", false, ""},
		{"--version", true, "t (scamper in Go) " + Version() + "\n"},
	} {
		var stdout strings.Builder
		env := &Env{Name: "t", Args: strings.Fields(c.args), Stdout: &stdout}
		if got := env.Standard("help\n"); got != c.want || stdout.String() != c.out {
			t.Errorf("%q: %v and %q, want %v and %q", c.args, got, stdout.String(), c.want, c.out)
		}
	}
}

func TestIsReserved(t *testing.T) {
	for addr, want := range map[string]bool{
		"8.8.8.8": false, "10.0.0.1": true, "100.63.255.255": false, "100.64.0.0": true, "192.0.0.1": true,
		"192.0.1.1": false, "198.19.255.255": true, "198.20.0.0": false, "240.0.0.1": true, "223.255.255.255": false,
		"2001:4860::1": false, "fe80::1": true, "2002::1": true, "2001::1": true, "2001:1::1": false, "2001:10::1": true,
		"2001:1f:ffff::": true, "2001:20::1": true, "2001:30::": false, "2001:4:112::1": true, "2001:4:113::1": false,
		"2001:db8::1": true, "::1": true,
	} {
		if got := IsReserved(netip.MustParseAddr(addr)); got != want {
			t.Errorf("IsReserved(%s) = %v", addr, got)
		}
	}
}

// pings is a warts file of n pings to different addresses, with a new cycle every thousand, and the offset of each ping.
func pings(t testing.TB, n int) (file []byte, offsets []int) {
	t.Helper()
	var enc warts.Encoder
	list := &warts.List{ID: 1, Name: "list"}
	var cycle *warts.Cycle
	for i := range n {
		var err error
		if i%1000 == 0 {
			cycle = &warts.Cycle{List: list, ID: uint32(i), Start: uint32(i)}
			if file, err = enc.Append(file, cycle); err != nil {
				t.Fatal(err)
			}
		}
		offsets = append(offsets, len(file))
		dst := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		ping := &warts.Ping{
			List: list, Cycle: cycle, Dst: warts.AddrFrom(dst), Start: warts.Time{Sec: 1}, UserID: uint32(i),
		}
		if file, err = enc.Append(file, ping); err != nil {
			t.Fatal(err)
		}
	}
	return file, append(offsets, len(file))
}

// show is a renderer for tests: cycles and user ids.
func show(b []byte, rec warts.Record) []byte {
	switch r := rec.(type) {
	case *warts.Cycle:
		return fmt.Appendf(b, "cycle %d\n", r.ID)
	case *warts.Ping:
		return fmt.Appendf(b, "%d in %d of %s\n", r.UserID, r.Cycle.ID, r.List.Name)
	}
	return b
}

func shown(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		if i%1000 == 0 {
			fmt.Fprintf(&b, "cycle %d\n", i)
		}
		fmt.Fprintf(&b, "%d in %d of list\n", i, i/1000*1000)
	}
	return b.String()
}

var showConversion = Conversion{
	Want: []warts.Type{warts.TypePing, warts.TypeCycleStart}, Render: show,
	OpenFailed: func(string, error) bool { return false },
}

func TestConvertOrder(t *testing.T) {
	file, _ := pings(t, 20_000)
	for _, procs := range []int{1, 2, 3, 8} {
		t.Run(fmt.Sprint(procs), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
			var stdout, stderr bytes.Buffer
			env := &Env{Name: "t", Stdin: bytes.NewReader(file), Stdout: &stdout, Stderr: &stderr}
			if status := env.Convert(showConversion); status != StatusOK {
				t.Errorf("status %d: %s", status, stderr.String())
			}
			if stdout.String() != shown(0, 20_000) {
				t.Error("records are missing or out of order")
			}
		})
	}
}

func TestConvertDamage(t *testing.T) {
	file, offsets := pings(t, 20_000)
	good := filepath.Join(t.TempDir(), "good")
	if err := os.WriteFile(good, file[:offsets[3]], 0o600); err != nil {
		t.Fatal(err)
	}
	const at = 12_345
	for name, c := range map[string]struct {
		file []byte
		line string
	}{
		// The parameters of a ping begin behind its header, its flag bytes, and their length.
		"unknown list": {
			damage(file, offsets[at]+warts.HeaderLen+4+2, 0xff),
			fmt.Sprintf("off 0x%08x magic 0x1205 type 0x0007 len 0x%08x: ", offsets[at]+8, offsets[at+1]-offsets[at]-8),
		},
		"bad magic": {damage(file, offsets[at], 0xff), ""},
		"cut":       {file[:offsets[at]+11], ""},
	} {
		t.Run(name, func(t *testing.T) {
			bad := filepath.Join(t.TempDir(), "bad")
			if err := os.WriteFile(bad, c.file, 0o600); err != nil {
				t.Fatal(err)
			}
			var stdout, stderr bytes.Buffer
			env := &Env{Name: "t", Stdout: &stdout, Stderr: &stderr}
			conversion := showConversion
			conversion.Files = []string{bad, good}
			if status := env.Convert(conversion); status != StatusDamaged {
				t.Errorf("status %d", status)
			}
			if got, want := stdout.String(), shown(0, at)+shown(0, 3); got != want {
				t.Errorf("%d bytes of output, want %d: all before the damage, then the other file", len(got), len(want))
			}
			line := stderr.String()
			if !strings.HasPrefix(line, c.line) || strings.Count(line, "\n") != 1 || !strings.Contains(line, bad) {
				t.Errorf("standard error: %q, want one line that begins with %q and names the file", line, c.line)
			}
			var sequential bytes.Buffer
			env.Stderr = &sequential
			env.Walk(Walk{
				Files: []string{bad}, Record: func(int, warts.Record) bool { return true },
				OpenFailed: func(string, error) bool { return false },
			})
			if diff := cmp.Diff(sequential.String(), line); diff != "" {
				t.Errorf("not the line of a reader that decodes everything (-want +got):\n%s", diff)
			}
			conversion.StopAtDamage = true
			stdout.Reset()
			if status := env.Convert(conversion); status != StatusFailed || stdout.String() != shown(0, at) {
				t.Errorf("StopAtDamage: status %d, %d bytes", status, stdout.Len())
			}
		})
	}
}

func damage(file []byte, at int, b byte) []byte {
	file = bytes.Clone(file)
	file[at] = b
	return file
}

// TestConvertLive has a pipe that gives a record and then waits: the record must come out meanwhile.
func TestConvertLive(t *testing.T) {
	file, offsets := pings(t, 3)
	in, feed := io.Pipe()
	out, sink := io.Pipe()
	env := &Env{Name: "t", Stdin: in, Stdout: sink, Stderr: io.Discard}
	ended := make(chan int)
	go func() {
		ended <- env.Convert(showConversion)
		sink.Close()
	}()
	for i := range 3 {
		from := offsets[i]
		if i == 0 {
			from = 0
		}
		if _, err := feed.Write(file[from:offsets[i+1]]); err != nil {
			t.Fatal(err)
		}
		want := shown(i, i+1)
		got := make([]byte, len(want))
		if _, err := io.ReadFull(out, got); err != nil || string(got) != want {
			t.Fatalf("got %q, %v, want %q", got, err, want)
		}
	}
	feed.Close()
	if status := <-ended; status != StatusOK {
		t.Errorf("status %d", status)
	}
}

// brokenPipe fails as a pipe does whose reader has gone.
type brokenPipe struct{ after int }

func (p *brokenPipe) Write(b []byte) (int, error) {
	if p.after -= len(b); p.after < 0 {
		return 0, &os.PathError{Op: "write", Path: "|1", Err: syscall.EPIPE}
	}
	return len(b), nil
}

func TestBrokenPipe(t *testing.T) {
	file, _ := pings(t, 20_000)
	var stderr bytes.Buffer
	env := &Env{Name: "t", Stdin: bytes.NewReader(file), Stdout: &brokenPipe{10_000}, Stderr: &stderr}
	if status := env.Convert(showConversion); status != StatusFailed || stderr.Len() > 0 {
		t.Errorf("status %d, standard error %q", status, stderr.String())
	}
	if status := env.WriteStatus(errors.New("disk full")); status != StatusFailed || stderr.String() != "t: could not write: disk full\n" {
		t.Errorf("status %d, standard error %q", status, stderr.String())
	}
}

func TestConvertOpen(t *testing.T) {
	dir := t.TempDir()
	good := filepath.Join(dir, "good")
	file, _ := pings(t, 3)
	empty, text := filepath.Join(dir, "empty"), filepath.Join(dir, "text")
	if err := errors.Join(
		os.WriteFile(good, file, 0o600), os.WriteFile(empty, nil, 0o600), os.WriteFile(text, []byte("some text"), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	for name, reason := range map[string]string{
		empty: "unknown file type", text: "unknown file type", filepath.Join(dir, "none"): "no such file or directory",
		dir: "is a directory",
	} {
		var stdout bytes.Buffer
		env := &Env{Name: "t", Stdout: &stdout, Stderr: io.Discard}
		conversion := showConversion
		conversion.Files = []string{good, name, good}
		var got error
		conversion.OpenFailed = func(_ string, err error) bool { got = err; return false }
		if status := env.Convert(conversion); status != StatusFailed || stdout.String() != shown(0, 3) {
			t.Errorf("%s: status %d, output %q", name, status, stdout.String())
		}
		if got == nil || got.Error() != reason {
			t.Errorf("%s: %v, want %s", name, got, reason)
		}
		stdout.Reset()
		conversion.OpenFailed = func(string, error) bool { return true }
		if status := env.Convert(conversion); status != StatusOK || stdout.String() != shown(0, 3)+shown(0, 3) {
			t.Errorf("%s, go on: status %d, output %q", name, status, stdout.String())
		}
	}
}

func TestConvertEmptyStdin(t *testing.T) {
	env := &Env{Name: "t", Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard}
	if status := env.Convert(showConversion); status != StatusOK {
		t.Errorf("status %d", status)
	}
}

// TestConvertMemory converts a file that is much larger than what may be held at once.
func TestConvertMemory(t *testing.T) {
	file, _ := pings(t, 1000)
	const times = 300
	env := &Env{Name: "t", Stdin: io.LimitReader(&again{data: file}, int64(times*len(file))), Stdout: io.Discard}
	env.Stderr = io.Discard
	start := heap()
	peak := uint64(0)
	conversion := showConversion
	conversion.Render = func(b []byte, rec warts.Record) []byte { return fmt.Appendf(b, "%0512d\n", 1) }
	n := 0
	conversion.Prepare = func(int, []byte) []byte {
		if n++; n%5000 == 0 {
			peak = max(peak, heap())
		}
		return nil
	}
	env.Convert(conversion)
	if peak > start+32<<20 {
		t.Errorf("%d MB more in use", (peak-start)>>20)
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

// again reads the same file again and again.
type again struct {
	data []byte
	at   int
}

func (a *again) Read(p []byte) (int, error) {
	n := copy(p, a.data[a.at:])
	a.at = (a.at + n) % len(a.data)
	return n, nil
}

func TestWalkWaiting(t *testing.T) {
	file, offsets := pings(t, 2)
	in, feed := io.Pipe()
	events := make(chan string, 100)
	env := &Env{Name: "t", Stdin: in, Stderr: io.Discard}
	go env.Walk(Walk{
		Waiting: func() { events <- "waiting" },
		Record: func(_ int, rec warts.Record) bool {
			if p, ok := rec.(*warts.Ping); ok {
				events <- fmt.Sprint(p.UserID)
			}
			return true
		},
	})
	go feed.Write(file[:offsets[1]])
	for deadline := time.After(time.Minute); ; {
		select {
		case e := <-events:
			if e != "0" {
				continue
			}
			if after := <-events; after != "waiting" {
				t.Errorf("%q after the record, want to hear that it waits", after)
			}
			feed.Close()
			return
		case <-deadline:
			t.Fatal("the record did not come")
		}
	}
}
