package engine

import (
	"fmt"
	"strings"

	"scamper/unpriv/netio/route"
	"scamper/unpriv/probe"
	"scamper/unpriv/sched"
)

// counts is everything that was counted in a run.
type counts struct {
	sched    sched.Stats
	routes   route.Stats
	received uint64 // packets read from sockets
	drops    uint64 // packets that the kernel dropped because our buffers were full
	unused   probe.Counts
}

func (e *Engine) counts() counts {
	return counts{e.sched.Stats, e.routes.Stats, e.Received, e.sockets.Drops(), e.Unused}
}

// reportLosses says what was lost, if anything was: a reply lost in our own buffers is a defect, and the user must know.
func (e *Engine) reportLosses() {
	c := e.counts()
	for _, line := range c.losses() {
		e.log.Error(line)
	}
}

// account writes what was counted to the debug file.
func (e *Engine) account() {
	c := e.counts()
	for _, line := range c.lines() {
		e.log.Debug("%s", line)
	}
}

// panicked tells of a technique that ended because of a defect in it.
func (e *Engine) panicked(value any, stack []byte) {
	e.log.Error(fmt.Sprintf("a measurement was given up because of a defect in the program: %v", value))
	e.log.Debug("%s", stack)
}

func (c *counts) losses() (lines []string) {
	for _, l := range []struct {
		n    uint64
		text string
	}{
		{c.drops, "received packets were dropped because our buffers were full"},
		{c.sched.Dropped, "replies were dropped because their measurement was waiting to send"},
		{c.sched.Refused, "packets were refused by the kernel"},
		{c.sched.Full, "times the send buffer was full"},
		{c.sched.Unsent, "packets were not sent any more at the end"},
		{c.sched.Panics, "measurements were given up because of a defect in the program"},
	} {
		if l.n > 0 {
			lines = append(lines, fmt.Sprintf("%d %s", l.n, l.text))
		}
	}
	return lines
}

func (c *counts) lines() []string {
	s := &c.sched
	unused := []string{}
	for r, n := range c.unused {
		if reason := probe.Reason(r); reason != probe.Accepted && n > 0 {
			unused = append(unused, fmt.Sprintf("%d %v", n, reason))
		}
	}
	if len(unused) == 0 {
		unused = append(unused, "none")
	}
	return []string{
		fmt.Sprintf("tasks: %d started, %d ended, %d times held back, %d waits for the output, %d panics",
			s.Started, s.Ended, s.HeldBack, s.Waits, s.Panics),
		fmt.Sprintf("packets: %d sent, %d refused, %d not sent any more, %d times the send buffer was full",
			s.Sent, s.Refused, s.Unsent, s.Full),
		fmt.Sprintf("replies: %d received, %d matched, %d unmatched, %d dropped by measurements, %d dropped by the kernel",
			c.received, s.Matched, s.Unmatched, s.Dropped, c.drops),
		"received and unused: " + strings.Join(unused, ", "),
		fmt.Sprintf("routes: %d answers from the copy, %d from the kernel, %d changes, %d copies",
			c.routes.Cached, c.routes.Asked, c.routes.Changes, c.routes.Copies),
	}
}
