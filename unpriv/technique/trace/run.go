// Package trace is traceroute: probes with growing TTL towards one destination, and what the routers say.
//
// options.go turns a command into checked options, probe.go says what is sent and which probe a packet answers, reply.go
// what is recorded and when a reply ends the trace, run.go (this file) is the algorithm: serial, forward, one probe
// outstanding, late replies credited to their own probe.
package trace

import (
	"net/netip"
	"time"

	"scamper/shared/warts"
	"scamper/unpriv/loop"
	"scamper/unpriv/netio"
	"scamper/unpriv/probe"
	"scamper/unpriv/sched"
	"scamper/unpriv/technique"
)

// maxTTL is the largest TTL that the protocols allow.
const maxTTL = 255

// Trace is one traceroute. It is a sched.Technique.
type Trace struct {
	env *technique.Env
	opt *Options
	dst netip.Addr
	src netip.Addr

	ports technique.Ports
	match probe.TraceMatch
	probe probe.TraceProbe // the one under way

	start    time.Time
	sent     []sentProbe // all probes in the order sent; the index identifies a probe on the wire
	hopCount int         // highest TTL probed
	loops    int         // loops seen
	lastSent loop.Mono

	stop   warts.TraceStop
	data   uint8
	errMsg string
}

// phase is the part of the algorithm that sent a probe.
type phase uint8

const (
	phaseTrace phase = iota
	phaseLastDitch
)

// sentProbe is a probe on its way, with what came back.
type sentProbe struct {
	warts.TraceProbe
	tx    netio.Stamp
	phase phase
}

// New returns the trace of a destination. opt is for the family of dst.
func New(env *technique.Env, opt *Options, dst netip.Addr) *Trace {
	return &Trace{env: env, opt: opt, dst: dst, match: probe.TraceMatch{
		Method: probe.TraceMethod(opt.Method), Dst: dst, SrcPort: opt.SrcPort, DstPort: opt.DstPort,
		FragOffset: opt.Offset, ConstPayload: opt.ConstPayload,
	}}
}

// Run implements sched.Technique.
func (t *Trace) Run(s *sched.Session) {
	t.start = t.env.Clock().Wall()
	if err := t.open(s); err != nil {
		t.fail(err)
		return
	}
	switch t.forward(s) {
	case gapLimit:
		if t.opt.GapAction == warts.TraceGapLastDitch {
			t.lastDitch(s)
		}
		t.end(warts.TraceStopGapLimit, 0)
	case hopLimit:
		t.end(warts.TraceStopHopLimit, 0)
	}
}

// outcome is how a phase ended.
type outcome uint8

const (
	ended    outcome = iota // the stop reason is set
	gapLimit                // too many silent hops in a row
	hopLimit                // the last hop was probed
)

// hop is the state of the serial search: what is probed next.
type hop struct {
	ttl      int
	attempts int // probes sent to ttl
	latest   int // index of the probe sent last
}

// forward probes one TTL after the other until something ends the trace.
func (t *Trace) forward(s *sched.Session) outcome {
	h := hop{ttl: int(t.opt.FirstHop), latest: -1}
	for {
		if out, ok := t.awaitTurn(s, &h); !ok {
			return out
		}
		at, ok := t.send(s, h.ttl, h.attempts, phaseTrace)
		if !ok {
			return ended
		}
		h.attempts++
		h.latest = len(t.sent) - 1
		t.hopCount = max(t.hopCount, h.ttl)

		if out, ok := t.awaitReply(s, &h, at.Add(t.opt.Wait)); !ok {
			return out
		}
	}
}

// awaitTurn waits until the next probe may be sent. Replies that come meanwhile may move h on, or end the phase.
func (t *Trace) awaitTurn(s *sched.Session, h *hop) (outcome, bool) {
	for {
		ev := t.turn(s)
		switch ev.Kind {
		case sched.Turn:
			return 0, true
		case sched.Halt:
			t.end(warts.TraceStopHalted, 0)
			return ended, false
		case sched.Reply:
			if _, out, ok := t.replied(ev.Reply, h); !ok {
				return out, false
			}
		}
	}
}

// awaitReply waits for what moves h on: a reply to it, or the end of the wait.
func (t *Trace) awaitReply(s *sched.Session, h *hop, until loop.Mono) (outcome, bool) {
	for {
		ev := s.Wait(until)
		switch ev.Kind {
		case sched.Halt:
			t.end(warts.TraceStopHalted, 0)
			return ended, false
		case sched.Reply:
			next, out, ok := t.replied(ev.Reply, h)
			if next || !ok {
				return out, ok
			}
		case sched.Timeout:
			return t.timedOut(h)
		}
	}
}

// turn waits for a slot, which must not be sooner than WaitProbe after the last probe.
func (t *Trace) turn(s *sched.Session) sched.Event {
	if len(t.sent) > 0 && t.opt.WaitProbe > 0 {
		if earliest := t.lastSent.Add(t.opt.WaitProbe); s.Now() < earliest {
			return s.Wait(earliest)
		}
	}
	return s.Turn()
}

// replied files a reply. next says that the search goes on with another probe now; ok is false when the phase is over.
func (t *Trace) replied(r *probe.Reply, h *hop) (next bool, out outcome, ok bool) {
	i, reply := t.file(r)
	if reply == nil {
		return false, 0, true
	}
	ttl := int(t.sent[i].TTL)
	switch {
	case ttl != h.ttl: // late
		return false, ended, !t.stops(i, reply)
	case !t.opt.AllAttempts:
		h.ttl, h.attempts = h.ttl+1, 0
		if t.stops(i, reply) {
			return false, ended, false
		}
	case i != h.latest:
		return false, 0, true
	case h.attempts < int(t.opt.Attempts):
		return true, 0, true
	default:
		h.ttl, h.attempts = h.ttl+1, 0
		if t.hopStops(ttl) {
			return false, ended, false
		}
	}
	if t.hopCount >= t.limit() {
		return false, hopLimit, false
	}
	return true, 0, true
}

// timedOut moves on after the wait for a reply to the latest probe.
func (t *Trace) timedOut(h *hop) (outcome, bool) {
	if h.attempts < int(t.opt.Attempts) {
		return 0, true
	}
	ttl := h.ttl
	h.ttl, h.attempts = h.ttl+1, 0
	switch {
	case t.opt.AllAttempts && t.hopStops(ttl):
		return ended, false
	case t.hopCount >= t.limit():
		return hopLimit, false
	case t.gap():
		return gapLimit, false
	}
	return 0, true
}

// limit is the last TTL to probe.
func (t *Trace) limit() int {
	if t.opt.HopLimit != 0 {
		return int(t.opt.HopLimit)
	}
	return maxTTL
}

// gap reports whether the last GapLimit hops have been silent.
func (t *Trace) gap() bool {
	limit := int(t.opt.GapLimit)
	if t.hopCount-(int(t.opt.FirstHop)-1) < limit {
		return false
	}
	for i := range t.sent {
		p := &t.sent[i]
		if p.phase == phaseTrace && int(p.TTL) > t.hopCount-limit && len(p.Replies) > 0 {
			return false
		}
	}
	return true
}

// lastDitch probes with the largest TTL: is the destination there, behind the silent hops? The first reply ends it.
func (t *Trace) lastDitch(s *sched.Session) {
	for attempt := range int(t.opt.Attempts) {
		for turn := false; !turn; {
			ev := t.turn(s)
			switch ev.Kind {
			case sched.Turn:
				turn = true
			case sched.Halt:
				t.end(warts.TraceStopHalted, 0)
				return
			case sched.Reply:
				if t.lastDitchReply(ev.Reply) {
					return
				}
			}
		}
		at, ok := t.send(s, maxTTL, attempt, phaseLastDitch)
		if !ok {
			return
		}
		for waiting := true; waiting; {
			ev := s.Wait(at.Add(t.opt.Wait))
			switch ev.Kind {
			case sched.Halt:
				t.end(warts.TraceStopHalted, 0)
				return
			case sched.Reply:
				if t.lastDitchReply(ev.Reply) {
					return
				}
			case sched.Timeout:
				waiting = false
			}
		}
	}
}

// lastDitchReply files a reply and reports whether it ends the phase.
func (t *Trace) lastDitchReply(r *probe.Reply) bool {
	i, reply := t.file(r)
	switch {
	case reply == nil:
		return false
	case t.sent[i].phase == phaseLastDitch:
		t.end(warts.TraceStopGapLimit, 0)
		return true
	case reply.Flags&warts.TraceHopTCP != 0:
		t.end(warts.TraceStopCompleted, 0)
		return true
	}
	return false
}

// end sets why the trace stopped; the first reason stays.
func (t *Trace) end(why warts.TraceStop, data uint8) {
	if t.stop == warts.TraceStopNone {
		t.stop, t.data = why, data
	}
}

// fail ends the trace with an error of the system or of ours.
func (t *Trace) fail(err error) {
	t.errMsg = err.Error()
	t.end(warts.TraceStopError, technique.Errno(err))
	t.env.Report("trace to %s failed: %s", t.dst, t.errMsg)
}
