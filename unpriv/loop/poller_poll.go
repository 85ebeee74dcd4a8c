//go:build linux || freebsd || openbsd || netbsd || darwin

package loop

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// poll keeps the array that poll(2) wants; order is not significant.
type poll struct {
	*waker
	fds  []unix.PollFd
	want []Events       // parallel to fds
	at   map[int]int    // descriptor to index in fds
	from int            // where the next Wait begins to report, for fairness
	ts   *unix.Timespec // room for ppoll's argument
}

func newPoll() (Poller, error) {
	w, err := newWaker()
	if err != nil {
		return nil, err
	}
	p := &poll{waker: w, at: make(map[int]int), ts: new(unix.Timespec)}
	if err := p.Add(w.r, Readable); err != nil {
		_ = p.Close()
		return nil, err
	}
	return p, nil
}

func (p *poll) Kind() Kind { return Poll }
func (p *poll) Wake()      { p.wake() }

func (p *poll) Add(fd int, want Events) error {
	if _, there := p.at[fd]; there {
		return fmt.Errorf("add descriptor %d: %w", fd, errAdded)
	}
	p.at[fd] = len(p.fds)
	p.fds = append(p.fds, unix.PollFd{Fd: int32(fd)})
	p.want = append(p.want, 0)
	return p.Modify(fd, want)
}

func (p *poll) Modify(fd int, want Events) error {
	i, there := p.at[fd]
	if !there {
		return fmt.Errorf("change descriptor %d: %w", fd, errUnknown)
	}
	p.want[i] = want
	p.fds[i].Events = 0
	if want&Readable != 0 {
		p.fds[i].Events |= unix.POLLIN
	}
	if want&Writable != 0 {
		p.fds[i].Events |= unix.POLLOUT
	}
	// Errors are reported for every descriptor that is not negative.
	p.fds[i].Fd = int32(fd)
	if want == 0 {
		p.fds[i].Fd = ^int32(fd)
	}
	return nil
}

func (p *poll) Remove(fd int) error {
	i, there := p.at[fd]
	if !there {
		return fmt.Errorf("remove descriptor %d: %w", fd, errUnknown)
	}
	last := len(p.fds) - 1
	p.fds[i], p.want[i] = p.fds[last], p.want[last]
	moved := int(p.fds[i].Fd)
	if moved < 0 {
		moved = ^moved
	}
	p.at[moved] = i
	delete(p.at, fd)
	p.fds, p.want = p.fds[:last], p.want[:last]
	return nil
}

func (p *poll) Wait(into []Ready, timeout time.Duration) (int, error) {
	n, err := pollWait(p.fds, timeout, p.ts)
	if errors.Is(err, unix.EINTR) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("poll: %w", err)
	}
	count, cut := 0, false
	if p.from >= len(p.fds) {
		p.from = 0
	}
	for k, start := 0, p.from; k < len(p.fds) && n > 0; k++ {
		i := start + k
		if i >= len(p.fds) {
			i -= len(p.fds)
		}
		fd := &p.fds[i]
		if fd.Revents == 0 {
			continue
		}
		n--
		if int(fd.Fd) == p.r {
			p.clear()
			continue
		}
		if count == len(into) {
			if !cut {
				cut, p.from = true, i
			}
			continue // the waker may come behind
		}
		var got Events
		const failed = unix.POLLERR | unix.POLLHUP | unix.POLLNVAL
		if fd.Revents&(unix.POLLIN|failed) != 0 {
			got |= Readable
		}
		if fd.Revents&(unix.POLLOUT|failed) != 0 {
			got |= Writable
		}
		if got &= p.want[i]; got == 0 {
			continue
		}
		into[count] = Ready{int(fd.Fd), got}
		count++
	}
	return count, nil
}

func (p *poll) Close() error {
	p.close()
	return nil
}
