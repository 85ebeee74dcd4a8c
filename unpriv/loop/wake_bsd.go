//go:build freebsd || openbsd || netbsd || darwin

package loop

import (
	"fmt"

	"golang.org/x/sys/unix"
)

func newWaker() (*waker, error) {
	var p [2]int
	if err := unix.Pipe(p[:]); err != nil {
		return nil, fmt.Errorf("open pipe for waking: %w", err)
	}
	for _, fd := range p {
		unix.CloseOnExec(fd)
		if err := unix.SetNonblock(fd, true); err != nil {
			_ = unix.Close(p[0])
			_ = unix.Close(p[1])
			return nil, fmt.Errorf("make pipe for waking non-blocking: %w", err)
		}
	}
	return &waker{r: p[0], w: p[1]}, nil
}

// wakeBytes is what is written to the pipe. A full pipe is readable already.
var wakeBytes = []byte{1}
