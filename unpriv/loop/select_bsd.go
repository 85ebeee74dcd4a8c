//go:build freebsd || openbsd || netbsd || darwin

package loop

import (
	"time"

	"golang.org/x/sys/unix"
)

// selectTimeout is room for select's argument, which counts in microseconds.
type selectTimeout struct{ tv unix.Timeval }

// maxSelect is the longest time that every system accepts (POSIX wants at
// least 31 days).
const maxSelect = 31 * 24 * time.Hour

func (t *selectTimeout) wait(n int, r, w *unix.FdSet, timeout time.Duration) (int, error) {
	if timeout < 0 {
		return unix.Select(n, r, w, nil, nil)
	}
	t.tv = unix.NsecToTimeval(int64(min(timeout+time.Microsecond-1, maxSelect)))
	return unix.Select(n, r, w, nil, &t.tv)
}
