package neigh

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scamper/shared/packet"
	"scamper/testkit"
	"scamper/unpriv/loop"
	"scamper/unpriv/netio"
)

var (
	ownMAC   = packet.MAC{2, 0, 0, 0, 0, 1}
	otherMAC = packet.MAC{2, 0, 0, 0, 0, 2}
	own4     = netip.MustParseAddr("192.0.2.1")
	other4   = netip.MustParseAddr("192.0.2.2")
	own6     = netip.MustParseAddr("2001:db8::1")
	other6   = netip.MustParseAddr("2001:db8::12:3456")
)

// wire notes what is sent, and fails if told to.
type wire struct {
	sent   []string
	failed func(error) // of the last one
	err    error
}

func (w *wire) SendFrame(ifindex int, frame []byte, failed func(error)) error {
	w.failed = failed
	if w.err != nil {
		return w.err
	}
	w.sent = append(w.sent, fmt.Sprintf("%d: %x", ifindex, frame))
	return nil
}

type bench struct {
	*Cache
	wire   *wire
	clock  *loop.FakeClock
	timers *loop.Timers
	told   []string // what those who asked were told
}

func newBench() *bench {
	b := &bench{wire: &wire{}, clock: loop.NewFakeClock(time.Unix(0, 0)), timers: loop.NewTimers()}
	b.Cache = New(b.timers, b.clock, b.wire)
	return b
}

// ask asks on behalf of who.
func (b *bench) ask(who string, q Query) *Pending {
	return b.Resolve(q, func(mac packet.MAC, err error) {
		if err != nil {
			b.told = append(b.told, fmt.Sprintf("%s: %v", who, err))
			return
		}
		b.told = append(b.told, fmt.Sprintf("%s: %v", who, mac))
	})
}

// pass lets time pass.
func (b *bench) pass(d time.Duration) {
	b.clock.Advance(d)
	b.timers.Run(b.clock.Mono())
}

// expect compares, and forgets, what was sent and told.
func (b *bench) expect(t *testing.T, sent int, told ...string) {
	t.Helper()
	if len(b.wire.sent) != sent {
		t.Errorf("sent %q, want %d frames", b.wire.sent, sent)
	}
	if diff := cmp.Diff(told, b.told); diff != "" {
		t.Error(diff)
	}
	b.wire.sent, b.told = nil, nil
}

func query4(ifindex int) Query { return Query{Key{ifindex, other4}, own4, ownMAC} }

func TestResolve(t *testing.T) {
	b := newBench()
	b.ask("first", query4(3))
	b.expect(t, 1)
	b.ask("second", query4(3))
	b.ask("other link", query4(4))
	b.expect(t, 1) // one question for both on link 3
	if b.Reply(5, other4, otherMAC) || b.Reply(3, own4, otherMAC) || b.Reply(3, other4, packet.MAC{}) {
		t.Error("a reply that nobody asked for was used")
	}
	b.expect(t, 0)
	if !b.Reply(3, other4, otherMAC) {
		t.Error("the reply was not used")
	}
	b.expect(t, 0, "first: 02:00:00:00:00:02", "second: 02:00:00:00:00:02")
	if b.Reply(3, other4, ownMAC) {
		t.Error("a second reply was used")
	}
	b.ask("third", query4(3))
	b.expect(t, 0, "third: 02:00:00:00:00:02")
	b.pass(Wait / 2)
	b.expect(t, 1) // again on link 4
	b.pass(Wait/2 - 1)
	b.expect(t, 0)
	b.pass(1)
	b.expect(t, 0, "other link: dlhdr_ethcb: did not get mac address for 192.0.2.2")
	if b.timers.Len() != 0 || b.Asking() != 0 {
		t.Errorf("%d timers, %d questions left", b.timers.Len(), b.Asking())
	}
	want := Stats{Known: 1, Shared: 1, Asked: 2, Answered: 1, Unanswered: 1}
	if b.Stats != want {
		t.Errorf("%+v", b.Stats)
	}
	// A failure is not remembered.
	b.ask("later", query4(4))
	b.expect(t, 1)
}

func TestLife(t *testing.T) {
	b := newBench()
	b.ask("", query4(3))
	b.Reply(3, other4, otherMAC)
	b.Preload(4, netip.MustParseAddr("fe80::1%eth0"), otherMAC)
	b.Preload(3, other4, ownMAC) // known better
	k4, k6 := Key{3, other4}, Key{4, netip.MustParseAddr("fe80::1")}
	for _, step := range []struct {
		pass     time.Duration
		own, pre bool
	}{
		{0, true, true},
		{KernelLife - 1, true, true},
		{1, true, false},
		{Life - KernelLife - 1, true, false},
		{1, false, false},
	} {
		b.pass(step.pass)
		mac, own := b.Lookup(k4)
		_, pre := b.Lookup(k6)
		if own != step.own || pre != step.pre || own && mac != otherMAC {
			t.Errorf("after %v more: %v %v, %v", step.pass, own, mac, pre)
		}
	}
}

func TestForget(t *testing.T) {
	b := newBench()
	b.Preload(3, other4, otherMAC)
	b.Preload(4, other4, otherMAC)
	b.Forget(3)
	_, three := b.Lookup(Key{3, other4})
	_, four := b.Lookup(Key{4, other4})
	if three || !four {
		t.Errorf("%v, %v", three, four)
	}
	b.Preload(3, other4, otherMAC)
	b.Forget(0)
	if len(b.known) != 0 {
		t.Errorf("%d are still known", len(b.known))
	}
}

// What somebody has set stays whatever happens, and is better than what was heard.
func TestStatic(t *testing.T) {
	b := newBench()
	b.Preload(3, other4, ownMAC)
	b.PreloadStatic(3, other4, otherMAC)
	k := Key{3, other4}
	for _, step := range []struct {
		name string
		do   func()
	}{
		{"loaded", func() {}},
		{"kernel's word", func() { b.Preload(3, other4, ownMAC) }},
		{"link down", func() { b.Forget(3) }},
		{"all links down", func() { b.Forget(0) }},
		{"another address told", func() { b.moved(k, ownMAC) }},
		{"a year", func() { b.pass(365 * 24 * time.Hour) }},
	} {
		step.do()
		if mac, ok := b.Lookup(k); !ok || mac != otherMAC {
			t.Errorf("%s: %v, %v", step.name, mac, ok)
		}
	}
	b.ask("", query4(3))
	b.expect(t, 0, ": "+otherMAC.String())
}

func TestCancel(t *testing.T) {
	b := newBench()
	p := b.ask("cancelled", query4(3))
	b.ask("patient", query4(3))
	p.Cancel()
	b.Reply(3, other4, otherMAC)
	b.expect(t, 1, "patient: 02:00:00:00:00:02")
	p.Cancel()
}

func TestNotSent(t *testing.T) {
	b := newBench()
	b.wire.err = errors.New("interface is down")
	b.ask("down", query4(3))
	b.expect(t, 0, "down: dlhdr_ethcb: did not get mac address for 192.0.2.2: interface is down")
	b.wire.err = nil
	for _, q := range []Query{
		{Key{3, other4}, own6, ownMAC},
		{Key{3, other6}, own4, ownMAC},
		{Key{3, other4}, netip.Addr{}, ownMAC},
	} {
		b.ask("", q)
		b.expect(t, 0, fmt.Sprintf(": dlhdr_ethcb: did not get mac address for %s: our own address is of another family", q.Addr))
	}
	b.ask("", Query{})
	if len(b.told) != 1 || len(b.wire.sent) != 0 || b.timers.Len() != 0 {
		t.Errorf("an empty question: %q, %q", b.told, b.wire.sent)
	}
	if b.Stats.Refused != 5 || b.Stats.Asked != 5 {
		t.Errorf("%+v", b.Stats)
	}
}

// A first frame that the kernel refuses ends the question as soon as that is known; the second one does not, and nor does
// one for which there was only no room.
func TestNotSentLater(t *testing.T) {
	down := errors.New("network is down")
	full := fmt.Errorf("no: %w", netio.ErrFull)
	const text = "q: dlhdr_ethcb: did not get mac address for 192.0.2.2"
	type lost struct {
		err   error
		later bool // it was taken at first
	}
	for _, c := range []struct {
		name   string
		frames []lost
		told   string // how the question ended, without an answer
		want   Stats
	}{
		{"first", []lost{{down, true}}, text + ": network is down", Stats{Asked: 1, Refused: 1, Lost: 1}},
		{"second", []lost{{nil, false}, {down, true}}, text, Stats{Asked: 1, Unanswered: 1, Lost: 1}},
		{"second at once", []lost{{nil, false}, {down, false}}, text, Stats{Asked: 1, Unanswered: 1, Lost: 1}},
		{"no room", []lost{{full, false}, {nil, false}}, text, Stats{Asked: 1, Unanswered: 1, Lost: 1}},
		{"no room twice", []lost{{full, false}, {full, true}}, text + ": " + full.Error(), Stats{Asked: 1, Refused: 1, Lost: 2}},
		{"no room, then down", []lost{{full, true}, {down, false}}, text + ": network is down", Stats{Asked: 1, Refused: 1, Lost: 2}},
	} {
		b := newBench()
		for i, f := range c.frames {
			b.wire.err = nil
			if !f.later {
				b.wire.err = f.err
			}
			if i == 0 {
				b.ask("q", query4(3))
			} else {
				b.pass(Wait / 2)
			}
			if f.later {
				b.wire.failed(f.err)
			}
		}
		if ended := len(b.told) > 0; ended != (len(c.frames) == 1) {
			t.Errorf("%s: ended before its time: %v", c.name, ended)
		}
		b.pass(Wait / 2)
		if diff := cmp.Diff([]string{c.told}, b.told); diff != "" || b.Stats != c.want || b.timers.Len()+b.Asking() != 0 {
			t.Errorf("%s: %s%+v, %d timers, %d questions left", c.name, diff, b.Stats, b.timers.Len(), b.Asking())
		}
	}

	// The news that a frame was lost comes when the question has been answered all the same, and somebody asks anew.
	b := newBench()
	b.ask("old", query4(3))
	old := b.wire.failed
	b.Reply(3, other4, otherMAC)
	b.Forget(3)
	b.ask("new", query4(3))
	old(down)
	b.Reply(3, other4, ownMAC)
	b.expect(t, 2, "old: 02:00:00:00:00:02", "new: 02:00:00:00:00:01")
	if want := (Stats{Asked: 2, Answered: 2, Lost: 1}); b.Stats != want {
		t.Errorf("%+v", b.Stats)
	}
}

// Who is told that there is no answer may ask again at once.
func TestAskAgainWhileTold(t *testing.T) {
	b := newBench()
	times := 0
	var again func(packet.MAC, error)
	again = func(_ packet.MAC, err error) {
		if times++; times < 3 && err != nil {
			b.Resolve(query4(3), again)
		}
	}
	b.Resolve(query4(3), again)
	b.Resolve(query4(3), again)
	b.pass(Wait / 2)
	b.pass(Wait / 2)
	if times != 2 || b.Asking() != 1 {
		t.Errorf("told %d times, %d questions", times, b.Asking())
	}
	b.Reply(3, other4, otherMAC)
	if times != 4 || b.Asking() != 0 {
		t.Errorf("told %d times, %d questions", times, b.Asking())
	}
}

func TestBounded(t *testing.T) {
	b := newBench()
	b.max = 8
	addr := own4
	for range 100 {
		addr = addr.Next()
		b.Preload(3, addr, otherMAC)
	}
	if len(b.known) != 8 || b.Stats.Forgotten != 92 {
		t.Errorf("%d known, %+v", len(b.known), b.Stats)
	}
	if _, ok := b.Lookup(Key{3, addr}); !ok {
		t.Error("the latest is not known")
	}
	b.pass(KernelLife)
	b.Preload(3, addr.Next(), otherMAC)
	if len(b.known) != 1 || b.Stats.Forgotten != 92 {
		t.Errorf("what is too old does not make room: %d known, %+v", len(b.known), b.Stats)
	}
}

// Making room in a cache of usual size costs no more than learning did before. (A look at all of it took a thousand times
// as long.)
func TestRoomIsCheap(t *testing.T) {
	b := newBench()
	addr := own4
	learn := func(n int) time.Duration {
		begin := testkit.CPUTime(t)
		for range n {
			addr = addr.Next()
			b.Preload(3, addr, otherMAC)
		}
		return testkit.CPUTime(t) - begin
	}
	filling := learn(MaxEntries)
	if full := learn(MaxEntries); full > 50*filling || b.Stats.Forgotten != MaxEntries {
		t.Errorf("%v where filling it took %v; %+v", full, filling, b.Stats)
	}
}

func TestSeveralLinksKeepOrder(t *testing.T) {
	b := newBench()
	for i := range 5 {
		b.ask(fmt.Sprint(i), query4(i+1))
	}
	b.pass(Wait)
	b.pass(Wait)
	if !slices.IsSorted(b.told) || len(b.told) != 5 || len(b.wire.sent) != 10 {
		t.Errorf("%q, %d frames", b.told, len(b.wire.sent))
	}
}
