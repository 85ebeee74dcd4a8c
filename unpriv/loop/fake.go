package loop

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// FakePoller is a poller without a system, for tests and simulations in
// virtual time: instead of waiting it moves a FakeClock on, so a simulated
// hour takes no longer than what happens in it. Its descriptors are numbers
// that the owner of a simulated port makes ready.
type FakePoller struct {
	// Idle, if set, is called instead of waiting without end, when nothing
	// is ready and nobody has set a timer: the simulation is over. Without
	// it Wait returns ErrIdle then.
	Idle func()

	clock *FakeClock
	want  map[int]Events
	ready map[int]Events
	woken bool
	fds   int // handed out by NewFD
}

// ErrIdle is returned by FakePoller.Wait when it would wait for ever.
var ErrIdle = errors.New("nothing is ready and nothing will be")

// NewFakePoller returns a poller whose waits advance clock.
func NewFakePoller(clock *FakeClock) *FakePoller {
	return &FakePoller{clock: clock, want: make(map[int]Events), ready: make(map[int]Events)}
}

// NewFD returns the number of a descriptor that nobody else has.
func (p *FakePoller) NewFD() int {
	p.fds++
	return p.fds - 1
}

// SetReady makes fd ready for events, until changed: like a system's poller
// it reports them in each Wait. The descriptor need not be watched yet.
func (p *FakePoller) SetReady(fd int, events Events) {
	if events == 0 {
		delete(p.ready, fd)
		return
	}
	p.ready[fd] = events
}

// Kind returns Simulated.
func (p *FakePoller) Kind() Kind { return Simulated }

// Add starts watching fd.
func (p *FakePoller) Add(fd int, want Events) error {
	if _, there := p.want[fd]; there {
		return fmt.Errorf("add descriptor %d: %w", fd, errAdded)
	}
	p.want[fd] = want
	return nil
}

// Modify replaces what fd is watched for.
func (p *FakePoller) Modify(fd int, want Events) error {
	if _, there := p.want[fd]; !there {
		return fmt.Errorf("change descriptor %d: %w", fd, errUnknown)
	}
	p.want[fd] = want
	return nil
}

// Remove stops watching fd.
func (p *FakePoller) Remove(fd int) error {
	if _, there := p.want[fd]; !there {
		return fmt.Errorf("remove descriptor %d: %w", fd, errUnknown)
	}
	delete(p.want, fd)
	return nil
}

// Wait reports what is ready, lowest descriptor first; if nothing is, it
// advances the clock by timeout.
func (p *FakePoller) Wait(into []Ready, timeout time.Duration) (int, error) {
	var fds []int
	for fd, events := range p.ready {
		if events&p.want[fd] != 0 {
			fds = append(fds, fd)
		}
	}
	slices.Sort(fds)
	n := 0
	for _, fd := range fds[:min(len(fds), len(into))] {
		into[n] = Ready{fd, p.ready[fd] & p.want[fd]}
		n++
	}
	switch {
	case n > 0 || p.woken:
	case timeout >= 0:
		p.clock.Advance(timeout)
	case p.Idle != nil:
		p.Idle()
	default:
		return 0, ErrIdle
	}
	p.woken = false
	return n, nil
}

// Wake makes the next Wait return without advancing the clock. Unlike a
// system's poller it is not safe for concurrent use: a simulation has one
// goroutine.
func (p *FakePoller) Wake() { p.woken = true }

// Close does nothing.
func (p *FakePoller) Close() error { return nil }
