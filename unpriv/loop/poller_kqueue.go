//go:build freebsd || openbsd || netbsd || darwin

package loop

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// makers lists what the BSDs and macOS have, the default first.
var makers = []maker{{Kqueue, newKqueue}, {Poll, newPoll}, {Select, newSelect}}

// maxKevent bounds the timeout: macOS and some BSDs refuse very long ones.
const maxKevent = 24 * time.Hour

type kqueue struct {
	*waker
	kq     int
	want   map[int]Events
	events []unix.Kevent_t
	at     map[int]int // descriptor to place in into, during Wait
	ts     unix.Timespec
}

func newKqueue() (Poller, error) {
	kq, err := unix.Kqueue()
	if err != nil {
		return nil, fmt.Errorf("create kqueue: %w", err)
	}
	unix.CloseOnExec(kq)
	w, err := newWaker()
	if err != nil {
		_ = unix.Close(kq)
		return nil, err
	}
	p := &kqueue{waker: w, kq: kq, want: make(map[int]Events), at: make(map[int]int)}
	if err := p.Add(w.r, Readable); err != nil {
		_ = p.Close()
		return nil, err
	}
	return p, nil
}

func (p *kqueue) Kind() Kind { return Kqueue }
func (p *kqueue) Wake()      { p.wake() }

func (p *kqueue) Add(fd int, want Events) error {
	if _, there := p.want[fd]; there {
		return fmt.Errorf("add descriptor %d: %w", fd, errAdded)
	}
	if err := p.change(fd, 0, want); err != nil {
		return fmt.Errorf("add descriptor %d: kqueue: %w", fd, err)
	}
	p.want[fd] = want
	return nil
}

func (p *kqueue) Modify(fd int, want Events) error {
	have, there := p.want[fd]
	if !there {
		return fmt.Errorf("change descriptor %d: %w", fd, errUnknown)
	}
	if err := p.change(fd, have, want); err != nil {
		return fmt.Errorf("change descriptor %d: kqueue: %w", fd, err)
	}
	p.want[fd] = want
	return nil
}

func (p *kqueue) Remove(fd int) error {
	have, there := p.want[fd]
	if !there {
		return fmt.Errorf("remove descriptor %d: %w", fd, errUnknown)
	}
	delete(p.want, fd)
	if err := p.change(fd, have, 0); err != nil {
		return fmt.Errorf("remove descriptor %d: kqueue: %w", fd, err)
	}
	return nil
}

// change adds and deletes the filters in which have and want differ.
func (p *kqueue) change(fd int, have, want Events) error {
	for _, f := range [...]struct {
		event  Events
		filter int
	}{{Readable, unix.EVFILT_READ}, {Writable, unix.EVFILT_WRITE}} {
		if (have^want)&f.event == 0 {
			continue
		}
		flags := unix.EV_ADD
		if want&f.event == 0 {
			flags = unix.EV_DELETE
		}
		var change [1]unix.Kevent_t
		unix.SetKevent(&change[0], fd, f.filter, flags)
		if _, err := unix.Kevent(p.kq, change[:], nil, nil); err != nil {
			return err
		}
	}
	return nil
}

func (p *kqueue) Wait(into []Ready, timeout time.Duration) (int, error) {
	// One more than into has room for: the waker's.
	for len(p.events) < len(into)+1 {
		p.events = append(p.events, unix.Kevent_t{})
	}
	var ts *unix.Timespec
	if timeout >= 0 {
		p.ts = unix.NsecToTimespec(int64(min(timeout, maxKevent)))
		ts = &p.ts
	}
	n, err := unix.Kevent(p.kq, nil, p.events[:len(into)+1], ts)
	if errors.Is(err, unix.EINTR) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("kqueue wait: %w", err)
	}
	clear(p.at)
	count := 0
	for i := range p.events[:n] {
		ev := &p.events[i]
		fd := int(ev.Ident)
		if fd == p.r {
			p.clear()
			continue
		}
		got := Readable
		if int(ev.Filter) == unix.EVFILT_WRITE {
			got = Writable
		}
		// Reading and writing are two events of one descriptor.
		if k, there := p.at[fd]; there {
			into[k].Events |= got
			continue
		}
		if count == len(into) {
			continue // level triggered: reported by the next Wait
		}
		p.at[fd] = count
		into[count] = Ready{fd, got}
		count++
	}
	return count, nil
}

func (p *kqueue) Close() error {
	p.close()
	return unix.Close(p.kq)
}
