package warts

import "time"

var tracelbCodec = codec{
	read:  func(d *decoder) Record { return d.readTracelb() },
	write: func(e *body, r Record) { e.writeTracelb(r.(*Tracelb)) },
	group: func(r Record) (*List, *Cycle) { t := r.(*Tracelb); return t.List, t.Cycle },
}

// tracelbRec is a tracelb with the counts that its parameters have.
type tracelbRec struct {
	*Tracelb
	nodes, links uint16
}

var tracelbParams = newTable("tracelb", func(t *tracelbRec) *Kept { return &t.Kept },
	list(1, func(t *tracelbRec) **List { return &t.List }),
	cycle(2, func(t *tracelbRec) **Cycle { return &t.Cycle }),
	gid(3, "source id", func(t *tracelbRec) *Addr { return &t.Src }),
	gid(4, "destination id", func(t *tracelbRec) *Addr { return &t.Dst }),
	moment(5, "start", func(t *tracelbRec) *Time { return &t.Start }),
	u16(6, "source port", func(t *tracelbRec) *uint16 { return &t.SrcPort }),
	u16(7, "destination port", func(t *tracelbRec) *uint16 { return &t.DstPort }),
	u16(8, "probe size", func(t *tracelbRec) *uint16 { return &t.ProbeSize }),
	u8(9, "method", func(t *tracelbRec) *TracelbMethod { return &t.Method }),
	u8(10, "first hop", func(t *tracelbRec) *uint8 { return &t.FirstHop }),
	wait8(11, "wait", time.Second, func(t *tracelbRec) *time.Duration { return &t.Wait }),
	wait8(12, "wait-probe", centisecond, func(t *tracelbRec) *time.Duration { return &t.WaitProbe }),
	u8(13, "attempts", func(t *tracelbRec) *uint8 { return &t.Attempts }),
	u8(14, "confidence", func(t *tracelbRec) *uint8 { return &t.Confidence }),
	u8(15, "tos", func(t *tracelbRec) *uint8 { return &t.ToS }),
	u16(16, "number of nodes", func(t *tracelbRec) *uint16 { return &t.nodes }),
	u16(17, "number of links", func(t *tracelbRec) *uint16 { return &t.links }),
	u32(18, "probe count", func(t *tracelbRec) *uint32 { return &t.ProbeCount }),
	u32(19, "probe limit", func(t *tracelbRec) *uint32 { return &t.ProbeMax }),
	u8(20, "gap limit", func(t *tracelbRec) *uint8 { return &t.GapLimit }),
	addr(21, "source", func(t *tracelbRec) *Addr { return &t.Src }),
	addr(22, "destination", func(t *tracelbRec) *Addr { return &t.Dst }),
	u32(23, "user id", func(t *tracelbRec) *uint32 { return &t.UserID }).nonzero(),
	u8(24, "flags", func(t *tracelbRec) *TracelbFlags { return &t.Flags }).nonzero(),
	staticAddr(25, "router", func(t *tracelbRec) *Addr { return &t.Router }),
	str(26, "error message", func(t *tracelbRec) *string { return &t.ErrMsg }),
)

// tracelbNodeRec is a node with its number of links.
type tracelbNodeRec struct {
	*TracelbNode
	links uint16
}

var tracelbNodeParams = newTable("tracelb node", func(n *tracelbNodeRec) *Kept { return &n.Kept },
	gid(1, "address id", func(n *tracelbNodeRec) *Addr { return &n.Addr }),
	u8(2, "flags", func(n *tracelbNodeRec) *TracelbNodeFlags { return &n.Flags }),
	u16(3, "number of links", func(n *tracelbNodeRec) *uint16 { return &n.links }),
	u8(4, "quoted ttl", func(n *tracelbNodeRec) *uint8 { return &n.QuoTTL }).
		on(func(n *tracelbNodeRec) bool { return n.Flags&TracelbNodeQTTL != 0 }),
	addr(5, "address", func(n *tracelbNodeRec) *Addr { return &n.Addr }),
	str(6, "name", func(n *tracelbNodeRec) *string { return &n.Name }),
)

// tracelbLinkRec is a link with its number of hops.
type tracelbLinkRec struct {
	*TracelbLink
	hops uint8
}

var tracelbLinkParams = newTable("tracelb link", func(l *tracelbLinkRec) *Kept { return &l.Kept },
	u16(1, "from", func(l *tracelbLinkRec) *uint16 { return &l.From }),
	param[tracelbLinkRec]{
		n: 2, name: "to",
		read:   func(d *decoder, l *tracelbLinkRec) { l.To = int(d.u16()) },
		write:  func(e *body, l *tracelbLinkRec) { e.length16("to", l.To) },
		absent: func(l *tracelbLinkRec) bool { return l.To < 0 },
		can:    func(l *tracelbLinkRec) bool { return l.To >= 0 },
	}.nonzero(),
	u8(3, "number of hops", func(l *tracelbLinkRec) *uint8 { return &l.hops }),
)

// tracelbSetRec is a set with its number of probes.
type tracelbSetRec struct {
	*TracelbSet
	probes uint16
}

var tracelbSetParams = newTable("tracelb probe set", func(s *tracelbSetRec) *Kept { return &s.Kept },
	u16(1, "number of probes", func(s *tracelbSetRec) *uint16 { return &s.probes }),
)

// tracelbProbeRec is a probe with its number of replies.
type tracelbProbeRec struct {
	*TracelbProbe
	replies uint16
}

var tracelbProbeParams = newTable("tracelb probe", func(p *tracelbProbeRec) *Kept { return &p.Kept },
	moment(1, "tx", func(p *tracelbProbeRec) *Time { return &p.TX }),
	u16(2, "flow id", func(p *tracelbProbeRec) *uint16 { return &p.FlowID }),
	u8(3, "ttl", func(p *tracelbProbeRec) *uint8 { return &p.TTL }),
	u8(4, "attempt", func(p *tracelbProbeRec) *uint8 { return &p.Attempt }),
	u16(5, "number of replies", func(p *tracelbProbeRec) *uint16 { return &p.replies }),
)

func tracelbNotTCP(r *TracelbReply) bool { return !r.IsTCP() }

var tracelbReplyParams = newTable("tracelb reply", func(r *TracelbReply) *Kept { return &r.Kept },
	moment(1, "rx", func(r *TracelbReply) *Time { return &r.RX }),
	u16(2, "ip id", func(r *TracelbReply) *uint16 { return &r.IPID }),
	u8(3, "ttl", func(r *TracelbReply) *uint8 { return &r.TTL }).
		on(func(r *TracelbReply) bool { return r.Flags&TracelbReplyTTL != 0 }),
	u8(4, "flags", func(r *TracelbReply) *TracelbReplyFlags { return &r.Flags }),
	icmpTypeCode(5, func(r *TracelbReply) *uint8 { return &r.ICMPType },
		func(r *TracelbReply) *uint8 { return &r.ICMPCode }).on(tracelbNotTCP),
	u8(6, "tcp flags", func(r *TracelbReply) *uint8 { return &r.TCPFlags }).on((*TracelbReply).IsTCP),
	icmpExts(7, "icmp extensions", func(r *TracelbReply) *[]ICMPExt { return &r.Exts }).
		on(func(r *TracelbReply) bool { return !r.IsTCP() && len(r.Exts) > 0 }),
	u8(8, "quoted ttl", func(r *TracelbReply) *uint8 { return &r.QuoTTL }).on(tracelbNotTCP),
	u8(9, "quoted tos", func(r *TracelbReply) *uint8 { return &r.QuoToS }).on(tracelbNotTCP),
	gid(10, "source id", func(r *TracelbReply) *Addr { return &r.Addr }),
	addr(11, "source", func(r *TracelbReply) *Addr { return &r.Addr }),
)

// tracelbReplyMin is the least number of bytes of a reply: flags (2), length (2), an address id (4).
const tracelbReplyMin = 8

// readTracelb decodes the body of a tracelb record.
func (d *decoder) readTracelb() *Tracelb {
	rec := tracelbRec{Tracelb: new(Tracelb)}
	t := rec.Tracelb
	tracelbParams.read(d, &rec)
	d.block = "tracelb"
	if d.err == nil && !t.Dst.IsValid() {
		d.failAt(0, "tracelb: destination", errNoAddr)
	}
	nodes := d.count(uint32(rec.nodes), 1)
	links := d.count(uint32(rec.links), 1)
	if d.err != nil {
		return t
	}
	t.Nodes = make([]TracelbNode, nodes)
	missing := make([]int, nodes) // links that a node has and that were not read yet
	for i := range t.Nodes {
		node := tracelbNodeRec{TracelbNode: &t.Nodes[i]}
		tracelbNodeParams.read(d, &node)
		missing[i] = int(node.links)
	}
	links = d.count(uint32(links), 1)
	if d.err != nil {
		return t
	}
	t.Links = make([]TracelbLink, links)
	for i := range t.Links {
		at := d.pos
		d.readTracelbLink(t, &t.Links[i])
		if d.err != nil {
			return t
		}
		if from := t.Links[i].From; missing[from] > 0 {
			missing[from]--
		} else {
			d.failAt(at, "tracelb link: from", errCount)
		}
	}
	for _, n := range missing {
		if n > 0 && d.err == nil {
			d.failAt(d.pos, "tracelb node: number of links", errCount)
		}
	}
	if d.err == nil {
		t.Kept.keepTrailing(d.buf[d.pos:])
	}
	return t
}

// readTracelbLink decodes a link and its probes.
func (d *decoder) readTracelbLink(t *Tracelb, l *TracelbLink) {
	at := d.pos
	l.To = -1
	rec := tracelbLinkRec{TracelbLink: l}
	tracelbLinkParams.read(d, &rec)
	switch {
	case d.err != nil:
		return
	case !l.Kept.has(1) || int(l.From) >= len(t.Nodes):
		d.failAt(at, "tracelb link: from", errValue)
		return
	case l.To >= len(t.Nodes):
		d.failAt(at, "tracelb link: to", errValue)
		return
	}
	hops := d.count(uint32(rec.hops), 1)
	if d.err != nil || hops == 0 {
		return
	}
	l.Sets = make([]TracelbSet, hops)
	for i := range l.Sets {
		set := tracelbSetRec{TracelbSet: &l.Sets[i]}
		tracelbSetParams.read(d, &set)
		probes := d.count(uint32(set.probes), 1)
		if d.err != nil {
			return
		}
		set.Probes = make([]TracelbProbe, probes)
		for j := range set.Probes {
			d.readTracelbProbe(&set.Probes[j])
		}
	}
}

// readTracelbProbe decodes a probe and its replies.
func (d *decoder) readTracelbProbe(p *TracelbProbe) {
	rec := tracelbProbeRec{TracelbProbe: p}
	tracelbProbeParams.read(d, &rec)
	replies := d.count(uint32(rec.replies), tracelbReplyMin)
	if d.err != nil || replies == 0 {
		return
	}
	p.Replies = make([]TracelbReply, replies)
	for i := range p.Replies {
		at := d.pos
		tracelbReplyParams.read(d, &p.Replies[i])
		if d.err == nil && !p.Replies[i].Addr.IsValid() {
			d.failAt(at, "tracelb reply: source", errNoAddr)
		}
	}
}

// writeTracelb appends the body of a tracelb record.
func (e *body) writeTracelb(t *Tracelb) {
	if !t.Dst.IsValid() {
		e.fail("destination", errNeedsAddr)
	}
	if len(t.Nodes) > 0xffff || len(t.Links) > 0xffff {
		e.fail("nodes or links", errTooMany)
	}
	links := make([]int, len(t.Nodes))
	for _, l := range t.Links {
		if int(l.From) >= len(t.Nodes) || l.To >= len(t.Nodes) {
			e.fail("link: node", errRange)
			return
		}
		links[l.From]++
	}
	tracelbParams.write(e, &tracelbRec{t, uint16(len(t.Nodes)), uint16(len(t.Links))})
	for i := range t.Nodes {
		tracelbNodeParams.write(e, &tracelbNodeRec{&t.Nodes[i], uint16(links[i])})
	}
	for i := range t.Links {
		l := &t.Links[i]
		if len(l.Sets) > 0xff {
			e.fail("hops of a link", errTooMany)
		}
		tracelbLinkParams.write(e, &tracelbLinkRec{l, uint8(len(l.Sets))})
		for j := range l.Sets {
			e.writeTracelbSet(&l.Sets[j])
		}
	}
	e.bytes(t.Kept.trailing())
}

// writeTracelbSet appends a probe set with its probes and their replies.
func (e *body) writeTracelbSet(s *TracelbSet) {
	if len(s.Probes) > 0xffff {
		e.fail("probes of a hop", errTooMany)
	}
	tracelbSetParams.write(e, &tracelbSetRec{s, uint16(len(s.Probes))})
	for i := range s.Probes {
		p := &s.Probes[i]
		if len(p.Replies) > 0xffff {
			e.fail("replies of a probe", errTooMany)
		}
		tracelbProbeParams.write(e, &tracelbProbeRec{p, uint16(len(p.Replies))})
		for j := range p.Replies {
			if !p.Replies[j].Addr.IsValid() {
				e.fail("reply: source", errNeedsAddr)
			}
			tracelbReplyParams.write(e, &p.Replies[j])
		}
	}
}
