package testkit

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// CPUTime returns the processor time that the test's process has used: of all its threads, in the program and in the
// kernel. Unlike the time of a clock, the difference between two of them hardly depends on what else the machine does.
func CPUTime(t testing.TB) time.Duration {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
