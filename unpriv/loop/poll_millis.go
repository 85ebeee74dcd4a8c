//go:build freebsd || netbsd || darwin

package loop

import (
	"time"

	"golang.org/x/sys/unix"
)

// pollWait is poll, which counts in milliseconds.
func pollWait(fds []unix.PollFd, timeout time.Duration, _ *unix.Timespec) (int, error) {
	return unix.Poll(fds, millis(timeout))
}
