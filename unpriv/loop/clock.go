package loop

import (
	"math"
	"time"
)

// Mono is a point on the monotonic clock in nanoseconds since an arbitrary
// origin. It is for pace and timers only, and never ends in a record.
type Mono int64

// Never is later than every other time.
const Never Mono = math.MaxInt64

// Add returns m+d, Never if that cannot be represented. Never plus anything
// is Never.
func (m Mono) Add(d time.Duration) Mono {
	s := m + Mono(d)
	if m == Never || (d > 0 && s < m) {
		return Never
	}
	return s
}

// Sub returns m-o, at most the longest Duration.
func (m Mono) Sub(o Mono) time.Duration {
	d := time.Duration(m - o)
	if m > o && d < 0 {
		return math.MaxInt64
	}
	return d
}

// Clock is the door to time. Pace comes from the monotonic clock, what is
// recorded from the wall clock; the two types keep them apart.
type Clock interface {
	// Mono returns the monotonic time. It never goes back.
	Mono() Mono
	// Wall returns the wall-clock time, which may be stepped by an operator.
	Wall() time.Time
}

// System is the clock of the system that we run on.
var System Clock = systemClock{}

// origin of System's monotonic time; its wall part is not used.
var origin = time.Now()

type systemClock struct{}

// The one nanosecond keeps zero free, which some callers use for "no time".
func (systemClock) Mono() Mono      { return Mono(time.Since(origin)) + 1 }
func (systemClock) Wall() time.Time { return time.Now() }

// FakeClock is a clock that moves only when told. Both of its times move
// together unless Step is called. It is not safe for concurrent use.
type FakeClock struct {
	mono Mono
	wall time.Time
}

// NewFakeClock returns a clock that shows wall, and one second since the
// origin of its monotonic time.
func NewFakeClock(wall time.Time) *FakeClock {
	return &FakeClock{mono: Mono(time.Second), wall: wall.Round(0)}
}

// Mono returns the fake monotonic time.
func (c *FakeClock) Mono() Mono { return c.mono }

// Wall returns the fake wall-clock time.
func (c *FakeClock) Wall() time.Time { return c.wall }

// Advance moves both times forward by d. A negative d is ignored: monotonic
// time does not go back.
func (c *FakeClock) Advance(d time.Duration) {
	if d > 0 {
		c.mono = c.mono.Add(d)
		c.wall = c.wall.Add(d)
	}
}

// Step moves the wall clock alone by d, as an operator or ntpd would.
func (c *FakeClock) Step(d time.Duration) { c.wall = c.wall.Add(d) }
