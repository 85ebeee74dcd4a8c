package warts

import (
	"time"
)

var traceCodec = codec{
	read:  func(d *decoder) Record { return d.readTrace() },
	write: func(e *body, r Record) { e.writeTrace(r.(*Trace)) },
	group: func(r Record) (*List, *Cycle) { t := r.(*Trace); return t.List, t.Cycle },
}

const centisecond = 10 * time.Millisecond

var traceParams = newTable("trace", func(t *Trace) *Kept { return &t.Kept },
	list(1, func(t *Trace) **List { return &t.List }),
	cycle(2, func(t *Trace) **Cycle { return &t.Cycle }),
	gid(3, "source id", func(t *Trace) *Addr { return &t.Src }),
	gid(4, "destination id", func(t *Trace) *Addr { return &t.Dst }),
	moment(5, "start", func(t *Trace) *Time { return &t.Start }),
	u8(6, "stop reason", func(t *Trace) *TraceStop { return &t.StopReason }),
	u8(7, "stop data", func(t *Trace) *uint8 { return &t.StopData }),
	param[Trace]{
		n: 8, name: "flags, low bits",
		read:   func(d *decoder, t *Trace) { t.Flags = TraceFlags(d.u8()) },
		write:  func(e *body, t *Trace) { e.u8(uint8(t.Flags)) },
		absent: func(t *Trace) bool { return t.Flags&0xff == 0 || t.Kept.has(32) },
	}.on(func(t *Trace) bool { return t.Flags&0xff != 0 }),
	u8(9, "attempts", func(t *Trace) *uint8 { return &t.Attempts }),
	u8(10, "hop limit", func(t *Trace) *uint8 { return &t.HopLimit }),
	u8(11, "method", func(t *Trace) *TraceMethod { return &t.Method }),
	u16(12, "probe size", func(t *Trace) *uint16 { return &t.ProbeSize }),
	u16(13, "source port", func(t *Trace) *uint16 { return &t.SrcPort }),
	u16(14, "destination port", func(t *Trace) *uint16 { return &t.DstPort }),
	u8(15, "first hop", func(t *Trace) *uint8 { return &t.FirstHop }).
		otherwise(func(t *Trace) bool { return t.FirstHop <= 1 }),
	u8(16, "tos", func(t *Trace) *uint8 { return &t.ToS }),
	wait8(17, "wait", time.Second, func(t *Trace) *time.Duration { return &t.Wait }),
	u8(18, "loops", func(t *Trace) *uint8 { return &t.Loops }),
	u16(19, "hop count", func(t *Trace) *uint16 { return &t.HopCount }).
		otherwise(func(t *Trace) bool { return t.HopCount == uint16(t.highestTTL()) }),
	u8(20, "gap limit", func(t *Trace) *uint8 { return &t.GapLimit }),
	u8(21, "gap action", func(t *Trace) *TraceGapAction { return &t.GapAction }),
	u8(22, "loop action", func(t *Trace) *uint8 { return &t.LoopAction }),
	u16(23, "probe count", func(t *Trace) *uint16 { return &t.ProbeCount }),
	param[Trace]{
		n: 24, name: "wait-probe",
		read:   func(d *decoder, t *Trace) { t.WaitProbe = time.Duration(d.u8()) * centisecond },
		write:  func(e *body, t *Trace) { e.u8(uint8(t.WaitProbe / centisecond)) },
		absent: func(t *Trace) bool { return t.WaitProbe/centisecond == 0 },
	},
	u8(25, "confidence", func(t *Trace) *uint8 { return &t.Confidence }),
	addr(26, "source", func(t *Trace) *Addr { return &t.Src }),
	addr(27, "destination", func(t *Trace) *Addr { return &t.Dst }),
	u32(28, "user id", func(t *Trace) *uint32 { return &t.UserID }).nonzero(),
	u16(29, "offset", func(t *Trace) *uint16 { return &t.Offset }).nonzero(),
	staticAddr(30, "router", func(t *Trace) *Addr { return &t.Router }),
	u8(31, "squeries", func(t *Trace) *uint8 { return &t.Squeries }).
		otherwise(func(t *Trace) bool { return t.Squeries <= 1 }).nonzero(),
	u32(32, "flags", func(t *Trace) *TraceFlags { return &t.Flags }).
		otherwise(func(t *Trace) bool { return t.Flags&^0xff == 0 }).nonzero(),
	u8(33, "stop hop", func(t *Trace) *uint8 { return &t.StopHop }).nonzero(),
	str(34, "error message", func(t *Trace) *string { return &t.ErrMsg }),
)

// highestTTL is the highest TTL of the trace's probes that have a reply.
func (t *Trace) highestTTL() uint8 {
	var ttl uint8
	for i := range t.Probes {
		if len(t.Probes[i].Replies) > 0 {
			ttl = max(ttl, t.Probes[i].TTL)
		}
	}
	return ttl
}

// traceReplyRec is a hop record: the reply, what it tells about its probe, and the trace it belongs to.
type traceReplyRec struct {
	reply *TraceReply
	probe TraceProbe // without replies
	trace *Trace
}

// diskFlags are the flags of the hop record.
func (r *traceReplyRec) diskFlags() TraceHopFlags {
	if r.reply.Kept.read() {
		return r.reply.Flags
	}
	return (r.reply.Flags | r.probe.Flags&TraceHopDLTX) &^ TraceHopPending
}

var traceHopParams = newTable("trace hop", func(r *traceReplyRec) *Kept { return &r.reply.Kept },
	gid(1, "address id", func(r *traceReplyRec) *Addr { return &r.reply.Addr }),
	u8(2, "probe ttl", func(r *traceReplyRec) *uint8 { return &r.probe.TTL }),
	u8(3, "reply ttl", func(r *traceReplyRec) *uint8 { return &r.reply.TTL }),
	param[traceReplyRec]{
		n: 4, name: "flags",
		read:   func(d *decoder, r *traceReplyRec) { r.reply.Flags = TraceHopFlags(d.u8()) },
		write:  func(e *body, r *traceReplyRec) { e.u8(uint8(r.diskFlags())) },
		absent: func(r *traceReplyRec) bool { return r.diskFlags() == 0 },
	},
	u8(5, "probe id", func(r *traceReplyRec) *uint8 { return &r.probe.ID }),
	rtt(6, "rtt", func(r *traceReplyRec) *time.Duration { return &r.reply.RTT }),
	icmpTypeCode(7, func(r *traceReplyRec) *uint8 { return &r.reply.ICMPType },
		func(r *traceReplyRec) *uint8 { return &r.reply.ICMPCode }).
		on(func(r *traceReplyRec) bool { return r.reply.IsICMP() }),
	u16(8, "probe size", func(r *traceReplyRec) *uint16 { return &r.probe.Size }),
	u16(9, "reply size", func(r *traceReplyRec) *uint16 { return &r.reply.Size }),
	u16(10, "reply ip id", func(r *traceReplyRec) *uint16 { return &r.reply.IPID }).nonzero(),
	u8(11, "reply tos", func(r *traceReplyRec) *uint8 { return &r.reply.ToS }),
	u16(12, "next-hop MTU", func(r *traceReplyRec) *uint16 { return &r.reply.NextMTU }).
		on(func(r *traceReplyRec) bool { return r.reply.IsPTB() }),
	// A reader takes the size of the hop's probe for an absent quoted length, scamper leaves out the size of the trace's
	// probes. Where these differ, the length is written.
	u16(13, "quoted length", func(r *traceReplyRec) *uint16 { return &r.reply.QuoLen }).
		otherwise(func(r *traceReplyRec) bool { return r.reply.QuoLen == r.probe.Size }).
		on(func(r *traceReplyRec) bool {
			return r.reply.Quotes() && (r.reply.QuoLen != r.trace.ProbeSize || r.reply.QuoLen != r.probe.Size)
		}),
	u8(14, "quoted ttl", func(r *traceReplyRec) *uint8 { return &r.reply.QuoTTL }).
		otherwise(func(r *traceReplyRec) bool { return r.reply.QuoTTL == 1 }).
		on(func(r *traceReplyRec) bool { return r.reply.Quotes() && r.reply.QuoTTL != 1 }),
	u8(15, "tcp flags", func(r *traceReplyRec) *uint8 { return &r.reply.TCPFlags }).
		on(func(r *traceReplyRec) bool { return r.reply.Flags&TraceHopTCP != 0 }),
	u8(16, "quoted tos", func(r *traceReplyRec) *uint8 { return &r.reply.QuoToS }).
		on(func(r *traceReplyRec) bool { return r.reply.Quotes() }),
	icmpExts(17, "icmp extensions", func(r *traceReplyRec) *[]ICMPExt { return &r.reply.Exts }),
	addr(18, "address", func(r *traceReplyRec) *Addr { return &r.reply.Addr }),
	moment(19, "tx", func(r *traceReplyRec) *Time { return &r.probe.TX }).
		on(func(r *traceReplyRec) bool { return r.probe.TX.Sec != 0 }),
	str(20, "name", func(r *traceReplyRec) *string { return &r.reply.Name }),
)

// traceHopMin is the least number of bytes of a hop record: flags (1), length (2), an address id (4), TTL (1).
const traceHopMin = 8

// readTrace decodes the body of a trace record.
func (d *decoder) readTrace() *Trace {
	t := d.reuseTrace()
	traceParams.read(d, t)
	d.block = "trace"
	if d.err == nil && !t.Dst.IsValid() {
		d.failAt(0, "trace: destination", errNoAddr)
	}
	if t.FirstHop == 0 {
		t.FirstHop = 1
	}
	if t.Squeries == 0 {
		t.Squeries = 1
	}
	at := d.pos
	t.Probes = d.readTraceHops(t, t.Probes, true)
	if d.err != nil {
		return t
	}
	highest := uint16(t.highestTTL())
	if t.HopCount == 0 {
		t.HopCount = highest
	}
	if t.HopCount > 255 || t.HopCount < highest {
		d.failAt(at, "trace: hop count", errValue)
		return t
	}
	d.readTraceSections(t)
	if d.err == nil {
		t.Kept.keepTrailing(d.buf[d.pos:])
	}
	return t
}

// readTraceHops decodes a count and as many hop records, and groups them by probe. In order means that their TTLs must
// not descend.
func (d *decoder) readTraceHops(t *Trace, probes []TraceProbe, inOrder bool) []TraceProbe {
	n := d.count(uint32(d.u16()), traceHopMin)
	if d.err != nil {
		return nil
	}
	replies := d.traceReplies(n)
	probes = probes[:0]
	rec := &d.hop
	for i := range replies {
		r := &replies[i]
		*rec = traceReplyRec{reply: r, trace: t}
		at := d.pos
		traceHopParams.read(d, rec)
		if d.err != nil {
			return nil
		}
		if !r.Addr.IsValid() {
			d.failAt(at, "trace hop: address", errNoAddr)
			return nil
		}
		p := &rec.probe
		if p.TTL == 0 {
			d.failAt(at, "trace hop: probe ttl", errValue)
			return nil
		}
		if r.Quotes() {
			if !r.Kept.has(13) {
				r.QuoLen = p.Size
			}
			if !r.Kept.has(14) {
				r.QuoTTL = 1
			}
		}
		p.Flags = r.Flags & TraceHopDLTX
		if last := len(probes) - 1; last >= 0 {
			q := &probes[last]
			if inOrder && p.TTL < q.TTL {
				d.failAt(at, "trace hop: probe ttl", errValue)
				return nil
			}
			if p.TTL == q.TTL && p.ID == q.ID && p.Size == q.Size {
				if p.TX != q.TX {
					other := *p
					r.Kept.extra().hop = &other
				}
				q.Replies = replies[i-len(q.Replies) : i+1 : i+1]
				continue
			}
		}
		p.Replies = replies[i : i+1 : i+1]
		probes = append(probes, *p)
	}
	*rec = traceReplyRec{}
	return probes
}

// writeTrace appends the body of a trace record. Probes without replies have no place in it.
func (e *body) writeTrace(t *Trace) {
	if !t.Dst.IsValid() {
		e.fail("destination", errNeedsAddr)
		return
	}
	if t.HopCount > 255 {
		e.fail("hop count", errRange)
	}
	traceParams.write(e, t)
	e.writeTraceHops(t, t.Probes, repliesOf(t.Probes))
	e.writeTraceSections(t)
	e.bytes(t.Kept.trailing())
}

// repliesOf counts the replies of probes.
func repliesOf(probes []TraceProbe) int {
	n := 0
	for i := range probes {
		n += len(probes[i].Replies)
	}
	return n
}

// writeTraceHops appends the first n hop records of probes and their number before.
func (e *body) writeTraceHops(t *Trace, probes []TraceProbe, n int) {
	e.length16("hops", n)
	rec := &e.hop
	rec.trace = t
	for i := range probes {
		p := &probes[i]
		if len(p.Replies) > 0 && p.TTL == 0 {
			e.fail("hop: probe ttl", errRange)
		}
		for j := range p.Replies {
			if n == 0 || e.err != nil {
				return
			}
			n--
			rec.probe, rec.reply = *p, &p.Replies[j]
			if more := rec.reply.Kept.more; more != nil && more.hop != nil {
				rec.probe = *more.hop
			}
			if !rec.reply.Addr.IsValid() {
				e.fail("hop: address", errNeedsAddr)
				return
			}
			traceHopParams.write(e, rec)
		}
	}
	*rec = traceReplyRec{}
}
