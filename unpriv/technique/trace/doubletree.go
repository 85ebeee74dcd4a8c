package trace

import (
	"net/netip"

	"scamper/shared/warts"
	"scamper/unpriv/loop"
	"scamper/unpriv/probe"
	"scamper/unpriv/sched"
)

// doubletree is the state of a trace with stop sets.
type doubletree struct {
	begin   uint8 // TTL of the first probe
	gssStop netip.Addr
	lssStop netip.Addr
	own     map[netip.Addr]bool // what this trace has added to the local stop set
}

// doubletree begins at FirstHop, near the middle of the path; goes forward until the destination or an address in the
// global stop set, which others have probed beyond; then backwards until an address in the local stop set, which this
// machine has probed before.
func (t *Trace) doubletree(s *sched.Session) outcome {
	ttl, ok := t.findBegin(s)
	if !ok {
		return ended
	}
	out := ended
	if ttl != 0 {
		out = t.forward(s, ttl)
	}
	if s.Halted() || t.stop == warts.TraceStopError || t.opt.NoBack {
		return out
	}
	t.conclude(s, out) // the reason is that of the forward phase
	t.backwardPhase(s)
	return ended
}

// findBegin probes FirstHop and halves it until something answers that is on the path. It returns the TTL with which the
// forward phase begins, 0 if there is none. ok is false if the trace is over.
func (t *Trace) findBegin(s *sched.Session) (ttl int, ok bool) {
	ttl = t.first
	for {
		r, i, res := t.probeHop(s, ttl, false)
		if res == halted {
			return 0, false
		}
		if res == silent {
			if ttl == 1 {
				return 2, true
			}
			t.discardTTL(ttl)
			ttl /= 2
			t.first = ttl
			continue
		}
		at := int(t.sent[i].TTL)
		if t.overshot(r) {
			if at > 1 {
				t.discardTTL(at)
				ttl = at / 2
				t.first = ttl
				continue
			}
			if t.stops(i, r) {
				return 0, true
			}
			return at + 1, true
		}
		if t.inGSS(r) {
			return 0, true
		}
		return at + 1, true
	}
}

// overshot reports whether a reply says that the probe was sent beyond the path.
func (t *Trace) overshot(r *warts.TraceReply) bool {
	return r.Addr.IP() == t.dst || t.echoReply(r) || t.unreachable(r) || t.tooBig(r) || !r.IsICMP()
}

// discardTTL forgets what has come back and will come back for the probes of a TTL that is too far.
func (t *Trace) discardTTL(ttl int) {
	for i := range t.sent {
		if p := &t.sent[i]; int(p.TTL) == ttl {
			t.forgetReplies(p)
			p.phase = phaseDiscarded
		}
	}
}

// probeHop probes a TTL until the first reply to one of these probes, which it returns; with all, it sends all probes that
// the options give a hop, and returns none. Replies to other probes are late, and recorded.
func (t *Trace) probeHop(s *sched.Session, ttl int, all bool) (first *warts.TraceReply, at int, _ result) {
	limit := func() int { return t.wanted(ttl) }
	send := func(attempt int) (loop.Mono, bool) { return t.send(s, ttl, attempt, phaseTrace) }
	res := t.attempt(s, limit, send, func(r *probe.Reply) effect {
		i, reply := t.file(r)
		switch {
		case reply == nil || int(t.sent[i].TTL) != ttl:
			return none
		case !all:
			first, at = reply, i
			return lastTry
		case i == len(t.sent)-1:
			return nextTry
		}
		return none
	})
	if res == silent && t.hasReply(ttl) {
		res = answered
	}
	return first, at, res
}

// backwardPhase probes from below FirstHop down to 1 until an address is known already. With -Q and -c a hop gets all its
// probes, and one known address among those that replied is enough.
func (t *Trace) backwardPhase(s *sched.Session) {
	var lss map[netip.Addr]bool
	if t.opt.LSS != "" {
		lss = t.all.stopSet(t.opt.LSS)
	}
	t.tree.own = make(map[netip.Addr]bool)
	for ttl := t.first - 1; ttl >= 1; ttl-- {
		_, _, res := t.probeHop(s, ttl, t.exhaustive())
		if res == halted {
			return
		}
		t.first = ttl
		if ttl > 1 && t.met(ttl, lss) {
			return
		}
	}
}

// met adds the addresses that replied at a TTL to the local stop set, and reports whether one was there already.
func (t *Trace) met(ttl int, lss map[netip.Addr]bool) bool {
	own := t.tree.own
	for i := range t.sent {
		p := &t.sent[i]
		if p.phase != phaseTrace || int(p.TTL) != ttl {
			continue
		}
		for j := range p.Replies {
			a := p.Replies[j].Addr.IP()
			switch {
			case own[a]: // a loop, or the hop answers again
			case lss == nil || lss[a]:
				t.tree.lssStop = a
				return true
			default:
				lss[a], own[a] = true, true
			}
		}
	}
	return false
}

// inGSS reports whether a reply is from the global stop set, which ends the forward phase.
func (t *Trace) inGSS(r *warts.TraceReply) bool {
	a := r.Addr.IP()
	for _, stop := range t.opt.GSS {
		if stop == a {
			t.tree.gssStop = a
			t.end(warts.TraceStopGSS, 0)
			return true
		}
	}
	return false
}
