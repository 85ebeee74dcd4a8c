// Package source is where measurements come from: the command line, list files, command files, standard input, and
// clients of the control sockets.
//
// The way of a command:
//
//	file --> reader goroutine --> batches --+
//	        (lines.go, file.go)             |
//	command line (words.go) ----------------+--> Source --> Mixer.Take --> Build --> a task
//	control socket --> Source.Push ---------+       ^ front
//	tasks that had to wait --> Mixer.Release -------+
//
// A [Source] is a list of commands with a name, cut into cycles. The [Mixer] takes commands from all sources by turns
// (mixer.go). Except for the reader goroutines everything here belongs to the loop's goroutine.
package source

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"scamper/shared/warts"
)

// Kind is what a source is fed by.
type Kind uint8

// The kinds of source.
const (
	CommandLine Kind = iota // operands of the program
	File                    // a list file or command file
	TSPS                    // a file of addresses for prespecified IP timestamps
	Control                 // a client, or nothing but "source cycle"
)

var kinds = [...]string{"cmdline", "file", "tsps", "control"}

// String returns the word that "source list" has for the kind.
func (k Kind) String() string {
	if int(k) < len(kinds) {
		return kinds[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Command is one command of a source.
type Command struct {
	// Text is a whole command ("ping -c 2 192.0.2.1"), or with Target what is to be joined to the source's default
	// command: an address, usually.
	Text   string
	Target bool
	// Addr is the address that Text is, with Target; invalid when Text is no numeric address.
	Addr netip.Addr
	// Line is the number of the line in the file, from 1; 0 when there is no file.
	Line int64
	// Data is what whoever pushed the command wants to find again.
	Data any
}

// Config is what a source is made of. The zero values of numbers are values, not defaults.
type Config struct {
	Name     string // unique among the sources of a mixer, without regard to case; the name of the list too
	Descr    string // description of the list; empty is none
	ListID   uint32
	CycleID  uint32 // of the first cycle
	Monitor  string // empty is none
	Priority uint32 // commands taken in one turn; 0 creates the source without using it
	Command  string // default command, which targets are joined to

	// Taken, if not nil, is called each time that something was taken from the source: a command, a cycle marker, or a
	// task that had to wait. empty says that nothing else is queued at the moment.
	Taken func(empty bool)
	// Data is the owner's.
	Data any
}

// Cycle is one pass over the commands of a source.
type Cycle struct {
	Source *Source
	// Record is the start record; Start and HostName are filled in when the cycle starts. All results of the cycle
	// refer to it.
	Record *warts.Cycle
	// Data is the owner's: what a task of the cycle has as its origin, for example.
	Data any

	refs int // tasks of the cycle that are not done, plus one until the source has left the cycle
}

// Source is a list of commands with a name.
type Source struct {
	config Config
	kind   Kind
	list   *warts.List
	feed   feed // nil for Control

	front   []entry // tasks that had to wait, next one last
	queue   queue   // cycle markers, and commands of a Control source
	closed  bool    // nothing more will be pushed
	cycle   *Cycle  // whose marker was taken last
	newest  uint32  // id of the cycle whose marker was queued last
	taken   uint64  // commands of the current cycle that became tasks
	running int     // tasks that are not done

	ring       *ring // the mixer, once added
	state      state
	next, prev *Source // in the active ring
	news       bool    // in the mixer's list of sources with news; guarded by its lock
}

// state says in which list of the mixer a source is.
type state uint8

const (
	fresh    state = iota // not added
	active                // in the ring
	blocked               // has nothing now, or priority 0
	detached              // will have nothing more; some tasks may not be done
	gone                  // finished
)

// errAdded is what a source meets that is added twice.
var errAdded = errors.New("source was added before")

func newSource(c Config, kind Kind, f feed) *Source {
	s := &Source{
		config: c, kind: kind, feed: f,
		list: &warts.List{ID: c.ListID, Name: c.Name, Description: c.Descr, Monitor: c.Monitor},
	}
	s.pushMarker(c.CycleID)
	return s
}

// NewControl returns a source that is fed by Push and PushCycle, until Close.
func NewControl(c Config) *Source { return newSource(c, Control, nil) }

// Name returns the name.
func (s *Source) Name() string { return s.config.Name }

// Config returns what the source was made of, with the priority of now.
func (s *Source) Config() Config { return s.config }

// Kind returns what feeds the source.
func (s *Source) Kind() Kind { return s.kind }

// List returns the list that the results belong to.
func (s *Source) List() *warts.List { return s.list }

// CycleID returns the id of the newest cycle, which may not have started yet.
func (s *Source) CycleID() uint32 { return s.newest }

// Running returns how many tasks were taken and are not done, those that wait for others included.
func (s *Source) Running() int { return s.running }

// Push queues a command. It reports whether the source still takes commands: it is a Control source, and not closed.
func (s *Source) Push(c Command) bool {
	if s.kind != Control || s.closed {
		return false
	}
	s.queue.push(entry{kind: isCommand, command: c})
	s.wake()
	return true
}

// PushCycle queues a marker at which the next cycle starts. It reports whether the source takes any.
func (s *Source) PushCycle() bool {
	if s.kind != Control || s.closed {
		return false
	}
	s.pushMarker(s.newest + 1)
	s.wake()
	return true
}

// Close says that nothing more will be pushed: the source finishes once what is queued is done.
func (s *Source) Close() {
	s.closed = true
	s.wake()
}

// Unqueue removes the queued commands for which match is true and returns how many those were. Tasks that wait for
// others are not among them.
func (s *Source) Unqueue(match func(*Command) bool) int {
	return s.queue.remove(func(e *entry) bool { return e.kind == isCommand && match(&e.command) })
}

func (s *Source) pushMarker(id uint32) {
	s.newest = id
	c := &Cycle{Source: s, refs: 1, Record: &warts.Cycle{Kind: warts.CycleStart, List: s.list, ID: id}}
	s.queue.push(entry{kind: isMarker, cycle: c})
}

func (s *Source) wake() {
	if s.ring != nil {
		s.ring.activate(s)
	}
}

// start fills in what is known when the cycle begins.
func (c *Cycle) start(now time.Time, host string) {
	c.Record.Start = uint32(now.Unix())
	c.Record.HostName = host
}

// stop returns the record of the cycle's end.
func (c *Cycle) stop(now time.Time) *warts.Cycle {
	r := *c.Record
	r.Kind, r.Stop = warts.CycleStop, uint32(now.Unix())
	return &r
}

// Problem is something wrong with a source that did not stop the program: a line that could not be used, a file that
// could not be read to its end.
type Problem struct {
	Source *Source
	File   string // empty when the source has none
	Line   int64  // from 1; 0 when it is not about a line
	Err    error
}

// Error names the place and what is wrong: "FILE:LINE: text".
func (p *Problem) Error() string {
	switch {
	case p.File == "":
		return p.Err.Error()
	case p.Line == 0:
		return fmt.Sprintf("%s: %v", p.File, p.Err)
	}
	return fmt.Sprintf("%s:%d: %v", p.File, p.Line, p.Err)
}

// Unwrap returns what is wrong, without the place.
func (p *Problem) Unwrap() error { return p.Err }

// supply is what a source or its feed can give.
type supply uint8

const (
	something  supply = iota
	nothingYet        // there may be something, after so much that could not be used
	nothingNow
	nothingEver
)

// errSterile ends a source that would otherwise go through its file again and again for nothing.
var errSterile = errors.New("no usable command in a whole cycle: not starting another one")

// pull takes the next thing of a source into e. Each line that cannot be used costs one of the budget; nothingYet tells
// that it is used up.
func (s *Source) pull(e *entry, budget *int) supply {
	for *budget > 0 {
		if n := len(s.front); n > 0 {
			*e = s.front[n-1]
			s.front[n-1] = entry{}
			s.front = s.front[:n-1]
			return something
		}
		if s.queue.pop(e) {
			return something
		}
		if s.feed == nil {
			if s.closed {
				return nothingEver
			}
			return nothingNow
		}
		e.kind = isCommand
		if s.closed {
			return nothingEver
		}
		got, p := s.feed.next(&e.command)
		if p != nil {
			p.Source = s
			s.ring.report(p)
		}
		switch {
		case got == something && p != nil: // a line that could not be used
			*budget--
			continue
		case got != nothingEver:
			return got
		case p != nil || !s.feed.more():
			s.closed = true
			s.feed.close()
			return nothingEver
		case s.taken == 0:
			s.closed = true
			s.feed.close()
			s.ring.report(&Problem{Source: s, File: s.file(), Err: errSterile})
			return nothingEver
		}
		s.pushMarker(s.newest + 1)
		s.feed.again()
	}
	return nothingYet
}

// empty reports whether nothing is queued at the moment, as far as is known without looking into a file.
func (s *Source) empty() bool { return len(s.front) == 0 && s.queue.n == 0 }

// file returns the name of the source's file, or nothing.
func (s *Source) file() string {
	if f, ok := s.feed.(*fileFeed); ok {
		return f.config.Name
	}
	return ""
}
