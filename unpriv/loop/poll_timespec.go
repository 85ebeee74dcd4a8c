//go:build linux || openbsd

package loop

import (
	"time"

	"golang.org/x/sys/unix"
)

// pollWait is ppoll, which counts in nanoseconds.
func pollWait(fds []unix.PollFd, timeout time.Duration, ts *unix.Timespec) (int, error) {
	if timeout < 0 {
		return unix.Ppoll(fds, nil, nil)
	}
	*ts = unix.NsecToTimespec(int64(timeout))
	return unix.Ppoll(fds, ts, nil)
}
