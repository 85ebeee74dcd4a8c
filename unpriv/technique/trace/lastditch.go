package trace

import (
	"scamper/shared/warts"
	"scamper/unpriv/loop"
	"scamper/unpriv/probe"
	"scamper/unpriv/sched"
)

// lastDitch probes with the largest TTL: is the destination there, behind the silent hops? The first reply ends it.
func (t *Trace) lastDitch(s *sched.Session) {
	send := func(attempt int) (loop.Mono, bool) { return t.send(s, maxTTL, attempt, phaseLastDitch) }
	t.attempt(s, t.attempts, send, func(r *probe.Reply) effect {
		i, reply := t.file(r)
		switch {
		case reply == nil:
			return none
		case t.sent[i].phase == phaseLastDitch:
			t.end(warts.TraceStopGapLimit, 0)
			return lastTry
		case reply.Flags&warts.TraceHopTCP != 0:
			t.end(warts.TraceStopCompleted, 0)
			return lastTry
		}
		return none
	})
}
