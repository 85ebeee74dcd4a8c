package ping

import (
	"net/netip"

	"scamper/shared/warts"
	"scamper/unpriv/netio"
	"scamper/unpriv/probe"
)

// maxReplies is how many replies a probe takes: duplicates beyond it say nothing new and would cost memory. maxAllReplies
// is how many a ping does, of which each probe keeps one: the format counts them in 16 bits.
const (
	maxReplies    = 1024
	maxAllReplies = 65535
)

// match returns the index of the probe that a packet answers.
func (p *Ping) match(r *probe.Reply) (int, bool) {
	if p.sent == 0 {
		return 0, false
	}
	capture := p.ports != nil && p.ports.capture
	if !r.Datalink {
		if capture && !p.opt.SockRX {
			return 0, false // the datalink has it too
		}
		m, first := p.matcher(r)
		i, ok := m.Match(r)
		return first + i, ok
	}
	if !capture { // another task has the datalink open: ours come through the socket
		return 0, false
	}
	m, first := p.matcher(r)
	switch {
	case r.Capture.Outgoing:
		if i, ok := m.MatchSent(r); ok {
			p.left(&p.probes[first+i], r.Capture.Stamp)
		}
		return 0, false
	case p.opt.SockRX && r.Kind != probe.KindTCP && r.Kind != probe.KindUDP:
		return 0, false
	}
	i, ok := m.Match(r)
	i += first
	return i, ok && r.Capture.Stamp >= p.probes[i].tx
}

// matcher describes the probes that a packet can be about to what finds the one. Their numbers begin with first. They are
// all for ICMP, whose sequence numbers say all; the one that has the packet's port if ports vary, or the identification
// that it quotes; else the last few. So filing a reply takes as long after 60,000 probes as after one.
func (p *Ping) matcher(r *probe.Reply) (m probe.PingMatch, first int) {
	o := p.opt
	m = probe.PingMatch{
		Method: o.Method, Src: p.via.src, Dst: p.dst,
		SrcPort: p.sport(0), DstPort: o.DstPort, Sent: int(p.sent),
	}
	if o.Method.IsICMP() {
		return m, 0
	}
	src, dst := portsOf(r)
	varies := true
	switch {
	case o.Method.VariesSport():
		first = int(src - p.base)
		p.all.sport[0] = src
		m.SrcPort, m.SrcPorts = src, p.all.sport[:]
	case o.Method.VariesDport():
		first = int(dst - o.DstPort)
		m.DstPort = dst
	default:
		if i, ok := p.quoted(r); ok {
			first = i
			break
		}
		varies = false
		first = max(m.Sent-probe.IDWindow, 0)
	}
	if first >= m.Sent {
		m.Sent = 0
		return m, 0
	}
	m.Sent -= first
	if varies {
		m.Sent = 1
	}
	if !o.V6 {
		m.IDs = p.all.ids[:m.Sent]
		for i := range m.IDs {
			m.IDs[i] = p.probes[first+i].ipid
		}
	}
	return m, first
}

// quoted returns the probe that a packet quotes, or is, by its IPv4 identification.
func (p *Ping) quoted(r *probe.Reply) (int, bool) {
	switch {
	case p.opt.V6:
		return 0, false
	case r.Kind == probe.KindError:
		return p.probeOf(r.Quote.ID)
	case r.Capture.Outgoing:
		return p.probeOf(uint16(r.IP.ID))
	}
	return 0, false
}

// portsOf returns the ports of the probe that a packet quotes, answers or is.
func portsOf(r *probe.Reply) (src, dst uint16) {
	switch r.Kind {
	case probe.KindError:
		return r.Quote.SrcPort, r.Quote.DstPort
	case probe.KindTCP:
		src, dst = r.TCP.DstPort, r.TCP.SrcPort
	case probe.KindUDP:
		src, dst = r.UDP.DstPort, r.UDP.SrcPort
	}
	if r.Capture.Outgoing {
		src, dst = dst, src
	}
	return src, dst
}

// left is about a probe that the datalink has seen leave: later than we gave it to the kernel, a little earlier than the
// driver said that it took it, but not before this ping began, when another with the same numbers may have sent it.
func (p *Ping) left(pr *sentProbe, at netio.Stamp) {
	if pr.tx == 0 || at < p.start || pr.flags&warts.PingReplyDLTX != 0 {
		return
	}
	late := int64(at - pr.tx)
	pr.tx = at
	pr.flags |= warts.PingReplyDLTX
	for i := range pr.replies {
		if pr.replies[i].rtt >= late {
			pr.replies[i].rtt -= late
		}
	}
}

// reply is what is kept of a reply until the record is made.
type reply struct {
	addr     netip.Addr
	rtt      int64 // nanoseconds
	ipid     uint32
	size     uint16
	mtu      uint16
	mss      uint16
	flags    warts.PingReplyFlags
	ttl      uint8
	tos      uint8
	proto    uint8
	icmpType uint8
	icmpCode uint8
	tcpFlags uint8
	ifindex  int32
	more     *replyMore
}

// replyMore is what few replies have.
type replyMore struct {
	times  *warts.PingICMPStamps
	route  []warts.Addr
	stamps *warts.PingTimestamps
}

// file records a packet as the reply to a probe, and reports whether there was room.
func (p *Ping) file(pr *sentProbe, r *probe.Reply) bool {
	switch n := len(pr.replies); {
	case n == 0:
		pr.replies = pr.one[:0]
	case n >= maxReplies || p.extra >= maxAllReplies-p.opt.Count:
		return false
	default:
		p.extra++
	}
	pr.replies = append(pr.replies, reply{})
	e := &pr.replies[len(pr.replies)-1]
	e.addr = r.IP.Src
	e.rtt = max(int64(r.Capture.Stamp.Sub(pr.tx)), 0)
	e.size = uint16(min(r.IP.Size, 65535))
	e.ttl, e.tos, e.proto = r.IP.TTL, r.IP.TOS, r.IP.Protocol
	if r.IP.HasTTL {
		e.flags |= warts.PingReplyTTL
	}
	if r.IP.HasTOS {
		e.flags |= warts.PingReplyToS
	}
	if r.IP.HasID {
		e.flags |= warts.PingReplyIPID
		e.ipid = r.IP.ID
	}
	if r.Datalink {
		e.flags |= warts.PingReplyDLRX
	}
	switch r.Kind {
	case probe.KindTCP:
		e.tcpFlags = r.TCP.Flags
		e.mss = r.TCP.MSS
	case probe.KindUDP:
	default:
		e.icmpType, e.icmpCode = r.ICMP.Type, r.ICMP.Code
		if r.IsTooBig() {
			e.mtu = uint16(min(r.ICMP.MTU, 65535))
		}
		if r.Kind == probe.KindTimestampReply {
			e.extra().times = &warts.PingICMPStamps{Originate: r.ICMP.Originate, Receive: r.ICMP.Receive, Transmit: r.ICMP.Transmit}
		}
	}
	e.ifindex = r.Capture.IfIndex
	if p.opt.RecordRoute || p.opt.TS != probe.NoTimestamp {
		e.options(r)
	}
	return true
}

func (e *reply) extra() *replyMore {
	if e.more == nil {
		e.more = &replyMore{}
	}
	return e.more
}

// options keeps what routers have written into the IPv4 options, of the probe or of the reply.
func (e *reply) options(r *probe.Reply) {
	if rr, ok := r.RecordRoute(); ok && rr.Len() > 0 {
		for i := range rr.Len() {
			e.extra().route = append(e.extra().route, warts.AddrFrom(rr.At(i)))
		}
	}
	if ts, ok := r.TimestampOption(); ok {
		list := &warts.PingTimestamps{}
		for i := range ts.Len() {
			a, ms := ts.At(i)
			list.Stamps = append(list.Stamps, ms)
			if a.IsValid() {
				list.Addrs = append(list.Addrs, warts.AddrFrom(a))
			}
		}
		e.extra().stamps = list
	}
}
