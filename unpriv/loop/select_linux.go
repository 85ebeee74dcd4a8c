package loop

import (
	"time"

	"golang.org/x/sys/unix"
)

// selectTimeout is room for pselect's argument, which counts in nanoseconds
// and which Linux overwrites.
type selectTimeout struct{ ts unix.Timespec }

func (t *selectTimeout) wait(n int, r, w *unix.FdSet, timeout time.Duration) (int, error) {
	if timeout < 0 {
		return unix.Pselect(n, r, w, nil, nil, nil)
	}
	t.ts = unix.NsecToTimespec(int64(timeout))
	return unix.Pselect(n, r, w, nil, &t.ts, nil)
}
