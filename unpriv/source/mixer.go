package source

import (
	"iter"
	"time"

	"scamper/shared/warts"
)

// Hooks are how a Mixer meets its owner. All but Wake are called on the loop's goroutine, from methods of the mixer.
type Hooks[T any] struct {
	// Build makes a task of a command. The command is valid only during the call. An error is reported with the place
	// of the command, and the command is dropped.
	Build func(c *Cycle, cmd *Command) (T, error)
	// Start, if not nil, starts a task. held says that it has to wait for another one: the owner keeps it and gives it
	// back with Release. It is called again when the task is taken for the second time. Without Start all tasks count
	// as started when Take returns them.
	Start func(c *Cycle, task T) (held bool)
	// CycleStart tells that a cycle begins: c.Record is complete.
	CycleStart func(c *Cycle)
	// CycleStop tells that the last task of a cycle is done. stop is the record of it.
	CycleStop func(c *Cycle, stop *warts.Cycle)
	// Finish tells that nothing is left of a source and that the mixer forgot it.
	Finish func(s *Source)
	// Report is given what is wrong with a source without stopping it.
	Report func(p *Problem)
	// Wake tells, on any goroutine, that Refill is to be called on the loop's goroutine.
	Wake func()
	// Now is the wall clock; nil is time.Now.
	Now func() time.Time
	// HostName is the name of this machine, for cycles; empty is none.
	HostName string
}

// Mixer takes commands from many sources by turns: up to as many from one source as its priority says, then from the
// next one. Sources that have nothing at the moment are left out.
type Mixer[T any] struct {
	hooks Hooks[T]
	ring
	e entry // scratch
}

// maxRefused is how many commands and lines that cannot be used now one call of Take goes through, so that replies are not
// kept waiting by a file of nonsense or of the same target.
const maxRefused = 256

// NewMixer returns a mixer without sources.
func NewMixer[T any](h Hooks[T]) *Mixer[T] {
	m := &Mixer[T]{hooks: h}
	if m.hooks.Now == nil {
		m.hooks.Now = time.Now
	}
	m.ring.wake = h.Wake
	m.ring.stopped = func(c *Cycle) {
		if m.hooks.CycleStop != nil {
			m.hooks.CycleStop(c, c.stop(m.hooks.Now()))
		}
	}
	m.ring.finished = h.Finish
	m.ring.report = func(p *Problem) {
		if m.hooks.Report != nil {
			m.hooks.Report(p)
		}
	}
	return m
}

// Take returns the next task and its cycle; ok is false if there is none now. The owner calls Done with the cycle when
// the task is done.
func (m *Mixer[T]) Take() (task T, c *Cycle, ok bool) {
	if m.cur != nil && m.n >= m.cur.config.Priority {
		m.cur, m.n = m.cur.next, 0
	}
	for budget := maxRefused; m.cur != nil && budget > 0; {
		s := m.cur
		switch s.pull(&m.e, &budget) {
		case nothingYet:
			continue // the budget is used up
		case nothingNow:
			m.block(s)
			continue
		case nothingEver:
			m.detach(s)
			continue
		case something:
		}
		if s.config.Taken != nil {
			s.config.Taken(s.empty())
		}
		switch m.e.kind {
		case isMarker:
			m.begin(s, m.e.cycle)
			continue
		case isTask:
			task, c = m.e.task.(T), m.e.cycle
		case isCommand:
			var err error
			if task, err = m.build(s); err != nil {
				budget--
				continue
			}
			c = s.cycle
		}
		m.e = entry{}
		if m.hooks.Start != nil && m.hooks.Start(c, task) {
			budget--
			continue
		}
		m.n++
		return task, c, true
	}
	var none T
	return none, nil, false
}

// begin starts a cycle of a source.
func (m *Mixer[T]) begin(s *Source, c *Cycle) {
	old := s.cycle
	s.cycle, s.taken = c, 0
	c.start(m.hooks.Now(), m.hooks.HostName)
	if m.hooks.CycleStart != nil {
		m.hooks.CycleStart(c)
	}
	if old != nil {
		m.unref(old)
	}
}

// build makes a task of the command in m.e.
func (m *Mixer[T]) build(s *Source) (T, error) {
	task, err := m.hooks.Build(s.cycle, &m.e.command)
	if err != nil {
		m.report(&Problem{Source: s, File: s.file(), Line: m.e.command.Line, Err: err})
		return task, err
	}
	s.cycle.refs++
	s.running++
	s.taken++
	return task, nil
}

// Release takes back tasks that had to wait, in their original order. They are taken before anything else of their
// sources.
func (m *Mixer[T]) Release(tasks iter.Seq2[*Cycle, T]) {
	m.back = m.back[:0]
	for c, t := range tasks {
		m.back = append(m.back, entry{kind: isTask, cycle: c, task: t})
	}
	for i := len(m.back) - 1; i >= 0; i-- {
		s := m.back[i].cycle.Source
		if s.state == gone {
			continue
		}
		s.front = append(s.front, m.back[i])
	}
	for i := range m.back {
		m.activate(m.back[i].cycle.Source)
	}
	clear(m.back)
}
