package sched

import (
	"scamper/shared/warts"
	"scamper/unpriv/loop"
	"scamper/unpriv/netio"
	"scamper/unpriv/probe"
)

// Machine is a measurement as the scheduler drives it: it is told what happened and never waits. All methods except
// Record are called on the loop's goroutine. A technique that wants to read like its paper uses a Session instead, which
// is a Machine that runs a coroutine.
type Machine interface {
	// Signatures appends the signatures of what the task will send. It is called before Begin, again each time the task
	// was held back by another one.
	Signatures(sigs []Signature) []Signature
	// Begin starts the task: its signatures are installed. It asks for a turn, a wake-up or ends the task.
	Begin(t *Task)
	// Turn tells that a slot of the packet rate is the task's: it sends at most one packet.
	Turn(t *Task)
	// Sent tells that the kernel has taken packet id at the wall-clock time at, or why it refused it.
	Sent(t *Task, id uint32, at netio.Stamp, err error)
	// Reply hands over a packet that one of the task's signatures asked for. r is valid only during the call.
	Reply(t *Task, r *probe.Reply)
	// Expire tells that the time given to WakeAt has come.
	Expire(t *Task)
	// Halt makes the task end at once with what it has: it must call End before it returns.
	Halt(t *Task)
	// Record returns what is to be written as part of o's list and cycle, or nil for nothing. It is called once, after the
	// end, on the goroutine that encodes; the record is valid until that goroutine asks for the next one.
	Record(o Origin) warts.Record
	// Recycle is called when the record is written and nothing refers to the machine any more.
	Recycle()
}

// taskState says in which queue a task is; it is never in more than one.
type taskState uint8

const (
	taskNew     taskState = iota
	taskReady             // wants a slot
	taskWaiting           // waits for a reply, a wake-up or a send
	taskDone              // its machine has called End
)

// Task is one running measurement. Machines get it with each call and ask for what they want next through it.
type Task struct {
	timer    loop.Timer
	machine  Machine
	sched    *Scheduler
	origin   Origin
	first    entry   // the first signature, in place
	more     []entry // the others
	held     *held   // machines that wait for the end of this one, oldest first
	lastHeld *held
	next     *Task // in the ready queue, or in the free list
	prev     *Task // in the list of running tasks
	after    *Task
	unsent   int32  // packets in a batch that the kernel does not have yet
	offered  uint64 // the last reply that was offered to it
	state    taskState
	signed   bool // signatures are installed
	queued   bool // in the ready queue, perhaps only as a leftover
}

// Origin is where a task came from and so where its result goes. The scheduler itself looks at nothing but Ended.
type Origin interface {
	// Stream returns what the result is part of. It may be called on the goroutine that encodes.
	Stream() (list *warts.List, cycle *warts.Cycle)
	// Ended is called when the task's result has been handed to the output; with nil for a task that was held back and
	// will not run any more because the scheduler was closed.
	Ended(t *Task)
}

// held is a machine that was taken from its source and waits until a task, whose packets could be confused with its own,
// has ended.
type held struct {
	machine Machine
	origin  Origin
	next    *held
}

// each yields the held machines, oldest first.
func (h *held) each(yield func(Machine, Origin) bool) {
	for ; h != nil; h = h.next {
		if !yield(h.machine, h.origin) {
			return
		}
	}
}

// WantTurn asks for a slot of the packet rate; the wake-up, if any, is kept.
func (t *Task) WantTurn() {
	if t.state == taskDone || t.state == taskReady {
		return
	}
	t.state = taskReady
	if !t.queued { // a leftover of a cancelled wish keeps its place
		t.queued = true
		t.sched.ready.push(t)
	}
	t.sched.readyN++
}

// CancelTurn takes WantTurn back.
func (t *Task) CancelTurn() {
	if t.state == taskReady {
		t.state = taskWaiting
		t.sched.readyN--
	}
}

// WakeAt asks for Expire at a time on the monotonic clock, instead of any time asked for before. Never asks for none.
func (t *Task) WakeAt(at loop.Mono) {
	if t.state == taskDone {
		return
	}
	if at == loop.Never {
		t.sched.loop.Timers.Cancel(&t.timer)
		return
	}
	t.sched.loop.Timers.Set(&t.timer, t.sched.onGrid(at))
}

// End finishes the task: its record is handed to the output and it gets no further call except Record and Recycle.
// Packets that are still in a batch are sent.
func (t *Task) End() {
	if t.state == taskDone {
		return
	}
	t.CancelTurn()
	t.state = taskDone
	t.sched.loop.Timers.Cancel(&t.timer)
	t.sched.ended(t)
}

// Listen installs one more signature for a running task. It returns false if another running task's packets could be
// confused with it.
func (t *Task) Listen(sig Signature) bool {
	if t.sched.table.blocker(sig, t) != nil {
		return false
	}
	e := &entry{sig: sig, task: t}
	t.sched.table.install(e)
	t.sched.extra[t] = append(t.sched.extra[t], e)
	return true
}

// Publish writes a record now, before the task's own: a copy of work in progress. The record must not be changed
// afterwards. While the sink is full the copy is left out, and counted: the task's own record will say it all, and copies
// would pile up for as long as nobody reads.
func (t *Task) Publish(r warts.Record) {
	if t.sched.sink.Full() {
		t.sched.Stats.LeftOut++
		return
	}
	t.sched.sink.Put(&published{record: r}, t.origin)
}

// Origin returns where the task came from.
func (t *Task) Origin() Origin { return t.origin }

// Now returns the loop's monotonic time.
func (t *Task) Now() loop.Mono { return t.sched.loop.Now() }

// ReadClock returns the monotonic time of this moment. It is for what counts from the sending of a packet: Now is as old as
// the loop's turn, in which sockets may have been opened for other tasks.
func (t *Task) ReadClock() loop.Mono { return t.sched.loop.Clock().Mono() }

// fifo is the queue of tasks that want a slot.
type fifo struct{ head, tail *Task }

func (q *fifo) push(t *Task) {
	t.next = nil
	if q.tail == nil {
		q.head = t
	} else {
		q.tail.next = t
	}
	q.tail = t
}

func (q *fifo) pop() *Task {
	t := q.head
	if t == nil {
		return nil
	}
	q.head = t.next
	if q.head == nil {
		q.tail = nil
	}
	t.next = nil
	return t
}
