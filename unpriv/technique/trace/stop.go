package trace

import (
	"scamper/shared/packet"
	"scamper/shared/warts"
)

// stops reports whether a reply to probe i ends the trace, and sets why. The order of the questions matters.
func (t *Trace) stops(i int, r *warts.TraceReply) bool {
	icmp := t.opt.Method.IsICMP()
	switch {
	case r.Flags&warts.TraceHopUDP != 0, t.portUnreachable(r) && !icmp:
		t.end(warts.TraceStopCompleted, 0)
	case t.unreachable(r):
		t.end(warts.TraceStopUnreach, r.ICMPCode)
	case t.echoReply(r):
		if icmp {
			t.end(warts.TraceStopCompleted, 0)
		}
		return icmp
	case t.tooBig(r):
		t.end(warts.TraceStopICMP, r.ICMPType)
	case t.opt.Loops != 0 && t.loop(i, r):
		t.end(warts.TraceStopLoop, 0)
	case t.timeExceeded(r) && r.Addr.IP() == t.dst && !t.opt.IgnoreTTLDst:
		t.end(warts.TraceStopCompleted, 0)
	case t.opt.Method.IsTCP() && r.Flags&warts.TraceHopTCP != 0:
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

// isICMP reports whether a reply is the ICMP message that has one type over IPv4 and another over IPv6.
func (t *Trace) isICMP(r *warts.TraceReply, type4, type6 uint8) bool {
	want := type4
	if t.opt.V6 {
		want = type6
	}
	return r.IsICMP() && r.ICMPType == want
}

func (t *Trace) unreachable(r *warts.TraceReply) bool {
	return t.isICMP(r, packet.ICMP4Unreach, packet.ICMP6Unreach)
}

func (t *Trace) portUnreachable(r *warts.TraceReply) bool {
	code := uint8(packet.ICMP4UnreachPort)
	if t.opt.V6 {
		code = packet.ICMP6UnreachPort
	}
	return t.unreachable(r) && r.ICMPCode == code
}

func (t *Trace) tooBig(r *warts.TraceReply) bool {
	return t.opt.V6 && r.IsICMP() && r.ICMPType == packet.ICMP6TooBig
}

func (t *Trace) echoReply(r *warts.TraceReply) bool {
	return t.isICMP(r, packet.ICMP4EchoReply, packet.ICMP6EchoReply)
}

func (t *Trace) timeExceeded(r *warts.TraceReply) bool {
	return t.isICMP(r, packet.ICMP4TimeExceeded, packet.ICMP6TimeExceeded)
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
