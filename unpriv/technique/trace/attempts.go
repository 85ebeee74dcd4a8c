package trace

import (
	"scamper/unpriv/loop"
	"scamper/unpriv/probe"
	"scamper/unpriv/sched"
)

// result is how probing one hop came out.
type result uint8

const (
	answered result = iota
	silent
	halted // or an error; the stop reason is set
)

// effect is what a packet does to attempts.
type effect uint8

const (
	none    effect = iota // it is not what is waited for
	nextTry               // it answers the probe that was sent last, and there may be another one
	lastTry               // no more probes
)

// attempt sends probes one after the other, as many as limit says, each when the wait for a reply to the one before is over.
// heard files each packet that comes meanwhile, and tells what it does.
func (t *Trace) attempt(
	s *sched.Session, limit func() int, send func(attempt int) (due loop.Mono, ok bool), heard func(*probe.Reply) effect,
) result {
	var due loop.Mono
	waiting := false
	for sent := 0; waiting || sent < limit(); {
		var ev sched.Event
		if waiting {
			ev = s.Wait(due)
		} else {
			ev = t.turn(s)
		}
		switch ev.Kind {
		case sched.Halt:
			t.halt()
			return halted
		case sched.Turn:
			if due, waiting = send(sent); !waiting {
				return halted
			}
			sent++
		case sched.Timeout:
			waiting = false
		case sched.Reply:
			switch heard(ev.Reply) {
			case nextTry:
				waiting = false
			case lastTry:
				return answered
			}
		}
	}
	return silent
}
