package sched

import (
	"net/netip"

	"scamper/shared/packet"
	"scamper/unpriv/probe"
)

// Deliver offers a parsed packet to the tasks whose signatures speak of it, and reports whether there was one. Tasks are
// found by address alone, then by the kind of packet and its ports or identifier; which probe is answered is for the
// task to say.
func (s *Scheduler) Deliver(r *probe.Reply) bool {
	found := s.deliver(r)
	if found {
		s.Stats.Matched++
	} else {
		s.Stats.Unmatched++
	}
	return found
}

func (s *Scheduler) deliver(r *probe.Reply) bool {
	first, second := r.Targets()
	found := s.offer(first, r)
	if second.IsValid() && second != first && s.offer(second, r) {
		found = true
	}
	return found
}

// maxEarly bounds how many replies are kept that were faster than the news of what they answer.
const maxEarly = 4096

func (s *Scheduler) offer(addr netip.Addr, r *probe.Reply) bool {
	if !addr.IsValid() {
		return false
	}
	found := false
	var last *Task
	for e := s.table.byAddr[addr.As16()]; e != nil; {
		next, t := e.next, e.task // the machine may end the task, which removes its entries
		if t != last && t.state != taskDone && e.sig.wants(r) {
			found, last = true, t
			if t.unsent > 0 && s.relays && len(s.early) < maxEarly {
				// What it answers may have been sent while we do not know yet.
				s.early = append(s.early, r.Clone())
				return true
			}
			t.machine.Reply(t, r)
			if t.state == taskDone {
				// Entries of this task are gone, next may be one of them.
				for next != nil && next.task == t {
					next = nil
				}
			}
		}
		e = next
	}
	return found
}

// wants reports whether the packet could belong to the signature, whose address is known to fit. Ports and identifiers
// are those of the probe: of what an error quotes, and of a reply turned round.
func (sig *Signature) wants(r *probe.Reply) bool {
	switch r.Kind {
	case probe.KindError:
		return sig.wantsQuote(&r.Quote)
	case probe.KindEchoReply, probe.KindEcho:
		return (sig.Kind == Echo || sig.Kind == Sniff) && sig.SrcLo == r.ICMP.ID
	case probe.KindTimestampReply, probe.KindTimestamp:
		return (sig.Kind == Timestamp || sig.Kind == Sniff) && sig.SrcLo == r.ICMP.ID
	case probe.KindTCP:
		return sig.Kind == TCP && sig.eitherWay(r.TCP.SrcPort, r.TCP.DstPort)
	case probe.KindUDP:
		return sig.Kind == UDP && sig.eitherWay(r.UDP.SrcPort, r.UDP.DstPort)
	case probe.KindFragment:
		return sig.Kind != Neighbour
	case probe.KindARPRequest, probe.KindARPReply, probe.KindNeighbourSolicit, probe.KindNeighbourAdvert:
		return sig.Kind == Neighbour
	}
	return false
}

func (sig *Signature) wantsQuote(q *probe.Quote) bool {
	if q.Offset != 0 { // no ports to compare
		return true
	}
	switch q.Protocol {
	case packet.ProtoICMP, packet.ProtoICMPv6:
		return (sig.Kind == Echo || sig.Kind == Timestamp || sig.Kind == Sniff) && sig.SrcLo == q.ICMPID
	case packet.ProtoUDP:
		return sig.Kind == UDP && sig.ports(q.SrcPort, q.DstPort)
	case packet.ProtoTCP:
		return sig.Kind == TCP && sig.ports(q.SrcPort, q.DstPort)
	}
	return false
}

// ports reports whether a packet of ours with these ports belongs to the signature.
func (sig *Signature) ports(src, dst uint16) bool {
	return sig.SrcLo <= src && src <= sig.SrcHi && sig.DstLo <= dst && dst <= sig.DstHi
}

func (sig *Signature) eitherWay(src, dst uint16) bool {
	return sig.ports(src, dst) || sig.ports(dst, src)
}
