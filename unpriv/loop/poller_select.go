//go:build linux || freebsd || openbsd || netbsd || darwin

package loop

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// ErrSetSize is wrapped by the error for a descriptor that select(2) cannot
// watch.
var ErrSetSize = errors.New("select cannot watch descriptors from FD_SETSIZE on")

// sel keeps the descriptor sets that select(2) wants.
type sel struct {
	*waker
	read, write unix.FdSet // what is watched
	known       unix.FdSet // what was added
	r, w        unix.FdSet // room for what select returns
	max         int        // highest descriptor
	from        int        // where the next Wait begins to report, for fairness
	timeout     selectTimeout
}

func newSelect() (Poller, error) {
	w, err := newWaker()
	if err != nil {
		return nil, err
	}
	p := &sel{waker: w}
	if err := p.Add(w.r, Readable); err != nil {
		_ = p.Close()
		return nil, err
	}
	return p, nil
}

func (p *sel) Kind() Kind { return Select }
func (p *sel) Wake()      { p.wake() }

func (p *sel) Add(fd int, want Events) error {
	if fd < 0 || fd >= unix.FD_SETSIZE {
		return fmt.Errorf("add descriptor %d: %w (%d)", fd, ErrSetSize, unix.FD_SETSIZE)
	}
	if p.known.IsSet(fd) {
		return fmt.Errorf("add descriptor %d: %w", fd, errAdded)
	}
	p.known.Set(fd)
	p.max = max(p.max, fd)
	return p.Modify(fd, want)
}

func (p *sel) Modify(fd int, want Events) error {
	if !p.there(fd) {
		return fmt.Errorf("change descriptor %d: %w", fd, errUnknown)
	}
	p.read.Clear(fd)
	p.write.Clear(fd)
	if want&Readable != 0 {
		p.read.Set(fd)
	}
	if want&Writable != 0 {
		p.write.Set(fd)
	}
	return nil
}

func (p *sel) Remove(fd int) error {
	if !p.there(fd) {
		return fmt.Errorf("remove descriptor %d: %w", fd, errUnknown)
	}
	p.known.Clear(fd)
	p.read.Clear(fd)
	p.write.Clear(fd)
	for p.max > 0 && !p.known.IsSet(p.max) {
		p.max--
	}
	return nil
}

func (p *sel) there(fd int) bool {
	return fd >= 0 && fd < unix.FD_SETSIZE && p.known.IsSet(fd)
}

func (p *sel) Wait(into []Ready, timeout time.Duration) (int, error) {
	p.r, p.w = p.read, p.write
	n, err := p.timeout.wait(p.max+1, &p.r, &p.w, timeout)
	if errors.Is(err, unix.EINTR) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("select: %w", err)
	}
	if n == 0 {
		return 0, nil
	}
	if p.r.IsSet(p.waker.r) {
		p.clear()
		p.r.Clear(p.waker.r)
	}
	count, total := 0, p.max+1
	if p.from >= total {
		p.from = 0
	}
	for k, start := 0, p.from; k < total; k++ {
		fd := start + k
		if fd >= total {
			fd -= total
		}
		var got Events
		if p.r.IsSet(fd) {
			got |= Readable
		}
		if p.w.IsSet(fd) {
			got |= Writable
		}
		if got == 0 {
			continue
		}
		if count == len(into) {
			p.from = fd
			break
		}
		into[count] = Ready{fd, got}
		count++
	}
	return count, nil
}

func (p *sel) Close() error {
	p.close()
	return nil
}
