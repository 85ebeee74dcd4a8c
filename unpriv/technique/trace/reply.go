package trace

import (
	"slices"
	"time"

	"scamper/shared/warts"
	"scamper/unpriv/probe"
)

// How many replies a probe takes, how many a trace does beyond the first one of each probe, so that who repeats himself
// takes nothing from the hops behind, and how many in all, which the format counts in 16 bits.
const (
	maxReplies    = 4096
	maxRepeated   = 16384
	maxAllReplies = 65535
)

// file records a packet as the reply to the probe that it answers. It returns nil if it answers none.
func (t *Trace) file(r *probe.Reply) (int, *warts.TraceReply) {
	i, ok := t.answers(r)
	if !ok {
		return 0, nil
	}
	return i, t.fileFor(i, r)
}

// fileFor records a packet as a reply to probe i, unless that has too many or the packet says nothing new.
func (t *Trace) fileFor(i int, r *probe.Reply) *warts.TraceReply {
	p := &t.sent[i]
	again := len(p.Replies) > 0
	if p.phase == phaseDiscarded || t.replies >= maxAllReplies ||
		again && (len(p.Replies) >= maxReplies || t.repeated >= maxRepeated) {
		return nil
	}
	reply := warts.TraceReply{
		Addr: warts.AddrFrom(r.IP.Src), RTT: rtt(r.Capture.Stamp.Sub(p.tx)), TTL: r.IP.TTL, ToS: r.IP.TOS,
		Size: uint16(min(r.IP.Size, 65535)),
	}
	if r.IP.HasTTL {
		reply.Flags |= warts.TraceHopTTL
	}
	switch {
	case r.Datalink:
		reply.Flags |= warts.TraceHopDLRX
	case p.dlrx != 0 && !again:
		reply.RTT = rtt(p.dlrx.Sub(p.tx))
		reply.Flags |= warts.TraceHopDLRX
	case r.Capture.Kernel:
		reply.Flags |= warts.TraceHopSockRX
	}
	if r.IP.Version == 4 {
		reply.IPID = uint16(r.IP.ID)
	}
	switch r.Kind {
	case probe.KindTCP, probe.KindUDP:
		if again { // the host repeats itself, or our own kernel has answered
			return nil
		}
		if r.Kind == probe.KindTCP {
			reply.Flags |= warts.TraceHopTCP
			reply.TCPFlags = r.TCP.Flags
		} else {
			reply.Flags |= warts.TraceHopUDP
		}
	case probe.KindError:
		reply.ICMPType, reply.ICMPCode = r.ICMP.Type, r.ICMP.Code
		reply.QuoTTL, reply.QuoToS, reply.QuoLen = r.Quote.TTL, r.Quote.TOS, uint16(min(r.Quote.Size, 65535))
		if r.IsTooBig() {
			reply.NextMTU = uint16(min(r.ICMP.MTU, 65535))
		}
		for o := range r.ICMP.Extensions.All() {
			reply.Exts = append(reply.Exts, warts.ICMPExt{Class: o.Class, CType: o.CType, Data: slices.Clone(o.Data)})
		}
	default:
		reply.ICMPType, reply.ICMPCode = r.ICMP.Type, r.ICMP.Code
	}
	reply.Flags |= p.Flags
	p.Replies = append(p.Replies, reply)
	t.replies++
	if again {
		t.repeated++
	}
	t.sighted(i)
	if t.opt.PTR {
		t.askName(r.IP.Src)
	}
	return &p.Replies[len(p.Replies)-1]
}

// rtt is a round-trip time as it is recorded: a wall clock that was set back in between gives no negative one.
func rtt(d time.Duration) time.Duration { return max(d, 0).Truncate(time.Microsecond) }

// answers returns the index of the probe that a packet answers.
func (t *Trace) answers(r *probe.Reply) (int, bool) {
	t.match.Sent = len(t.sent)
	if r.Datalink && (t.link == nil || t.stampFrom(r)) { // without a link of its own: another task's, and luck
		return 0, false
	}
	switch r.Kind {
	case probe.KindTCP, probe.KindUDP, probe.KindError, probe.KindEchoReply:
	default:
		return 0, false
	}
	return t.match.Match(r)
}
