package engine

import (
	"scamper/shared/packet"
	"scamper/unpriv/netio"
	"scamper/unpriv/probe"
)

// Receive implements netio.Receiver: it parses what arrived and offers it to the tasks.
func (e *Engine) Receive(s *netio.Socket, batch []netio.Datagram) {
	e.sched.Collect()
	r := &e.reply
	for i := range batch {
		d := &batch[i]
		e.Received++
		r.Capture = probe.Capture{Stamp: d.Stamp, Kernel: d.Kernel, IfIndex: d.IfIndex, Outgoing: d.Outgoing}
		if s.LinkType() == packet.LinkEthernet && !d.Outgoing {
			e.links.cache.Frame(int(s.Key().IfIndex), d.Data)
		}
		if e.Unused.Add(e.parse(s, d)) {
			e.sched.Deliver(r)
		}
	}
}

func (e *Engine) parse(s *netio.Socket, d *netio.Datagram) probe.Reason {
	key := s.Key()
	switch {
	case key.Kind == netio.ICMP && key.Src.Addr().Is4():
		return probe.ParseICMP4(d.Data, &e.reply)
	case key.Kind == netio.ICMP:
		return probe.ParseICMP6(d.Data, probe.Ancillary{
			Src: d.Src.Addr(), Dst: d.Dst, HopLimit: d.HopLimit, TrafficClass: d.TClass,
		}, &e.reply)
	case key.Kind == netio.Datalink:
		return probe.ParseFrame(s.LinkType(), d.Data, &e.reply)
	}
	return probe.Protocol // sockets that only keep a port
}
