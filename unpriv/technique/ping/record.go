package ping

import (
	"time"

	"scamper/shared/warts"
	"scamper/unpriv/probe"
	"scamper/unpriv/sched"
)

// builder makes records of pings. It keeps one record and uses its memory again, as each is encoded before the next.
type builder struct {
	ping    warts.Ping
	probes  []warts.PingProbe
	replies []warts.PingReply
}

// Record implements sched.Machine.
func (p *Ping) Record(o sched.Origin) warts.Record { return p.all.builder.build(p, o) }

// copy makes a record of the work in progress, which stays as it is.
func (p *Ping) copy(t *sched.Task) warts.Record {
	r := new(builder).build(p, t.Origin())
	r.StopReason, r.StopData = warts.PingStopInProgress, 0
	for i := range r.Probes {
		if p.pending(&p.probes[i]) {
			r.Probes[i].Flags |= warts.PingReplyPending
		}
	}
	return r
}

func (b *builder) build(p *Ping, o sched.Origin) *warts.Ping {
	r := &b.ping
	opt := p.opt
	*r = warts.Ping{
		UserID: opt.UserID, Dst: warts.AddrFrom(p.dst),
		Start: warts.TimeOf(p.start.Time()), StopReason: p.stop,
		Method: opt.Method, ProbeCount: opt.Count, ReplyCount: opt.StopCount, Sent: p.sent,
		Size: uint16(opt.Size()), Wait: opt.Wait, Timeout: opt.Timeout, TTL: opt.TTL, ToS: opt.ToS,
		SrcPort: p.sport(0), DstPort: opt.DstPort, Data: opt.Pattern, TCPMSS: opt.MSS,
	}
	r.List, r.Cycle = o.Stream()
	if p.failed != nil {
		r.StopData, r.ErrMsg = p.failed.errno, p.failed.text
	}
	if p.via != nil {
		r.Src = warts.AddrFrom(p.via.src)
	}
	if len(opt.Payload) > 0 {
		r.Flags |= warts.PingPayload
		r.Data = opt.Payload
	}
	if opt.HasICMPSum {
		r.Flags |= warts.PingICMPSum
		r.ICMPSum = opt.ICMPSum
	}
	r.Flags |= opt.flags()
	if opt.Method.IsTCP() && p.ports != nil {
		r.TCPSeq = p.ports.seq
		if opt.acknowledges() {
			r.TCPAck = p.ports.ack
		}
	}
	if opt.Router.IsValid() {
		r.Router = warts.AddrFrom(opt.Router)
	}
	r.ReplyPMTU = opt.PMTU
	for _, a := range opt.TSAddrs {
		r.TSPreSpec = append(r.TSPreSpec, warts.AddrFrom(a))
	}
	b.probes, b.replies = b.probes[:0], b.replies[:0]
	total := 0
	for i := range p.probes {
		total += len(p.probes[i].replies)
	}
	if cap(b.replies) < total { // the slices of probes must not move while they are filled
		b.replies = make([]warts.PingReply, 0, 2*total)
	}
	for i := range p.probes {
		pr := &p.probes[i]
		first := len(b.replies)
		for j := range pr.replies {
			b.replies = append(b.replies, pr.replies[j].record(p.all, pr.flags))
		}
		b.probes = append(b.probes, warts.PingProbe{
			ID: uint16(i), IPID: pr.ipid, SrcPort: pr.sport, Flags: pr.flags, TX: warts.TimeOf(pr.tx.Time()),
			Replies: b.replies[first:len(b.replies):len(b.replies)],
		})
	}
	r.Probes = b.probes
	return r
}

// flags are the options that are bits of the record.
func (o *Options) flags() (f warts.PingFlags) {
	for _, bit := range [...]struct {
		on   bool
		flag warts.PingFlags
	}{
		{o.RecordRoute, warts.PingRR},
		{o.Spoof, warts.PingSpoof},
		{o.TS == probe.TimestampOnly, warts.PingTSOnly},
		{o.TS == probe.TimestampAndAddr, warts.PingTSAndAddr},
		{o.Datalink, warts.PingDL},
		{o.TooBig, warts.PingTBT},
		{o.NoSrc, warts.PingNoSrc},
		{o.Raw, warts.PingRaw},
		{o.SockRX, warts.PingSockRX},
		{o.DatalinkTX, warts.PingDLTX},
	} {
		if bit.on {
			f |= bit.flag
		}
	}
	return f
}

func (e *reply) record(all *Pings, sent warts.PingReplyFlags) warts.PingReply {
	r := warts.PingReply{
		Addr: warts.AddrFrom(e.addr), RTT: time.Duration(e.rtt).Truncate(time.Microsecond), IPID: e.ipid,
		Flags: e.flags | sent, TTL: e.ttl, ToS: e.tos, Proto: e.proto, ICMPType: e.icmpType, ICMPCode: e.icmpCode,
		TCPFlags: e.tcpFlags, Size: e.size, NextMTU: e.mtu, TCPMSS: e.mss,
		IfName: all.env.InterfaceName(e.ifindex),
	}
	if e.more != nil {
		r.TSICMP, r.RR, r.TS = e.more.times, e.more.route, e.more.stamps
	}
	return r
}
