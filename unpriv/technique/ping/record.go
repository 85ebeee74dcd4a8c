package ping

import (
	"time"

	"scamper/shared/warts"
	"scamper/unpriv/sched"
)

// builder makes records of pings. It keeps one record and uses its memory again, as each is encoded before the next.
type builder struct {
	ping    warts.Ping
	probes  []warts.PingProbe
	replies []warts.PingReply
}

// Record implements sched.Machine.
func (p *Ping) Record(o sched.Origin) warts.Record {
	b := &p.all.builder
	r := &b.ping
	opt := p.opt
	*r = warts.Ping{
		UserID: opt.UserID, Dst: warts.AddrFrom(p.dst),
		Start: stampTime(p.start), StopReason: p.stop, StopData: p.errno, ErrMsg: p.errMsg,
		Method: opt.Method, ProbeCount: opt.Count, ReplyCount: opt.StopCount, Sent: p.sent,
		Size: uint16(opt.Size()), Wait: opt.Wait, Timeout: opt.Timeout, TTL: opt.TTL, ToS: opt.ToS,
		SrcPort: opt.SrcPort, DstPort: opt.DstPort, Data: opt.Pattern, TCPMSS: opt.MSS,
	}
	r.List, r.Cycle = o.Stream()
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
	if p.ports != nil && p.ports.tcp {
		switch opt.Method {
		case warts.PingTCPAck, warts.PingTCPAckSport:
			r.TCPAck = p.ports.ack
		default:
			r.TCPSeq = p.ports.seq
		}
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
			b.replies = append(b.replies, pr.replies[j].record(pr.flags))
		}
		b.probes = append(b.probes, warts.PingProbe{
			ID: uint16(i), IPID: pr.ipid, SrcPort: pr.sport, Flags: pr.flags, TX: stampTime(pr.tx),
			Replies: b.replies[first:len(b.replies):len(b.replies)],
		})
	}
	r.Probes = b.probes
	return r
}

func (e *reply) record(probe warts.PingReplyFlags) warts.PingReply {
	return warts.PingReply{
		Addr: warts.AddrFrom(e.addr), RTT: time.Duration(e.rtt).Truncate(time.Microsecond), IPID: e.ipid,
		Flags: e.flags | probe, TTL: e.ttl, ToS: e.tos, Proto: e.proto, ICMPType: e.icmpType, ICMPCode: e.icmpCode,
		TCPFlags: e.tcpFlags, Size: e.size, NextMTU: e.mtu, TCPMSS: e.mss, TSICMP: e.times,
	}
}
