package trace

import (
	"scamper/unpriv/loop"
	"scamper/unpriv/probe"
	"scamper/unpriv/sched"
)

// hop is the state of the serial search: what is probed next.
type hop struct {
	ttl      int
	attempts int // probes sent to ttl
	latest   int // index of the probe sent last
}

func (h *hop) next() { h.ttl, h.attempts = h.ttl+1, 0 }

// forward probes one TTL after the other until something ends the phase.
func (t *Trace) forward(s *sched.Session, ttl int) outcome {
	h := hop{ttl: ttl, latest: -1}
	for {
		if out, ok := t.awaitTurn(s, &h); !ok {
			return out
		}
		due, ok := t.send(s, h.ttl, h.attempts, phaseTrace)
		if !ok {
			return ended
		}
		h.attempts++
		h.latest = len(t.sent) - 1
		if out, ok := t.awaitReply(s, &h, due); !ok {
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
			return t.halt(), false
		case sched.Reply:
			if _, out, ok := t.replied(ev.Reply, h); !ok {
				return out, false
			}
		}
	}
}

// awaitReply waits for what moves h on: a reply to it, or the end of the wait.
func (t *Trace) awaitReply(s *sched.Session, h *hop, due loop.Mono) (outcome, bool) {
	for {
		ev := s.Wait(due)
		switch ev.Kind {
		case sched.Halt:
			return t.halt(), false
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
	case !t.exhaustive():
		h.next()
		if t.stops(i, reply) {
			return false, ended, false
		}
	case i != h.latest:
		return false, 0, true
	case h.attempts < t.wanted(ttl):
		return true, 0, true
	default:
		h.next()
		if t.hopStops(ttl) {
			return false, ended, false
		}
	}
	if ttl >= t.limit() {
		return false, hopLimit, false
	}
	return true, 0, true
}

// timedOut moves on after the wait for a reply to the latest probe.
func (t *Trace) timedOut(h *hop) (outcome, bool) {
	ttl := h.ttl
	if h.attempts < t.wanted(ttl) {
		return 0, true
	}
	h.next()
	switch {
	case t.exhaustive() && t.hopStops(ttl):
		return ended, false
	case ttl >= t.limit():
		return hopLimit, false
	case t.gap(ttl):
		return gapLimit, false
	}
	return 0, true
}

// exhaustive reports whether a hop is probed again although it has replied.
func (t *Trace) exhaustive() bool { return t.opt.AllAttempts || t.opt.Confidence != 0 }

// wanted is how many probes a TTL gets, if no reply makes further ones needless.
func (t *Trace) wanted(ttl int) int {
	if t.opt.Confidence == 0 {
		return int(t.opt.Attempts)
	}
	return confidence(int(t.opt.Confidence), t.addresses(ttl))
}

// attempts is how many probes are sent at most where one reply is enough.
func (t *Trace) attempts() int {
	if t.opt.Confidence == 0 {
		return int(t.opt.Attempts)
	}
	return confidence(int(t.opt.Confidence), 0)
}

// The number of probes after which there are n or more interfaces with less than 5% or 1% probability, if n-1 have
// replied: from n = 2 on (Augustin et al., "Multipath tracing with Paris traceroute", E2EMON 2007).
var (
	probes95 = [...]int{
		6, 11, 16, 21, 27, 33, 38, 44, 51, 57, 63, 70, 76, 83, 90, 96, 103, 110, 117, 124, 131, 138, 145, 152,
	}
	probes99 = [...]int{
		8, 15, 21, 28, 36, 43, 51, 58, 66, 74, 82, 90, 98, 106, 115, 123, 132, 140, 149, 157, 166, 175, 183, 192,
	}
)

// confidence is how many probes a hop gets that so many addresses have replied at, to be sure by percent that there are
// no others. 0 means that there are more addresses than are looked for.
func confidence(percent, addresses int) int {
	table := &probes95
	if percent == 99 {
		table = &probes99
	}
	n := max(addresses+1, 2)
	if n-2 >= len(table) {
		return 0
	}
	return table[n-2]
}

// gap reports whether the GapLimit hops that end with last have been silent.
func (t *Trace) gap(last int) bool {
	limit := int(t.opt.GapLimit)
	if last-(t.first-1) < limit {
		return false
	}
	for i := range t.sent {
		p := &t.sent[i]
		ttl := int(p.TTL)
		if p.phase == phaseTrace && ttl > last-limit && ttl <= last && len(p.Replies) > 0 {
			return false
		}
	}
	return true
}
