package loop

import "math/bits"

// How timers are kept
//
// Most timers of a measurement are cancelled by a reply long before they are
// due, so adding and cancelling must cost next to nothing with hundreds of
// thousands pending. Timers that are due far from now are kept in timing
// wheels (Varghese and Lauck, "Hashed and Hierarchical Timing Wheels", SOSP
// 1987), as doubly linked lists: both are a few pointer writes. Only those due
// before the horizon are sorted, in a small 4-ary heap that orders them to the
// nanosecond. When the heap is empty, the horizon moves to the next slot of
// the wheels that holds any.
//
//	heap: when < horizon           wheels: when >= horizon
//	                               level 0: slots of 2^16 ns, level 1: of 2^22 ns, ...
//
// The horizon has nothing to do with the present: it may be ahead of it.

// Expirer is told when its timer expires.
type Expirer interface {
	// Expire is called once for each time that the timer was set, on the
	// loop's goroutine, at or after its time. The timer is not pending any
	// more and may be set again.
	Expire(now Mono)
}

// Timer is embedded in whoever waits, so that waiting allocates nothing. The
// zero value is a timer that is not pending. It must not be copied while it is
// pending.
type Timer struct {
	// Expirer is called when the timer expires. It is set once by the owner,
	// before the first Timers.Set.
	Expirer Expirer

	when       Mono
	seq        uint64 // of Set: the order among equals
	next, prev *Timer // in a slot
	pos        int32  // where it is, see the constants below
}

const (
	idle    int32 = 0  // not pending
	inHeap  int32 = 1  // pos-inHeap is the index in the heap
	inWheel int32 = -1 // inWheel-pos is level*slots+slot
)

const (
	tickBits  = 16 // a slot of level 0 lasts 2^16 ns = 65.536 us
	levelBits = 6  // slots per level, one bit each in a word
	slots     = 1 << levelBits
	levels    = (63 - tickBits + levelBits - 1) / levelBits // enough for every Mono
)

// Pending reports whether the timer is set and has not expired yet.
func (t *Timer) Pending() bool { return t.pos != idle }

// When returns the time for which the timer was set last.
func (t *Timer) When() Mono { return t.when }

// Timers is a queue of pending timers. Timers of the same time expire in the
// order in which they were set.
type Timers struct {
	heap    []entry
	horizon Mono // multiple of a tick
	wheel   [levels][slots]*Timer
	used    [levels]uint64 // which slots hold timers
	seq     uint64
	pending int
}

// entry keeps what is compared beside each other, not behind a pointer.
type entry struct {
	when  Mono
	seq   uint64
	timer *Timer
}

func (e entry) before(o entry) bool {
	return e.when < o.when || e.when == o.when && e.seq < o.seq
}

// NewTimers returns an empty queue.
func NewTimers() *Timers { return &Timers{} }

// Len returns the number of pending timers.
func (q *Timers) Len() int { return q.pending }

// Set makes t pending and due at when, whether or not it was pending before.
// A time in the past is due at once, Never is never due.
func (q *Timers) Set(t *Timer, when Mono) {
	if t.pos != idle {
		q.unlink(t)
	}
	q.seq++
	t.when, t.seq = max(when, 0), q.seq
	q.pending++
	q.insert(t)
}

// Cancel makes t not pending and reports whether it was.
func (q *Timers) Cancel(t *Timer) bool {
	if t.pos == idle {
		return false
	}
	q.unlink(t)
	return true
}

// Next returns the time of the earliest pending timer.
func (q *Timers) Next() (when Mono, ok bool) {
	if q.pending == 0 {
		return Never, false
	}
	q.advance()
	return q.heap[0].when, true
}

// Pop takes the earliest timer that is due at now, or returns nil.
func (q *Timers) Pop(now Mono) *Timer {
	if when, ok := q.Next(); !ok || when > now || when == Never {
		return nil
	}
	t := q.heap[0].timer
	q.unlink(t)
	return t
}

// Run expires the timers that are due at now, earliest first, and returns how
// many did. Timers that are set while it runs are left for the next Run, also
// if they are due: a timer that sets itself again cannot hold up the loop.
func (q *Timers) Run(now Mono) int {
	last, n := q.seq, 0
	for {
		when, ok := q.Next()
		// What was set meanwhile comes after its equals, but may come
		// before older timers of a later time: then those wait too.
		if !ok || when > now || when == Never || q.heap[0].seq > last {
			return n
		}
		t := q.heap[0].timer
		q.unlink(t)
		t.Expirer.Expire(now)
		n++
	}
}

// insert puts t where its time belongs.
func (q *Timers) insert(t *Timer) {
	// Never stays in the last slot, unless the horizon has come that far.
	if t.when < q.horizon || q.horizon == Never {
		q.heap = append(q.heap, entry{})
		q.up(len(q.heap)-1, entry{t.when, t.seq, t})
		return
	}
	// The level is the lowest whose slots, as seen from the horizon, reach
	// t.when: that of the highest bit in which the two differ.
	level := 0
	if d := uint64(t.when^q.horizon) >> tickBits; d != 0 {
		level = (bits.Len64(d) - 1) / levelBits
	}
	slot := int(uint64(t.when)>>(tickBits+level*levelBits)) & (slots - 1)
	head := q.wheel[level][slot]
	t.prev, t.next = nil, head
	if head != nil {
		head.prev = t
	}
	q.wheel[level][slot] = t
	q.used[level] |= 1 << slot
	t.pos = inWheel - int32(level*slots+slot)
}

// unlink takes t out of wherever it is.
func (q *Timers) unlink(t *Timer) {
	q.pending--
	if t.pos >= inHeap {
		q.remove(int(t.pos - inHeap))
		t.pos = idle
		return
	}
	if t.next != nil {
		t.next.prev = t.prev
	}
	if t.prev != nil {
		t.prev.next = t.next
	} else {
		level, slot := int(inWheel-t.pos)/slots, int(inWheel-t.pos)%slots
		q.wheel[level][slot] = t.next
		if t.next == nil {
			q.used[level] &^= 1 << slot
		}
	}
	t.next, t.prev, t.pos = nil, nil, idle
}

// advance moves the horizon until the heap is not empty. There must be a
// pending timer.
func (q *Timers) advance() {
	for len(q.heap) == 0 {
		level := 0
		for q.used[level] == 0 {
			level++
		}
		// All slots in use lie after the horizon's own (level 0: at or after),
		// so the lowest bit is the earliest; lower levels come before higher.
		slot := bits.TrailingZeros64(q.used[level])
		shift := tickBits + level*levelBits
		q.horizon = Mono(uint64(q.horizon)>>shift>>levelBits<<levelBits|uint64(slot)) << shift
		if level > 0 {
			q.spread(level, slot)
			continue
		}
		if q.horizon += 1 << tickBits; q.horizon < 0 { // the last tick before Never
			q.horizon = Never
		}
		q.spread(0, slot)
		// The horizon may have entered a slot of higher levels, which must not
		// hold timers then: others of the same time would go to lower levels.
		for level := 1; level < levels; level++ {
			shift := tickBits + level*levelBits
			if q.horizon&(1<<shift-1) != 0 {
				break
			}
			q.spread(level, int(uint64(q.horizon)>>shift)&(slots-1))
		}
	}
}

// spread empties a slot and puts its timers where they belong by now.
func (q *Timers) spread(level, slot int) {
	t := q.wheel[level][slot]
	q.wheel[level][slot] = nil
	q.used[level] &^= 1 << slot
	for t != nil {
		next := t.next
		t.next, t.prev = nil, nil
		q.insert(t)
		t = next
	}
}
