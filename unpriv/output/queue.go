package output

import (
	"sync"
	"sync/atomic"
	"time"

	"scamper/shared/warts"
	"scamper/unpriv/loop"
	"scamper/unpriv/sched"
)

// Destination is an Origin that says which file its results are written to. All origins given to a Queue are.
type Destination interface {
	sched.Origin
	// File returns the file of the result.
	File() *File
}

// queued is one thing to write: the result of a machine, or a cycle record.
type queued struct {
	machine sched.Machine
	origin  sched.Origin
	file    *File
	record  warts.Record // if machine is nil
}

// Limits of a Queue.
const (
	batchLen   = 128 // results handed over at once
	maxBatches = 64  // between the loop and the encoder; more makes the scheduler wait

	// maxAge is how long a result waits for others to be handed over with it: waking the encoder costs more than a result.
	maxAge = 5 * time.Millisecond
)

// Queue carries results from the loop to the goroutine that encodes and writes them. Batches of results go one way and
// come back empty, so nothing is allocated per result. No result is ever dropped: when the writer cannot keep up, Full
// makes the scheduler stop starting tasks, and what the running ones still deliver is kept.
type Queue struct {
	current []queued  // owned by the loop
	due     loop.Mono // when current is to be handed over at the latest
	backlog [][]queued
	full    chan []queued
	empty   chan []queued
	wake    func()
	fail    func(*File, error)
	done    sync.WaitGroup
	pending atomic.Int64 // results handed over and not written yet
	waiting atomic.Bool  // the loop has seen the queue full
	failed  atomic.Bool
	Written atomic.Uint64 // results written
}

// NewQueue starts the encoding goroutine. wake is called, on that goroutine, when a queue that was full is not full any
// more. fail is called, on that goroutine, once, when a file cannot be written and with why; what comes later for any
// file is not written.
func NewQueue(wake func(), fail func(f *File, err error)) *Queue {
	q := &Queue{
		current: make([]queued, 0, batchLen),
		full:    make(chan []queued, maxBatches),
		empty:   make(chan []queued, maxBatches+2),
		due:     loop.Never,
		wake:    wake, fail: fail,
	}
	q.done.Go(q.encode)
	return q
}

// Full implements sched.Sink.
func (q *Queue) Full() bool {
	if len(q.backlog) > 0 || len(q.full) == cap(q.full) {
		q.waiting.Store(true)
		return true
	}
	return false
}

// Put implements sched.Sink. The origin must be a Destination.
func (q *Queue) Put(m sched.Machine, o sched.Origin) {
	q.put(queued{machine: m, origin: o, file: o.(Destination).File()})
}

// Cycle writes the record of a cycle's start or stop after everything that was Put before.
func (q *Queue) Cycle(f *File, c *warts.Cycle) { q.put(queued{file: f, record: c}) }

func (q *Queue) put(it queued) {
	q.current = append(q.current, it)
	q.pending.Add(1)
	if len(q.current) == cap(q.current) {
		q.Flush()
	}
}

// Turn implements loop.Turner: it hands over what has waited long enough.
func (q *Queue) Turn(now loop.Mono) loop.Mono {
	if len(q.current) > 0 {
		if q.due == loop.Never {
			q.due = now.Add(maxAge)
		}
		if now < q.due {
			return q.due
		}
	}
	q.Flush()
	if len(q.backlog) > 0 {
		return now.Add(maxAge)
	}
	return loop.Never
}

// Flush hands over what was Put and takes back what is written, so that machines can be used again. It never blocks.
func (q *Queue) Flush() {
	if len(q.current) > 0 {
		q.backlog = append(q.backlog, q.current)
		q.current = nil
		q.due = loop.Never
	}
	for len(q.backlog) > 0 {
		select {
		case q.full <- q.backlog[0]:
			q.backlog = q.backlog[1:]
			continue
		default:
		}
		break
	}
	for {
		select {
		case b := <-q.empty:
			q.recycle(b)
			continue
		default:
		}
		break
	}
	if q.current == nil {
		q.current = make([]queued, 0, batchLen)
	}
}

func (q *Queue) recycle(b []queued) {
	for i := range b {
		if b[i].machine != nil {
			b[i].machine.Recycle()
		}
		b[i] = queued{}
	}
	if q.current == nil {
		q.current = b[:0]
	}
}

// Pending returns how many results are not written yet.
func (q *Queue) Pending() int { return int(q.pending.Load()) }

// Close writes what is left, waits for it, and ends the goroutine. Files stay open.
func (q *Queue) Close() {
	q.backlog = append(q.backlog, q.current)
	q.current = nil
	for _, b := range q.backlog {
		q.full <- b // the encoder drains it, and drops empty batches when nobody takes them
	}
	q.backlog = nil
	close(q.full)
	q.done.Wait()
}

func (q *Queue) encode() {
	dirty := map[*File]bool{}
	flush := func() {
		for f := range dirty {
			q.check(f, f.Flush())
			delete(dirty, f)
		}
	}
	for {
		var b []queued
		var ok bool
		select {
		case b, ok = <-q.full:
		default:
			flush() // nothing to do: let readers see whole records
			b, ok = <-q.full
		}
		if !ok {
			flush()
			return
		}
		for i := range b {
			q.write(&b[i])
			if f := b[i].file; f != nil {
				dirty[f] = true
			}
		}
		select {
		case q.empty <- b:
		default: // the loop is gone or late: the machines are garbage
		}
		if q.waiting.Load() && len(q.full) <= cap(q.full)/2 && q.waiting.Swap(false) {
			q.wake()
		}
	}
}

func (q *Queue) write(it *queued) {
	defer q.pending.Add(-1)
	r := it.record
	if it.machine != nil {
		r = it.machine.Record(it.origin)
		if r == nil {
			return
		}
	}
	if q.failed.Load() || it.file == nil {
		return
	}
	q.check(it.file, it.file.Write(r))
	q.Written.Add(1)
}

func (q *Queue) check(f *File, err error) {
	if err != nil && !q.failed.Swap(true) {
		q.fail(f, err)
	}
}
