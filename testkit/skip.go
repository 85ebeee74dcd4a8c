package testkit

import (
	"os"
	"os/exec"
	"testing"
)

// Skip ends the test as skipped because of reason. Where the environment has
// CI=true the test fails instead: a machine that is meant to run everything
// must not pass by running less.
func Skip(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("would be skipped, which CI does not accept: %s", reason)
	}
	t.Skip(reason)
}

// NeedRoot skips the test (see Skip) unless the effective user is root. SUDO_UID and
// SUDO_GID are gone from the test's environment afterwards, and from that of programs
// it starts: scamper would open the test's files, which are root's, with the rights of
// who called sudo. A test about that sets them after this call.
func NeedRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		Skip(t, "needs root")
	}
	os.Unsetenv("SUDO_UID")
	os.Unsetenv("SUDO_GID")
}

// NeedProgram skips the test (see Skip) unless the program called name is found
// on the search path, where /usr/sbin and /sbin count as well. It returns the
// program's path.
func NeedProgram(t testing.TB, name string) string {
	t.Helper()
	path, err := findProgram(name)
	if err != nil {
		Skip(t, "needs the program "+name)
	}
	return path
}

// findProgram looks where exec.LookPath does, then in the directories of system
// programs, which are often missing from a user's PATH.
func findProgram(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin/", "/sbin/"} {
		if path, err := exec.LookPath(dir + name); err == nil {
			return path, nil
		}
	}
	return "", err
}
