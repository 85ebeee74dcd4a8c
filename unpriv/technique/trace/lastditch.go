package trace

import (
	"scamper/shared/warts"
	"scamper/unpriv/probe"
	"scamper/unpriv/sched"
)

// lastDitch probes with the largest TTL: is the destination there, behind the silent hops? The first reply ends it.
func (t *Trace) lastDitch(s *sched.Session) {
	for attempt := range t.attempts() {
		for turn := false; !turn; {
			ev := t.turn(s)
			switch ev.Kind {
			case sched.Turn:
				turn = true
			case sched.Halt:
				t.halt()
				return
			case sched.Reply:
				if t.lastDitchReply(ev.Reply) {
					return
				}
			}
		}
		due, ok := t.send(s, maxTTL, attempt, phaseLastDitch)
		if !ok {
			return
		}
		for waiting := true; waiting; {
			ev := s.Wait(due)
			switch ev.Kind {
			case sched.Halt:
				t.halt()
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
