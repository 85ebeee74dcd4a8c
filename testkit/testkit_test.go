package testkit

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// recorder is a testing.TB that notes how a test would have ended first, and goes on.
type recorder struct {
	testing.TB
	ended string
}

func (r *recorder) Helper()                   {}
func (r *recorder) Skip(args ...any)          { r.end("skip: " + fmt.Sprint(args...)) }
func (r *recorder) Fatalf(f string, a ...any) { r.end("fatal: " + fmt.Sprintf(f, a...)) }

func (r *recorder) end(how string) {
	if r.ended == "" {
		r.ended = how
	}
}

func TestSkip(t *testing.T) {
	for _, c := range []struct{ ci, want string }{
		{"", "skip: needs rain"},
		{"false", "skip: needs rain"},
		{"true", "fatal: would be skipped, which CI does not accept: needs rain"},
	} {
		t.Setenv("CI", c.ci)
		r := &recorder{}
		Skip(r, "needs rain")
		if r.ended != c.want {
			t.Errorf("CI=%q: %q, want %q", c.ci, r.ended, c.want)
		}
	}
}

// The files of tests under sudo are root's.
func TestNeedRootForgetsSudo(t *testing.T) {
	for _, name := range []string{"SUDO_UID", "SUDO_GID"} {
		t.Setenv(name, "65534")
	}
	NeedRoot(t)
	for _, name := range []string{"SUDO_UID", "SUDO_GID"} {
		if value, set := os.LookupEnv(name); set {
			t.Errorf("%s is still %s", name, value)
		}
	}
}

func TestNeedProgram(t *testing.T) {
	t.Setenv("CI", "")
	r := &recorder{}
	if path := NeedProgram(r, "sh"); !strings.HasSuffix(path, "/sh") || r.ended != "" {
		t.Errorf("sh: %q, %q", path, r.ended)
	}
	NeedProgram(r, "no-such-program")
	if want := "skip: needs the program no-such-program"; r.ended != want {
		t.Errorf("%q, want %q", r.ended, want)
	}
}

func TestIsStale(t *testing.T) {
	self := fmt.Sprintf("tk-%d-%s-1-r1", os.Getpid(), startOf(os.Getpid()))
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		self: false,
		fmt.Sprintf("tk-%d-%s-1-r1", os.Getpid(), "1"):    true, // number used again
		fmt.Sprintf("tk-%d-12345-1-r1", dead.Process.Pid): true,
		fmt.Sprintf("other-%d-12345", dead.Process.Pid):   false,
		"tk-": false, "tk-x-1": false, "tk-0-1": false, "tk--5-1-x": false, "": false,
	} {
		if got := isStale(name, "tk-"); got != want {
			t.Errorf("isStale(%q) = %v", name, got)
		}
	}
}

func TestBuildCommand(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		Skip(t, "needs the program go")
	}
	binary := BuildCommand(t, "scamper/testkit/testdata/hello")
	out, err := exec.Command(binary).CombinedOutput()
	if err != nil || string(out) != "hello\n" {
		t.Errorf("%q, %v", out, err)
	}
	if again := BuildCommand(t, "scamper/testkit/testdata/hello"); again != binary {
		t.Errorf("%s, then %s", binary, again)
	}
	if filepath.Base(binary) != "hello" {
		t.Errorf("the binary is called %s", binary)
	}
	if _, err := buildCommand("scamper/testkit/testdata/nothing"); err == nil {
		t.Error("a package that is not there was built")
	}
}
