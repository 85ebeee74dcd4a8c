package simnet

import (
	"math"
	"math/bits"
	"time"
)

// A timer wheel holds frames until they are due. One turn is wheelSlots ticks; a frame that is due later than that stays
// in its slot while the wheel goes round. Frames that are due at once never enter the wheel: they are put in the ready
// queue directly.
const (
	wheelTick  = 100 * time.Microsecond
	wheelSlots = 8192
)

// Frames wait in buffers of four sizes, which are used again and again.
var bufferSizes = [...]int{128, 512, 2048, 66 << 10}

// maxQueued bounds the memory of waiting frames; further frames are dropped and counted.
const maxQueued = 256 << 20

type frame struct {
	due   time.Duration
	seq   uint64
	port  Port
	size  uint8 // index into bufferSizes
	n     int
	next  int32
	bytes []byte
}

const noFrame = -1

type slot struct{ first, last int32 }

type wheel struct {
	frames []frame
	free   [len(bufferSizes)][]int32
	bytes  int
	seq    uint64
	slots  [wheelSlots]slot
	used   [wheelSlots / 64]uint64 // bitmap of slots that hold something
	held   int                     // frames in slots
	tick   int64                   // every slot before this tick's has been looked at
	ready  []int32
	head   int // of ready
	sorted []int32
}

func (w *wheel) init() {
	for i := range w.slots {
		w.slots[i] = slot{noFrame, noFrame}
	}
}

// take gives a buffer for n bytes, or noFrame if there are too many frames already.
func (w *wheel) take(n int) int32 {
	size := 0
	for size < len(bufferSizes)-1 && bufferSizes[size] < n {
		size++
	}
	if free := w.free[size]; len(free) > 0 {
		i := free[len(free)-1]
		w.free[size] = free[:len(free)-1]
		w.frames[i].n = n
		return i
	}
	if n > bufferSizes[size] || w.bytes+bufferSizes[size] > maxQueued {
		return noFrame
	}
	w.bytes += bufferSizes[size]
	w.frames = append(w.frames, frame{size: uint8(size), n: n, bytes: make([]byte, bufferSizes[size])})
	return int32(len(w.frames) - 1)
}

// add queues a frame that take gave. now is the latest time the wheel was told.
func (w *wheel) add(i int32, port Port, due, now time.Duration) {
	f := &w.frames[i]
	f.port, f.due, f.next = port, due, noFrame
	f.seq = w.seq
	w.seq++
	if due <= now {
		w.push(i)
		return
	}
	at := int64(due/wheelTick) % wheelSlots
	s := &w.slots[at]
	if s.last == noFrame {
		s.first = i
		w.used[at/64] |= 1 << (at % 64)
	} else {
		w.frames[s.last].next = i
	}
	s.last = i
	w.held++
}

func (w *wheel) push(i int32) {
	if w.head == len(w.ready) {
		w.ready, w.head = w.ready[:0], 0
	}
	w.ready = append(w.ready, i)
}

// advance moves everything that is due by now to the ready queue, in the order of due times.
func (w *wheel) advance(now time.Duration) {
	target := int64(now / wheelTick)
	if w.held == 0 {
		w.tick = max(w.tick, target)
		return
	}
	first := w.tick
	if target-first >= wheelSlots {
		first = target - wheelSlots + 1
	}
	w.sorted = w.sorted[:0]
	for t := first; t <= target; t++ {
		at := t % wheelSlots
		if w.used[at/64] == 0 {
			t += 63 - at%64 // nothing in this word: on to the next one
			continue
		}
		if w.used[at/64]&(1<<(at%64)) != 0 {
			w.collect(at, now)
		}
	}
	w.tick = max(w.tick, target)
	for _, i := range w.sorted {
		w.push(i)
	}
}

// drain moves everything to the ready queue, in the order of due times, without time going on.
func (w *wheel) drain() {
	w.sorted = w.sorted[:0]
	for at := range int64(wheelSlots) {
		if w.used[at/64]&(1<<(at%64)) != 0 {
			w.collect(at, math.MaxInt64)
		}
	}
	for _, i := range w.sorted {
		w.push(i)
	}
}

// collect takes the frames that are due out of a slot.
func (w *wheel) collect(at int64, now time.Duration) {
	s := &w.slots[at]
	i := s.first
	s.first, s.last = noFrame, noFrame
	for i != noFrame {
		f := &w.frames[i]
		next := f.next
		f.next = noFrame
		if f.due <= now {
			w.held--
			w.insert(i)
		} else if s.last == noFrame {
			s.first, s.last = i, i
		} else {
			w.frames[s.last].next = i
			s.last = i
		}
		i = next
	}
	if s.last == noFrame {
		w.used[at/64] &^= 1 << (at % 64)
	}
}

// insert keeps sorted in the order of (due, seq). Frames mostly come in order, so the place is near the end.
func (w *wheel) insert(i int32) {
	f := &w.frames[i]
	at := len(w.sorted)
	w.sorted = append(w.sorted, i)
	for at > 0 {
		before := &w.frames[w.sorted[at-1]]
		if before.due < f.due || before.due == f.due && before.seq < f.seq {
			break
		}
		w.sorted[at] = w.sorted[at-1]
		at--
	}
	w.sorted[at] = i
}

// pop takes the next ready frame; noFrame if there is none. The caller gives it back with release.
func (w *wheel) pop() int32 {
	if w.head == len(w.ready) {
		return noFrame
	}
	i := w.ready[w.head]
	w.head++
	return i
}

func (w *wheel) release(i int32) {
	size := w.frames[i].size
	w.free[size] = append(w.free[size], i)
}

// next is a time at or before which nothing becomes due; ok is false if nothing waits.
func (w *wheel) next() (due time.Duration, ok bool) {
	if w.head < len(w.ready) {
		return w.frames[w.ready[w.head]].due, true
	}
	if w.held == 0 {
		return 0, false
	}
	start := w.tick % wheelSlots
	for k := int64(0); k <= wheelSlots; {
		at := (start + k) % wheelSlots
		word := w.used[at/64] >> (at % 64)
		if word == 0 {
			k += 64 - at%64
			continue
		}
		k += int64(bits.TrailingZeros64(word))
		at = (start + k) % wheelSlots
		turn := time.Duration(w.tick+k+1) * wheelTick // end of this slot's tick in this turn
		earliest := turn
		for i := w.slots[at].first; i != noFrame; i = w.frames[i].next {
			earliest = min(earliest, w.frames[i].due)
		}
		if earliest < turn {
			return earliest, true
		}
		k++
	}
	return time.Duration(w.tick+wheelSlots) * wheelTick, true // a turn without anything due
}
