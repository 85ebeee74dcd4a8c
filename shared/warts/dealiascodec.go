package warts

var dealiasCodec = codec{
	read:  func(d *decoder) Record { return d.readDealias() },
	write: func(e *body, r Record) { e.writeDealias(r.(*Dealias)) },
	group: func(r Record) (*List, *Cycle) { x := r.(*Dealias); return x.List, x.Cycle },
}

// dealiasRec is a dealias with its number of probes.
type dealiasRec struct {
	*Dealias
	probes uint32
}

var dealiasParams = newTable("dealias", func(x *dealiasRec) *Kept { return &x.Kept },
	list(1, func(x *dealiasRec) **List { return &x.List }),
	cycle(2, func(x *dealiasRec) **Cycle { return &x.Cycle }),
	moment(3, "start", func(x *dealiasRec) *Time { return &x.Start }),
	u8(4, "method", func(x *dealiasRec) *DealiasMethod { return &x.Method }),
	u8(5, "result", func(x *dealiasRec) *DealiasResult { return &x.Result }).nonzero(),
	u32(6, "number of probes", func(x *dealiasRec) *uint32 { return &x.probes }).nonzero(),
	u32(7, "user id", func(x *dealiasRec) *uint32 { return &x.UserID }).nonzero(),
	str(8, "error message", func(x *dealiasRec) *string { return &x.ErrMsg }),
)

var dealiasProbeDefParams = newTable("dealias probe definition", func(p *DealiasProbeDef) *Kept { return &p.Kept },
	gid(1, "destination id", func(p *DealiasProbeDef) *Addr { return &p.Dst }),
	gid(2, "source id", func(p *DealiasProbeDef) *Addr { return &p.Src }),
	u32(3, "id", func(p *DealiasProbeDef) *uint32 { return &p.ID }).nonzero(),
	u8(4, "method", func(p *DealiasProbeDef) *DealiasProbeMethod { return &p.Method }),
	u8(5, "ttl", func(p *DealiasProbeDef) *uint8 { return &p.TTL }),
	u8(6, "tos", func(p *DealiasProbeDef) *uint8 { return &p.ToS }).nonzero(),
	// Old files have the checksum of ICMP probes in the place of the destination port.
	param[DealiasProbeDef]{
		n: 7, name: "ports",
		read: func(d *decoder, p *DealiasProbeDef) {
			p.SrcPort, p.DstPort = d.u16(), d.u16()
			if p.Method.IsICMP() {
				p.ICMPSum = p.DstPort
			}
		},
		write: func(e *body, p *DealiasProbeDef) {
			e.u16(p.SrcPort)
			if p.Method.IsICMP() {
				e.u16(p.ICMPSum)
			} else {
				e.u16(p.DstPort)
			}
		},
		absent: func(p *DealiasProbeDef) bool { return p.SrcPort == 0 && p.DstPort == 0 },
	}.on(func(p *DealiasProbeDef) bool { return !p.Method.IsICMP() }),
	u8(8, "tcp flags", func(p *DealiasProbeDef) *uint8 { return &p.TCPFlags }).
		on(func(p *DealiasProbeDef) bool { return p.Method.IsTCP() }),
	u16(9, "icmp id", func(p *DealiasProbeDef) *uint16 { return &p.ICMPID }).
		on(func(p *DealiasProbeDef) bool { return p.Method.IsICMP() }),
	addr(10, "destination", func(p *DealiasProbeDef) *Addr { return &p.Dst }),
	addr(11, "source", func(p *DealiasProbeDef) *Addr { return &p.Src }),
	u16(12, "size", func(p *DealiasProbeDef) *uint16 { return &p.Size }).nonzero(),
	u16(13, "mtu", func(p *DealiasProbeDef) *uint16 { return &p.MTU }).nonzero(),
	param[DealiasProbeDef]{
		n: 14, name: "icmp checksum",
		read: func(d *decoder, p *DealiasProbeDef) {
			if v := d.u16(); !p.Method.IsICMP() || !p.Kept.has(7) {
				p.ICMPSum = v
			}
		},
		write:  func(e *body, p *DealiasProbeDef) { e.u16(p.ICMPSum) },
		absent: func(p *DealiasProbeDef) bool { return p.ICMPSum == 0 || p.Kept.has(7) },
	}.on(func(p *DealiasProbeDef) bool { return p.Method.IsICMP() && p.ICMPSum != 0 }),
)

// dealiasProbeRec is a probe with its number of replies, and whether its destination is IPv4.
type dealiasProbeRec struct {
	*DealiasProbe
	replies uint16
	to4     bool
}

var dealiasProbeParams = newTable("dealias probe", func(p *dealiasProbeRec) *Kept { return &p.Kept },
	u32(1, "definition", func(p *dealiasProbeRec) *uint32 { return &p.Def }).nonzero(),
	moment(2, "tx", func(p *dealiasProbeRec) *Time { return &p.TX }),
	u16(3, "number of replies", func(p *dealiasProbeRec) *uint16 { return &p.replies }).nonzero(),
	u16(4, "ip id", func(p *dealiasProbeRec) *uint16 { return &p.IPID }).
		on(func(p *dealiasProbeRec) bool { return p.to4 }),
	u32(5, "sequence", func(p *dealiasProbeRec) *uint32 { return &p.Seq }).nonzero(),
)

// defaultProto is the protocol of a reply that does not say.
func (r *DealiasReply) defaultProto() uint8 {
	if r.Addr.Is4() {
		return 1
	}
	return 58
}

var dealiasReplyParams = newTable("dealias reply", func(r *DealiasReply) *Kept { return &r.Kept },
	gid(1, "source id", func(r *DealiasReply) *Addr { return &r.Addr }),
	moment(2, "rx", func(r *DealiasReply) *Time { return &r.RX }),
	u16(3, "ip id", func(r *DealiasReply) *uint16 { return &r.IPID }).
		on(func(r *DealiasReply) bool { return r.Addr.Is4() && r.IPID != 0 }),
	u8(4, "ttl", func(r *DealiasReply) *uint8 { return &r.TTL }),
	icmpTypeCode(5, func(r *DealiasReply) *uint8 { return &r.ICMPType },
		func(r *DealiasReply) *uint8 { return &r.ICMPCode }).on((*DealiasReply).IsICMP),
	u8(6, "quoted ttl", func(r *DealiasReply) *uint8 { return &r.QuoTTL }).on((*DealiasReply).IsICMP),
	icmpExts(7, "icmp extensions", func(r *DealiasReply) *[]ICMPExt { return &r.Exts }).
		on(func(r *DealiasReply) bool { return r.IsICMP() && len(r.Exts) > 0 }),
	u8(8, "protocol", func(r *DealiasReply) *uint8 { return &r.Proto }).
		otherwise(func(r *DealiasReply) bool { return r.Proto == r.defaultProto() }).
		on(func(r *DealiasReply) bool { return !r.IsICMP() || r.Proto != r.defaultProto() }),
	u8(9, "tcp flags", func(r *DealiasReply) *uint8 { return &r.TCPFlags }).on((*DealiasReply).IsTCP),
	addr(10, "source", func(r *DealiasReply) *Addr { return &r.Addr }),
	u32(11, "ip id, 32 bits", func(r *DealiasReply) *uint32 { return &r.IPID32 }).
		on(func(r *DealiasReply) bool { return r.Addr.Is6() && r.IPID32 != 0 }),
	u8(12, "flags", func(r *DealiasReply) *DealiasReplyFlags { return &r.Flags }).nonzero(),
	u16(13, "size", func(r *DealiasReply) *uint16 { return &r.Size }).nonzero(),
)

// The least number of bytes of a reply and of a probe definition: flags (1), length (2), an address id (4); the
// definition's method (1).
const (
	dealiasReplyMin    = 7
	dealiasProbeDefMin = 8
)

// readDealias decodes the body of a dealias record. What follows the parameters of an unknown method is kept as it is.
func (d *decoder) readDealias() *Dealias {
	rec := dealiasRec{Dealias: new(Dealias)}
	x := rec.Dealias
	dealiasParams.read(d, &rec)
	d.block = "dealias"
	if d.err != nil {
		return x
	}
	defs, known := d.readDealiasMethod(x)
	if !known {
		x.Kept.keepTrailing(d.buf[d.pos:])
		x.Kept.extra().probes = rec.probes
		return x
	}
	n := d.count(defs, dealiasProbeDefMin)
	if d.err != nil {
		return x
	}
	x.ProbeDefs = make([]DealiasProbeDef, n)
	for i := range x.ProbeDefs {
		at := d.pos
		p := &x.ProbeDefs[i]
		dealiasProbeDefParams.read(d, p)
		switch {
		case d.err != nil:
			return x
		case !p.Dst.IsValid():
			d.failAt(at, "dealias probe definition: destination", errNoAddr)
		case p.Method < DealiasICMPEcho || p.Method > DealiasTCPSynSport:
			d.failAt(at, "dealias probe definition: method", errValue)
		}
	}
	n = d.count(rec.probes, 1)
	if d.err != nil {
		return x
	}
	x.Probes = make([]DealiasProbe, n)
	for i := range x.Probes {
		d.readDealiasProbe(x, &x.Probes[i])
	}
	if d.err == nil {
		x.Kept.keepTrailing(d.buf[d.pos:])
	}
	return x
}

// readDealiasProbe decodes a probe and its replies.
func (d *decoder) readDealiasProbe(x *Dealias, p *DealiasProbe) {
	at := d.pos
	rec := dealiasProbeRec{DealiasProbe: p}
	dealiasProbeParams.read(d, &rec)
	if d.err == nil && p.Def >= uint32(len(x.ProbeDefs)) {
		d.failAt(at, "dealias probe: definition", errValue)
	}
	n := d.count(uint32(rec.replies), dealiasReplyMin)
	if d.err != nil || n == 0 {
		return
	}
	p.Replies = make([]DealiasReply, n)
	for i := range p.Replies {
		at := d.pos
		r := &p.Replies[i]
		dealiasReplyParams.read(d, r)
		if d.err == nil && !r.Addr.IsValid() {
			d.failAt(at, "dealias reply: source", errNoAddr)
		}
		if !r.Kept.has(8) {
			r.Proto = r.defaultProto()
		}
	}
}

// writeDealias appends the body of a dealias record.
func (e *body) writeDealias(x *Dealias) {
	rec := dealiasRec{x, uint32(len(x.Probes))}
	if x.Kept.more != nil && x.Kept.more.probes != 0 && len(x.Probes) == 0 {
		rec.probes = x.Kept.more.probes
	}
	dealiasParams.write(e, &rec)
	e.writeDealiasMethod(x)
	for i := range x.ProbeDefs {
		p := &x.ProbeDefs[i]
		if !p.Dst.IsValid() {
			e.fail("probe definition: destination", errNeedsAddr)
		}
		if p.Method < DealiasICMPEcho || p.Method > DealiasTCPSynSport {
			e.fail("probe definition: method", errRange)
		}
		dealiasProbeDefParams.write(e, p)
	}
	for i := range x.Probes {
		p := &x.Probes[i]
		if p.Def >= uint32(len(x.ProbeDefs)) || len(p.Replies) > 0xffff {
			e.fail("probe", errRange)
			return
		}
		to4 := x.ProbeDefs[p.Def].Dst.Is4()
		dealiasProbeParams.write(e, &dealiasProbeRec{p, uint16(len(p.Replies)), to4})
		for j := range p.Replies {
			if !p.Replies[j].Addr.IsValid() {
				e.fail("reply: source", errNeedsAddr)
			}
			dealiasReplyParams.write(e, &p.Replies[j])
		}
	}
	e.bytes(x.Kept.trailing())
}
