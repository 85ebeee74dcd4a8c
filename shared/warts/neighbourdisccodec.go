package warts

import "time"

var neighbourdiscCodec = codec{
	read:  func(d *decoder) Record { return d.readNeighbourdisc() },
	write: func(e *body, r Record) { e.writeNeighbourdisc(r.(*Neighbourdisc)) },
	group: func(r Record) (*List, *Cycle) { x := r.(*Neighbourdisc); return x.List, x.Cycle },
}

// neighbourdiscRec is a neighbourdisc with its number of probes.
type neighbourdiscRec struct {
	*Neighbourdisc
	probes uint16
}

var neighbourdiscParams = newTable("neighbourdisc", func(x *neighbourdiscRec) *Kept { return &x.Kept },
	list(1, func(x *neighbourdiscRec) **List { return &x.List }).nonzero(),
	cycle(2, func(x *neighbourdiscRec) **Cycle { return &x.Cycle }).nonzero(),
	u32(3, "user id", func(x *neighbourdiscRec) *uint32 { return &x.UserID }).nonzero(),
	str(4, "interface", func(x *neighbourdiscRec) *string { return &x.IfName }),
	moment(5, "start", func(x *neighbourdiscRec) *Time { return &x.Start }),
	u8(6, "method", func(x *neighbourdiscRec) *NeighbourdiscMethod { return &x.Method }),
	wait16(7, "wait", time.Millisecond, func(x *neighbourdiscRec) *time.Duration { return &x.Wait }),
	u8(8, "flags", func(x *neighbourdiscRec) *NeighbourdiscFlags { return &x.Flags }),
	u16(9, "attempts", func(x *neighbourdiscRec) *uint16 { return &x.Attempts }),
	u16(10, "wanted", func(x *neighbourdiscRec) *uint16 { return &x.Wanted }),
	addr(11, "source ip", func(x *neighbourdiscRec) *Addr { return &x.SrcIP }),
	addr(12, "source mac", func(x *neighbourdiscRec) *Addr { return &x.SrcMAC }),
	addr(13, "destination ip", func(x *neighbourdiscRec) *Addr { return &x.DstIP }),
	addr(14, "destination mac", func(x *neighbourdiscRec) *Addr { return &x.DstMAC }),
	u16(15, "number of probes", func(x *neighbourdiscRec) *uint16 { return &x.probes }).nonzero(),
	str(16, "error message", func(x *neighbourdiscRec) *string { return &x.ErrMsg }),
)

// neighbourdiscProbeRec is a probe with its number of replies.
type neighbourdiscProbeRec struct {
	*NeighbourdiscProbe
	replies uint16
}

var neighbourdiscProbeParams = newTable("neighbourdisc probe",
	func(p *neighbourdiscProbeRec) *Kept { return &p.Kept },
	moment(1, "tx", func(p *neighbourdiscProbeRec) *Time { return &p.TX }),
	u16(2, "number of replies", func(p *neighbourdiscProbeRec) *uint16 { return &p.replies }).nonzero(),
)

var neighbourdiscReplyParams = newTable("neighbourdisc reply", func(r *NeighbourdiscReply) *Kept { return &r.Kept },
	moment(1, "rx", func(r *NeighbourdiscReply) *Time { return &r.RX }),
	addr(2, "mac", func(r *NeighbourdiscReply) *Addr { return &r.MAC }),
)

// neighbourdiscReplyMin is the least number of bytes of a reply: flags (1), length (2), a reference to an address (5).
const neighbourdiscReplyMin = 8

// A probe with replies as scamper 20211212 writes it: flags 03 and length 12, though only 10 bytes follow. The 2 bytes
// that are missing are at the end of the record.
const (
	neighbourdiscBadFlags  = 0x03
	neighbourdiscBadLength = 12
	neighbourdiscLength    = 10
)

// readNeighbourdisc decodes the body of a neighbourdisc record.
func (d *decoder) readNeighbourdisc() *Neighbourdisc {
	rec := neighbourdiscRec{Neighbourdisc: new(Neighbourdisc)}
	x := rec.Neighbourdisc
	neighbourdiscParams.read(d, &rec)
	d.block = "neighbourdisc"
	n := d.count(uint32(rec.probes), 1)
	if d.err != nil {
		return x
	}
	x.Probes = make([]NeighbourdiscProbe, n)
	bad := 0
	for i := range x.Probes {
		if d.readNeighbourdiscProbe(&x.Probes[i]) {
			bad++
		}
	}
	if d.err == nil {
		d.pos += min(2*bad, d.left())
		x.Kept.keepTrailing(d.buf[d.pos:])
	}
	return x
}

// readNeighbourdiscProbe decodes a probe and its replies, and reports whether it has the wrong length.
func (d *decoder) readNeighbourdiscProbe(p *NeighbourdiscProbe) (bad bool) {
	rec := neighbourdiscProbeRec{NeighbourdiscProbe: p}
	if d.left() >= 3+neighbourdiscLength && d.buf[d.pos] == neighbourdiscBadFlags && d.buf[d.pos+1] == 0 &&
		d.buf[d.pos+2] == neighbourdiscBadLength {
		bad = true
		d.pos += 3
		p.Kept.present = keptRead | neighbourdiscBadFlags
		rec.TX, rec.replies = d.time(), d.u16()
	} else {
		neighbourdiscProbeParams.read(d, &rec)
	}
	n := d.count(uint32(rec.replies), neighbourdiscReplyMin)
	if d.err != nil || n == 0 {
		return bad
	}
	p.Replies = make([]NeighbourdiscReply, n)
	for i := range p.Replies {
		at := d.pos
		neighbourdiscReplyParams.read(d, &p.Replies[i])
		if d.err == nil && !p.Replies[i].MAC.IsValid() {
			d.failAt(at, "neighbourdisc reply: mac", errNoAddr)
		}
	}
	return bad
}

// writeNeighbourdisc appends the body of a neighbourdisc record.
func (e *body) writeNeighbourdisc(x *Neighbourdisc) {
	if len(x.Probes) > 0xffff {
		e.fail("probes", errTooMany)
	}
	neighbourdiscParams.write(e, &neighbourdiscRec{x, uint16(len(x.Probes))})
	for i := range x.Probes {
		p := &x.Probes[i]
		if len(p.Replies) > 0xffff {
			e.fail("replies of a probe", errTooMany)
		}
		neighbourdiscProbeParams.write(e, &neighbourdiscProbeRec{p, uint16(len(p.Replies))})
		for j := range p.Replies {
			if !p.Replies[j].MAC.IsValid() {
				e.fail("reply: mac", errNeedsAddr)
			}
			neighbourdiscReplyParams.write(e, &p.Replies[j])
		}
	}
	e.bytes(x.Kept.trailing())
}
