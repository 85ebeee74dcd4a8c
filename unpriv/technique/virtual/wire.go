package virtual

import (
	"net/netip"
	"time"

	"scamper/shared/packet"
	"scamper/tools/simnet"
	"scamper/unpriv/netio"
	"scamper/unpriv/probe"
)

// open opens a port of memory.
func (w *World) open(key netio.Key) (netio.Opened, error) {
	if err := w.OpenError[key.Kind]; err != nil {
		return netio.Opened{}, err
	}
	w.Clock.Advance(w.Opening)
	m := netio.NewMemory(w.Clock, w.poller)
	if key.Src.Port() == 0 && (key.Kind == netio.UDP || key.Kind == netio.TCP) {
		w.port++
		key.Src = netip.AddrPortFrom(key.Src.Addr(), w.port+49999)
	}
	m.Transmit = func(p netio.Packet, _ netio.Stamp) error { return w.transmit(key, p) }
	w.ports[key] = m
	got := netio.Opened{Port: m, Local: key.Src}
	if key.Kind == netio.Datalink {
		got.Link = w.Link.Type
	}
	return got, nil
}

// transmit is what the kernel and then the network make of a packet.
func (w *World) transmit(key netio.Key, p netio.Packet) error {
	if w.Mute {
		return nil
	}
	ip := w.complete(key, p)
	sent := Packet{N: len(w.Sent), At: w.Now(), IP: ip, TTL: int(ip[8]), Key: key}
	if ip[0]>>4 == 6 {
		sent.TTL = int(ip[7])
	}
	if w.Refuse != nil {
		if err := w.Refuse(sent); err != nil {
			return err
		}
	}
	w.Sent = append(w.Sent, sent)
	if key.Kind != netio.Datalink {
		w.datalink(netio.Datagram{Data: Frame(ip), Outgoing: true, IfIndex: IfIndex})
	}
	replies := w.replies(sent)
	w.Clock.Advance(w.Takes)
	for _, r := range replies {
		w.After(max(r.At-w.Now(), 0), func() { w.arrive(sent, r.Packet) })
	}
	return nil
}

func (w *World) replies(sent Packet) []simnet.Reply {
	if w.Answer != nil {
		switch ip, ok := w.Answer(sent); {
		case ok && ip == nil:
			return nil
		case ok:
			return []simnet.Reply{{Packet: ip, At: w.Now()}}
		}
	}
	return w.net.Exchange(sent.IP, w.Now())
}

// complete returns the whole packet, of which the program may have made a part.
func (w *World) complete(key netio.Key, p netio.Packet) []byte {
	ip := p.Data
	var err error
	switch {
	case key.Kind == netio.ICMP && p.Dst.Addr().Is6():
		header := packet.IPv6Fields{
			Src: key.Src.Addr(), Dst: p.Dst.Addr(), HopLimit: p.HopLimit, TrafficClass: p.TClass, NextHeader: packet.ProtoICMPv6,
		}
		if ip, err = header.Append(nil, len(p.Data)); err == nil {
			ip = append(ip, p.Data...)
		}
	case key.Kind == netio.UDP:
		q := probe.Probe{
			Src: key.Src.Addr(), Dst: p.Dst.Addr(), TTL: p.HopLimit, TOS: p.TClass, Protocol: packet.ProtoUDP,
			SrcPort: key.Src.Port(), DstPort: p.Dst.Port(), Payload: probe.Payload{Body: p.Data, Len: len(p.Data)},
		}
		ip, err = q.AppendPacket(nil)
	case key.Kind == netio.Datalink:
		ip = ip[packet.EthernetHeaderLen:]
	}
	if err != nil {
		w.T.Fatal(err)
	}
	return append([]byte(nil), ip...)
}

// arrive is the last part of a reply's way.
func (w *World) arrive(sent Packet, ip []byte) {
	if w.Fate == nil {
		w.come(sent, ip)
		return
	}
	for _, later := range w.Fate(sent, ip) {
		if later <= 0 {
			w.come(sent, ip)
			continue
		}
		w.After(later, func() { w.come(sent, ip) })
	}
}

func (w *World) come(sent Packet, ip []byte) {
	if w.Arrived != nil && w.running {
		w.Arrived(sent, ip)
	}
	if w.Damage != nil {
		ip = w.Damage(append([]byte(nil), ip...))
	}
	w.Deliver(ip)
}

// Deliver gives a packet to the sockets that want it, as if it had just come.
func (w *World) Deliver(ip []byte) {
	if len(ip) < packet.IPv4HeaderLen || ip[0]>>4 == 6 && len(ip) < packet.IPv6HeaderLen {
		return
	}
	frame := netio.Datagram{Data: Frame(ip), IfIndex: IfIndex}
	if w.DatalinkFirst {
		w.datalink(frame)
	} else {
		w.After(time.Microsecond, func() { w.datalink(frame) })
	}
	for key, port := range w.ports {
		switch {
		case key.Kind != netio.ICMP || key.Src.Addr().Is6() != (ip[0]>>4 == 6):
		case ip[0]>>4 == 4 && ip[9] == packet.ProtoICMP:
			port.Deliver(netio.Datagram{Data: ip, IfIndex: IfIndex})
		case ip[0]>>4 == 6 && ip[6] == packet.ProtoICMPv6:
			v6 := packet.IPv6(ip)
			port.Deliver(netio.Datagram{
				Data: ip[packet.IPv6HeaderLen:], Src: netip.AddrPortFrom(v6.Src(), 0), Dst: v6.Dst(), IfIndex: IfIndex,
				HopLimit: int16(v6.HopLimit()), TClass: int16(v6.TrafficClass()),
			})
		}
	}
}

func (w *World) datalink(d netio.Datagram) {
	for key, port := range w.ports {
		if key.Kind == netio.Datalink {
			port.Deliver(d)
		}
	}
}

// receiver hands packets on to tasks as the engine does.
type receiver struct{ w *World }

func (r receiver) Receive(s *netio.Socket, batch []netio.Datagram) {
	reply := &r.w.reply
	for i := range batch {
		d := &batch[i]
		reply.Capture = probe.Capture{Stamp: d.Stamp, Kernel: d.Kernel, IfIndex: d.IfIndex, Outgoing: d.Outgoing}
		reason := probe.Protocol
		switch key := s.Key(); {
		case key.Kind == netio.ICMP && key.Src.Addr().Is4():
			reason = probe.ParseICMP4(d.Data, reply)
		case key.Kind == netio.ICMP:
			reason = probe.ParseICMP6(d.Data, probe.Ancillary{
				Src: d.Src.Addr(), Dst: d.Dst, HopLimit: d.HopLimit, TrafficClass: d.TClass,
			}, reply)
		case key.Kind == netio.Datalink:
			reason = probe.ParseFrame(packet.LinkEthernet, d.Data, reply)
		}
		if reason == probe.Accepted {
			r.w.Sched.Deliver(reply)
		}
	}
}

// Frame returns a packet as it is on the monitor's interface; an empty one gives the header of IPv4 frames.
func Frame(ip []byte) []byte {
	if len(ip) > 0 && ip[0]>>4 == 6 {
		return append(etherHeader(packet.EtherIPv6), ip...)
	}
	return append(etherHeader(packet.EtherIPv4), ip...)
}

func etherHeader(etherType uint16) []byte {
	header := packet.EthernetFields{
		Src: packet.MAC{2, 0, 0, 0, 0, 2}, Dst: packet.MAC{2, 0, 0, 0, 0, 1}, Type: etherType,
	}
	return header.Append(nil)
}

// Source returns the source address of a packet.
func Source(ip []byte) netip.Addr {
	if ip[0]>>4 == 4 {
		return packet.IPv4(ip).Src()
	}
	return packet.IPv6(ip).Src()
}
