package engine

import (
	"fmt"
	"strings"

	"scamper/unpriv/netio/neigh"
	"scamper/unpriv/netio/route"
	"scamper/unpriv/probe"
	"scamper/unpriv/resolve"
	"scamper/unpriv/sched"
)

// counts is everything that was counted in a run.
type counts struct {
	sched    sched.Stats
	routes   route.Stats
	neigh    neigh.Stats
	names    resolve.Stats
	received uint64 // packets read from sockets
	drops    uint64 // packets that the kernel dropped because our buffers were full
	unused   probe.Counts
}

func (e *Engine) counts() counts {
	return counts{
		sched: e.sched.Stats, routes: e.routes.Stats, neigh: e.links.cache.Stats, names: e.names.Stats,
		received: e.Received, drops: e.sockets.Drops(), unused: e.Unused,
	}
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

// losses returns a line about each kind of loss that there was.
func (c *counts) losses() (lines []string) {
	var nameless uint64 // some names are always without answer; all of them are so if the servers are wrong, or out of reach
	if c.names.Unanswered == c.names.Asked {
		nameless = c.names.Asked
	}
	for _, l := range []struct {
		n              uint64
		one, more, how string
	}{
		{c.drops, "received packet was", "received packets were", "dropped because our buffers were full"},
		{c.sched.Dropped, "reply was", "replies were", "dropped because their measurement was waiting to send"},
		{c.sched.Refused, "packet was", "packets were", "refused by the kernel"},
		{c.sched.NoRoom, "packet was", "packets were", "not sent because too many waited to be sent"},
		{c.sched.Lost, "packet was", "packets were", "dropped by the device that was to send them"},
		{c.sched.Full, "time", "times", "the send buffer was full"},
		{
			c.sched.LeftOut, "copy of a measurement under way was", "copies of measurements under way were",
			"left out because the output could not keep up",
		},
		{c.sched.Unsent, "packet was", "packets were", "not sent any more at the end"},
		{c.neigh.Lost, "question for the address of a neighbour was", "questions for addresses of neighbours were", "not sent"},
		{c.names.Lost, "name was", "names were", "not asked for because too many questions waited"},
		{nameless, "name was", "names were", "asked for, without an answer of any nameserver by the end"},
		{c.sched.Panics, "measurement was", "measurements were", "given up because of a defect in the program"},
	} {
		switch l.n {
		case 0:
		case 1:
			lines = append(lines, "1 "+l.one+" "+l.how)
		default:
			lines = append(lines, fmt.Sprintf("%d %s %s", l.n, l.more, l.how))
		}
	}
	return lines
}

func (c *counts) lines() []string {
	s, n := &c.sched, &c.neigh
	unused := []string{}
	for r, count := range c.unused {
		if reason := probe.Reason(r); reason != probe.Accepted && count > 0 {
			unused = append(unused, fmt.Sprintf("%d %v", count, reason))
		}
	}
	if len(unused) == 0 {
		unused = append(unused, "none")
	}
	return []string{
		fmt.Sprintf("tasks: %d started, %d ended, %d times held back, %d waits for the output, %d copies left out, %d panics",
			s.Started, s.Ended, s.HeldBack, s.Waits, s.LeftOut, s.Panics),
		fmt.Sprintf("packets: %d sent, %d refused, %d without room, %d not sent any more, %d dropped by the device, %d times the send buffer was full",
			s.Sent, s.Refused, s.NoRoom, s.Unsent, s.Lost, s.Full),
		fmt.Sprintf("replies: %d received, %d matched, %d unmatched, %d dropped by measurements, %d dropped by the kernel",
			c.received, s.Matched, s.Unmatched, s.Dropped, c.drops),
		"received and unused: " + strings.Join(unused, ", "),
		fmt.Sprintf("routes: %d answers from the copy, %d from the kernel, %d changes, %d copies",
			c.routes.Cached, c.routes.Asked, c.routes.Changes, c.routes.Copies),
		fmt.Sprintf("neighbours: %d known, %d asked for, %d answered, %d without answer, %d refused, %d moved, %d questions not sent",
			n.Known, n.Asked, n.Answered, n.Unanswered, n.Refused, n.Moved, n.Lost),
		fmt.Sprintf("names: %d asked for, %d without answer, %d not asked for",
			c.names.Asked, c.names.Unanswered, c.names.Lost),
	}
}
