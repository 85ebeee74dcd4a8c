package sched

import (
	"iter"
	"net/netip"
	"testing"
	"time"

	"scamper/shared/warts"
	"scamper/unpriv/loop"
	"scamper/unpriv/netio"
	"scamper/unpriv/probe"
)

// bench is a scheduler in virtual time with a list of machines to feed it and a record of what came out.
type bench struct {
	t      testing.TB
	clock  *loop.FakeClock
	poller *loop.FakePoller
	loop   *loop.Loop
	sched  *Scheduler
	port   *netio.Memory
	out    *Outbox

	waiting []fed // for the feed
	done    []Machine
	full    bool
	ended   int
	sent    []sentPacket
}

type fed struct {
	machine Machine
	origin  Origin
}

type sentPacket struct {
	at   time.Duration // since the start
	data string
}

func newBench(t testing.TB, pps, window int) *bench {
	clock := loop.NewFakeClock(time.Unix(1_700_000_000, 0))
	b := &bench{t: t, clock: clock, poller: loop.NewFakePoller(clock)}
	b.loop = loop.NewLoop(b.poller, clock)
	b.sched = New(Config{PPS: pps, Window: window, Loop: b.loop, Feed: b, Sink: b, Seed: 1})
	b.loop.AddTurner(b.sched)
	b.sched.OnIdle(b.loop.Stop)
	start := clock.Wall()
	b.port = netio.NewMemory(clock, b.poller)
	b.port.Transmit = func(p netio.Packet, at netio.Stamp) error {
		b.sent = append(b.sent, sentPacket{at.Time().Sub(start), string(p.Data)})
		return nil
	}
	b.out = b.sched.NewOutbox(b.port)
	return b
}

// takes is how many machines that are held one call of Take goes through.
const takes = 256

func (b *bench) Ready() bool    { return len(b.waiting) > 0 }
func (b *bench) Finished() bool { return len(b.waiting) == 0 }

func (b *bench) Take() (Machine, Origin, bool) {
	for range takes {
		if len(b.waiting) == 0 {
			break
		}
		f := b.waiting[0]
		b.waiting = b.waiting[1:]
		if !b.sched.Hold(f.machine, f.origin) {
			return f.machine, f.origin, true
		}
	}
	return nil, nil, false
}

func (b *bench) Restore(held iter.Seq2[Machine, Origin]) {
	var back []fed
	for m, o := range held {
		back = append(back, fed{m, o})
	}
	b.waiting = append(back, b.waiting...)
}

func (b *bench) Full() bool                          { return b.full }
func (b *bench) Put(m Machine, _ Origin)             { b.done = append(b.done, m) }
func (b *bench) Ended(*Task)                         { b.ended++ }
func (b *bench) Stream() (*warts.List, *warts.Cycle) { return nil, nil }

func (b *bench) add(m ...Machine) {
	for _, m := range m {
		b.waiting = append(b.waiting, fed{m, b})
	}
}

// run runs until the last task has ended; a scheduler that waits for ever fails the test.
func (b *bench) run() {
	b.t.Helper()
	if err := b.loop.Run(); err != nil {
		b.t.Fatalf("loop: %v", err)
	}
}

// after has f called on the loop's goroutine at a time.
func (b *bench) after(d time.Duration, f func()) {
	t := &call{f: f}
	t.timer.Expirer = t
	b.loop.Timers.Set(&t.timer, b.loop.Now().Add(d))
}

type call struct {
	timer loop.Timer
	f     func()
}

func (c *call) Expire(loop.Mono) { c.f() }

// sender is a machine that sends count packets, interval apart, and ends a timeout after the last.
type sender struct {
	b        *bench
	name     string
	sigs     []Signature
	count    int
	interval time.Duration
	timeout  time.Duration
	left     int

	stamps   []netio.Stamp
	errs     []error
	replies  int
	halted   bool
	recycled bool
}

func (m *sender) Signatures(s []Signature) []Signature { return append(s, m.sigs...) }
func (m *sender) Begin(t *Task)                        { m.left = m.count; t.WantTurn() }

func (m *sender) Turn(t *Task) {
	m.left--
	m.b.out.Add(t, uint32(m.left), netio.Packet{Data: append(m.b.out.Buffer(), m.name...)})
}

func (m *sender) Sent(t *Task, _ uint32, at netio.Stamp, err error) {
	if err != nil {
		m.errs = append(m.errs, err)
	} else {
		m.stamps = append(m.stamps, at)
	}
	if m.left > 0 {
		t.WakeAt(t.Now().Add(m.interval))
	} else {
		t.WakeAt(t.Now().Add(m.timeout))
	}
}

func (m *sender) Reply(*Task, *probe.Reply) { m.replies++ }

func (m *sender) Expire(t *Task) {
	if m.left > 0 {
		t.WantTurn()
		return
	}
	t.End()
}

func (m *sender) Halt(t *Task)               { m.halted = true; t.End() }
func (m *sender) Record(Origin) warts.Record { return nil }
func (m *sender) Recycle()                   { m.recycled = true }

func echo(addr string, id uint16) []Signature {
	return []Signature{ICMPSignature(Echo, netip.MustParseAddr(addr), id)}
}

// echoReply is what a target answers.
func echoReply(from string, id, seq uint16) *probe.Reply {
	r := &probe.Reply{Kind: probe.KindEchoReply}
	r.IP.Src, r.IP.Version = netip.MustParseAddr(from), 4
	r.ICMP.ID, r.ICMP.Seq = id, seq
	return r
}
