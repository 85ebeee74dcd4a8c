// Package sched runs many measurements at once within a packets-per-second budget.
//
// The way of a measurement:
//
//  1. the Feed hands over a Machine, when nothing else wants to send and the window has room
//  2. its signatures are compared with those of all running tasks; one that could be confused with it holds it back
//  3. Begin; from then on the machine asks for turns, sends, waits, and is handed replies
//  4. End: the task goes to the Sink, which writes its record on another goroutine, in the order in which tasks ended
//  5. tasks that it held back are offered again, before anything new
//
// Scheduler.Turn is called once in each turn of the event loop. It spends the slots that the pace has left since the
// last one: tasks that run have priority over new ones. Everything here belongs to the loop's goroutine.
package sched

import (
	"iter"
	"math/rand/v2"
	"time"

	"scamper/unpriv/loop"
	"scamper/unpriv/probe"
)

// DefaultBatch is how many slots are spent in one turn of the loop at most, so that replies are read in between.
const DefaultBatch = 128

// RelayPPS is the packet rate from which on sending gets goroutines of its own.
const RelayPPS = 40_000

// Slots that are due within maxQuantum of each other are given out together, at most maxSlots of them.
const (
	maxQuantum = 250 * time.Microsecond
	maxSlots   = 64
)

// maxBurst is for how long slots are saved up while the loop was late; more than that is forgotten.
const maxBurst = 250 * time.Millisecond

// Feed is where new tasks come from: the mixer of all sources.
type Feed interface {
	// Ready reports whether Take could return something now.
	Ready() bool
	// Take returns the next machine and where it came from; ok is false if there is none now. It asks Scheduler.Hold about
	// each machine and returns only one that was not held.
	Take() (m Machine, o Origin, ok bool)
	// Restore takes back machines that were held, oldest first, to be returned by Take before anything else of their
	// source.
	Restore(held iter.Seq2[Machine, Origin])
	// Finished reports that nothing will ever come again.
	Finished() bool
}

// Sink is where finished tasks go.
type Sink interface {
	// Full reports that the sink cannot keep up; the scheduler then starts no new tasks until it is not any more.
	Full() bool
	// Put hands over a finished task. Its machine's Record, then Recycle, will be called on other goroutines' behalf.
	Put(m Machine, o Origin)
}

// Config is what a Scheduler needs to know.
type Config struct {
	// PPS is the packet rate, 1 to 1,000,000 per second; 0 is unpaced, and then Window must not be 0.
	PPS int
	// Window is how many tasks may run at once; 0 is no limit.
	Window int
	// Batch is how many slots one turn spends at most; 0 means DefaultBatch.
	Batch int
	Loop  *loop.Loop
	Feed  Feed
	Sink  Sink
	// OnPanic is told when a technique in a Session panicked: the value and the stack. The task then ends without a record
	// and the others go on. Nil lets the panic through, which ends the program. A Machine that panics always does.
	OnPanic func(value any, stack []byte)
	// Seed makes the random choices repeatable; 0 takes a random one.
	Seed uint64
}

// Scheduler is described at the top of the package.
type Scheduler struct {
	Stats Stats
	// Rand is for the random choices of tasks.
	Rand *rand.Rand

	loop    *loop.Loop
	feed    Feed
	sink    Sink
	window  int
	batch   int
	gap     time.Duration
	gapMax  time.Duration
	last    loop.Mono
	table   table
	extra   map[*Task][]*entry // signatures installed with Listen
	ready   fifo
	readyN  int // tasks in ready that still want a slot
	running int
	held    int   // machines that wait for the end of a running task
	all     *Task // running tasks
	free    *Task
	dirty   []*Outbox
	spare   []*Outbox // room for the next dirty
	// outboxes are all that are open.
	outboxes map[*Outbox]struct{}
	relays   bool           // outboxes send on goroutines of their own
	relaying int            // how many do
	early    []*probe.Reply // replies to packets that we do not know yet to be sent
	wanting  []*Task        // scratch of deliver
	offers   uint64         // replies offered so far, also again
	onPanic  func(value any, stack []byte)
	quantum  time.Duration // slots are given out for so long at once
	stuck    bool
	waits    bool // the output was full when last asked
	closing  bool
	sigs     []Signature // scratch
	onIdle   func()
}

// New returns a scheduler. It must be added to the loop with AddTurner.
func New(c Config) *Scheduler {
	if c.Batch <= 0 {
		c.Batch = DefaultBatch
	}
	seed := c.Seed
	if seed == 0 {
		seed = rand.Uint64()
	}
	s := &Scheduler{
		Rand: rand.New(rand.NewPCG(seed, 0x5ca3be5)),
		loop: c.Loop, feed: c.Feed, sink: c.Sink, window: c.Window, batch: c.Batch,
		table: newTable(), extra: make(map[*Task][]*entry), last: c.Loop.Now(),
		onPanic: c.OnPanic, outboxes: make(map[*Outbox]struct{}), relays: c.PPS == 0 || c.PPS >= RelayPPS,
	}
	s.SetPPS(c.PPS)
	if s.relays {
		s.loop.Calm(maxQuantum)
	}
	return s
}

// SetPPS changes the packet rate; 0 is unpaced.
func (s *Scheduler) SetPPS(pps int) {
	s.gap = 0
	if pps > 0 {
		s.gap = time.Second / time.Duration(pps)
	}
	// Waking up for each slot costs more than a slot when they are close together.
	s.quantum = min(maxQuantum/max(s.gap, 1), maxSlots) * s.gap
	s.gapMax = maxBurst
	if s.gap > maxBurst {
		s.gapMax += s.gap
	}
}

// OnIdle has f called when the feed is finished and the last task has ended.
func (s *Scheduler) OnIdle(f func()) { s.onIdle = f }

// Running returns how many tasks have begun and not ended.
func (s *Scheduler) Running() int { return s.running }

// Loop returns the loop that the scheduler runs in.
func (s *Scheduler) Loop() *loop.Loop { return s.loop }

// Turn spends the slots that are due. See loop.Turner.
func (s *Scheduler) Turn(now loop.Mono) loop.Mono {
	if len(s.dirty) > 0 { // stuck, or sent outside a slot
		s.flush()
	}
	due := s.last.Add(max(s.gap, s.quantum))
	if !s.stuck && now >= due && s.wantsSlot() {
		s.spend(now)
		s.flush()
	}
	s.Collect()
	next := s.next(now)
	if next > now {
		for o := range s.outboxes {
			if o.unsettled() {
				return min(next, now.Add(unsettledPause))
			}
		}
	}
	return next
}

// unsettledPause is how soon to look again what became of packets that were handed over.
const unsettledPause = 100 * time.Microsecond

// next returns when there is something to do again.
func (s *Scheduler) next(now loop.Mono) loop.Mono {
	switch {
	case len(s.dirty) > 0:
		return now.Add(unsettledPause)
	case s.running == 0 && (s.closing || s.feed.Finished()):
		if s.onIdle != nil {
			s.onIdle()
		}
		return loop.Never
	case s.wantsSlot():
		return s.onGrid(s.last.Add(max(s.gap, s.quantum)))
	}
	return loop.Never
}

// onGrid puts a time off so that what is due at about the same time takes one wake-up.
func (s *Scheduler) onGrid(t loop.Mono) loop.Mono {
	if s.quantum <= s.gap || t == loop.Never {
		return t
	}
	q := loop.Mono(s.quantum)
	return (t + q - 1) / q * q
}

// Collect takes over what relays have sent, and hands over replies that were faster than that news.
func (s *Scheduler) Collect() {
	if !s.relays {
		return
	}
	for o := range s.outboxes {
		o.collect()
	}
	if len(s.early) == 0 {
		return
	}
	early := s.early
	s.early = nil
	for _, r := range early {
		s.deliver(r)
	}
}

func (s *Scheduler) wantsSlot() bool { return s.readyN > 0 || s.canStart() }

func (s *Scheduler) canStart() bool {
	if s.closing || s.window != 0 && s.running >= s.window || s.held >= maxHeld || !s.feed.Ready() {
		return false
	}
	full := s.sink.Full()
	if full && !s.waits {
		s.Stats.Waits++
	}
	s.waits = full
	return !full
}

// maxHeld is how many machines are held back before no new ones are taken: a list may have the same target a million
// times.
const maxHeld = 4096

// spend gives out the slots between the last one and now, at most a batch.
func (s *Scheduler) spend(now loop.Mono) {
	if d := now.Sub(s.last); d > s.gapMax || d < -s.gapMax {
		s.last = now.Add(-s.gap)
	}
	for n := 0; n < s.batch && s.last.Add(s.gap) <= now; n++ {
		t := s.nextTask()
		if t == nil {
			return
		}
		// A slot is spent even if the task sends nothing in it.
		if s.gap == 0 {
			s.last = now
		} else {
			s.last = s.last.Add(s.gap)
		}
		if t.state == taskReady {
			t.state = taskWaiting
			s.readyN--
			t.machine.Turn(t)
		}
	}
}

// nextTask returns the first task that wants a slot, else a new one.
func (s *Scheduler) nextTask() *Task {
	for s.readyN > 0 {
		t := s.ready.pop()
		t.queued = false
		if t.state == taskReady {
			return t
		}
		if t.state == taskDone {
			s.release(t)
		}
	}
	return s.start()
}

// start takes a task from the feed and begins it.
func (s *Scheduler) start() *Task {
	if !s.canStart() {
		return nil
	}
	m, o, ok := s.feed.Take()
	if !ok {
		return nil
	}
	return s.begin(m, o)
}

// Hold keeps a machine back if its packets could be confused with those of a running task, and reports whether it did:
// when that task has ended, the machine goes back to the feed.
func (s *Scheduler) Hold(m Machine, o Origin) bool {
	s.sigs = m.Signatures(s.sigs[:0])
	for i := range s.sigs {
		if by := s.table.blocker(s.sigs[i], nil); by != nil {
			s.Stats.HeldBack++
			by.hold(&held{machine: m, origin: o})
			s.held++
			return true
		}
	}
	return false
}

// begin starts a machine that Hold has let pass.
func (s *Scheduler) begin(m Machine, o Origin) *Task {
	s.sigs = m.Signatures(s.sigs[:0])
	t := s.newTask(m, o)
	for i, sig := range s.sigs {
		e := &t.first
		if i > 0 {
			t.more = append(t.more, entry{})
			e = &t.more[i-1]
		}
		e.sig, e.task = sig, t
	}
	// t.more does not grow any more, so its entries stay where they are.
	if len(s.sigs) > 0 {
		s.table.install(&t.first)
	}
	for i := range t.more {
		s.table.install(&t.more[i])
	}
	t.signed = len(s.sigs) > 0
	s.Stats.Started++
	s.running++
	t.unsent++      // Begin may End the task; it stays ours until we have looked at it
	t.queued = true // this slot is its own: it does not queue for one
	m.Begin(t)
	t.unsent--
	t.queued = false
	if t.state == taskDone {
		s.release(t)
		return spentTask
	}
	return t
}

// spentTask stands for a slot that a task used up by ending at once.
var spentTask = &Task{state: taskDone}

func (s *Scheduler) newTask(m Machine, o Origin) *Task {
	t := s.free
	if t != nil {
		s.free = t.next
		more := t.more[:0]
		*t = Task{more: more, timer: loop.Timer{Expirer: t}}
	} else {
		t = &Task{}
		t.timer.Expirer = t
	}
	t.machine, t.origin, t.sched, t.state = m, o, s, taskWaiting
	t.after = s.all
	if s.all != nil {
		s.all.prev = t
	}
	s.all = t
	return t
}

// Expire is called by the loop's timers.
func (t *Task) Expire(loop.Mono) {
	if t.state != taskDone {
		t.machine.Expire(t)
	}
}

func (t *Task) hold(h *held) {
	if t.lastHeld == nil {
		t.held = h
	} else {
		t.lastHeld.next = h
	}
	t.lastHeld = h
}

// ended is called by Task.End.
func (s *Scheduler) ended(t *Task) {
	if t.signed {
		s.table.remove(&t.first)
		for i := range t.more {
			s.table.remove(&t.more[i])
		}
	}
	if list, ok := s.extra[t]; ok {
		for _, e := range list {
			s.table.remove(e)
		}
		delete(s.extra, t)
	}
	if t.prev != nil {
		t.prev.after = t.after
	} else {
		s.all = t.after
	}
	if t.after != nil {
		t.after.prev = t.prev
	}
	t.prev, t.after = nil, nil
	s.running--
	s.Stats.Ended++
	s.sink.Put(t.machine, t.origin)
	if t.origin != nil {
		t.origin.Ended(t)
	}
	if list := t.held; list != nil {
		t.held, t.lastHeld = nil, nil
		for h := list; h != nil; h = h.next {
			s.held--
		}
		if s.closing {
			list.each(func(m Machine, o Origin) bool {
				o.Ended(nil)
				return true
			})
		} else {
			s.feed.Restore(list.each)
		}
	}
	s.release(t)
}

// release makes the Task available again once nothing refers to it: its machine lives on in the sink.
func (s *Scheduler) release(t *Task) {
	if t.state != taskDone || t.unsent > 0 || t.queued || t.sched == nil {
		return
	}
	t.machine, t.origin, t.sched = nil, nil, nil
	t.next = s.free
	s.free = t
}

// flush hands all collected packets to the kernel.
func (s *Scheduler) flush() {
	s.stuck = false
	list := s.dirty
	s.dirty = s.spare[:0] // whoever hears that a packet was sent may send through another outbox
	defer func() { s.spare = list[:0] }()
	for _, o := range list {
		if o.closed {
			continue
		}
		if o.flush() {
			o.dirty = false
		} else {
			s.stuck = true
			s.dirty = append(s.dirty, o)
		}
	}
}

// Close halts all running tasks and takes no new ones. Their records go to the sink.
func (s *Scheduler) Close() {
	for o := range s.outboxes { // from here on nothing leaves of which the results would not tell
		if o.relay != nil {
			o.relay.stop()
		}
	}
	s.Collect() // what has left, and what has arrived, is part of the results
	s.closing = true
	for s.all != nil {
		t := s.all
		t.unsent++
		t.machine.Halt(t)
		t.End() // a machine that forgot
		t.unsent--
		s.release(t)
	}
}

// Shut closes all outboxes, after the last turn and before their ports are closed.
func (s *Scheduler) Shut() {
	for o := range s.outboxes {
		o.Close()
	}
}
