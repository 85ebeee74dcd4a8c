// Package loop is the event loop of the main process: descriptors, timers and
// a turn for the scheduler, all on one goroutine.
//
// A turn, in order:
//
//  1. functions posted by other goroutines run, in the order they were posted
//  2. due timers expire, earliest first, but none before what was there when it was due
//     has been served
//  3. each Turner is called; it sends what is due and says when it wants the
//     next turn
//  4. the poller waits until the earliest of those wishes and of the timers
//  5. descriptors that became ready are served
//
// Everything except Post, Wake and Stop belongs to the goroutine that calls
// Run or Turn; nothing else is locked.
package loop

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// Server serves one descriptor.
type Server interface {
	// Serve is called on the loop's goroutine when the descriptor is ready
	// for what is set in ready. It must not block. What it leaves unread is
	// reported again in the next turn.
	Serve(ready Events)
}

// Turner is called once in each turn. The scheduler is one.
type Turner interface {
	// Turn does what is due at now and returns when it wants to be called
	// again at the latest: a time not after now means at once (descriptors
	// are still looked at in between), Never means that it waits for
	// nothing but descriptors and timers.
	Turn(now Mono) (next Mono)
}

// maxReady is how many ready descriptors one turn serves. The rest is
// reported in the next turn, so a flood on many sockets cannot keep the
// scheduler from its turn.
const maxReady = 256

// ErrStopped is what Turn returns once Stop was called.
var ErrStopped = errors.New("loop stopped")

// Loop ties a poller, timers and turns together. Create one with NewLoop.
type Loop struct {
	// Timers holds the loop's pending timers; owned by the loop's goroutine.
	Timers *Timers

	poller  Poller
	clock   Clock
	now     Mono
	servers []Server // by descriptor number
	watched int
	turners []Turner
	ready   [maxReady]Ready
	calm    time.Duration // see Calm
	served  Mono          // all that was there at this time has been served; 0 before the first wait
	behind  bool          // something was left unserved

	mu     sync.Mutex
	posted []func() // guarded by mu
	stop   bool     // guarded by mu
	spare  []func() // the slice that Turn drains while posted collects anew
}

// NewLoop returns a loop on the given poller and clock. It owns the poller:
// Close closes it. A nil clock means System.
func NewLoop(poller Poller, clock Clock) *Loop {
	if clock == nil {
		clock = System
	}
	return &Loop{Timers: NewTimers(), poller: poller, clock: clock, now: clock.Mono()}
}

// Clock returns the clock that the loop was created with.
func (l *Loop) Clock() Clock { return l.clock }

// Poller returns the poller that the loop was created with.
func (l *Loop) Poller() Poller { return l.poller }

// Now returns the monotonic time read most recently by the loop: at the begin
// of a turn and again when the poller returned. It costs nothing; use
// Clock().Mono() where microseconds matter.
func (l *Loop) Now() Mono { return l.now }

// Watch has s served whenever fd is ready for what is set in want. A
// descriptor can be watched once; watching it again is an error. The caller
// keeps owning the descriptor and calls Unwatch before closing it.
func (l *Loop) Watch(fd int, want Events, s Server) error {
	if fd < 0 || s == nil {
		return fmt.Errorf("watch descriptor %d: %w", fd, errBadWatch)
	}
	if fd < len(l.servers) && l.servers[fd] != nil {
		return fmt.Errorf("watch descriptor %d: %w", fd, errWatched)
	}
	if err := l.poller.Add(fd, want); err != nil {
		return err
	}
	for fd >= len(l.servers) {
		l.servers = append(l.servers, nil)
	}
	l.servers[fd] = s
	l.watched++
	return nil
}

// Rewatch changes what the watched descriptor fd is watched for. Zero pauses
// it: nothing is reported until the next Rewatch.
func (l *Loop) Rewatch(fd int, want Events) error {
	if fd < 0 || fd >= len(l.servers) || l.servers[fd] == nil {
		return fmt.Errorf("rewatch descriptor %d: %w", fd, errUnwatched)
	}
	return l.poller.Modify(fd, want)
}

// Unwatch ends the watching of fd. Readiness that the poller has already
// reported in this turn is not delivered any more.
func (l *Loop) Unwatch(fd int) error {
	if fd < 0 || fd >= len(l.servers) || l.servers[fd] == nil {
		return fmt.Errorf("unwatch descriptor %d: %w", fd, errUnwatched)
	}
	l.servers[fd] = nil
	l.watched--
	return l.poller.Remove(fd)
}

// Watched returns the number of watched descriptors.
func (l *Loop) Watched() int { return l.watched }

// AddTurner adds t to what is called each turn, after those added earlier.
func (l *Loop) AddTurner(t Turner) { l.turners = append(l.turners, t) }

// Post has f run on the loop's goroutine at the begin of the next turn, and
// wakes the poller for it. It may be called from any goroutine, also from the
// loop's own: f then runs in the next turn, not in this one. It returns false,
// and f will never run, after Stop.
func (l *Loop) Post(f func()) bool {
	l.mu.Lock()
	if l.stop {
		l.mu.Unlock()
		return false
	}
	l.posted = append(l.posted, f)
	first := len(l.posted) == 1
	l.mu.Unlock()
	if first {
		l.poller.Wake()
	}
	return true
}

// Wake ends the poller's wait early. It may be called from any goroutine.
func (l *Loop) Wake() { l.poller.Wake() }

// Stop makes Run return nil after the turn under way. What was posted before
// still runs. It may be called from any goroutine, more than once.
func (l *Loop) Stop() {
	l.mu.Lock()
	l.stop = true
	l.mu.Unlock()
	l.poller.Wake()
}

// Run takes turns until Stop is called or the poller fails.
func (l *Loop) Run() error {
	for {
		switch err := l.Turn(-1); {
		case errors.Is(err, ErrStopped):
			return nil
		case err != nil:
			return err
		}
	}
}

// Turn takes one turn, and waits in the poller for at most limit; a negative
// limit leaves the wait to timers and turners. It returns ErrStopped, without
// having waited, once Stop was called.
func (l *Loop) Turn(limit time.Duration) error {
	stopping := l.runPosted()
	l.now = l.clock.Mono()
	l.Timers.Run(l.expired())
	next := Never
	for _, t := range l.turners {
		next = min(next, t.Turn(l.now))
	}
	if stopping {
		return ErrStopped
	}
	n, err := l.wait(l.timeLeft(next, limit))
	l.now = l.clock.Mono()
	if err != nil {
		return fmt.Errorf("poll descriptors: %w", err)
	}
	seen := l.now
	l.behind = n == len(l.ready)
	for _, r := range l.ready[:n] {
		// A server may have unwatched a descriptor later in this batch.
		if r.FD < len(l.servers) && l.servers[r.FD] != nil {
			l.servers[r.FD].Serve(r.Events)
		}
	}
	if !l.behind {
		l.served = seen
	}
	return nil
}

// maxBehind is for how long timers wait for what is still to be served.
const maxBehind = time.Second

// expired returns the time whose timers are to run: that at which the poller last looked, if all that was there then has
// been served. When the loop is late, or the whole process was, what has arrived in time is served before the time that
// somebody wanted to wait for it is over.
func (l *Loop) expired() Mono {
	if l.served == 0 || l.now.Sub(l.served) > maxBehind && l.behind {
		return l.now
	}
	return l.served
}

// Behind says that a server left something unserved, for the sake of others. Timers then wait for it, but not for ever.
func (l *Loop) Behind() { l.behind = true }

// Calm makes the loop look at descriptors only once in so long while it is busy: what arrives in between is served
// together, at the price of one wake-up. Zero serves everything at once. It is for rates at which something arrives
// every few microseconds; the kernel's stamps stay exact.
func (l *Loop) Calm(d time.Duration) { l.calm = d }

// wait waits for ready descriptors; a negative timeout is without end.
func (l *Loop) wait(timeout time.Duration) (int, error) {
	if timeout > 0 && timeout <= 8*l.calm && l.poller.Kind() != Simulated {
		sleep(min(timeout, l.calm))
		timeout = 0 // whatever it was that ended the wait, another turn will see
	}
	return l.poller.Wait(l.ready[:], timeout)
}

// Close closes the poller. Watched descriptors stay open.
func (l *Loop) Close() error { return l.poller.Close() }

// runPosted runs what had been posted when it was called and reports whether
// Stop had been called.
func (l *Loop) runPosted() (stopping bool) {
	l.mu.Lock()
	work := l.posted
	l.posted = l.spare[:0]
	stopping = l.stop
	l.mu.Unlock()
	for i, f := range work {
		work[i] = nil
		f()
	}
	l.spare = work
	return stopping
}

// timeLeft returns how long the poller may wait: until next, the earliest
// timer or limit, whichever comes first; negative for no end.
func (l *Loop) timeLeft(next Mono, limit time.Duration) time.Duration {
	if when, ok := l.Timers.Next(); ok {
		next = min(next, when)
	}
	if next == Never {
		return limit
	}
	// The clock is read again: timers and turners may have taken a while.
	left := max(next.Sub(l.clock.Mono()), 0)
	if limit >= 0 {
		left = min(left, limit)
	}
	return left
}

var (
	errBadWatch  = errors.New("negative descriptor or no server")
	errWatched   = errors.New("already watched")
	errUnwatched = errors.New("not watched")
)
