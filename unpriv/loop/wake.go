package loop

import (
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// waker is the part of a poller by which other goroutines end its wait: a
// descriptor that becomes readable. It writes at most once per wait.
type waker struct {
	under atomic.Bool // a wake is under way
	r, w  int         // the same descriptor where it is an eventfd
	buf   [8]byte     // room for reading
}

// wake makes the descriptor readable unless a wake is already under way.
func (w *waker) wake() {
	if w.under.Swap(true) {
		return
	}
	_, _ = unix.Write(w.w, wakeBytes)
}

// clear is called by Wait when the descriptor was readable. Emptying it comes
// first: a wake that falls in between is seen by what the caller does after
// its wait, so it need not be written.
func (w *waker) clear() {
	_, _ = unix.Read(w.r, w.buf[:])
	w.under.Store(false)
}

func (w *waker) close() {
	_ = unix.Close(w.r)
	if w.w != w.r {
		_ = unix.Close(w.w)
	}
}
