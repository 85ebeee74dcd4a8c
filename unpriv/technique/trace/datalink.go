package trace

import (
	"time"

	"scamper/shared/warts"
	"scamper/unpriv/netio"
	"scamper/unpriv/probe"
)

// stampFrom takes what a packet on the datalink tells about time, and reports whether that is all that it is good for:
// it is the copy of a probe on its way out, or a message that comes through the ICMP socket as well.
func (t *Trace) stampFrom(r *probe.Reply) (only bool) {
	if r.Capture.Outgoing {
		t.stampSent(r)
		return true
	}
	if r.Kind == probe.KindTCP || r.Kind == probe.KindUDP {
		return false
	}
	if i, ok := t.match.Match(r); ok {
		t.stampReceived(&t.sent[i], r.Capture.Stamp)
	}
	return true
}

// stampSlack is how much later than the socket's the datalink's stamp of one packet may be. It should never be later.
const stampSlack = time.Millisecond

// stampReceived is about the first reply to a probe: the datalink has seen it, before or after the socket gave it to us.
func (t *Trace) stampReceived(p *sentProbe, at netio.Stamp) {
	if len(p.Replies) == 0 {
		if p.dlrx == 0 {
			p.dlrx = at
		}
		return
	}
	first := &p.Replies[0]
	if p.phase != phaseTrace || first.Flags&warts.TraceHopDLRX != 0 {
		return
	}
	took := rtt(at.Sub(p.tx))
	if took > first.RTT+stampSlack { // another copy's, and the datalink has lost the first one
		return
	}
	first.RTT = took
	first.Flags = first.Flags&^warts.TraceHopSockRX | warts.TraceHopDLRX
}

// stampSent is about a probe that the datalink has seen leave: later than we gave it to the kernel, a little earlier than
// the driver said that it took it, but not before this trace began, when another with the same numbers may have sent it.
func (t *Trace) stampSent(r *probe.Reply) {
	i, ok := t.match.MatchSent(r)
	if !ok {
		return
	}
	p := &t.sent[i]
	if p.txFixed || p.tx == 0 || r.Capture.Stamp < netio.StampOf(t.start) || p.phase != phaseTrace && p.phase != phaseLastDitch {
		return
	}
	late := r.Capture.Stamp.Sub(p.tx)
	p.txFixed = true
	p.setTX(r.Capture.Stamp)
	p.Flags |= warts.TraceHopDLTX
	for j := range p.Replies {
		reply := &p.Replies[j]
		reply.Flags |= warts.TraceHopDLTX
		if reply.RTT >= late {
			reply.RTT = rtt(reply.RTT - late)
		}
	}
}
