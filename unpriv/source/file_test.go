package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
)

func TestCutLine(t *testing.T) {
	const bad = "contains unprintable characters"
	tests := []struct {
		form       Form
		line       string
		text, fail string
	}{
		{Targets, "192.0.2.1", "192.0.2.1", ""},
		{Targets, "192.0.2.1\r", "192.0.2.1", ""},
		{Targets, "192.0.2.1 some words", "192.0.2.1", ""},
		{Targets, "192.0.2.1#x", "192.0.2.1", ""},
		{Targets, "192.0.2.1 # x", "192.0.2.1", ""},
		{Targets, "", "", ""},
		{Targets, "\r", "", ""},
		{Targets, "#192.0.2.1", "", ""},
		{Targets, " 192.0.2.1", "", ""},
		{Targets, "192.0.2.1\t", "", bad},
		{Targets, "# a\ttab", "", bad},
		{Targets, "192.0.2.1\r\r", "", bad},
		{Targets, "192.0.2.1\rx", "", bad},
		{Targets, "caf\xe9", "", bad},
		{Targets, "\x7f", "", bad},
		{Targets, "\x1f", "", bad},
		{Targets, "~!", "~!", ""},
		{Commands, "ping -c 1 192.0.2.1", "ping -c 1 192.0.2.1", ""},
		{Commands, "ping 192.0.2.1 # note", "ping 192.0.2.1 ", ""},
		{Commands, " ping 192.0.2.1 \r", " ping 192.0.2.1 ", ""},
		{Commands, "#ping", "", ""},
		{Commands, "ping\t192.0.2.1", "", bad},
		{Timestamps, "# note", "", ""},
		{Timestamps, "192.0.2.1 # note", "192.0.2.1 # note", ""},
	}
	for _, tt := range tests {
		text, err := tt.form.cutLine([]byte(tt.line))
		fail := ""
		if err != nil {
			fail = err.Error()
		}
		if string(text) != tt.text || fail != tt.fail {
			t.Errorf("form %d, line %q: %q, %q", tt.form, tt.line, text, fail)
		}
	}
}

func TestTimestamps(t *testing.T) {
	tests := []struct{ line, want string }{
		{"192.0.2.1", "ping 192.0.2.1"},
		{"192.0.2.1 192.0.2.2", "ping -T tsprespec=192.0.2.2 192.0.2.1"},
		{
			"10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5",
			"ping -T tsprespec=10.0.0.2,10.0.0.3,10.0.0.4,10.0.0.5 10.0.0.1",
		},
		{"10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.6", ""},
		{"10.0.0.1  10.0.0.2", ""},
		{"10.0.0.1 ", ""},
		{" 10.0.0.1", ""},
		{"10.0.0.1 2001:db8::1", ""},
		{"2001:db8::1", ""},
		{"host", ""},
		{"10.0.0.1 #", ""},
		{"10.0.0.1,10.0.0.2", ""},
	}
	for _, tt := range tests {
		got, err := appendTimestamps([]byte("kept "), []byte(tt.line))
		if tt.want == "" {
			if err == nil || string(got) != "kept " {
				t.Errorf("%q: %q, %v", tt.line, got, err)
			}
			continue
		}
		if err != nil || string(got) != "kept "+tt.want {
			t.Errorf("%q: %q, %v", tt.line, got, err)
		}
	}
}

// reading is a mixer whose tasks are commands, for sources that are read by goroutines.
type reading struct {
	*Mixer[Command]
	woke chan struct{}
	log  []string
}

func newReading() *reading {
	r := &reading{woke: make(chan struct{}, 1)}
	r.Mixer = NewMixer(Hooks[Command]{
		Build:      func(_ *Cycle, cmd *Command) (Command, error) { return *cmd, nil },
		Report:     func(p *Problem) { r.log = append(r.log, p.Error()) },
		CycleStart: func(c *Cycle) { r.log = append(r.log, fmt.Sprint("start ", c.Record.ID)) },
		Finish:     func(s *Source) { r.log = append(r.log, "finish "+s.Name()) },
		Wake: func() {
			select {
			case r.woke <- struct{}{}:
			default:
			}
		},
	})
	return r
}

// limit is far above what any of the tests takes.
const limit = 30 * time.Second

// all takes until the sources are finished, and at most n commands.
func (r *reading) all(t testing.TB, n int) (got []Command) {
	t.Helper()
	for len(got) < n && !r.Finished() {
		if cmd, c, ok := r.Take(); ok {
			got = append(got, cmd)
			r.Done(c)
			continue
		}
		if r.Ready() || r.Finished() {
			continue
		}
		select {
		case <-r.woke:
			r.Refill()
		case <-time.After(limit):
			t.Fatalf("nothing arrives after %d commands; log %q", len(got), r.log)
		}
	}
	return got
}

// closing counts how often a file is closed.
type closing struct {
	io.Reader
	closed int
}

func (c *closing) Close() error { c.closed++; return nil }

// texts returns the texts of commands with their line numbers.
func texts(commands []Command) []string {
	var out []string
	for _, c := range commands {
		out = append(out, fmt.Sprintf("%d:%s", c.Line, c.Text))
	}
	return out
}

// readAll runs a source over a reader to its end.
func readAll(t testing.TB, in io.Reader, form Form) (got []Command, log []string, p Progress) {
	t.Helper()
	r := newReading()
	file := &closing{Reader: in}
	s := NewFile(Config{Name: "default", Priority: 1}, FileConfig{Name: "list", File: file, Form: form, Cycles: 1})
	if err := r.Add(s); err != nil {
		t.Fatal(err)
	}
	got = r.all(t, 1<<30)
	if file.closed != 1 {
		t.Errorf("the file was closed %d times", file.closed)
	}
	p, ok := s.Progress()
	if !ok {
		t.Error("no progress")
	}
	return got, r.log, p
}

func TestFile(t *testing.T) {
	const content = "192.0.2.1\n\n# note\r\n2001:db8::1 x\r\n\r\ntab\there\nhost\n 192.0.2.2\nlast"
	want := []string{"1:192.0.2.1", "4:2001:db8::1", "7:host", "9:last"}
	wantLog := []string{"start 0", "list:6: contains unprintable characters", "finish default"}
	readers := map[string]io.Reader{
		"whole":     strings.NewReader(content),
		"bytes":     iotest.OneByteReader(strings.NewReader(content)),
		"halves":    iotest.HalfReader(strings.NewReader(content)),
		"data+EOF":  iotest.DataErrReader(strings.NewReader(content)),
		"packed":    bytes.NewReader(pack(t, content)),
		"packed, 1": iotest.OneByteReader(bytes.NewReader(pack(t, content))),
	}
	for name, in := range readers {
		t.Run(name, func(t *testing.T) {
			got, log, p := readAll(t, in, Targets)
			if diff := cmp.Diff(want, texts(got)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(wantLog, log); diff != "" {
				t.Error(diff)
			}
			if p.Lines != 9 || p.Usable != 4 || p.Size != -1 || !strings.HasPrefix(name, "packed") && p.Read != int64(len(content)) {
				t.Errorf("progress %+v", p)
			}
			for i, want := range []netip.Addr{
				netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1"), {}, {},
			} {
				if got[i].Addr != want || !got[i].Target {
					t.Errorf("command %d: %+v", i, got[i])
				}
			}
		})
	}
}

func pack(t testing.TB, content string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, content); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestCommandFile(t *testing.T) {
	got, log, _ := readAll(t, strings.NewReader("ping -c 1 192.0.2.1\n#x\ntrace 192.0.2.1 #y\n"), Commands)
	if diff := cmp.Diff([]string{"1:ping -c 1 192.0.2.1", "3:trace 192.0.2.1 "}, texts(got)); diff != "" {
		t.Error(diff)
	}
	if got[0].Target || got[0].Addr.IsValid() || len(log) != 2 {
		t.Errorf("%+v, log %q", got[0], log)
	}
}

func TestTimestampFile(t *testing.T) {
	got, log, _ := readAll(t, strings.NewReader("10.0.0.1 10.0.0.2\n10.0.0.1  x\n10.0.0.3\n"), Timestamps)
	if diff := cmp.Diff([]string{"1:ping -T tsprespec=10.0.0.2 10.0.0.1", "3:ping 10.0.0.3"}, texts(got)); diff != "" {
		t.Error(diff)
	}
	want := "list:2: expected one to five IPv4 addresses with single spaces between them"
	if len(log) != 3 || log[1] != want || got[0].Target {
		t.Errorf("log %q", log)
	}
}

func TestLongLines(t *testing.T) {
	exact := strings.Repeat("a", MaxLine)
	for name, in := range map[string]string{
		"longest":             "x\n" + exact + "\ny\n",
		"longest with CR":     "x\n" + exact + "\r\ny\n",
		"longest, last":       "x\ny\n" + exact,
		"longest, last, CR":   "x\ny\n" + exact + "\r",
		"too long":            "x\n" + exact + "a\ny\n",
		"too long, last":      "x\ny\n" + exact + "a",
		"too long with CR":    "x\n" + exact + "a\r\ny\n",
		"far too long":        "x\n" + exact + exact + exact + exact + "#\ny\n",
		"far too long, last":  "x\ny\n" + exact + exact + exact + exact,
		"long and unreadable": "x\n" + exact[1:] + "\x01\ny\n",
	} {
		t.Run(name, func(t *testing.T) {
			got, log, p := readAll(t, strings.NewReader(in), Targets)
			fine := strings.HasPrefix(name, "longest")
			if fine && (len(got) != 3 || len(log) != 2) || !fine && (len(got) != 2 || len(log) != 3) {
				t.Fatalf("%d commands, log %q", len(got), log)
			}
			if !fine && !strings.HasPrefix(name, "long ") && !strings.HasSuffix(log[1], "line longer than 1048576 bytes") {
				t.Errorf("log %q", log)
			}
			if p.Lines != 3 || p.Read != int64(len(in)) {
				t.Errorf("progress %+v", p)
			}
		})
	}
}

// TestBadLines holds that a file of nonsense does not keep the loop for longer than its budget.
func TestBadLines(t *testing.T) {
	r := newReading()
	s := NewFile(Config{Name: "s", Priority: 1}, FileConfig{Name: "x", File: &endless{[]byte("\t\n")}})
	if err := r.Add(s); err != nil {
		t.Fatal(err)
	}
	defer r.Remove(s)
	for calls := 0; calls < 5; {
		before := len(r.log)
		if _, _, ok := r.Take(); ok {
			t.Fatal("a task of nothing")
		}
		if n := len(r.log) - before; n > maxRefused+1 {
			t.Fatalf("one call went through %d lines", n)
		}
		if r.Ready() {
			calls++
			continue
		}
		<-r.woke
		r.Refill()
	}
}

func TestReadError(t *testing.T) {
	broken := io.MultiReader(strings.NewReader("192.0.2.1\n192.0"), iotest.ErrReader(errors.New("disk on fire")))
	got, log, _ := readAll(t, broken, Targets)
	want := []string{"start 0", "list: after line 1: disk on fire", "finish default"}
	if diff := cmp.Diff(want, log); diff != "" {
		t.Error(diff)
	}
	if len(got) != 1 { // the other line is cut
		t.Errorf("%d commands", len(got))
	}

	packed := pack(t, strings.Repeat("192.0.2.1\n", 1000))
	_, log, _ = readAll(t, bytes.NewReader(packed[:len(packed)-10]), Targets)
	if len(log) != 3 || !strings.Contains(log[1], "unexpected EOF") {
		t.Errorf("cut gzip: %q", log)
	}
	_, log, _ = readAll(t, bytes.NewReader(packed[:5]), Targets)
	if len(log) != 3 || !strings.Contains(log[1], "gzip: ") {
		t.Errorf("gzip without a header: %q", log)
	}
}

// write makes a file of lines.
func write(t testing.TB, lines ...string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(name, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestReplay(t *testing.T) {
	name := write(t, "a", "b")
	open := func() (io.ReadCloser, error) { return os.Open(name) }
	run := func(t *testing.T, f FileConfig, change func(s *Source)) (string, []string) {
		t.Helper()
		if f.File == nil {
			file, err := open()
			if err != nil {
				t.Fatal(err)
			}
			f.File = file
		}
		f.Name = "list"
		r := newReading()
		s := NewFile(Config{Name: "s", Priority: 1, CycleID: 7}, f)
		if err := r.Add(s); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range r.all(t, 3) {
			got = append(got, c.Text)
		}
		if change != nil {
			change(s)
		}
		for _, c := range r.all(t, 1<<30) {
			got = append(got, c.Text)
		}
		return strings.Join(got, " "), r.log
	}
	t.Run("same file", func(t *testing.T) {
		got, log := run(t, FileConfig{Cycles: 3}, nil)
		if got != "a b a b a b" {
			t.Error(got)
		}
		if diff := cmp.Diff([]string{"start 7", "start 8", "start 9", "finish s"}, log); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("read again", func(t *testing.T) {
		n := 0
		got, log := run(t, FileConfig{
			Cycles: 3, AutoReload: true,
			Open: func() (io.ReadCloser, error) {
				n++
				return io.NopCloser(strings.NewReader(fmt.Sprintf("c%d\nd%d\n", n, n))), nil
			},
		}, nil)
		if got != "a b c1 d1 c2 d2" || len(log) != 4 {
			t.Errorf("%s, log %q", got, log)
		}
	})
	t.Run("cannot be opened again", func(t *testing.T) {
		got, log := run(t, FileConfig{
			Cycles: 3, AutoReload: true, Open: func() (io.ReadCloser, error) { return nil, os.ErrPermission },
		}, nil)
		want := []string{"start 7", "start 8", "list: open again: permission denied", "finish s"}
		if diff := cmp.Diff(want, log); diff != "" || got != "a b" {
			t.Errorf("%s:\n%s", got, diff)
		}
	})
	t.Run("no file to open again", func(t *testing.T) {
		_, log := run(t, FileConfig{Cycles: 0, AutoReload: true}, nil)
		want := []string{"start 7", "start 8", "list: cannot be read a second time", "finish s"}
		if diff := cmp.Diff(want, log); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a pipe", func(t *testing.T) {
		_, log := run(t, FileConfig{Cycles: 2, File: io.NopCloser(iotest.OneByteReader(strings.NewReader("a\nb\n")))}, nil)
		want := []string{"start 7", "start 8", "list: cannot be read a second time", "finish s"}
		if diff := cmp.Diff(want, log); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("without end, then an end", func(t *testing.T) {
		got, _ := run(t, FileConfig{Cycles: 0}, func(s *Source) {
			if _, endless := s.Cycles(); !endless || !s.SetCycles(2) || s.AutoReload() {
				t.Error("cycles cannot be set")
			}
		})
		if got != "a b a b a b" {
			t.Error(got)
		}
	})
	t.Run("nothing usable, without end", func(t *testing.T) {
		_, log := run(t, FileConfig{Cycles: 0, File: mustOpen(t, write(t, "# nothing", ""))}, nil)
		want := []string{"start 7", "list: no usable command in a whole cycle: not starting another one", "finish s"}
		if diff := cmp.Diff(want, log); diff != "" {
			t.Error(diff)
		}
	})
}

func mustOpen(t *testing.T, name string) *os.File {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestProgress(t *testing.T) {
	var lines []string
	for i := range 1000 {
		lines = append(lines, fmt.Sprintf("10.0.%d.%d", i/256, i%256))
	}
	f := mustOpen(t, write(t, lines...))
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	r := newReading()
	s := NewFile(Config{Name: "s", Priority: 1}, FileConfig{Name: "list", File: f, Cycles: 1})
	if err := r.Add(s); err != nil {
		t.Fatal(err)
	}
	last := 0.0
	for i := range 1000 {
		if got := r.all(t, 1); len(got) != 1 {
			t.Fatalf("command %d is missing", i)
		}
		p, _ := s.Progress()
		done, ok := p.Fraction()
		if !ok || done < last || p.Size != info.Size() || p.Lines != int64(i+1) || p.Usable != int64(i+1) {
			t.Fatalf("after %d: %+v", i+1, p)
		}
		if should := float64(i+1) / 1000; done < should-0.02 || done > should+0.02 { // lines are nearly of the same length
			t.Fatalf("after %d lines of 1000: %v", i+1, done)
		}
		last = done
	}
	r.all(t, 1)
	if p, _ := s.Progress(); p.Read != info.Size() {
		t.Errorf("at the end: %+v", p)
	}
	if _, ok := (Progress{Size: -1}).Fraction(); ok {
		t.Error("a pipe has a fraction")
	}
	words := NewTargets(Config{Name: "words", Priority: 1}, []string{"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"})
	r = newReading()
	if err := r.Add(words); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		if got, ok := words.Fraction(); got != float64(i)/4 || !ok {
			t.Errorf("after %d operands of 4: %v, %v", i, got, ok)
		}
		r.all(t, 1)
	}
	if _, ok := NewTargets(Config{}, nil).Fraction(); ok {
		t.Error("no operands have a fraction")
	}
	if _, ok := NewControl(Config{}).Fraction(); ok {
		t.Error("a control source knows how much there is")
	}
	if _, ok := NewControl(Config{}).Progress(); ok {
		t.Error("a control source has progress")
	}
}

// TestTyped holds that a line is handed over when it is there, not when a batch is full.
func TestTyped(t *testing.T) {
	in, out := io.Pipe()
	r := newReading()
	s := NewFile(Config{Name: "s", Priority: 1}, FileConfig{Name: "-", File: in, Cycles: 1})
	if err := r.Add(s); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		want := fmt.Sprintf("192.0.2.%d", i)
		go func() { _, _ = io.WriteString(out, want+"\n") }()
		if got := r.all(t, 1); len(got) != 1 || got[0].Text != want {
			t.Fatalf("%v, want %s", got, want)
		}
	}
	r.Remove(s) // closes the pipe: the reader ends although the writer does not
	if _, err := io.WriteString(out, "x\n"); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("write after the removal: %v", err)
	}
	if !r.Finished() {
		t.Error("not finished")
	}
}

// endless is a list without end.
type endless struct{ line []byte }

func (e *endless) Read(p []byte) (int, error) {
	n := 0
	for n+len(e.line) <= len(p) {
		n += copy(p[n:], e.line)
	}
	return n, nil
}

func (*endless) Close() error { return nil }

// TestReaderEnds holds that a reader that has more than anybody wants ends when its source is removed, and that it read
// no more than a few batches ahead.
func TestReaderEnds(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 10 {
		r := newReading()
		s := NewFile(Config{Name: "s", Priority: 1}, FileConfig{Name: "x", File: &endless{[]byte("192.0.2.1\n")}})
		if err := r.Add(s); err != nil {
			t.Fatal(err)
		}
		if got := r.all(t, 10); len(got) != 10 {
			t.Fatal(len(got))
		}
		f := s.feed.(*fileFeed)
		if n := len(f.full); n > batchQueue {
			t.Errorf("%d batches ahead", n)
		}
		r.Remove(s)
	}
	for deadline := time.Now().Add(limit); runtime.NumGoroutine() > before; {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
		runtime.Gosched()
	}
}

// FuzzLines compares what a source makes of a file, read in pieces of random sizes, with a slow way over the whole.
func FuzzLines(f *testing.F) {
	for _, s := range []string{"a\nb\n", "a\r\n\r\n#\n\tx\n", "a", "\n\n", "10.0.0.1 10.0.0.2\n", "ping x # y\n\x1f\x8b"} {
		f.Add([]byte(s), uint64(1), uint8(0))
	}
	f.Fuzz(func(t *testing.T, content []byte, seed uint64, form uint8) {
		if len(content) >= 2 && content[0] == 0x1f && content[1] == 0x8b {
			return // packed
		}
		fm := Form(form % 3)
		rng := rand.New(rand.NewPCG(seed, 0))
		got, log, _ := readAll(t, &pieces{content, rng}, fm)
		var want, wantLog []string
		lines := bytes.Split(content, []byte{'\n'})
		if n := len(lines); len(lines[n-1]) == 0 {
			lines = lines[:n-1]
		}
		wantLog = append(wantLog, "start 0")
		for i, line := range lines {
			text, err := fm.cutLine(line)
			if err == nil && text != nil && fm == Timestamps {
				text, err = appendTimestamps(nil, text)
			}
			switch {
			case err != nil:
				wantLog = append(wantLog, fmt.Sprintf("list:%d: %v", i+1, err))
			case text != nil:
				want = append(want, fmt.Sprintf("%d:%s", i+1, text))
			}
		}
		wantLog = append(wantLog, "finish default")
		if diff := cmp.Diff(want, texts(got)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(wantLog, log); diff != "" {
			t.Error(diff)
		}
	})
}

// pieces reads in pieces of random sizes.
type pieces struct {
	left []byte
	rng  *rand.Rand
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.left) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:1+p.rng.IntN(len(b))], p.left)
	n = 1 + p.rng.IntN(n)
	p.left = p.left[n:]
	return n, nil
}

// TestTakeAllocs holds that a command of a list costs no allocation of its own: what there is is one text a batch.
func TestTakeAllocs(t *testing.T) {
	r := newReading()
	s := NewFile(Config{Name: "s", Priority: 1}, FileConfig{Name: "x", File: &endless{[]byte("2001:db8::1\n")}})
	if err := r.Add(s); err != nil {
		t.Fatal(err)
	}
	defer r.Remove(s)
	n := testing.AllocsPerRun(20, func() { takeSome(t, r, 10*batchLines) })
	if n > 20 {
		t.Errorf("%v allocations for %d commands", n, 10*batchLines)
	}
}

func takeSome(t testing.TB, r *reading, n int) {
	for got := 0; got < n; {
		cmd, c, ok := r.Take()
		if !ok {
			<-r.woke
			r.Refill()
			continue
		}
		if !cmd.Addr.IsValid() {
			t.Fatal(cmd)
		}
		r.Done(c)
		got++
	}
}

func BenchmarkTake(b *testing.B) {
	for _, line := range []string{"198.51.100.123\n", "2001:db8:1234:5678::9abc\n"} {
		b.Run(strings.TrimSpace(line), func(b *testing.B) {
			r := newReading()
			s := NewFile(Config{Name: "s", Priority: 1}, FileConfig{Name: "x", File: &endless{[]byte(line)}})
			if err := r.Add(s); err != nil {
				b.Fatal(err)
			}
			defer r.Remove(s)
			b.ReportAllocs()
			b.ResetTimer()
			takeSome(b, r, b.N)
		})
	}
}
