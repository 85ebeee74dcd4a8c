package loop

import (
	"fmt"

	"golang.org/x/sys/unix"
)

func newWaker() (*waker, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("open eventfd: %w", err)
	}
	return &waker{r: fd, w: fd}, nil
}

// wakeBytes is what is written to the eventfd: a number, in either byte order
// small enough that its counter does not overflow.
var wakeBytes = []byte{0, 0, 0, 1, 0, 0, 0, 0}
