package ping

import (
	"net/netip"
	"time"

	"scamper/shared/warts"
	"scamper/unpriv/probe"
	"scamper/unpriv/sched"
	"scamper/unpriv/technique"
)

// send puts probe i into the batch.
func (p *Ping) send(t *sched.Task, i uint16) error {
	o, env := p.opt, p.all.env
	pr := &p.probes[i]
	q := &p.all.probe
	*q = probe.PingProbe{
		Method: o.Method, Src: p.via.src, Dst: p.dst, SrcPort: p.sport(i), DstPort: o.DstPort, Seq: int(i),
		TTL: o.TTL, TOS: o.ToS, MSS: o.MSS, PayloadLen: o.PayloadLen, Payload: o.Payload, Pattern: o.Pattern,
		Force: o.HasICMPSum, Checksum: o.ICMPSum,
		RecordRoute: o.RecordRoute, Timestamp: o.TS, Prespec: o.TSAddrs,
	}
	if !o.V6 {
		pr.ipid = p.ipid(i)
		pr.flags |= warts.PingReplyProbeIPID
		q.ID = pr.ipid
	}
	if i > 0 && o.Method.VariesSport() {
		pr.sport = q.SrcPort
	}
	if o.Method == warts.PingICMPTime {
		q.Originate = midnight(env.Clock().Wall())
	}
	dport := o.DstPort
	if o.Method.VariesDport() {
		dport += i
	}
	via := &p.via.ports
	if p.ports != nil {
		via = &p.ports.Ports
		q.TCPSeq, q.TCPAck, q.Embed = p.ports.seq, p.ports.ack, p.ports.embed
	}
	out := via.Out
	if pr.sport != 0 && via.Form == technique.FormPayload { // each port has a socket that sends from it
		var err error
		if out, err = via.ReserveUDP(env, p.via.src, pr.sport); err != nil {
			return err
		}
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
