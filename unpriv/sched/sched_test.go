package sched

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"scamper/unpriv/loop"
	"scamper/unpriv/netio"
)

func names(sent []sentPacket) string {
	var list []string
	for _, p := range sent {
		list = append(list, p.data)
	}
	return strings.Join(list, " ")
}

func TestPace(t *testing.T) {
	for _, pps := range []int{1, 3, 20, 1000, 50_000, 1_000_000} {
		b := newBench(t, pps, 0)
		n := min(2*pps, 100_000)
		for i := range n {
			b.add(&sender{b: b, name: "x", sigs: echo("192.0.2.1", uint16(i)), count: 1})
		}
		b.run()
		if len(b.sent) != n {
			t.Fatalf("%d pps: %d packets sent, want %d", pps, len(b.sent), n)
		}
		gap := time.Second / time.Duration(pps)
		for i, p := range b.sent {
			// The first goes out one gap after the start; those that are close together go out together. Virtual time stands
			// still while we work, so each is on the dot but for that and the poller's microsecond.
			want := time.Duration(i+1) * gap
			if p.at < want || p.at > want+2*b.sched.quantum+time.Duration(i+2)*2*time.Microsecond {
				t.Fatalf("%d pps: packet %d at %v, want %v", pps, i, p.at, want)
			}
		}
	}
}

func TestPaceAfterLateness(t *testing.T) {
	b := newBench(t, 1000, 0)
	for range 2000 {
		b.add(&sender{b: b, name: "x", count: 1})
	}
	late := 0
	b.after(100*time.Millisecond, func() {
		late = len(b.sent)
		b.clock.Advance(200 * time.Millisecond) // the process was stopped for that long
	})
	b.after(400*time.Millisecond, func() {
		if n := len(b.sent); n < 390 || n > 410 {
			t.Errorf("after 200 ms of lateness: %d packets in 400 ms, want about 400", n)
		}
		b.clock.Advance(10 * time.Second) // more than is saved up
	})
	b.after(10500*time.Millisecond, func() {
		if n := len(b.sent); n > 410+251+100 {
			t.Errorf("after 10 s of lateness: %d packets, as if nothing had happened", n)
		}
		b.sched.Close()
		b.waiting = nil
	})
	b.run()
	if late < 90 || late > 101 {
		t.Errorf("%d packets in the first 100 ms, want about 100", late)
	}
}

func TestRunningTasksFirst(t *testing.T) {
	b := newBench(t, 10, 0)
	// a wants to send again at once: it goes before b is started, and so on.
	b.add(&sender{b: b, name: "a", count: 3}, &sender{b: b, name: "b", count: 2})
	b.run()
	if got := names(b.sent); got != "a a a b b" {
		t.Errorf("sent %q", got)
	}
}

func TestWindow(t *testing.T) {
	b := newBench(t, 1000, 3)
	most := 0
	for range 20 {
		m := &sender{b: b, name: "x", count: 2, interval: 5 * time.Millisecond, timeout: 20 * time.Millisecond}
		b.add(m)
	}
	var look func()
	look = func() {
		most = max(most, b.sched.Running())
		if len(b.done) < 20 {
			b.after(time.Millisecond/2, look)
		}
	}
	look()
	b.run()
	if most != 3 {
		t.Errorf("%d tasks at once, want 3", most)
	}
	if b.ended != 20 {
		t.Errorf("%d tasks ended", b.ended)
	}
}

func TestUnpacedWithWindow(t *testing.T) {
	b := newBench(t, 0, 4)
	for range 1000 {
		b.add(&sender{b: b, name: "x", count: 1, timeout: time.Millisecond})
	}
	b.run()
	if len(b.sent) != 1000 {
		t.Errorf("%d packets sent", len(b.sent))
	}
}

func TestHold(t *testing.T) {
	b := newBench(t, 1000, 0)
	second := time.Second
	machine := func(name, addr string, id uint16) *sender {
		return &sender{b: b, name: name, sigs: echo(addr, id), count: 1, timeout: second}
	}
	// Those of A wait for each other, in their order; B runs meanwhile.
	b.add(machine("A1", "192.0.2.1", 7), machine("A2", "192.0.2.1", 7), machine("B", "192.0.2.2", 7),
		machine("A3", "192.0.2.1", 7), machine("other id", "192.0.2.1", 8))
	b.run()
	if got := names(b.sent); got != "A1 B other id A2 A3" {
		t.Errorf("sent %q", got)
	}
	if b.sched.Stats.HeldBack != 3 { // A2, A3, and A3 again for A2
		t.Errorf("held back %d times", b.sched.Stats.HeldBack)
	}
	if n := len(b.sched.table.byAddr); n != 0 {
		t.Errorf("%d addresses left in the table", n)
	}
}

func TestDeliver(t *testing.T) {
	b := newBench(t, 1000, 0)
	one := &sender{b: b, name: "one", sigs: echo("192.0.2.1", 7), count: 1, timeout: time.Second}
	two := &sender{b: b, name: "two", sigs: echo("192.0.2.1", 8), count: 1, timeout: time.Second}
	b.add(one, two)
	b.after(100*time.Millisecond, func() {
		b.sched.Deliver(echoReply("192.0.2.1", 7, 0))
		b.sched.Deliver(echoReply("192.0.2.1", 7, 0))
		b.sched.Deliver(echoReply("192.0.2.1", 8, 0))
		b.sched.Deliver(echoReply("192.0.2.1", 9, 0)) // nobody's
		b.sched.Deliver(echoReply("192.0.2.2", 7, 0)) // nobody's
	})
	b.run()
	if one.replies != 2 || two.replies != 1 {
		t.Errorf("replies: one %d, two %d; want 2 and 1", one.replies, two.replies)
	}
	if s := b.sched.Stats; s.Matched != 3 || s.Unmatched != 2 {
		t.Errorf("matched %d, unmatched %d", s.Matched, s.Unmatched)
	}
}

func TestSendBufferFull(t *testing.T) {
	b := newBench(t, 10_000, 0)
	room, transmit := 5, b.port.Transmit
	b.port.Transmit = func(p netio.Packet, at netio.Stamp) error {
		if room == 0 {
			return netio.ErrFull
		}
		room--
		return transmit(p, at)
	}
	var list []*sender
	for i := range 300 {
		m := &sender{b: b, name: fmt.Sprint(i), count: 1}
		list = append(list, m)
		b.add(m)
	}
	var refill func()
	refill = func() {
		room = 5
		if len(b.sent) < 300 {
			b.after(700*time.Microsecond, refill)
		}
	}
	b.after(30*time.Millisecond, refill)
	b.run()
	if len(b.sent) != 300 {
		t.Fatalf("%d packets sent, want 300", len(b.sent))
	}
	for i, m := range list {
		if b.sent[i].data != m.name {
			t.Fatalf("packet %d is %s's", i, b.sent[i].data)
		}
		if len(m.stamps) != 1 || len(m.errs) != 0 || m.stamps[0].Time().Sub(time.Unix(1_700_000_000, 0)) != b.sent[i].at {
			t.Fatalf("task %d: stamps %v, errors %v, sent at %v", i, m.stamps, m.errs, b.sent[i].at)
		}
	}
	if b.sched.Stats.Full == 0 {
		t.Error("the full buffer was not counted")
	}
}

func TestRefusedPacket(t *testing.T) {
	b := newBench(t, 1_000_000, 0)
	no := errors.New("no route to host")
	transmit := b.port.Transmit
	b.port.Transmit = func(p netio.Packet, at netio.Stamp) error {
		if string(p.Data) == "bad" {
			return no
		}
		return transmit(p, at)
	}
	var list []*sender
	for i := range 10 {
		m := &sender{b: b, name: "good", count: 1}
		if i%3 == 1 {
			m.name = "bad"
		}
		list = append(list, m)
		b.add(m)
	}
	b.clock.Advance(time.Millisecond) // all in one batch
	b.run()
	for i, m := range list {
		if bad := m.name == "bad"; bad != (len(m.errs) == 1) || bad == (len(m.stamps) == 1) {
			t.Errorf("task %d (%s): stamps %v, errors %v", i, m.name, m.stamps, m.errs)
		}
	}
	if s := b.sched.Stats; s.Sent != 7 || s.Refused != 3 {
		t.Errorf("sent %d, refused %d", s.Sent, s.Refused)
	}
}

func TestFullSinkStartsNothing(t *testing.T) {
	b := newBench(t, 1000, 0)
	for range 10 {
		b.add(&sender{b: b, name: "x", count: 1})
	}
	b.full = true
	b.after(50*time.Millisecond, func() {
		if b.sched.Running() != 0 || len(b.sent) != 0 {
			t.Errorf("%d running, %d sent while the output is full", b.sched.Running(), len(b.sent))
		}
		b.full = false
	})
	b.run()
	if b.ended != 10 {
		t.Errorf("%d tasks ended", b.ended)
	}
}

func TestClose(t *testing.T) {
	b := newBench(t, 1000, 0)
	var list []*sender
	for i := range 5 {
		m := &sender{b: b, name: "x", sigs: echo("192.0.2.1", uint16(i/2)), count: 100, interval: time.Second}
		list = append(list, m)
		b.add(m)
	}
	b.after(10*time.Millisecond, b.sched.Close)
	b.run()
	halted := 0
	for _, m := range list {
		if m.halted {
			halted++
		}
	}
	// Three run, one for each identifier; two wait and never run, but their origin hears of it.
	if halted != 3 || b.ended != 5 || len(b.done) != 3 {
		t.Errorf("%d halted, %d ended, %d results; want 3, 5, 3", halted, b.ended, len(b.done))
	}
}

// TestTurnAllocs holds that sending and ending costs no allocation once everything has its room.
func TestTurnAllocs(t *testing.T) {
	b := newBench(t, 1_000_000, 0)
	b.port.Transmit = nil
	const batch = 64
	machines := make([]*sender, batch)
	for i := range machines {
		machines[i] = &sender{b: b, name: "packet", sigs: echo("192.0.2.1", uint16(i)), count: 1}
	}
	var ready []fed
	for _, m := range machines {
		ready = append(ready, fed{m, b})
	}
	room := make([]fed, 0, batch)
	b.done = make([]Machine, 0, batch)
	b.sched.OnIdle(func() {})
	round := func() {
		for _, m := range machines {
			m.stamps = m.stamps[:0]
		}
		b.waiting, b.done = append(room, ready...), b.done[:0]
		for len(b.done) < batch {
			b.clock.Advance(100 * time.Microsecond)
			_ = b.loop.Turn(0)
		}
	}
	for range 10 {
		round()
	}
	if n := testing.AllocsPerRun(100, round); n > 0 {
		t.Errorf("%v allocations for %d tasks", n, batch)
	}
}

func TestOverlap(t *testing.T) {
	a := "192.0.2.1"
	udp := func(sport, lo, hi uint16) Signature {
		return PortSignature(UDP, echo(a, 0)[0].Addr, sport, lo, hi)
	}
	tcp := udp(1, 2, 2)
	tcp.Kind = TCP
	sniff := Signature{Addr: echo(a, 0)[0].Addr, Kind: Sniff, SrcLo: 1, SrcHi: 1}
	nd := Signature{Addr: echo(a, 0)[0].Addr, Kind: Neighbour}
	for _, c := range []struct {
		name string
		a, b Signature
		want bool
	}{
		{"same echo id", echo(a, 1)[0], echo(a, 1)[0], true},
		{"other echo id", echo(a, 1)[0], echo(a, 2)[0], false},
		{"other address", echo(a, 1)[0], echo("192.0.2.2", 1)[0], false},
		{"other kind", echo(a, 1)[0], ICMPSignature(Timestamp, echo(a, 0)[0].Addr, 1), false},
		{"ranges touch", udp(1, 10, 20), udp(1, 20, 30), true},
		{"ranges apart", udp(1, 10, 20), udp(1, 21, 30), false},
		{"other source port", udp(1, 10, 20), udp(2, 10, 20), false},
		{"tcp and udp", udp(1, 2, 2), tcp, false},
		{"sniffs", sniff, sniff, false},
		{"neighbours", nd, nd, true},
	} {
		if c.a.Overlaps(c.b) != c.want || c.b.Overlaps(c.a) != c.want {
			t.Errorf("%s: overlap is not %v", c.name, c.want)
		}
	}
}

var _ loop.Turner = (*Scheduler)(nil)
