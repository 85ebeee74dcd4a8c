package warts

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// A trace ends with sections. Each begins with 16 bits, of which the high 4 are its type and the low 12 its length; 16
// zero bits end the record.
const (
	traceSectionPMTUD      = 1
	traceSectionLastDitch  = 2
	traceSectionDoubletree = 3

	traceSectionMax = 0xfff // bytes
)

var tracePMTUDParams = newTable("trace pmtud", func(p *TracePMTUD) *Kept { return &p.Kept },
	u16(1, "interface MTU", func(p *TracePMTUD) *uint16 { return &p.IfMTU }).nonzero(),
	u16(2, "path MTU", func(p *TracePMTUD) *uint16 { return &p.PathMTU }).nonzero(),
	u16(3, "outgoing MTU", func(p *TracePMTUD) *uint16 { return &p.OutMTU }).nonzero(),
	u8(4, "version", func(p *TracePMTUD) *uint8 { return &p.Version }).
		otherwise(func(p *TracePMTUD) bool { return p.Version == 1 }),
	param[TracePMTUD]{
		n: 5, name: "number of notes",
		read:   func(d *decoder, p *TracePMTUD) { d.length = int(d.u8()) },
		write:  func(e *body, p *TracePMTUD) { e.length8("notes", len(p.Notes)) },
		absent: func(p *TracePMTUD) bool { return len(p.Notes) == 0 },
	}.nonzero(),
)

var traceNoteParams = newTable("trace pmtud note", func(n *TracePMTUDNote) *Kept { return &n.Kept },
	u8(1, "type", func(n *TracePMTUDNote) *TracePMTUDNoteType { return &n.Type }).nonzero(),
	u16(2, "next-hop MTU", func(n *TracePMTUDNote) *uint16 { return &n.NextMTU }).nonzero(),
	param[TracePMTUDNote]{
		n: 3, name: "reply",
		read:   func(d *decoder, n *TracePMTUDNote) { n.Reply = int(d.u16()) },
		write:  func(e *body, n *TracePMTUDNote) { e.length16("reply", n.Reply) },
		absent: func(n *TracePMTUDNote) bool { return n.Reply < 0 },
		can:    func(n *TracePMTUDNote) bool { return n.Reply >= 0 },
	}.nonzero(),
)

// traceLastDitchParams has no rows yet.
var traceLastDitchParams = newTable("trace last-ditch", func(l *TraceLastDitch) *Kept { return &l.Kept })

var traceDoubletreeParams = newTable("trace doubletree", func(t *TraceDoubletree) *Kept { return &t.Kept },
	gid(1, "local stop id", func(t *TraceDoubletree) *Addr { return &t.LSSStop }),
	gid(2, "global stop id", func(t *TraceDoubletree) *Addr { return &t.GSSStop }),
	u8(3, "first hop", func(t *TraceDoubletree) *uint8 { return &t.FirstHop }),
	addr(4, "local stop", func(t *TraceDoubletree) *Addr { return &t.LSSStop }),
	addr(5, "global stop", func(t *TraceDoubletree) *Addr { return &t.GSSStop }),
	str(6, "local stop set", func(t *TraceDoubletree) *string { return &t.LSSName }),
	u8(7, "flags", func(t *TraceDoubletree) *TraceDoubletreeFlags { return &t.Flags }).nonzero(),
)

// readTraceSections decodes the sections of a trace.
func (d *decoder) readTraceSections(t *Trace) {
	var order [8]section // of those read; a record with more is odd and allocates
	seen := order[:0]
	for {
		at := d.pos
		head := d.u16()
		if head == 0 || d.err != nil {
			break
		}
		kind, length := head>>12, int(head&traceSectionMax)
		if length > d.left() {
			d.failAt(at, "trace section", errSection)
			return
		}
		if kind >= traceSectionPMTUD && kind <= traceSectionDoubletree &&
			slices.ContainsFunc(seen, func(s section) bool { return s.kind == kind }) {
			d.failAt(at, "trace section", errDuplicate)
			return
		}
		outer := d.end
		d.end = d.pos + length
		s := section{kind: kind}
		switch kind {
		case traceSectionPMTUD:
			t.PMTUD = d.readTracePMTUD(t)
		case traceSectionLastDitch:
			t.LastDitch = new(TraceLastDitch)
			traceLastDitchParams.read(d, t.LastDitch)
			t.LastDitch.Probes = d.readTraceHops(t, nil, false)
			d.endSection(&t.LastDitch.Kept)
		case traceSectionDoubletree:
			t.Doubletree = new(TraceDoubletree)
			traceDoubletreeParams.read(d, t.Doubletree)
			d.endSection(&t.Doubletree.Kept)
		default:
			s.data = bytes.Clone(d.view(length))
			if s.data == nil {
				s.data = []byte{}
			}
		}
		if d.err != nil {
			return
		}
		d.end = outer
		seen = append(seen, s)
	}
	usual := slices.IsSortedFunc(seen, func(a, b section) int { return int(a.kind) - int(b.kind) }) &&
		!slices.ContainsFunc(seen, func(s section) bool { return s.data != nil })
	if !usual {
		t.Kept.extra().sections = slices.Clone(seen)
	}
}

// endSection keeps what a section has after what is known of it.
func (d *decoder) endSection(k *Kept) {
	if d.err == nil {
		k.keepTrailing(d.buf[d.pos:d.end])
		d.pos = d.end
	}
}

func (d *decoder) readTracePMTUD(t *Trace) *TracePMTUD {
	p := &TracePMTUD{Version: 1}
	d.length = 0
	tracePMTUDParams.read(d, p)
	notes := d.length
	d.length = 0
	if p.Version == 0 {
		p.Version = 1
	}
	p.Probes = d.readTraceHops(t, nil, false)
	notes = d.count(uint32(notes), 1)
	if d.err != nil {
		return p
	}
	replies := repliesOf(p.Probes)
	if notes > 0 {
		p.Notes = make([]TracePMTUDNote, notes)
	}
	for i := range p.Notes {
		at := d.pos
		n := &p.Notes[i]
		n.Reply = -1
		traceNoteParams.read(d, n)
		if d.err == nil && n.Reply >= replies {
			d.failAt(at, "trace pmtud note: reply", errValue)
		}
	}
	d.endSection(&p.Kept)
	return p
}

// writeTraceSections appends the sections of a trace, in the order they were read in; new ones after these, by type.
func (e *body) writeTraceSections(t *Trace) {
	done := [4]bool{}
	write := func(kind uint16) {
		if !done[kind] {
			done[kind] = true
			e.writeTraceSection(t, kind)
		}
	}
	if t.Kept.more != nil {
		for _, s := range t.Kept.more.sections {
			if s.data == nil {
				write(s.kind)
				continue
			}
			e.u16(s.kind<<12 | uint16(len(s.data)))
			e.bytes(s.data)
		}
	}
	write(traceSectionPMTUD)
	write(traceSectionLastDitch)
	write(traceSectionDoubletree)
	e.u16(0)
}

// writeTraceSection appends a section if the trace has it. The length of a section has 12 bits: replies at its end that
// don't fit are left out.
func (e *body) writeTraceSection(t *Trace, kind uint16) {
	at, addrs := len(e.buf), len(e.addrs)
	var hops int
	switch {
	case kind == traceSectionPMTUD && t.PMTUD != nil:
		hops = repliesOf(t.PMTUD.Probes)
	case kind == traceSectionLastDitch && t.LastDitch != nil:
		hops = repliesOf(t.LastDitch.Probes)
	case kind == traceSectionDoubletree && t.Doubletree != nil:
	default:
		return
	}
	for {
		e.u16(0)
		e.writeTraceSectionBody(t, kind, hops)
		n := len(e.buf) - at - 2
		if n <= traceSectionMax || e.err != nil {
			binary.BigEndian.PutUint16(e.buf[at:], kind<<12|uint16(n&traceSectionMax))
			return
		}
		if hops == 0 {
			e.fail("section", errTooLong)
			return
		}
		hops = min(hops-1, hops*traceSectionMax/n)
		e.buf = e.buf[:at]
		e.forget(addrs)
	}
}

// writeTraceSectionBody appends what is in a section, with no more than the given number of hop records.
func (e *body) writeTraceSectionBody(t *Trace, kind uint16, hops int) {
	switch kind {
	case traceSectionPMTUD:
		p := t.PMTUD
		tracePMTUDParams.write(e, p)
		e.writeTraceHops(t, p.Probes, hops)
		for i := range p.Notes {
			n := p.Notes[i]
			if n.Reply >= hops {
				n.Reply = -1
			}
			traceNoteParams.write(e, &n)
		}
		e.bytes(p.Kept.trailing())
	case traceSectionLastDitch:
		traceLastDitchParams.write(e, t.LastDitch)
		e.writeTraceHops(t, t.LastDitch.Probes, hops)
		e.bytes(t.LastDitch.Kept.trailing())
	case traceSectionDoubletree:
		traceDoubletreeParams.write(e, t.Doubletree)
		e.bytes(t.Doubletree.Kept.trailing())
	}
}
