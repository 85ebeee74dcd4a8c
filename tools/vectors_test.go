package tools_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
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
	"github.com/klauspost/compress/zstd"
	"github.com/rogpeppe/go-internal/testscript"

	"scamper/tools/analysisdump"
	"scamper/tools/cli"
	"scamper/tools/ipiddump"
	"scamper/tools/tracediff"
	"scamper/tools/ttlexp"
	"scamper/tools/warts2csv"
	"scamper/tools/warts2json"
	"scamper/tools/warts2pcap"
	"scamper/tools/warts2text"
	"scamper/tools/wartscat"
	"scamper/tools/wartsdump"
	"scamper/tools/wartsfilter"
	"scamper/tools/wartsfix"
)

// The vectors are files that scamper wrote, or that were made by hand, and what the tools of scamper 20260420 print for
// them in UTC. Each case is a folder with its input, meta.json, and the outputs.

// meta is what meta.json says that the tests need.
type meta struct {
	Outputs []output `json:"outputs"`
}

type output struct {
	File    string   `json:"file"`
	Tool    string   `json:"tool"`
	Version string   `json:"version"`
	Args    []string `json:"args"`
	Status  string   `json:"status"`
}

var commands = map[string]func(*cli.Env) int{
	"sc_wartsdump":  wartsdump.Main,
	"sc_warts2json": warts2json.Main,
	"sc_warts2text": warts2text.Main,

	"sc_analysis_dump": analysisdump.Main,
	"sc_ipiddump":      ipiddump.Main,
	"sc_tracediff":     tracediff.Main,
	"sc_ttlexp":        ttlexp.Main,
	"sc_warts2csv":     warts2csv.Main,
	"sc_warts2pcap":    warts2pcap.Main,
	"sc_wartscat":      wartscat.Main,
	"sc_wartsfilter":   wartsfilter.Main,
}

func TestMain(m *testing.M) {
	time.Local = time.UTC
	programs := map[string]func(){"sc_wartsfix": func() { os.Exit(wartsfix.Main(cli.Process("sc_wartsfix"))) }}
	for name, main := range commands {
		programs[name] = func() { os.Exit(main(cli.Process(name))) }
	}
	testscript.Main(m, programs)
}

// TestScripts runs the commands with their options, on the input files of some vectors.
func TestScripts(t *testing.T) {
	dir := unpackVectors(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("V", dir)
			env.Setenv("TZ", "UTC")
			return nil
		},
	})
}

func TestVectors(t *testing.T) {
	walkVectors(t, unpackVectors(t))
}

// TestMoreVectors walks a directory of further vectors, if the environment names one.
func TestMoreVectors(t *testing.T) {
	dir := os.Getenv("SCAMPER_VECTORS")
	if dir == "" {
		t.Log("SCAMPER_VECTORS names no directory of vectors")
		return
	}
	walkVectors(t, dir)
}

func unpackVectors(t testing.TB) string {
	t.Helper()
	f, err := os.Open("../shared/render/testdata/vectors.tar.zst")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := zstd.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	dir := t.TempDir()
	archive := tar.NewReader(z)
	for {
		header, err := archive.Next()
		if err == io.EOF {
			return dir
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, filepath.FromSlash(header.Name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, data, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

func walkVectors(t *testing.T, dir string) {
	t.Helper()
	cases, err := filepath.Glob(filepath.Join(dir, "*", "meta.json"))
	if err != nil || len(cases) == 0 {
		t.Fatalf("no vectors in %s: %v", dir, err)
	}
	runs := 0
	for _, file := range cases {
		folder := filepath.Dir(file)
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var m meta
		if err := json.Unmarshal(data, &m); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		t.Run(filepath.Base(folder), func(t *testing.T) {
			for _, out := range m.Outputs {
				if main := commands[out.Tool]; main != nil && out.Version == "20260420" {
					runs++
					t.Run(out.File, func(t *testing.T) { checkRun(t, folder, out, main) })
				}
			}
		})
	}
	t.Logf("%d cases, %d runs", len(cases), runs)
}

// checkRun runs a command and compares what it prints. Where scamper's own tool failed it is enough to end orderly.
func checkRun(t *testing.T, folder string, out output, main func(*cli.Env) int) {
	t.Helper()
	t.Chdir(folder)
	var stdout, stderr bytes.Buffer
	env := &cli.Env{
		Name: out.Tool, Args: out.Args, Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr,
	}
	status := main(env)
	switch {
	case status != cli.StatusOK && stderr.Len() == 0:
		t.Errorf("status %d without a word", status)
	case status == cli.StatusOK && stderr.Len() > 0:
		t.Errorf("status 0, but: %s", stderr.String())
	}
	if out.Status != "exit 0" {
		return
	}
	if status == cli.StatusFailed {
		t.Errorf("status %d: %s", status, stderr.String())
	}
	want, err := os.ReadFile(out.File)
	if err != nil {
		t.Fatal(err)
	}
	if reason := differs(filepath.Base(folder), out.File); reason != "" {
		if bytes.Equal(want, stdout.Bytes()) {
			t.Errorf("no longer different: %s", reason)
		}
		return
	}
	got := stdout.Bytes()
	switch out.Tool {
	case "sc_warts2json":
		want, got = validJSON(t, want, got)
	case "sc_warts2csv":
		want, got = versionColumn.ReplaceAll(want, nil), versionColumn.ReplaceAll(got, nil)
	case "sc_analysis_dump":
		// What the comments say is the same, but not how they say it.
		want, got = comments.ReplaceAll(want, nil), comments.ReplaceAll(got, nil)
	case "sc_ipiddump":
		// Replies to one probe, or to probes of one microsecond, have no order there.
		want, got = sortTies(want), sortTies(got)
	case "sc_wartscat", "sc_wartsfilter":
		if !bytes.Equal(want, got) {
			// Ours keeps what scamper's does not know; then the contents must be the same.
			want, got = dumped(t, want), dumped(t, got)
		}
	}
	if diff := diffLines(want, got); diff != "" {
		t.Errorf("%s %s (-want +got):\n%s", out.Tool, strings.Join(out.Args, " "), diff)
	}
}

// validJSON checks that all our lines are valid JSON, and takes those out of the comparison that scamper's are not: in
// a line that has text beyond ASCII or is cut there is nothing to compare with.
func validJSON(t *testing.T, want, got []byte) (w, g []byte) {
	t.Helper()
	wantLines, gotLines := bytes.SplitAfter(want, []byte("\n")), bytes.SplitAfter(got, []byte("\n"))
	for i, line := range gotLines {
		if len(line) > 0 && !json.Valid(line) {
			t.Errorf("line %d is not JSON: %s", i+1, line)
		}
	}
	if len(wantLines) != len(gotLines) {
		return want, got
	}
	for i, line := range wantLines {
		if json.Valid(line) && isASCII(line) || len(line) == 0 {
			w = append(w, line...)
			g = append(g, gotLines[i]...)
		}
	}
	return w, g
}

func isASCII(line []byte) bool {
	return !slices.ContainsFunc(line, func(c byte) bool { return c >= 0x80 })
}

// diffLines compares two outputs line by line; long lines are cut around the difference.
func diffLines(want, got []byte) string {
	if bytes.Equal(want, got) {
		return ""
	}
	w, g := strings.SplitAfter(string(want), "\n"), strings.SplitAfter(string(got), "\n")
	for i := range min(len(w), len(g)) {
		if w[i] == g[i] {
			continue
		}
		at := 0
		for at < min(len(w[i]), len(g[i])) && w[i][at] == g[i][at] {
			at++
		}
		from := max(0, at-60)
		return fmt.Sprintf("line %d, byte %d:\n- %q\n+ %q\n", i+1, at,
			w[i][from:min(len(w[i]), at+80)], g[i][from:min(len(g[i]), at+80)])
	}
	return fmt.Sprintf("%d lines wanted, %d got:\n%s", len(w)-1, len(g)-1, cmp.Diff(w, g))
}

var (
	versionColumn = regexp.MustCompile(`(?m)^scamper\.[^;]*;`)
	comments      = regexp.MustCompile(`(?m)^#.*\n`)
)

// sortTies sorts lines that follow each other and begin with the same time.
func sortTies(out []byte) []byte {
	lines := bytes.SplitAfter(out, []byte("\n"))
	timeOf := func(i int) string { return string(bytes.SplitN(lines[i], []byte(" "), 2)[0]) }
	for from := 0; from < len(lines); {
		to := from + 1
		for to < len(lines) && timeOf(to) == timeOf(from) {
			to++
		}
		slices.SortFunc(lines[from:to], bytes.Compare)
		from = to
	}
	return bytes.Join(lines, nil)
}

// dumped is the dump of a warts file.
func dumped(t *testing.T, file []byte) []byte {
	t.Helper()
	var stdout, stderr bytes.Buffer
	env := &cli.Env{Name: "sc_wartsdump", Stdin: bytes.NewReader(file), Stdout: &stdout, Stderr: &stderr}
	if status := wartsdump.Main(env); status != cli.StatusOK {
		t.Errorf("sc_wartsdump of it: status %d: %s", status, stderr.String())
	}
	return stdout.Bytes()
}
