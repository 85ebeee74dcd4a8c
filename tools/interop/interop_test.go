package interop

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"scamper/testkit"
	"scamper/tools/analysisdump"
	"scamper/tools/cli"
	"scamper/tools/ttlexp"
	"scamper/tools/warts2pcap"
	"scamper/tools/warts2text"
	"scamper/tools/wartscat"
)

func TestMain(m *testing.M) {
	time.Local = time.UTC
	os.Exit(m.Run())
}

// inputs writes the warts files of the vectors to a directory and returns their names, by case.
func inputs(t *testing.T) map[string]string {
	t.Helper()
	f, err := os.Open("../../shared/render/testdata/vectors.tar.zst")
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
	names := make(map[string]string)
	archive := tar.NewReader(z)
	for {
		header, err := archive.Next()
		if err == io.EOF {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		if path.Base(header.Name) != "in.warts" {
			continue
		}
		name := path.Base(path.Dir(header.Name))
		switch kind, _, _ := strings.Cut(name, "-"); kind {
		case "bad", "cut", "file":
			continue // the versions differ in what they take for damage
		}
		names[name] = filepath.Join(dir, name)
		data, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(names[name], data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// theirs runs a program of Debian's. ok is false if it failed or complained.
func theirs(program string, args ...string) (out []byte, ok bool) {
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	return out, err == nil && stderr.Len() == 0
}

func ours(t *testing.T, main func(*cli.Env) int, args ...string) []byte {
	t.Helper()
	var stdout, stderr bytes.Buffer
	env := &cli.Env{Name: "t", Args: args, Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr}
	if status := main(env); status != cli.StatusOK {
		t.Errorf("%v: status %d: %s", args, status, stderr.String())
	}
	return stdout.Bytes()
}

// TestSameOutput has the tools that print the same in both versions.
func TestSameOutput(t *testing.T) {
	files := inputs(t)
	for _, c := range []struct {
		program string
		main    func(*cli.Env) int
		args    []string
	}{
		{"sc_analysis_dump", analysisdump.Main, []string{"-C"}},
		{"sc_analysis_dump", analysisdump.Main, []string{"-C", "-e", "-Q", "-M", "-T", "-U"}},
		{"sc_analysis_dump", analysisdump.Main, []string{"-C", "-o", "-e"}},
		{"sc_ttlexp", ttlexp.Main, nil},
		{"sc_ttlexp", ttlexp.Main, []string{"-O", "nodst"}},
		{"sc_warts2pcap", warts2pcap.Main, nil},
	} {
		program := testkit.NeedProgram(t, c.program)
		compared := 0
		for name, file := range files {
			args := append(c.args[:len(c.args):len(c.args)], file)
			want, ok := theirs(program, args...)
			if !ok || len(want) == 0 {
				continue
			}
			compared++
			if got := ours(t, c.main, args...); !bytes.Equal(want, got) {
				t.Errorf("%s %v of %s:\n- %q\n+ %q", c.program, c.args, name, cut(want), cut(got))
			}
		}
		t.Logf("%s %v: %d files", c.program, c.args, compared)
		if compared < 50 {
			t.Errorf("%s %v: only %d files compared", c.program, c.args, compared)
		}
	}
}

func cut(b []byte) []byte { return b[:min(len(b), 600)] }

// odd are the files of which Debian's sc_wartsdump prints something that copies can't keep.
var odd = map[string]string{
	"hand-sniff":        "it prints unset memory for short packets",
	"hand-ping-replies": "it prints a 16-bit IP-ID of a ping of an IPv6 destination, which has no meaning and is not kept",
}

// TestCopiesAreRead lets Debian's sc_wartsdump print a copy that our sc_wartscat made: it must be what it prints of the
// file itself, save that lists come where they are needed.
func TestCopiesAreRead(t *testing.T) {
	dump := testkit.NeedProgram(t, "sc_wartsdump")
	compared := 0
	for name, file := range inputs(t) {
		want, ok := theirs(dump, file)
		if !ok || odd[name] != "" || bytes.Contains(want, []byte("\ncycle def")) {
			continue
		}
		copied := filepath.Join(t.TempDir(), "copy")
		ours(t, wartscat.Main, "-o", copied, file)
		got, ok := theirs(dump, copied)
		if !ok {
			t.Errorf("%s: Debian's sc_wartsdump can't read the copy", name)
			continue
		}
		compared++
		if !bytes.Equal(want, got) {
			t.Errorf("%s: the copy differs", name)
		}
	}
	t.Logf("%d files", compared)
	if compared < 100 {
		t.Errorf("only %d files compared", compared)
	}
}

// TestDebianWrites reads what Debian's scamper writes on this machine.
func TestDebianWrites(t *testing.T) {
	testkit.NeedRoot(t)
	scamper := testkit.NeedProgram(t, "scamper")
	file := filepath.Join(t.TempDir(), "out.warts")
	cmd := exec.Command(scamper, "-O", "warts", "-o", file,
		"-I", "trace -P udp-paris 127.0.0.1", "-I", "trace -P icmp-paris 127.0.0.1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("scamper: %v: %s", err, out)
	}
	for _, c := range []struct {
		program string
		main    func(*cli.Env) int
		args    []string
	}{
		{"sc_analysis_dump", analysisdump.Main, []string{"-C", file}},
		{"sc_warts2text", warts2text.Main, []string{file}},
	} {
		want, ok := theirs(testkit.NeedProgram(t, c.program), c.args...)
		if !ok || len(want) == 0 {
			t.Fatalf("%s printed %q", c.program, want)
		}
		if got := ours(t, c.main, c.args...); !bytes.Equal(want, got) {
			t.Errorf("%s:\n- %s+ %s", c.program, want, got)
		}
	}
	copied := ours(t, wartscat.Main, file)
	if original, err := os.ReadFile(file); err != nil || !bytes.Equal(original, copied) {
		t.Errorf("a copy has %d bytes, the file %d: %v", len(copied), len(original), err)
	}
}
