package warts

import "time"

var udpprobeCodec = codec{
	read:  func(d *decoder) Record { return d.readUDPProbe() },
	write: func(e *body, r Record) { e.writeUDPProbe(r.(*UDPProbe)) },
	group: func(r Record) (*List, *Cycle) { u := r.(*UDPProbe); return u.List, u.Cycle },
}

// udpprobeRec is a udpprobe with what its parameters say about its probes. The first one has no block of its own.
type udpprobeRec struct {
	*UDPProbe
	sport   uint16
	replies uint8
	sent    uint8
}

var udpprobeParams = newTable("udpprobe", func(u *udpprobeRec) *Kept { return &u.Kept },
	list(1, func(u *udpprobeRec) **List { return &u.List }).nonzero(),
	cycle(2, func(u *udpprobeRec) **Cycle { return &u.Cycle }).nonzero(),
	u32(3, "user id", func(u *udpprobeRec) *uint32 { return &u.UserID }).nonzero(),
	staticAddr(4, "source", func(u *udpprobeRec) *Addr { return &u.Src }),
	staticAddr(5, "destination", func(u *udpprobeRec) *Addr { return &u.Dst }),
	u16(6, "source port of probe 0", func(u *udpprobeRec) *uint16 { return &u.sport }).
		on(func(u *udpprobeRec) bool { return u.sent > 0 }),
	u16(7, "destination port", func(u *udpprobeRec) *uint16 { return &u.DstPort }).nonzero(),
	moment(8, "start", func(u *udpprobeRec) *Time { return &u.Start }).nonzero(),
	wait32(9, "wait", time.Microsecond, func(u *udpprobeRec) *time.Duration { return &u.Wait }).nonzero(),
	u8(10, "flags", func(u *udpprobeRec) *UDPProbeFlags { return &u.Flags }).nonzero(),
	u8(11, "stop reason", func(u *udpprobeRec) *UDPProbeStop { return &u.StopReason }).nonzero(),
	dataLen16(12, "payload", func(u *udpprobeRec) *[]byte { return &u.Data }),
	data(13, "payload", func(u *udpprobeRec) *[]byte { return &u.Data }),
	u8(14, "replies to probe 0", func(u *udpprobeRec) *uint8 { return &u.replies }).nonzero(),
	u8(15, "probe count", func(u *udpprobeRec) *uint8 { return &u.ProbeCount }).
		otherwise(func(u *udpprobeRec) bool { return u.ProbeCount == 1 }).nonzero(),
	u8(16, "probes sent", func(u *udpprobeRec) *uint8 { return &u.sent }).
		otherwise(func(u *udpprobeRec) bool { return u.sent == 1 }).nonzero(),
	u8(17, "stop count", func(u *udpprobeRec) *uint8 { return &u.StopCount }).nonzero(),
	u16(18, "source port", func(u *udpprobeRec) *uint16 { return &u.SrcPort }).nonzero(),
	wait32(19, "wait-probe", time.Microsecond, func(u *udpprobeRec) *time.Duration { return &u.WaitProbe }).nonzero(),
	str(20, "error message", func(u *udpprobeRec) *string { return &u.ErrMsg }),
)

// udpprobeProbeRec is a probe with its number of replies.
type udpprobeProbeRec struct {
	*UDPProbeProbe
	replies uint8
}

var udpprobeProbeParams = newTable("udpprobe probe", func(p *udpprobeProbeRec) *Kept { return &p.Kept },
	moment(1, "tx", func(p *udpprobeProbeRec) *Time { return &p.TX }),
	u16(2, "source port", func(p *udpprobeProbeRec) *uint16 { return &p.SrcPort }),
	u8(3, "number of replies", func(p *udpprobeProbeRec) *uint8 { return &p.replies }).nonzero(),
)

var udpprobeReplyParams = newTable("udpprobe reply", func(r *UDPProbeReply) *Kept { return &r.Kept },
	moment(1, "rx", func(r *UDPProbeReply) *Time { return &r.RX }).nonzero(),
	dataLen16(2, "data", func(r *UDPProbeReply) *[]byte { return &r.Data }),
	data(3, "data", func(r *UDPProbeReply) *[]byte { return &r.Data }),
	ifname(4, "interface", func(r *UDPProbeReply) *string { return &r.IfName }),
)

func (d *decoder) readUDPProbe() *UDPProbe {
	rec := udpprobeRec{UDPProbe: &UDPProbe{ProbeCount: 1}, sent: 1}
	u := rec.UDPProbe
	udpprobeParams.read(d, &rec)
	d.block = "udpprobe"
	if d.err != nil {
		return u
	}
	if rec.sent == 0 {
		if rec.sport != 0 || rec.replies != 0 {
			u.Kept.extra().probe0 = [2]uint16{rec.sport, uint16(rec.replies)}
		}
		u.Kept.keepTrailing(d.buf[d.pos:])
		return u
	}
	first := UDPProbeProbe{TX: u.Start, SrcPort: rec.sport, Replies: d.readUDPProbeReplies(rec.replies)}
	n := d.count(uint32(rec.sent)-1, 1)
	if d.err != nil {
		return u
	}
	u.Probes = make([]UDPProbeProbe, 1+n)
	u.Probes[0] = first
	var counts [256]uint8
	for i := range u.Probes[1:] {
		p := udpprobeProbeRec{UDPProbeProbe: &u.Probes[i+1]}
		udpprobeProbeParams.read(d, &p)
		counts[i+1] = p.replies
	}
	for i := range u.Probes[1:] {
		u.Probes[i+1].Replies = d.readUDPProbeReplies(counts[i+1])
	}
	if d.err == nil {
		u.Kept.keepTrailing(d.buf[d.pos:])
	}
	return u
}

// readUDPProbeReplies decodes n replies.
func (d *decoder) readUDPProbeReplies(n uint8) []UDPProbeReply {
	count := d.count(uint32(n), 1)
	if d.err != nil || count == 0 {
		return nil
	}
	list := make([]UDPProbeReply, count)
	for i := range list {
		d.length = 0
		udpprobeReplyParams.read(d, &list[i])
	}
	return list
}

func (e *body) writeUDPProbe(u *UDPProbe) {
	if len(u.Probes) > 0xff {
		e.fail("probes", errTooMany)
		return
	}
	rec := udpprobeRec{UDPProbe: u, sent: uint8(len(u.Probes))}
	for i := range u.Probes {
		if len(u.Probes[i].Replies) > 0xff {
			e.fail("replies to a probe", errTooMany)
			return
		}
	}
	if len(u.Probes) > 0 {
		rec.sport, rec.replies = u.Probes[0].SrcPort, uint8(len(u.Probes[0].Replies))
	} else if u.Kept.more != nil {
		rec.sport, rec.replies = u.Kept.more.probe0[0], uint8(u.Kept.more.probe0[1])
	}
	udpprobeParams.write(e, &rec)
	n := min(1, len(u.Probes))
	e.writeUDPProbeReplies(u.Probes[:n])
	rest := u.Probes[n:]
	for i := range rest {
		udpprobeProbeParams.write(e, &udpprobeProbeRec{&rest[i], uint8(len(rest[i].Replies))})
	}
	e.writeUDPProbeReplies(rest)
	e.bytes(u.Kept.trailing())
}

// writeUDPProbeReplies appends the replies of probes.
func (e *body) writeUDPProbeReplies(probes []UDPProbeProbe) {
	for i := range probes {
		for j := range probes[i].Replies {
			udpprobeReplyParams.write(e, &probes[i].Replies[j])
		}
	}
}
