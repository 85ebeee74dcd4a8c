package loop

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// journal writes down what happens when, in virtual time.
type journal struct {
	l     *Loop
	start Mono
	lines []string
}

func (j *journal) add(what string) {
	j.lines = append(j.lines, fmt.Sprintf("%v %s", j.l.Now().Sub(j.start), what))
}

// sender is a scheduler in small: three packets, a gap apart.
type sender struct {
	j    *journal
	next Mono
	left int
}

func (s *sender) Turn(now Mono) Mono {
	for s.left > 0 && s.next <= now {
		s.j.add("send")
		s.left--
		s.next = s.next.Add(50 * time.Millisecond)
	}
	if s.left == 0 {
		return Never
	}
	return s.next
}

type timeout struct {
	Timer
	do func()
}

func (t *timeout) Expire(Mono) { t.do() }

type served func(Events)

func (f served) Serve(e Events) { f(e) }

func simulated() (*Loop, *FakePoller, *journal) {
	clock := NewFakeClock(time.Unix(1_000_000, 0))
	p := NewFakePoller(clock)
	l := NewLoop(p, clock)
	return l, p, &journal{l: l, start: l.Now()}
}

func TestLoopTurns(t *testing.T) {
	l, p, j := simulated()
	s := &sender{j: j, next: l.Now(), left: 3}
	l.AddTurner(s)
	reply := &timeout{do: func() { p.SetReady(7, Readable) }}
	reply.Expirer = reply
	l.Timers.Set(&reply.Timer, l.Now().Add(70*time.Millisecond))
	give := &timeout{do: func() { j.add("timeout"); l.Stop() }}
	give.Expirer = give
	l.Timers.Set(&give.Timer, l.Now().Add(5*time.Second))
	err := l.Watch(7, Readable, served(func(Events) {
		j.add("reply")
		p.SetReady(7, 0)
		l.Post(func() { j.add("posted") })
	}))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Run(); err != nil {
		t.Fatal(err)
	}
	want := []string{"0s send", "50ms send", "70ms reply", "70ms posted", "100ms send", "5s timeout"}
	if diff := cmp.Diff(want, j.lines); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if l.Post(func() {}) {
		t.Error("Post after Stop must return false")
	}
}

func TestLoopIdle(t *testing.T) {
	l, p, _ := simulated()
	if err := l.Run(); !errors.Is(err, ErrIdle) {
		t.Errorf("Run = %v, want ErrIdle", err)
	}
	p.Idle = l.Stop
	if err := l.Run(); err != nil {
		t.Errorf("Run = %v", err)
	}
}

func TestLoopTurnLimit(t *testing.T) {
	l, _, j := simulated()
	if err := l.Turn(time.Second); err != nil {
		t.Fatal(err)
	}
	if got := l.Now().Sub(j.start); got != time.Second {
		t.Errorf("waited %v", got)
	}
}

// A descriptor that was unwatched by a server earlier in the same turn must
// not be served, and another may take its number.
func TestLoopUnwatchInTurn(t *testing.T) {
	l, p, _ := simulated()
	p.SetReady(3, Readable)
	p.SetReady(4, Readable)
	if err := l.Watch(3, Readable, served(func(Events) {
		if err := l.Unwatch(4); err != nil {
			t.Error(err)
		}
	})); err != nil {
		t.Fatal(err)
	}
	if err := l.Watch(4, Readable, served(func(Events) { t.Error("served after Unwatch") })); err != nil {
		t.Fatal(err)
	}
	if err := l.Turn(0); err != nil {
		t.Fatal(err)
	}
	if l.Watched() != 1 {
		t.Errorf("Watched = %d", l.Watched())
	}
	for name, err := range map[string]error{
		"watch twice":    l.Watch(3, Readable, served(nil)),
		"watch negative": l.Watch(-1, Readable, served(nil)),
		"watch without":  l.Watch(9, Readable, nil),
		"rewatch":        l.Rewatch(4, Readable),
		"unwatch":        l.Unwatch(4),
		"unwatch far":    l.Unwatch(4000),
	} {
		if err == nil {
			t.Errorf("%s succeeded", name)
		}
	}
}

// Many goroutines post while the loop runs on a real poller.
func TestLoopPost(t *testing.T) {
	each(t, func(t *testing.T, p Poller) {
		l := NewLoop(p, nil)
		const posters, each = 8, 500
		var done sync.WaitGroup
		var counts [posters]int // owned by the loop's goroutine
		for i := range posters {
			done.Go(func() {
				for k := range each {
					l.Post(func() {
						if counts[i] != k {
							t.Errorf("poster %d: function %d ran as number %d", i, k, counts[i])
						}
						counts[i]++
					})
				}
			})
		}
		go func() {
			done.Wait()
			l.Stop()
		}()
		if err := l.Run(); err != nil {
			t.Fatal(err)
		}
		for i, n := range counts {
			if n != each {
				t.Errorf("poster %d: %d of %d ran", i, n, each)
			}
		}
	})
}

func TestLoopServesDescriptors(t *testing.T) {
	each(t, func(t *testing.T, p Poller) {
		l := NewLoop(p, nil)
		a, b := pair(t)
		write(t, b)
		if err := l.Watch(a, Readable, served(func(Events) {
			var buf [1]byte
			if n, err := unix.Read(a, buf[:]); n != 1 || err != nil {
				t.Errorf("read: %d, %v", n, err)
			}
			l.Stop()
		})); err != nil {
			t.Fatal(err)
		}
		if err := l.Run(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestLoopAllocs(t *testing.T) {
	p, err := New(Default)
	if err != nil {
		t.Fatal(err)
	}
	l := NewLoop(p, nil)
	defer l.Close()
	j := &timeout{do: func() {}}
	j.Expirer = j
	turn := func() {
		l.Timers.Set(&j.Timer, l.Now())
		if err := l.Turn(0); err != nil {
			t.Fatal(err)
		}
	}
	turn()
	if n := testing.AllocsPerRun(200, turn); n != 0 {
		t.Errorf("allocations per turn = %v, want 0", n)
	}
}

func TestMono(t *testing.T) {
	for _, c := range []struct {
		m    Mono
		d    time.Duration
		want Mono
	}{{1, 2, 3}, {Never, 1, Never}, {Never, -1, Never}, {Never - 1, 2, Never}, {5, -3, 2}} {
		if got := c.m.Add(c.d); got != c.want {
			t.Errorf("%d.Add(%d) = %d, want %d", c.m, c.d, got, c.want)
		}
	}
	if got := Never.Sub(-5); got != 1<<63-1 {
		t.Errorf("Never.Sub = %d", got)
	}
}

func TestFakeClock(t *testing.T) {
	c := NewFakeClock(time.Unix(100, 0))
	m := c.Mono()
	c.Advance(time.Second)
	c.Advance(-time.Hour)
	c.Step(-10 * time.Second)
	if got := c.Mono().Sub(m); got != time.Second {
		t.Errorf("monotonic time moved by %v", got)
	}
	if got := c.Wall(); !got.Equal(time.Unix(91, 0)) {
		t.Errorf("wall = %v", got)
	}
}
