package sched

import (
	"testing"
	"time"

	"scamper/shared/warts"
	"scamper/unpriv/netio"
	"scamper/unpriv/probe"
)

// once ends with its first reply.
type once struct{ resting }

func (o *once) Reply(t *Task, _ *probe.Reply) {
	o.replies++
	t.End()
}

func sniffs(addr string) Signature {
	s := echo(addr, 1)[0]
	s.Kind = Sniff
	return s
}

// Signatures of one task between those of others: each task gets a packet once, and the end of one hides it from nobody.
func TestDeliverOnceToEach(t *testing.T) {
	b := newBench(t, 1000, 0)
	sniff := sniffs("192.0.2.1")
	oldest := &resting{&sender{b: b, sigs: []Signature{sniff}}}
	first := &resting{&sender{b: b, sigs: []Signature{sniff, sniff}}}
	ends := &once{resting{&sender{b: b, sigs: []Signature{sniff, sniff}}}}
	last := &resting{&sender{b: b, sigs: []Signature{sniff}}}
	b.sched.begin(oldest, b)
	t1 := b.sched.begin(first, b)
	b.sched.begin(ends, b)
	b.sched.begin(last, b)
	t1.Listen(sniff)
	for n := 1; n <= 2; n++ {
		b.sched.Deliver(echoReply("192.0.2.1", 1, 1))
		if oldest.replies != n || first.replies != n || ends.replies != 1 || last.replies != n {
			t.Errorf("replies: %d, %d, %d, %d; want %d, %d, 1, %d", oldest.replies, first.replies, ends.replies, last.replies, n, n, n)
		}
	}
}

// late sends when its time has come, without a slot.
type late struct{ *sender }

func (m *late) Begin(t *Task) { t.WakeAt(t.Now().Add(time.Second)) }

func (m *late) Expire(t *Task) {
	if m.stamps != nil {
		t.End()
		return
	}
	m.b.out.Add(t, 1, netio.Packet{Data: append(m.b.out.Buffer(), "late"...)})
}

func TestSendWithoutSlot(t *testing.T) {
	b := newBench(t, 1000, 0)
	m := &late{&sender{b: b, sigs: echo("192.0.2.1", 1)}}
	b.add(m)
	b.after(time.Minute, b.loop.Stop)
	b.run()
	if len(m.stamps) != 1 || b.ended != 1 {
		t.Errorf("%d sent, %d ended", len(m.stamps), b.ended)
	}
}

func TestWaitsForOutput(t *testing.T) {
	b := newBench(t, 1000, 0)
	b.full = true
	b.add(&sender{b: b, count: 1})
	b.after(time.Second, func() { b.full = false; b.loop.Wake() })
	b.run()
	if b.sched.Stats.Waits != 1 || b.ended != 1 {
		t.Errorf("%d waits, %d ended", b.sched.Stats.Waits, b.ended)
	}
}

// broken is a technique that panics after a slot.
type broken struct{ deferred bool }

func (*broken) Signatures(s []Signature) []Signature { return append(s, echo("192.0.2.9", 9)...) }
func (*broken) Record(Origin) warts.Record           { panic("no record of this") }

func (x *broken) Run(s *Session) {
	s.Defer(func() { x.deferred = true })
	s.Turn()
	panic("broken")
}

func TestPanicEndsOneTask(t *testing.T) {
	b := newBench(t, 1000, 0)
	var told any
	b.sched.onPanic = func(v any, stack []byte) {
		if told = v; len(stack) == 0 {
			t.Error("no stack")
		}
	}
	x := &broken{}
	m := NewSession(x).Machine()
	b.add(m, &sender{b: b, name: "m", count: 3})
	b.run()
	if told != "broken" || !x.deferred || b.ended != 2 || len(b.sent) != 3 || b.sched.Stats.Panics != 1 {
		t.Errorf("told %v, deferred %v, %d ended, %d sent", told, x.deferred, b.ended, len(b.sent))
	}
	if r := m.Record(b); r != nil {
		t.Errorf("record %v", r)
	}
}
