package ping

import (
	"net/netip"
	"time"

	"scamper/shared/warts"
	"scamper/unpriv/loop"
	"scamper/unpriv/netio"
	"scamper/unpriv/probe"
	"scamper/unpriv/sched"
	"scamper/unpriv/technique"
)

// maxReplies is how many replies a probe takes: duplicates beyond it say nothing new and would cost memory.
const maxReplies = 1024

// open opens what the method needs. wait is true if it has to wait for the way out to be found.
func (p *Ping) open(t *sched.Task) (wait bool, err error) {
	env, o := p.all.env, p.opt
	if o.Method.IsICMP() {
		return false, p.via.open(env)
	}
	p.ports = &ports{}
	if o.Method.IsUDP() {
		err = p.ports.UDP(env, p.via.src, o.SrcPort)
	} else {
		err = p.ports.TCP(env, p.via.src, o.SrcPort)
	}
	if err != nil {
		return false, err
	}
	if o.Method.VariesSport() {
		if err := p.reserve(); err != nil {
			return false, err
		}
	}
	if !o.Method.IsTCP() {
		return false, nil
	}
	p.ports.tcp, p.ports.seq, p.ports.ack = true, env.Sched.Rand.Uint32(), env.Sched.Rand.Uint32()
	return p.resolve(t)
}

// reserve keeps the source ports of the probes after the first from other programs.
func (p *Ping) reserve() error {
	for i := uint16(1); i < p.opt.Count; i++ {
		sport := p.opt.SrcPort + i
		if p.opt.Method.IsTCP() {
			if err := p.ports.ReserveTCP(p.all.env, p.via.src, sport); err != nil {
				return err
			}
		} else if _, err := p.ports.ReserveUDP(p.all.env, p.via.src, sport); err != nil {
			return err
		}
	}
	return nil
}

// resolve asks for the way out to the datalink, which TCP probes take and where their replies are seen.
func (p *Ping) resolve(t *sched.Task) (wait bool, err error) {
	env := p.all.env
	raw := env.RawTCP && !p.opt.V6
	found := false
	pending := env.Links.Resolve(p.dst, !raw, func(l *technique.Link, lerr error) {
		p.ports.pending = nil
		found, err = true, lerr
		if lerr == nil {
			err = p.linked(l, raw)
		}
		if !wait { // still inside open, which reports
			return
		}
		if err != nil {
			p.fail(t, err)
			return
		}
		t.WakeAt(loop.Never)
		t.WantTurn()
	})
	if found {
		return false, err
	}
	wait, p.ports.pending = true, pending
	t.WakeAt(t.Now().Add(p.opt.Timeout))
	return true, nil
}

// linked opens the datalink that was found.
func (p *Ping) linked(l *technique.Link, raw bool) error {
	if !raw && l.CanSend() {
		return p.ports.Frames(p.all.env, l)
	}
	if p.opt.V6 {
		return l.ErrSend()
	}
	if err := p.ports.Raw(p.all.env); err != nil {
		return err
	}
	return p.ports.Capture(p.all.env, l.IfIndex)
}

// sport is the source port of probe i.
func (p *Ping) sport(i uint16) uint16 {
	if p.opt.Method.VariesSport() {
		return p.opt.SrcPort + i
	}
	return p.opt.SrcPort
}

// send puts probe i into the batch.
func (p *Ping) send(t *sched.Task, i uint16) error {
	o, env := p.opt, p.all.env
	pr := &p.probes[i]
	q := &p.all.probe
	*q = probe.PingProbe{
		Method: probe.PingMethod(o.Method), Src: p.via.src, Dst: p.dst, SrcPort: p.sport(i), DstPort: o.DstPort, Seq: int(i),
		TTL: o.TTL, TOS: o.ToS, MSS: o.MSS, PayloadLen: o.PayloadLen, Payload: o.Payload, Pattern: o.Pattern,
		Force: o.HasICMPSum, Checksum: o.ICMPSum,
	}
	if !o.V6 {
		pr.ipid = uint16(env.Sched.Rand.Uint32N(65535)) + 1
		pr.flags |= warts.PingReplyProbeIPID
		q.ID = pr.ipid
	}
	if i > 0 && o.Method.VariesSport() {
		pr.sport = q.SrcPort
	}
	out := p.via.ports.Out
	if p.ports != nil {
		out = p.ports.Out
		q.TCPSeq, q.TCPAck = p.ports.seq, p.ports.ack
	}
	if o.Method == warts.PingICMPTime {
		q.Originate = midnight(env.Clock().Wall())
	}
	dport := o.DstPort
	if o.Method.VariesDport() {
		dport += i
	}
	if pr.sport != 0 && o.Method.IsUDP() && o.V6 { // each port has a socket that sends from it
		var err error
		if out, err = p.ports.ReserveUDP(env, p.via.src, pr.sport); err != nil {
			return err
		}
	}
	via := &p.via.ports
	if p.ports != nil {
		via = &p.ports.Ports
	}
	pk, err := via.Packet(out.Buffer(), q, netip.AddrPortFrom(p.dst, dport), o.TTL, o.ToS)
	if err != nil {
		return err
	}
	out.Add(t, uint32(i), pk)
	return nil
}

// midnight returns the milliseconds since midnight UTC, as ICMP timestamps count (RFC 792).
func midnight(t time.Time) uint32 {
	t = t.UTC()
	return uint32(t.Sub(t.Truncate(24 * time.Hour)).Milliseconds())
}

// match returns the index of the probe that a packet answers.
func (p *Ping) match(r *probe.Reply) (int, bool) {
	if r.Capture.Outgoing || p.sent == 0 {
		return 0, false
	}
	if r.Datalink && r.Kind != probe.KindTCP {
		return 0, false // the ICMP socket has it too
	}
	o := p.opt
	m := probe.PingMatch{
		Method: probe.PingMethod(o.Method), Src: p.via.src, Dst: p.dst,
		SrcPort: o.SrcPort, DstPort: o.DstPort, Sent: int(p.sent),
	}
	if !o.Method.IsICMP() {
		p.all.ids, p.all.sports = p.all.ids[:0], p.all.sports[:0]
		for i := range p.probes {
			p.all.ids = append(p.all.ids, p.probes[i].ipid)
			p.all.sports = append(p.all.sports, p.sport(uint16(i)))
		}
		m.SrcPorts = p.all.sports
		if !o.V6 {
			m.IDs = p.all.ids
		}
	}
	return m.Match(r)
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
	times    *warts.PingICMPStamps
}

// file records a packet as the reply to a probe, and reports whether there was room.
func (p *Ping) file(pr *sentProbe, r *probe.Reply) bool {
	if len(pr.replies) >= maxReplies {
		return false
	}
	if pr.replies == nil {
		pr.replies = pr.one[:0]
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
			e.times = &warts.PingICMPStamps{Originate: r.ICMP.Originate, Receive: r.ICMP.Receive, Transmit: r.ICMP.Transmit}
		}
	}
	return true
}

// stampTime is a stamp as records hold it.
func stampTime(s netio.Stamp) warts.Time {
	if s == 0 {
		return warts.Time{}
	}
	us := int64(s) / 1000
	return warts.Time{Sec: uint32(us / 1_000_000), Usec: uint32(us % 1_000_000)}
}
