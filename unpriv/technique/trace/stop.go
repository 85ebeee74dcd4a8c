package trace

import (
	"scamper/shared/packet"
	"scamper/shared/warts"
)

// stops reports whether a reply to probe i ends the trace, and sets why. The order of the questions matters.
func (t *Trace) stops(i int, r *warts.TraceReply) bool {
	m := t.opt.Method
	icmp, tcp := m.IsICMP(), m.IsTCP()
	if r.Flags&warts.TraceHopUDP != 0 {
		t.end(warts.TraceStopCompleted, 0)
		return true
	}
	if r.IsICMP() {
		switch {
		case t.unreachable(r):
			if !icmp && r.ICMPCode == t.portCode() {
				t.end(warts.TraceStopCompleted, 0)
			} else {
				t.end(warts.TraceStopUnreach, r.ICMPCode)
			}
			return true
		case t.echoReply(r):
			if icmp {
				t.end(warts.TraceStopCompleted, 0)
			}
			return icmp
		case t.tooBig(r):
			t.end(warts.TraceStopICMP, r.ICMPType)
			return true
		}
	}
	switch {
	case t.opt.Loops != 0 && t.loop(i, r):
		t.end(warts.TraceStopLoop, 0)
	case t.timeExceeded(r) && r.Addr.IP() == t.dst && !t.opt.IgnoreTTLDst:
		t.end(warts.TraceStopCompleted, 0)
	case tcp && r.Flags&warts.TraceHopTCP != 0:
		t.end(warts.TraceStopCompleted, 0)
	case t.opt.Parallel == 1 && t.inGSS(r):
	default:
		return false
	}
	return true
}

// hopStops asks the question of all replies of a hop, in the order of the probes.
func (t *Trace) hopStops(ttl int) bool {
	for i := range t.sent {
		p := &t.sent[i]
		if p.phase != phaseTrace || int(p.TTL) != ttl {
			continue
		}
		for j := range p.Replies {
			if t.stops(i, &p.Replies[j]) {
				return true
			}
		}
	}
	return false
}

func (t *Trace) unreachable(r *warts.TraceReply) bool {
	if t.opt.V6 {
		return r.ICMPType == packet.ICMP6Unreach
	}
	return r.ICMPType == packet.ICMP4Unreach
}

func (t *Trace) tooBig(r *warts.TraceReply) bool {
	return t.opt.V6 && r.ICMPType == packet.ICMP6TooBig
}

func (t *Trace) portCode() uint8 {
	if t.opt.V6 {
		return packet.ICMP6UnreachPort
	}
	return packet.ICMP4UnreachPort
}

func (t *Trace) echoReply(r *warts.TraceReply) bool {
	if !r.IsICMP() {
		return false
	}
	if t.opt.V6 {
		return r.ICMPType == packet.ICMP6EchoReply
	}
	return r.ICMPType == packet.ICMP4EchoReply
}

func (t *Trace) timeExceeded(r *warts.TraceReply) bool {
	if !r.IsICMP() {
		return false
	}
	if t.opt.V6 {
		return r.ICMPType == packet.ICMP6TimeExceeded
	}
	return r.ICMPType == packet.ICMP4TimeExceeded
}

// loop reports whether the address of a reply has been seen at a TTL that is not next to its own, for the time that
// Loops allows. An adjacent TTL with the address means a router that answers twice, not a loop.
func (t *Trace) loop(i int, r *warts.TraceReply) bool {
	ttl := t.sent[i].TTL
	if int(ttl) <= t.first || t.answeredBefore(i, r) {
		return false
	}
	other := t.firstTTLOf(r.Addr, ttl)
	if other == 0 || other == ttl-1 || other == ttl+1 || t.judging && other > ttl {
		return false
	}
	t.loops++
	return t.loops >= int(t.opt.Loops)
}
