package sched

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"scamper/shared/warts"
	"scamper/unpriv/loop"
	"scamper/unpriv/netio"
)

// script is a technique made of a function.
type script struct {
	b    *bench
	sigs []Signature
	run  func(s *Session)
	log  []string
}

func (c *script) Signatures(s []Signature) []Signature { return append(s, c.sigs...) }
func (c *script) Run(s *Session)                       { c.run(s) }
func (c *script) Record(Origin) warts.Record           { return nil }

func (c *script) note(format string, args ...any) {
	c.log = append(c.log, fmt.Sprintf(format, args...))
}

func (c *script) send(s *Session, text string) error {
	_, err := s.Send(c.b.out, func(b []byte) (netio.Packet, error) {
		return netio.Packet{Data: append(b, text...)}, nil
	})
	return err
}

func (b *bench) script(sigs []Signature, run func(c *script, s *Session)) *script {
	c := &script{b: b, sigs: sigs}
	c.run = func(s *Session) { run(c, s) }
	b.add(NewSession(c).Machine())
	return c
}

func (c *script) wants(t *testing.T, want ...string) {
	t.Helper()
	if got := strings.Join(c.log, "; "); got != strings.Join(want, "; ") {
		t.Errorf("got  %s\nwant %s", got, strings.Join(want, "; "))
	}
}

func TestSessionLines(t *testing.T) {
	b := newBench(t, 10, 0)
	c := b.script(echo("192.0.2.1", 1), func(c *script, s *Session) {
		c.note("turn %v", s.Turn().Kind)
		c.note("sent %v", c.send(s, "one"))
		ev := s.Wait(s.Now().Add(time.Second))
		c.note("event %v seq %d", ev.Kind, ev.Reply.ICMP.Seq)
		c.note("event %v", s.Wait(s.Now().Add(time.Second)).Kind)
	})
	b.after(300*time.Millisecond, func() { b.sched.Deliver(echoReply("192.0.2.1", 1, 5)) })
	b.run()
	c.wants(t, "turn 1", "sent <nil>", "event 2 seq 5", "event 3")
}

// TestSessionReplyBeforeTurn: a reply reaches the technique before the slot that it waits for, and it keeps its place.
func TestSessionReplyBeforeTurn(t *testing.T) {
	b := newBench(t, 2, 0)
	c := b.script(echo("192.0.2.1", 1), func(c *script, s *Session) {
		for {
			ev := s.Turn()
			c.note("%v at %v", ev.Kind, time.Duration(s.Now()).Round(time.Millisecond)-time.Second)
			if ev.Kind == Turn {
				return
			}
		}
	})
	// The task itself needs a slot to begin, at 500 ms; its first turn comes in the same slot.
	other := b.script(nil, func(c *script, s *Session) { s.Turn(); s.Turn(); s.Turn() })
	_ = other
	b.after(600*time.Millisecond, func() { b.sched.Deliver(echoReply("192.0.2.1", 1, 5)) })
	b.run()
	c.wants(t, "1 at 500ms")
}

func TestSessionTurnUntil(t *testing.T) {
	b := newBench(t, 1, 0)
	c := b.script(echo("192.0.2.1", 1), func(c *script, s *Session) {
		s.Turn()
		c.note("%v", s.TurnUntil(s.Now().Add(300*time.Millisecond)).Kind) // the next slot is a second away
		c.note("%v", s.Turn().Kind)
	})
	b.run()
	c.wants(t, "3", "1")
}

func TestSessionHalt(t *testing.T) {
	b := newBench(t, 10, 0)
	released := 0
	c := b.script(echo("192.0.2.1", 1), func(c *script, s *Session) {
		s.Defer(func() { released++ })
		c.note("%v", s.Wait(loop.Never).Kind)
		c.note("%v", s.Wait(loop.Never).Kind) // still
		c.note("%v", s.Turn().Kind)
		c.note("halted %v", s.Halted())
	})
	b.after(time.Second, b.sched.Close)
	b.run()
	c.wants(t, "4", "4", "4", "halted true")
	if released != 1 || len(b.done) != 1 {
		t.Errorf("released %d times, %d results", released, len(b.done))
	}
}

// TestSessionHaltWhileSending: the kernel takes nothing; a halt must end the technique all the same.
func TestSessionHaltWhileSending(t *testing.T) {
	b := newBench(t, 10, 0)
	b.port.Transmit = func(netio.Packet, netio.Stamp) error { return netio.ErrFull }
	c := b.script(nil, func(c *script, s *Session) {
		s.Turn()
		c.note("error %v", c.send(s, "x") != nil)
		c.note("%v", s.Wait(loop.Never).Kind)
	})
	b.after(time.Second, func() {
		b.sched.Close()
		b.port.Transmit = nil
	})
	b.run()
	c.wants(t, "error true", "4")
}

// While its packet waits for the kernel, a session keeps so many replies and counts the rest.
func TestSessionDropped(t *testing.T) {
	b := newBench(t, 10, 0)
	stuck := true
	transmit := b.port.Transmit
	b.port.Transmit = func(p netio.Packet, at netio.Stamp) error {
		if stuck {
			return netio.ErrFull
		}
		return transmit(p, at)
	}
	const more = 7
	b.script(echo("192.0.2.1", 1), func(c *script, s *Session) {
		s.Turn()
		err := c.send(s, "x")
		n := uint16(0)
		for ; ; n++ {
			ev := s.Wait(s.Now().Add(time.Second))
			if ev.Kind != Reply {
				break
			}
			if ev.Reply.ICMP.Seq != n {
				t.Fatalf("reply %d where %d is due", ev.Reply.ICMP.Seq, n)
			}
		}
		if err != nil || n != maxInbox {
			t.Errorf("sent: %v, %d replies, want %d", err, n, maxInbox)
		}
	})
	b.after(time.Second, func() {
		for i := range uint16(maxInbox + more) {
			b.sched.Deliver(echoReply("192.0.2.1", 1, i))
		}
		stuck = false
	})
	b.run()
	if s := b.sched.Stats; s.Dropped != more || s.Matched != maxInbox+more {
		t.Errorf("%d dropped, %d matched", s.Dropped, s.Matched)
	}
}

func TestSessionSendErrors(t *testing.T) {
	b := newBench(t, 10, 0)
	no := errors.New("refused")
	b.port.Transmit = func(netio.Packet, netio.Stamp) error { return no }
	c := b.script(nil, func(c *script, s *Session) {
		s.Turn()
		c.note("%v", errors.Is(c.send(s, "x"), no))
		s.Turn()
		_, err := s.Send(b.out, func(b []byte) (netio.Packet, error) { return netio.Packet{}, errHalted })
		c.note("%v", err == errHalted)
	})
	b.run()
	c.wants(t, "true", "true")
}

func TestSessionWake(t *testing.T) {
	b := newBench(t, 10, 0)
	var session *Session
	c := b.script(nil, func(c *script, s *Session) {
		session = s
		s.Wake() // from inside: kept for the next wait
		c.note("%v", s.Wait(loop.Never).Kind)
		c.note("%v", s.Wait(loop.Never).Kind)
	})
	b.after(time.Second, func() { session.Wake() })
	b.run()
	c.wants(t, "5", "5")
}

func TestSessionListen(t *testing.T) {
	b := newBench(t, 10, 0)
	extra := echo("192.0.2.9", 3)[0]
	c := b.script(echo("192.0.2.1", 1), func(c *script, s *Session) {
		c.note("%v", s.Listen(extra))
		c.note("%v", s.Wait(loop.Never).Kind)
	})
	b.after(time.Second, func() { b.sched.Deliver(echoReply("192.0.2.9", 3, 0)) })
	b.run()
	c.wants(t, "true", "2")
	if n := len(b.sched.table.byAddr); n != 0 {
		t.Errorf("%d addresses left in the table", n)
	}
}

func TestSessionPublish(t *testing.T) {
	b := newBench(t, 10, 0)
	record := &warts.Ping{}
	b.script(nil, func(_ *script, s *Session) { s.Publish(record) })
	b.run()
	if len(b.done) != 2 || b.done[0].Record(nil) != warts.Record(record) {
		t.Errorf("results %v", b.done)
	}
}

// Copies don't pile up while the output can't take them; the result itself is never left out.
func TestSessionPublishFull(t *testing.T) {
	b := newBench(t, 10, 0)
	b.script(nil, func(_ *script, s *Session) {
		b.full = true
		s.Publish(&warts.Ping{})
		s.Publish(&warts.Ping{})
		b.full = false
		s.Publish(&warts.Ping{})
	})
	b.run()
	if len(b.done) != 2 || b.sched.Stats.LeftOut != 2 {
		t.Errorf("results %v, %d left out", b.done, b.sched.Stats.LeftOut)
	}
}

// BenchmarkSession shows what a technique costs that is created and resumed five times, as a trace of one hop is.
func BenchmarkSession(b *testing.B) {
	k := newBench(b, 1_000_000, 0)
	k.sched.OnIdle(func() {})
	b.ReportAllocs()
	for range b.N {
		k.script(nil, func(_ *script, s *Session) {
			for range 5 {
				s.Wait(s.Now())
			}
		})
		k.clock.Advance(2 * time.Microsecond)
		for len(k.done) == 0 {
			k.clock.Advance(maxQuantum) // wake-ups are on a grid
			_ = k.loop.Turn(0)
		}
		k.done = k.done[:0]
	}
}

// BenchmarkSuspended shows how much memory a technique takes while it waits.
func BenchmarkSuspended(b *testing.B) {
	const n = 10_000
	var before, after runtime.MemStats
	k := newBench(b, 1_000_000, 0)
	k.sched.OnIdle(func() {})
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range n {
		k.script(nil, func(_ *script, s *Session) { s.Wait(loop.Never) })
	}
	for k.sched.Running() < n {
		k.clock.Advance(time.Millisecond)
		_ = k.loop.Turn(0)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	used := after.HeapAlloc + after.StackInuse - before.HeapAlloc - before.StackInuse
	b.ReportMetric(float64(used)/n, "bytes/task")
	b.ReportMetric(0, "ns/op")
	k.sched.Close()
}
