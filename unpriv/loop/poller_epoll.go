//go:build linux

package loop

import (
	"errors"
	"fmt"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// makers lists what Linux has, the default first.
var makers = []maker{{Epoll, newEpoll}, {Poll, newPoll}, {Select, newSelect}}

type epoll struct {
	*waker
	epfd   int
	events []unix.EpollEvent
	// coarse is set where the kernel has no epoll_pwait2 (before 5.11): then
	// waits are rounded up to milliseconds.
	coarse bool
	ts     unix.Timespec // of the system call under way
}

func newEpoll() (Poller, error) {
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create epoll: %w", err)
	}
	w, err := newWaker()
	if err != nil {
		_ = unix.Close(epfd)
		return nil, err
	}
	p := &epoll{waker: w, epfd: epfd}
	if err := p.Add(w.r, Readable); err != nil {
		_ = p.Close()
		return nil, err
	}
	return p, nil
}

func (p *epoll) Kind() Kind { return Epoll }
func (p *epoll) Wake()      { p.wake() }

func (p *epoll) Add(fd int, want Events) error {
	return p.control(unix.EPOLL_CTL_ADD, "add", fd, want)
}

func (p *epoll) Modify(fd int, want Events) error {
	return p.control(unix.EPOLL_CTL_MOD, "change", fd, want)
}

func (p *epoll) Remove(fd int) error {
	return p.control(unix.EPOLL_CTL_DEL, "remove", fd, 0)
}

func (p *epoll) control(op int, doing string, fd int, want Events) error {
	// Pad is the half of the kernel's user data that Fd leaves free.
	ev := unix.EpollEvent{Fd: int32(fd), Pad: int32(want)}
	if want&Readable != 0 {
		ev.Events |= unix.EPOLLIN
	}
	if want&Writable != 0 {
		ev.Events |= unix.EPOLLOUT
	}
	if want == 0 {
		// EPOLLERR and EPOLLHUP cannot be turned off; with this flag they
		// are reported once and then not again, so Wait does not spin.
		ev.Events = unix.EPOLLONESHOT
	}
	switch err := unix.EpollCtl(p.epfd, op, fd, &ev); {
	case errors.Is(err, unix.EEXIST):
		return fmt.Errorf("%s descriptor %d: %w", doing, fd, errAdded)
	case errors.Is(err, unix.ENOENT):
		return fmt.Errorf("%s descriptor %d: %w", doing, fd, errUnknown)
	case err != nil:
		return fmt.Errorf("%s descriptor %d: epoll: %w", doing, fd, err)
	}
	return nil
}

func (p *epoll) Wait(into []Ready, timeout time.Duration) (int, error) {
	// One more than into has room for: the waker's.
	for len(p.events) < len(into)+1 {
		p.events = append(p.events, unix.EpollEvent{})
	}
	n, err := p.wait(p.events[:len(into)+1], timeout)
	if errors.Is(err, unix.EINTR) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("epoll wait: %w", err)
	}
	count := 0
	for i := range p.events[:n] {
		ev := &p.events[i]
		if int(ev.Fd) == p.r {
			p.clear()
			continue
		}
		var got Events
		const failed = unix.EPOLLERR | unix.EPOLLHUP
		if ev.Events&(unix.EPOLLIN|failed) != 0 {
			got |= Readable
		}
		if ev.Events&(unix.EPOLLOUT|failed) != 0 {
			got |= Writable
		}
		got &= Events(ev.Pad)
		if got == 0 || count == len(into) {
			continue // without room it is reported by the next Wait
		}
		into[count] = Ready{int(ev.Fd), got}
		count++
	}
	return count, nil
}

// wait is epoll_pwait2 where the kernel has it, else epoll_wait.
func (p *epoll) wait(events []unix.EpollEvent, timeout time.Duration) (int, error) {
	if timeout > 0 && !p.coarse {
		p.ts = unix.NsecToTimespec(int64(timeout))
		call := unix.Syscall6
		if timeout <= shortWait {
			call = unix.RawSyscall6
		}
		n, _, errno := call(unix.SYS_EPOLL_PWAIT2, uintptr(p.epfd),
			uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)),
			uintptr(unsafe.Pointer(&p.ts)), 0, 0)
		// EPERM: an older container runtime's filter that does not know it.
		if errno != unix.ENOSYS && errno != unix.EPERM {
			if errno != 0 {
				return 0, errno
			}
			return int(n), nil
		}
		p.coarse = true
	}
	return unix.EpollWait(p.epfd, events, millis(timeout))
}

// shortWait is up to when the runtime is not told that a thread waits. Told, it looks after the thread: fifty times every
// 20 us, gives its processor to somebody else and takes it back. That costs more than the wait saves, and takes a
// processor from whoever the wait is for. Not told, the thread is in nobody's way: when the runtime wants it to stop, as
// the garbage collector does, it sends a signal, which ends the wait; and it does so anyway after some 10 ms. With one
// processor alone other goroutines would wait for that.
var shortWait = func() time.Duration {
	if runtime.GOMAXPROCS(0) == 1 {
		return 2 * time.Millisecond
	}
	return 100 * time.Millisecond
}()

func (p *epoll) Close() error {
	p.close()
	return unix.Close(p.epfd)
}
