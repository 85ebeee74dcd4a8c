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

	"scamper/tools/cli"
	"scamper/tools/warts2json"
	"scamper/tools/warts2text"
	"scamper/tools/wartsdump"
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
}

func TestMain(m *testing.M) {
	time.Local = time.UTC
	os.Exit(m.Run())
}

func TestVectors(t *testing.T) {
	walkVectors(t, unpackVectors(t))
}

// TestAllVectors walks a directory of vectors that is named by the environment.
func TestAllVectors(t *testing.T) {
	dir := os.Getenv("SCAMPER_VECTORS")
	if dir == "" {
		t.Skip("SCAMPER_VECTORS names no directory of further vectors")
	}
	walkVectors(t, dir)
}

func unpackVectors(t *testing.T) string {
	t.Helper()
	f, err := os.Open("testdata/vectors.tar.zst")
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
	if out.Tool == "sc_warts2json" {
		want, got = validJSON(t, want, got)
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

var versionColumn = regexp.MustCompile(`(?m)^scamper\.[^;]*;`)
