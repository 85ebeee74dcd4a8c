package loop

import (
	"testing"
	"time"
)

// late is a loop with a descriptor at which some packets wait, and a timer that is due after they came. Nobody looked in
// between.
type late struct {
	*Loop
	clock   *FakeClock
	unread  int
	behind  bool // each turn leaves something to be read
	expired bool
	timer   timeout
}

func newLate(t *testing.T, packets int) *late {
	l, p, _ := simulated()
	b := &late{Loop: l, clock: l.Clock().(*FakeClock), unread: packets}
	fd := p.NewFD()
	if err := l.Watch(fd, Readable, served(func(Events) {
		if b.unread--; b.unread > 0 || b.behind {
			l.Behind()
			return
		}
		p.SetReady(fd, 0)
	})); err != nil {
		t.Fatal(err)
	}
	b.timer.do = func() { b.expired = true }
	b.timer.Expirer = &b.timer
	l.Timers.Set(&b.timer.Timer, l.Now().Add(100*time.Millisecond))
	b.turn(t) // nothing has come yet
	p.SetReady(fd, Readable)
	b.clock.Advance(500 * time.Millisecond)
	return b
}

func (b *late) turn(t *testing.T) {
	t.Helper()
	if err := b.Turn(0); err != nil {
		t.Fatal(err)
	}
}

// What came before a timer was due is served before it expires, however late the loop is and in how many parts.
func TestServedBeforeTimer(t *testing.T) {
	for _, packets := range []int{1, 3} {
		b := newLate(t, packets)
		for range packets + 1 {
			if b.expired {
				t.Fatalf("expired with %d of %d unread", b.unread, packets)
			}
			b.turn(t)
		}
		if !b.expired || b.unread != 0 {
			t.Errorf("expired %v, %d of %d unread", b.expired, b.unread, packets)
		}
	}
}

// A flood that is never served to its end does not keep timers from expiring.
func TestTimerInFlood(t *testing.T) {
	b := newLate(t, 1)
	b.behind = true
	for range 3 {
		b.turn(t)
	}
	if b.expired {
		t.Error("expired at once")
	}
	b.clock.Advance(maxBehind)
	b.turn(t)
	if !b.expired {
		t.Error("not expired")
	}
}
