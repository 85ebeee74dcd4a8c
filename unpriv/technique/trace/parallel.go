package trace

import (
	"slices"

	"scamper/shared/warts"
	"scamper/unpriv/loop"
	"scamper/unpriv/probe"
	"scamper/unpriv/sched"
)

// wave is the state of a search with many TTLs outstanding.
type wave struct {
	trace *Trace
	hops  [maxTTL + 1]waveHop
	again []int // TTLs that get another probe, before any new one
	next  int   // TTL that is new
	step  int   // 1, or -1 backwards
	last  int   // of the TTLs, in the direction of step

	bounds    int // highest TTL answered or given up
	highest   int // highest TTL answered
	finishing bool
}

// waveHop is a TTL of a wave.
type waveHop struct {
	attempts int
	latest   int // index of the probe sent last
	waiting  bool
	sentAt   loop.Mono
}

// parallel probes forward with up to Parallel TTLs unanswered.
func (t *Trace) parallel(s *sched.Session) outcome {
	w := &wave{trace: t, next: t.first, step: 1, last: t.limit(), bounds: t.first - 1, highest: t.first - 1}
	if !w.run(s) {
		return ended
	}
	t.judge()
	switch {
	case t.stop != warts.TraceStopNone:
		return ended
	case t.gap(w.bounds):
		return gapLimit
	}
	return hopLimit
}

// backwards probes from the hop limit down to FirstHop; what the replies mean is looked at when all are there.
func (t *Trace) backwards(s *sched.Session) outcome {
	w := &wave{trace: t, next: t.limit(), step: -1, last: t.first}
	if !w.run(s) {
		return ended
	}
	t.judge()
	switch {
	case t.stop != warts.TraceStopNone:
		return ended
	case t.gap(t.hopCount):
		return gapLimit
	}
	return hopLimit
}

// judge asks in TTL order, now that all replies are there, which one ends the trace.
func (t *Trace) judge() {
	stop, data := t.stop, t.data
	t.stop, t.data, t.loops, t.judging = warts.TraceStopNone, 0, 0, true
	for ttl := t.first; ttl <= t.hopCount; ttl++ {
		if t.hopStops(ttl) {
			if t.hopCount > ttl {
				t.stopHop = uint8(ttl)
			}
			return
		}
	}
	t.stop, t.data = stop, data
}

// run probes until nothing is left to do. It returns false if the trace was halted or failed.
func (w *wave) run(s *sched.Session) bool {
	t := w.trace
	for {
		ttl, notBefore := w.choose(s.Now())
		due, waiting := w.due()
		var ev sched.Event
		switch {
		case ttl == 0 && !waiting && notBefore == loop.Never:
			return true
		case ttl != 0:
			ev = t.turnUntil(s, due)
		default:
			ev = s.Wait(min(due, notBefore))
		}
		switch ev.Kind {
		case sched.Halt:
			t.halt()
			return false
		case sched.Reply:
			w.replied(ev.Reply)
		case sched.Timeout:
			w.expire(s.Now())
		case sched.Turn:
			// What is most urgent may have changed while waiting.
			if ttl, _ = w.choose(s.Now()); ttl != 0 && !w.send(s, ttl) {
				return false
			}
		}
	}
}

// choose returns the TTL to probe next, or 0; notBefore is when there may be one again without a reply.
func (w *wave) choose(now loop.Mono) (ttl int, notBefore loop.Mono) {
	notBefore = loop.Never
	for _, ttl := range w.again {
		at := w.hops[ttl].sentAt.Add(w.trace.opt.WaitHop)
		if at <= now {
			return ttl, loop.Never
		}
		notBefore = min(notBefore, at)
	}
	if w.finishing || w.step*(w.last-w.next) < 0 {
		return 0, notBefore
	}
	parallel := int(w.trace.opt.Parallel)
	if w.step < 0 {
		if w.outstanding() < parallel {
			return w.next, loop.Never
		}
		return 0, notBefore
	}
	if w.next-w.bounds <= parallel && w.next-w.highest <= int(w.trace.opt.GapLimit) {
		return w.next, loop.Never
	}
	return 0, notBefore
}

func (w *wave) outstanding() (n int) {
	for i := range w.hops {
		if w.hops[i].waiting {
			n++
		}
	}
	return n + len(w.again)
}

// due returns when the wait for the oldest unanswered probe is over.
func (w *wave) due() (at loop.Mono, waiting bool) {
	at = loop.Never
	for i := range w.hops {
		if h := &w.hops[i]; h.waiting {
			at, waiting = min(at, w.trace.sent[h.latest].due), true
		}
	}
	return at, waiting
}

func (w *wave) send(s *sched.Session, ttl int) bool {
	h := &w.hops[ttl]
	if ttl == w.next {
		w.next += w.step
	} else {
		w.again = slices.DeleteFunc(w.again, func(other int) bool { return other == ttl })
	}
	if _, ok := w.trace.send(s, ttl, h.attempts, phaseTrace); !ok {
		return false
	}
	h.attempts++
	h.latest, h.waiting, h.sentAt = len(w.trace.sent)-1, true, w.trace.lastSent
	return true
}

func (w *wave) replied(r *probe.Reply) {
	t := w.trace
	i, reply := t.file(r)
	if reply == nil {
		return
	}
	ttl := int(t.sent[i].TTL)
	h := &w.hops[ttl]
	w.highest, w.bounds = max(w.highest, ttl), max(w.bounds, ttl)
	if !w.finishing && w.step > 0 && t.stops(i, reply) {
		w.finishing = true
	}
	if !t.exhaustive() { // a reply to an earlier attempt makes a further one needless
		w.again = slices.DeleteFunc(w.again, func(other int) bool { return other == ttl })
	}
	if t.exhaustive() && i != h.latest || !h.waiting {
		return
	}
	h.waiting = false
	if t.exhaustive() && h.attempts < t.wanted(ttl) {
		w.again = append(w.again, ttl)
	}
}

// expire gives up waiting for the probes that are due.
func (w *wave) expire(now loop.Mono) {
	t := w.trace
	for ttl := range w.hops {
		h := &w.hops[ttl]
		if !h.waiting || t.sent[h.latest].due > now {
			continue
		}
		h.waiting = false
		if h.attempts < t.wanted(ttl) && (t.exhaustive() || !t.hasReply(ttl)) {
			w.again = append(w.again, ttl)
		} else {
			w.bounds = max(w.bounds, ttl)
		}
	}
}

// hasReply reports whether a probe with a TTL has been answered.
func (t *Trace) hasReply(ttl int) bool {
	for i := range t.sent {
		if p := &t.sent[i]; p.phase == phaseTrace && int(p.TTL) == ttl && len(p.Replies) > 0 {
			return true
		}
	}
	return false
}
