package testkit

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

var builds struct {
	sync.Mutex
	done map[string]func() (string, error)
}

// BuildCommand builds the main package with the given import path, such as
// "scamper/cmd/scamper", and returns the path of the binary. Each is built once
// per test process, without cgo as for release, into a directory that is removed
// when the process ends. A package that does not build fails the test.
func BuildCommand(t testing.TB, pkg string) string {
	t.Helper()
	builds.Lock()
	build := builds.done[pkg]
	if build == nil {
		build = sync.OnceValues(func() (string, error) { return buildCommand(pkg) })
		if builds.done == nil {
			builds.done = make(map[string]func() (string, error))
		}
		builds.done[pkg] = build
	}
	builds.Unlock()
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

func buildCommand(pkg string) (string, error) {
	dir, err := ownDirectory()
	if err != nil {
		return "", err
	}
	// A directory per package: two may share their last element.
	binary := filepath.Join(dir, strings.ReplaceAll(pkg, "/", "_"), path.Base(pkg))
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", binary, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", pkg, err, out)
	}
	return binary, nil
}

// OpenDir is a directory for the test that every user can search, unlike that of TempDir: programs that give up root's
// rights reach what is in it.
func OpenDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "scamper-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
