package source

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// ring is what a mixer knows that does not depend on its kind of task.
type ring struct {
	head *Source // first of the active ring
	cur  *Source // whose turn it is; nil when the ring is empty
	n    uint32  // tasks taken in this turn

	sources []*Source // all that are not gone, in the order in which they were added
	back    []entry   // scratch of Release

	stopped  func(*Cycle)
	finished func(*Source)
	report   func(*Problem)
	wake     func()

	mu   sync.Mutex
	news []*Source // sources whose readers have something, or are at the end
}

// Add adds a source. Reading its file begins now.
func (r *ring) Add(s *Source) error {
	if s.state != fresh {
		return fmt.Errorf("add source %q: %w", s.Name(), errAdded)
	}
	if r.Find(s.Name()) != nil {
		return fmt.Errorf("source '%s' already exists", s.Name())
	}
	s.ring = r
	s.state = blocked
	r.sources = append(r.sources, s)
	if s.feed != nil {
		s.feed.start(func() { r.arrived(s) })
	}
	r.activate(s)
	return nil
}

// Find returns the source of a name, without regard to case, or nil.
func (r *ring) Find(name string) *Source {
	for _, s := range r.sources {
		if strings.EqualFold(s.Name(), name) {
			return s
		}
	}
	return nil
}

// All returns the sources that are not finished, in the order in which they were added. The slice is the mixer's.
func (r *ring) All() []*Source { return r.sources }

// Ready reports whether Take could return something now.
func (r *ring) Ready() bool { return r.cur != nil }

// Finished reports whether there is no source left.
func (r *ring) Finished() bool { return len(r.sources) == 0 }

// SetPriority changes how many commands are taken from a source in one turn. 0 sets it aside.
func (r *ring) SetPriority(s *Source, priority uint32) {
	s.config.Priority = priority
	switch {
	case priority == 0 && s.state == active:
		r.block(s)
	case priority > 0:
		r.activate(s)
	}
}

// Remove drops everything that is queued for a source, tasks that had to wait included. The source is finished when its
// last running task is done; halting those is the owner's business.
func (r *ring) Remove(s *Source) {
	if s.state == fresh || s.state == gone {
		return
	}
	s.closed = true
	if s.feed != nil {
		s.feed.close()
	}
	s.queue = queue{}
	front := s.front
	s.front = nil
	for i := range front {
		r.Done(front[i].cycle)
	}
	if s.state != gone {
		r.detach(s)
	}
}

// Flush removes all sources, see Remove.
func (r *ring) Flush() {
	for _, s := range slices.Clone(r.sources) {
		r.Remove(s)
	}
}

// Done tells that a task of a cycle is done: its result was handed to the output, or the task was dropped.
func (r *ring) Done(c *Cycle) {
	c.Source.running--
	r.unref(c)
	r.finish(c.Source)
}

func (r *ring) unref(c *Cycle) {
	if c.refs--; c.refs == 0 {
		r.stopped(c)
	}
}

// finish forgets a source of which nothing is left.
func (r *ring) finish(s *Source) {
	if s.state != detached || s.running > 0 {
		return
	}
	s.state = gone
	for i, x := range r.sources {
		if x == s {
			r.sources = append(r.sources[:i:i], r.sources[i+1:]...)
			break
		}
	}
	if r.finished != nil {
		r.finished(s)
	}
}

// Refill takes note of what arrived from the readers since Wake was called.
func (r *ring) Refill() {
	for {
		r.mu.Lock()
		if len(r.news) == 0 {
			r.mu.Unlock()
			return
		}
		s := r.news[0]
		r.news = append(r.news[:0], r.news[1:]...)
		s.news = false
		r.mu.Unlock()
		if s.state == blocked {
			r.activate(s)
		}
	}
}

// arrived is called by reader goroutines.
func (r *ring) arrived(s *Source) {
	r.mu.Lock()
	known := s.news
	if !known {
		s.news = true
		r.news = append(r.news, s)
	}
	r.mu.Unlock()
	if !known && r.wake != nil {
		r.wake()
	}
}

// activate puts a source at the tail of the active ring.
func (r *ring) activate(s *Source) {
	if s.state != blocked && (s.state != detached || len(s.front) == 0) || s.config.Priority == 0 {
		return
	}
	s.state = active
	if r.head == nil {
		s.next, s.prev = s, s
		r.head, r.cur, r.n = s, s, 0
		return
	}
	tail := r.head.prev
	s.prev, s.next = tail, r.head
	tail.next, r.head.prev = s, s
}

// unlink takes a source out of the active ring.
func (r *ring) unlink(s *Source) {
	if s.state != active {
		return
	}
	if s.next == s {
		r.head, r.cur = nil, nil
	} else {
		s.prev.next, s.next.prev = s.next, s.prev
		if r.head == s {
			r.head = s.next
		}
		if r.cur == s {
			r.cur, r.n = s.next, 0
		}
	}
	s.next, s.prev = nil, nil
}

// block sets a source aside that has nothing now.
func (r *ring) block(s *Source) {
	r.unlink(s)
	s.state = blocked
}

// detach sets a source aside that will have nothing more. It may come back for tasks that had to wait.
func (r *ring) detach(s *Source) {
	r.unlink(s)
	s.state = detached
	if c := s.cycle; c != nil {
		s.cycle = nil
		r.unref(c)
	}
	r.finish(s)
}
