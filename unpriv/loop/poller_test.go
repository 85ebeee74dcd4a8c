package loop

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// each runs a test with each poll function of the system.
func each(t *testing.T, test func(t *testing.T, p Poller)) {
	for _, kind := range Kinds() {
		t.Run(kind.String(), func(t *testing.T) {
			p, err := New(kind)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := p.Close(); err != nil {
					t.Error(err)
				}
			})
			if p.Kind() != kind {
				t.Errorf("Kind = %v, want %v", p.Kind(), kind)
			}
			test(t, p)
		})
	}
}

// pair returns two connected stream sockets.
func pair(t *testing.T) (a, b int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = unix.Close(fds[0])
		_ = unix.Close(fds[1])
	})
	return fds[0], fds[1]
}

func ready(t *testing.T, p Poller, timeout time.Duration) []Ready {
	t.Helper()
	var into [8]Ready
	n, err := p.Wait(into[:], timeout)
	if err != nil {
		t.Fatal(err)
	}
	return append([]Ready{}, into[:n]...)
}

func write(t *testing.T, fd int) {
	t.Helper()
	if _, err := unix.Write(fd, []byte("x")); err != nil {
		t.Fatal(err)
	}
}

func TestPollerReady(t *testing.T) {
	each(t, func(t *testing.T, p Poller) {
		a, b := pair(t)
		steps := []struct {
			name string
			do   func() error
			want []Ready
		}{
			{"watched for reading, nothing there", func() error { return p.Add(a, Readable) }, []Ready{}},
			{"written", func() error { write(t, b); return nil }, []Ready{{a, Readable}}},
			{"level triggered", func() error { return nil }, []Ready{{a, Readable}}},
			{"both, in one report", func() error { return p.Modify(a, Readable|Writable) }, []Ready{{a, Readable | Writable}}},
			{"writing only", func() error { return p.Modify(a, Writable) }, []Ready{{a, Writable}}},
			{"paused", func() error { return p.Modify(a, 0) }, []Ready{}},
			{"peer gone while paused", func() error { return unix.Shutdown(b, unix.SHUT_RDWR) }, []Ready{}},
			{"still paused", func() error { return nil }, []Ready{}},
			{"resumed", func() error { return p.Modify(a, Readable) }, []Ready{{a, Readable}}},
			{"removed", func() error { return p.Remove(a) }, []Ready{}},
		}
		for _, s := range steps {
			if err := s.do(); err != nil {
				t.Fatalf("%s: %v", s.name, err)
			}
			if diff := cmp.Diff(s.want, ready(t, p, 0)); diff != "" {
				t.Fatalf("%s (-want +got):\n%s", s.name, diff)
			}
		}
	})
}

func TestPollerErrors(t *testing.T) {
	each(t, func(t *testing.T, p Poller) {
		a, _ := pair(t)
		if err := p.Add(a, Readable); err != nil {
			t.Fatal(err)
		}
		if err := p.Add(a, Readable); !errors.Is(err, errAdded) {
			t.Errorf("second Add: %v", err)
		}
		if err := p.Remove(a); err != nil {
			t.Fatal(err)
		}
		if err := p.Remove(a); !errors.Is(err, errUnknown) {
			t.Errorf("second Remove: %v", err)
		}
		if err := p.Modify(a, Readable); !errors.Is(err, errUnknown) {
			t.Errorf("Modify after Remove: %v", err)
		}
	})
}

// More are ready than one Wait has room for: each must get its turn.
func TestPollerFairness(t *testing.T) {
	each(t, func(t *testing.T, p Poller) {
		seen := map[int]int{}
		for range 20 {
			a, b := pair(t)
			write(t, b)
			if err := p.Add(a, Readable); err != nil {
				t.Fatal(err)
			}
			seen[a] = 0
		}
		for range 6 {
			for _, r := range ready(t, p, 0) {
				seen[r.FD]++
			}
		}
		for fd, n := range seen {
			if n == 0 {
				t.Errorf("descriptor %d was never reported: %v", fd, seen)
			}
		}
	})
}

// A wait must not end early (but for the runtime's preemption signals), and
// Linux must not round it up to milliseconds. How late the machine is does not
// matter: the best of many counts.
func TestPollerPrecision(t *testing.T) {
	each(t, func(t *testing.T, p Poller) {
		const want = 200 * time.Microsecond
		best, early := time.Hour, 0
		for range 50 {
			start := time.Now()
			if got := ready(t, p, want); len(got) != 0 {
				t.Fatalf("ready: %v", got)
			}
			took := time.Since(start)
			if took < want {
				early++
				continue
			}
			best = min(best, took)
		}
		if early > 10 {
			t.Errorf("%d of 50 waits of %v ended early", early, want)
		}
		if Kinds()[0] == Epoll && best >= time.Millisecond {
			t.Errorf("best wait of %v took %v", want, best)
		}
	})
}

func TestPollerWake(t *testing.T) {
	each(t, func(t *testing.T, p Poller) {
		// Before the wait; many wakes are one.
		for range 100_000 {
			p.Wake()
		}
		if got := ready(t, p, -1); len(got) != 0 {
			t.Fatalf("ready: %v", got)
		}
		if got := ready(t, p, 0); len(got) != 0 {
			t.Fatalf("ready: %v", got)
		}
		// During the wait, with two goroutines at it.
		var done sync.WaitGroup
		for range 2 {
			done.Go(func() {
				for range 200 {
					p.Wake()
				}
			})
		}
		for range 20 {
			p.Wake()
			if got := ready(t, p, -1); len(got) != 0 {
				t.Fatalf("ready: %v", got)
			}
		}
		done.Wait()
	})
}

func TestPollerAllocs(t *testing.T) {
	each(t, func(t *testing.T, p Poller) {
		a, b := pair(t)
		write(t, b)
		if err := p.Add(a, Readable); err != nil {
			t.Fatal(err)
		}
		var into [8]Ready
		once := func() {
			p.Wake()
			if _, err := p.Wait(into[:], time.Microsecond); err != nil {
				t.Fatal(err)
			}
		}
		once()
		if n := testing.AllocsPerRun(200, once); n != 0 {
			t.Errorf("allocations per wait = %v, want 0", n)
		}
	})
}

func TestSelectSetSize(t *testing.T) {
	p, err := New(Select)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for _, fd := range []int{-1, unix.FD_SETSIZE, 1 << 20} {
		if err := p.Add(fd, Readable); !errors.Is(err, ErrSetSize) {
			t.Errorf("Add(%d): %v", fd, err)
		}
		if err := p.Modify(fd, Readable); err == nil {
			t.Errorf("Modify(%d) succeeded", fd)
		}
	}
}

func TestParseKind(t *testing.T) {
	for word, want := range map[string]Kind{"select": Select, "Poll": Poll, "SELECT": Select} {
		if got, err := ParseKind(word); err != nil || got != want {
			t.Errorf("ParseKind(%q) = %v, %v", word, got, err)
		}
	}
	for _, word := range []string{"", "default", "simulated", "iocp"} {
		if _, err := ParseKind(word); !errors.Is(err, ErrNoPoller) {
			t.Errorf("ParseKind(%q): %v", word, err)
		}
	}
	if _, err := New(Simulated); !errors.Is(err, ErrNoPoller) {
		t.Errorf("New(Simulated): %v", err)
	}
}

func TestMillis(t *testing.T) {
	for d, want := range map[time.Duration]int{
		-1: -1, 0: 0, 1: 1, time.Millisecond: 1, time.Millisecond + 1: 2,
		1 << 62: 1<<31 - 1, 1<<63 - 1: 1<<31 - 1,
	} {
		if got := millis(d); got != want {
			t.Errorf("millis(%d) = %d, want %d", d, got, want)
		}
	}
}
