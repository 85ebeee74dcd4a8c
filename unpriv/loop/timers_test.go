package loop

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// model is the obvious timer queue: a list sorted on demand.
type model struct {
	timers []*Timer
	when   map[*Timer]Mono
	seq    map[*Timer]int
	n      int
}

func (m *model) set(t *Timer, when Mono) {
	m.cancel(t)
	m.n++
	m.when[t], m.seq[t] = max(when, 0), m.n
	m.timers = append(m.timers, t)
}

func (m *model) cancel(t *Timer) bool {
	i := slices.Index(m.timers, t)
	if i < 0 {
		return false
	}
	m.timers = slices.Delete(m.timers, i, i+1)
	return true
}

func (m *model) pop(now Mono) *Timer {
	if len(m.timers) == 0 {
		return nil
	}
	least := slices.MinFunc(m.timers, func(a, b *Timer) int {
		if m.when[a] != m.when[b] {
			if m.when[a] < m.when[b] {
				return -1
			}
			return 1
		}
		return m.seq[a] - m.seq[b]
	})
	if m.when[least] > now || m.when[least] == Never {
		return nil
	}
	m.cancel(least)
	return least
}

// compare runs the operations that ops encodes on both queues.
func compare(t *testing.T, ops []byte, times func(op byte, now Mono) Mono) {
	t.Helper()
	q, m := NewTimers(), &model{when: map[*Timer]Mono{}, seq: map[*Timer]int{}}
	timers := make([]Timer, 24)
	now := Mono(1)
	for i := 0; i+1 < len(ops); i += 2 {
		timer := &timers[int(ops[i]>>2)%len(timers)]
		switch ops[i] & 3 {
		case 0, 1:
			when := times(ops[i+1], now)
			q.Set(timer, when)
			m.set(timer, when)
		case 2:
			if got, want := q.Cancel(timer), m.cancel(timer); got != want {
				t.Fatalf("op %d: Cancel = %v, want %v", i, got, want)
			}
		case 3:
			now = max(now, times(ops[i+1], now))
			for {
				got, want := q.Pop(now), m.pop(now)
				if got != want {
					t.Fatalf("op %d: Pop(%d) = %p (%d), want %p (%d)", i, now, got, when(got), want, when(want))
				}
				if got == nil {
					break
				}
				if got.Pending() {
					t.Fatalf("op %d: popped timer is pending", i)
				}
			}
		}
		if q.Len() != len(m.timers) {
			t.Fatalf("op %d: Len = %d, want %d", i, q.Len(), len(m.timers))
		}
		// Asking for the next time moves the horizon, which must not show.
		if ops[i+1]&1 == 1 {
			when, ok := q.Next()
			if ok != (len(m.timers) > 0) {
				t.Fatalf("op %d: Next ok = %v with %d pending", i, ok, len(m.timers))
			}
			for _, other := range m.timers {
				if m.when[other] < when {
					t.Fatalf("op %d: Next = %d, but one is due at %d", i, when, m.when[other])
				}
			}
		}
	}
}

func when(t *Timer) Mono {
	if t == nil {
		return -1
	}
	return t.When()
}

// spreads are how far away the times of a run are: within a tick, within a
// slot of each level, over everything.
func spreads(op byte, now Mono) Mono {
	switch op >> 5 {
	case 0:
		return now + Mono(op&31)
	case 1:
		return now + Mono(op&31)<<14
	case 2:
		return now + Mono(op&31)<<20
	case 3:
		return now + Mono(op&31)<<26
	case 4:
		return (now>>22 + Mono(op&31)) << 22 // exactly at the begin of a slot
	case 5:
		return now - Mono(op&31)<<10 // past
	case 6:
		return now.Add(time.Duration(op&31) << 40)
	default:
		return Never - Mono(op&31)
	}
}

func TestTimersAgainstModel(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		ops := make([]byte, 600)
		for i := range ops {
			ops[i] = byte(r.Uint32())
			// The end of time is reached late or never: after it, all is past.
			if i&1 == 1 && ops[i-1]&3 == 3 && i < 500 && ops[i]>>5 >= 6 {
				ops[i] &= 127
			}
		}
		compare(t, ops, spreads)
	}
}

func FuzzTimers(f *testing.F) {
	f.Add([]byte{0, 0x81, 4, 0x82, 3, 0xff})
	f.Fuzz(func(t *testing.T, ops []byte) {
		if len(ops) > 2000 {
			return
		}
		compare(t, ops, spreads)
	})
}

type order struct {
	timer Timer
	name  string
	got   *[]string
	again func(now Mono)
}

func (o *order) Expire(now Mono) {
	*o.got = append(*o.got, o.name)
	if o.again != nil {
		o.again(now)
	}
}

func TestTimersRunInOrder(t *testing.T) {
	var got []string
	q := NewTimers()
	set := func(name string, when Mono) *order {
		o := &order{name: name, got: &got}
		o.timer.Expirer = o
		q.Set(&o.timer, when)
		return o
	}
	set("third", 30)
	set("first", 10)
	set("second", 20)
	set("second too", 20)
	cancelled := set("cancelled", 15)
	later := set("later", 5_000_000_000)
	if !q.Cancel(&cancelled.timer) || q.Cancel(&cancelled.timer) {
		t.Error("Cancel must report whether the timer was pending")
	}
	if n := q.Run(30); n != 4 {
		t.Errorf("Run = %d, want 4", n)
	}
	if diff := cmp.Diff([]string{"first", "second", "second too", "third"}, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	if when, ok := q.Next(); !ok || when != 5_000_000_000 || !later.timer.Pending() {
		t.Errorf("Next = %v, %v", when, ok)
	}
}

func TestTimerSetByExpiryWaitsForNextRun(t *testing.T) {
	var got []string
	q := NewTimers()
	o := &order{name: "tick", got: &got}
	o.timer.Expirer = o
	o.again = func(now Mono) { q.Set(&o.timer, now) }
	q.Set(&o.timer, 1)
	for range 3 {
		if n := q.Run(10); n != 1 {
			t.Fatalf("Run = %d, want 1", n)
		}
	}
}

func TestTimersAllocs(t *testing.T) {
	q := NewTimers()
	timers := make([]Timer, 1000)
	now := Mono(0)
	cycle := func() {
		for i := range timers {
			q.Set(&timers[i], now+Mono(i)*1_000_003)
		}
		for i := range timers[:500] {
			q.Cancel(&timers[i*2])
		}
		now += 1_000_000_000
		for q.Pop(now) != nil {
		}
	}
	cycle()
	if n := testing.AllocsPerRun(100, cycle); n != 0 {
		t.Errorf("allocations per cycle = %v, want 0", n)
	}
}

// many keeps 200,000 timers pending, due over the next 5 s at random.
func many() (*Timers, []Timer, *rand.Rand) {
	q, timers, r := NewTimers(), make([]Timer, 200_000), rand.New(rand.NewPCG(1, 2))
	for i := range timers {
		q.Set(&timers[i], Mono(r.Int64N(5e9)))
	}
	return q, timers, r
}

func BenchmarkTimersReset(b *testing.B) {
	q, timers, r := many()
	i := 0
	for b.Loop() {
		q.Set(&timers[i], Mono(r.Int64N(5e9)))
		i = (i + 7919) % len(timers)
	}
}

func BenchmarkTimersCancelAndAdd(b *testing.B) {
	q, timers, r := many()
	i := 0
	for b.Loop() {
		q.Cancel(&timers[i])
		q.Set(&timers[i], Mono(r.Int64N(5e9)))
		i = (i + 7919) % len(timers)
	}
}

// Every timer expires and is set again 5 s later, as the probes of a run
// without replies do: one set, one pop.
func BenchmarkTimersExpireAndAdd(b *testing.B) {
	q, _, _ := many()
	for b.Loop() {
		t := q.Pop(Never - 1)
		q.Set(t, t.When()+5e9)
	}
}
