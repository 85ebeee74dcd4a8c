package sched

import (
	"errors"
	"iter"
	"runtime/debug"

	"scamper/shared/warts"
	"scamper/unpriv/loop"
	"scamper/unpriv/netio"
	"scamper/unpriv/probe"
)

// EventKind says what a Session's wait ended with.
type EventKind uint8

// The kinds of event.
const (
	// Turn: a slot of the packet rate is the session's; it sends at most one packet before it waits again.
	Turn EventKind = iota + 1
	// Reply: a packet that one of the session's signatures asked for is in Event.Reply.
	Reply
	// Timeout: the time passed to Wait has come.
	Timeout
	// Halt: the measurement is to end now; every further wait ends with Halt at once.
	Halt
	// Woken: something that the technique asked for outside the session has an answer (see Session.Wake).
	Woken

	sent // internal: the kernel has the packet, or refused it
)

// Event is what a wait ended with.
type Event struct {
	Kind EventKind
	// Reply is the packet; valid until the next call on the session.
	Reply *probe.Reply
}

// Technique is a measurement written as straight lines over a Session.
type Technique interface {
	// Signatures is as in Machine.
	Signatures(sigs []Signature) []Signature
	// Run does the measurement. It returns when it is over, also after Halt; it is called on a coroutine of the loop's
	// goroutine, so it needs no locks and must not block except in the session's calls.
	Run(s *Session)
	// Record returns the result, after Run returned; nil for nothing.
	Record(o Origin) warts.Record
}

// Session is how a Technique meets the scheduler. Its methods are called by Technique.Run only.
//
// It is a Machine that runs the technique on a coroutine: each callback resumes it with an event, and it runs until it
// waits for the next one.
type Session struct {
	technique Technique
	task      *Task
	resume    func() (wish, bool)
	stop      func()
	yield     func(wish) bool

	wish     wish
	event    Event
	inbox    []*probe.Reply // arrived while the session could not take them
	halted   bool
	running  bool // the coroutine is on the stack
	over     bool
	woken    bool
	panicked bool
	id       uint32 // of the packet under way
	sentAt   netio.Stamp
	sentErr  error
	extra    []func() // releases what was opened, last first
}

// wish is what the coroutine waits for.
type wish struct {
	kind  EventKind // Turn, Timeout (a wait), sent
	until loop.Mono
}

// NewSession returns the machine that runs a technique.
func NewSession(t Technique) *Session { return &Session{technique: t} }

// Task returns the session's task.
func (s *Session) Task() *Task { return s.task }

// Origin returns where the task came from.
func (s *Session) Origin() Origin { return s.task.Origin() }

// Now returns the loop's monotonic time.
func (s *Session) Now() loop.Mono { return s.task.Now() }

// ReadClock returns the monotonic time of this moment; see [Task.ReadClock].
func (s *Session) ReadClock() loop.Mono { return s.task.ReadClock() }

// Halted reports whether the session was told to halt.
func (s *Session) Halted() bool { return s.halted }

// Turn waits for a slot of the packet rate. It returns Turn, or the Reply, Halt or Woken that came first; the session
// keeps its place in the queue if it asks again at once.
func (s *Session) Turn() Event { return s.wait(wish{kind: Turn, until: loop.Never}) }

// TurnUntil is Turn that gives up at a time, with Timeout.
func (s *Session) TurnUntil(until loop.Mono) Event { return s.wait(wish{kind: Turn, until: until}) }

// Wait waits for a Reply, Halt or Woken, and until a time at most: then it returns Timeout. A time that is not later
// than now gives what has arrived already, else Timeout in the loop's next turn.
func (s *Session) Wait(until loop.Mono) Event { return s.wait(wish{kind: Timeout, until: until}) }

// Send sends one packet through o. build appends the packet to b and says how it is addressed; its error is returned as
// it is. Send returns when the kernel has the packet: its transmit time, or the kernel's error.
func (s *Session) Send(o *Outbox, build func(b []byte) (netio.Packet, error)) (netio.Stamp, error) {
	b := o.Buffer()
	if b == nil {
		return 0, o.refuse()
	}
	p, err := build(b)
	if err != nil {
		return 0, err
	}
	s.id++
	s.sentErr = errUnsettled
	o.Add(s.task, s.id, p)
	for errors.Is(s.sentErr, errUnsettled) {
		if s.block(wish{kind: sent, until: loop.Never}); s.over {
			return 0, errHalted
		}
	}
	return s.sentAt, s.sentErr
}

var (
	errUnsettled = errors.New("packet is not sent yet")
	errHalted    = errors.New("halted while sending")
)

// Listen installs one more signature; packets that match it arrive as Reply, also those that answer no probe. It returns
// false if another running task's packets could be confused with it.
func (s *Session) Listen(sig Signature) bool { return s.task.Listen(sig) }

// Defer has f called when the technique has returned, however it did; the last one first.
func (s *Session) Defer(f func()) { s.extra = append(s.extra, f) }

// Wake makes the session's wait end with Woken. It is called from the loop's goroutine by what the technique asked
// something of: a neighbour's address that has been found, for instance.
func (s *Session) Wake() {
	if s.over || s.task == nil {
		return
	}
	if s.running || s.wish.kind == sent {
		s.woken = true
		return
	}
	s.deliver(Event{Kind: Woken})
}

// Publish writes a record now, before the session's own. The record must not be changed afterwards.
func (s *Session) Publish(r warts.Record) {
	s.task.Publish(r)
}

// wait gives what is there already, else blocks.
func (s *Session) wait(w wish) Event {
	if s.halted {
		return Event{Kind: Halt}
	}
	if len(s.inbox) > 0 {
		r := s.inbox[0]
		s.inbox = s.inbox[1:]
		return Event{Kind: Reply, Reply: r}
	}
	if s.woken {
		s.woken = false
		return Event{Kind: Woken}
	}
	return s.block(w)
}

// block yields to the scheduler until one of its callbacks resumes.
func (s *Session) block(w wish) Event {
	if s.over || !s.yield(w) {
		s.over, s.halted = true, true
		return Event{Kind: Halt}
	}
	return s.event
}

// Signatures implements Machine.
func (s *Session) Signatures(sigs []Signature) []Signature { return s.technique.Signatures(sigs) }

// Begin implements Machine.
func (s *Session) Begin(t *Task) {
	s.task = t
	s.resume, s.stop = iter.Pull(func(yield func(wish) bool) {
		s.yield = yield
		if t.sched.onPanic != nil {
			defer s.rescue(t.sched)
		}
		s.technique.Run(s)
	})
	s.deliver(Event{})
}

// rescue ends a technique that panicked and nothing else: its record may be half made and is not written.
func (s *Session) rescue(in *Scheduler) {
	if v := recover(); v != nil {
		s.panicked = true
		in.Stats.Panics++
		in.onPanic(v, debug.Stack())
	}
}

// deliver resumes the coroutine with an event and does what it wishes next.
func (s *Session) deliver(e Event) {
	if s.over {
		return
	}
	s.event = e
	s.running = true
	w, ok := s.resume()
	s.running = false
	if !ok {
		s.finish()
		return
	}
	s.wish = w
	t := s.task
	if w.kind == Turn {
		t.WantTurn()
	} else {
		t.CancelTurn()
	}
	t.WakeAt(w.until)
}

func (s *Session) finish() {
	s.over = true
	for i := len(s.extra) - 1; i >= 0; i-- {
		s.extra[i]()
	}
	s.extra, s.inbox = nil, nil
	s.task.End()
}

// machine is the Session as the scheduler sees it: the names of the callbacks are those of the technique's calls.
type machine struct{ *Session }

// Machine returns the session as the scheduler drives it.
func (s *Session) Machine() Machine { return machine{s} }

func (m machine) Turn(*Task) { m.deliver(Event{Kind: Turn}) }

func (m machine) Sent(_ *Task, id uint32, at netio.Stamp, err error) {
	if id != m.id {
		return
	}
	m.sentAt, m.sentErr = at, err
	if !m.running && m.wish.kind == sent { // else Send has not blocked yet and will not
		m.deliver(Event{Kind: sent})
	}
}

func (m machine) Reply(_ *Task, r *probe.Reply) {
	if m.running || m.wish.kind == sent {
		if len(m.inbox) < maxInbox {
			m.inbox = append(m.inbox, r.Clone())
		} else {
			m.task.sched.Stats.Dropped++
		}
		return
	}
	m.deliver(Event{Kind: Reply, Reply: r})
}

// maxInbox bounds what a session keeps while it cannot take replies: only while the kernel's send buffer is full.
const maxInbox = 256

func (m machine) Expire(*Task) { m.deliver(Event{Kind: Timeout}) }

func (m machine) Halt(*Task) {
	if m.over {
		return
	}
	m.halted = true
	m.deliver(Event{Kind: Halt})
	if !m.over { // it waits for more than one event, or for the kernel
		m.stop()
		m.finish()
	}
}

func (m machine) Record(o Origin) warts.Record {
	if m.panicked {
		return nil
	}
	return m.technique.Record(o)
}

func (m machine) Recycle() {}

// published is a record that is written before its task has ended.
type published struct{ record warts.Record }

func (p *published) Record(Origin) warts.Record            { return p.record }
func (*published) Recycle()                                {}
func (*published) Signatures(sigs []Signature) []Signature { return sigs }
func (*published) Begin(*Task)                             {}
func (*published) Turn(*Task)                              {}
func (*published) Sent(*Task, uint32, netio.Stamp, error)  {}
func (*published) Reply(*Task, *probe.Reply)               {}
func (*published) Expire(*Task)                            {}
func (*published) Halt(*Task)                              {}
