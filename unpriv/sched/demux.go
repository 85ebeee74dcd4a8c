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

// maxEarly bounds how many replies are kept that were faster than the news of what they answer.
const maxEarly = 4096

// deliver hands r to each task that wants it, once, whatever number of its signatures and addresses fit. All of them are
// found before the first one is told: a machine may end its task, which takes entries out of the table.
func (s *Scheduler) deliver(r *probe.Reply) bool {
	list := s.wanting[:0]
	s.wanting = nil
	s.offers++
	first, second := r.Targets()
	list = s.find(list, first, r)
	if second != first {
		list = s.find(list, second, r)
	}
	found := len(list) > 0
	if s.relays && len(s.early) < maxEarly {
		for _, t := range list {
			if t.unsent > 0 {
				// What it answers may have been sent while we do not know yet. Nobody gets it before all can.
				s.early = append(s.early, r.Clone())
				clear(list)
				s.wanting = list
				return true
			}
		}
	}
	for _, t := range list {
		if t.state != taskDone {
			t.machine.Reply(t, r)
		}
	}
	clear(list)
	s.wanting = list
	return found
}

// find appends the tasks with a signature at addr that wants r, without those that are in the list.
func (s *Scheduler) find(list []*Task, addr netip.Addr, r *probe.Reply) []*Task {
	if !addr.IsValid() {
		return list
	}
	for e := s.table.byAddr[addr.As16()]; e != nil; e = e.next {
		if t := e.task; t.offered != s.offers && e.sig.wants(r) {
			t.offered = s.offers
			list = append(list, t)
		}
	}
	return list
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
