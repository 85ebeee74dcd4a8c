package warts

import (
	"encoding/binary"
	"slices"
)

var tbitCodec = codec{
	read:  func(d *decoder) Record { return d.readTbit() },
	write: func(e *body, r Record) { e.writeTbit(r.(*Tbit)) },
	group: func(r Record) (*List, *Cycle) { t := r.(*Tbit); return t.List, t.Cycle },
}

// tbitRec is a tbit with its number of packets. Old files have 16 bits for it.
type tbitRec struct {
	*Tbit
	packets uint32
}

// tbitFOCookieMax is the longest fast-open cookie (RFC 7413 section 4.1.1).
const tbitFOCookieMax = 16

var tbitParams = newTable("tbit", func(t *tbitRec) *Kept { return &t.Kept },
	list(1, func(t *tbitRec) **List { return &t.List }).nonzero(),
	cycle(2, func(t *tbitRec) **Cycle { return &t.Cycle }).nonzero(),
	u32(3, "user id", func(t *tbitRec) *uint32 { return &t.UserID }).nonzero(),
	addr(4, "source", func(t *tbitRec) *Addr { return &t.Src }),
	addr(5, "destination", func(t *tbitRec) *Addr { return &t.Dst }),
	u16(6, "source port", func(t *tbitRec) *uint16 { return &t.SrcPort }),
	u16(7, "destination port", func(t *tbitRec) *uint16 { return &t.DstPort }),
	moment(8, "start", func(t *tbitRec) *Time { return &t.Start }),
	u16(9, "result", func(t *tbitRec) *TbitResult { return &t.Result }),
	u8(10, "test", func(t *tbitRec) *TbitTest { return &t.Test }),
	u8(11, "application", func(t *tbitRec) *TbitApp { return &t.App }),
	u16(12, "client mss", func(t *tbitRec) *uint16 { return &t.ClientMSS }),
	u16(13, "server mss", func(t *tbitRec) *uint16 { return &t.ServerMSS }),
	u8(14, "syn retransmissions", func(t *tbitRec) *uint8 { return &t.SynRetx }),
	u8(15, "data retransmissions", func(t *tbitRec) *uint8 { return &t.DataRetx }),
	param[tbitRec]{
		n: 16, name: "number of packets, 16 bits",
		read:   func(d *decoder, t *tbitRec) { t.packets = uint32(d.u16()) },
		write:  func(e *body, t *tbitRec) { e.length16("packets", int(t.packets)) },
		absent: func(*tbitRec) bool { return true },
		can:    func(t *tbitRec) bool { return t.packets <= 0xffff },
	}.nonzero(),
	param[tbitRec]{
		n: 17, name: "number of packets",
		read: func(d *decoder, t *tbitRec) {
			if n := d.u32(); n != 0 {
				t.packets = n
			}
		},
		write:  func(e *body, t *tbitRec) { e.u32(t.packets) },
		absent: func(t *tbitRec) bool { return t.packets == 0 || t.packets <= 0xffff && t.Kept.has(16) },
	},
	param[tbitRec]{
		n: 18, name: "fast-open cookie",
		read: func(d *decoder, t *tbitRec) {
			at := d.pos
			n := int(d.u8())
			if n > tbitFOCookieMax {
				d.pos = at
				d.fail(errValue)
				return
			}
			t.FOCookie = d.bytes(n)
		},
		write: func(e *body, t *tbitRec) {
			if len(t.FOCookie) > tbitFOCookieMax {
				e.fail("cookie", errRange)
			}
			e.u8(uint8(len(t.FOCookie)))
			e.bytes(t.FOCookie)
		},
		absent: func(t *tbitRec) bool { return len(t.FOCookie) == 0 },
	}.nonzero(),
	u8(19, "window scale", func(t *tbitRec) *uint8 { return &t.WScale }).nonzero(),
	u32(20, "options", func(t *tbitRec) *TbitOptions { return &t.Options }).nonzero(),
	u8(21, "ttl", func(t *tbitRec) *uint8 { return &t.TTL }).
		otherwise(func(t *tbitRec) bool { return t.TTL == 255 }).nonzero(),
	str(22, "error message", func(t *tbitRec) *string { return &t.ErrMsg }),
)

var tbitPacketParams = newTable("tbit packet", func(p *TbitPacket) *Kept { return &p.Kept },
	u8(1, "direction", func(p *TbitPacket) *TbitDirection { return &p.Dir }),
	moment(2, "time", func(p *TbitPacket) *Time { return &p.Time }),
	dataLen16(3, "packet", func(p *TbitPacket) *[]byte { return &p.Data }),
	data(4, "packet", func(p *TbitPacket) *[]byte { return &p.Data }),
)

var tbitPMTUDParams = newTable("tbit pmtud", func(s *TbitPMTUDSection) *Kept { return &s.Kept },
	u16(1, "mtu", func(s *TbitPMTUDSection) *uint16 { return &s.MTU }).nonzero(),
	u8(2, "ptb retransmissions", func(s *TbitPMTUDSection) *uint8 { return &s.PTBRetx }).nonzero(),
	u8(3, "options", func(s *TbitPMTUDSection) *TbitPMTUDOptions { return &s.Options }).nonzero(),
	addr(4, "ptb source", func(s *TbitPMTUDSection) *Addr { return &s.PTBSrc }),
)

var tbitNullParams = newTable("tbit null", func(s *TbitNullSection) *Kept { return &s.Kept },
	u16(1, "options", func(s *TbitNullSection) *TbitNullOptions { return &s.Options }).nonzero(),
	u16(2, "results", func(s *TbitNullSection) *TbitNullResults { return &s.Results }).nonzero(),
)

var tbitICWParams = newTable("tbit icw", func(s *TbitICWSection) *Kept { return &s.Kept },
	u32(1, "start sequence", func(s *TbitICWSection) *uint32 { return &s.StartSeq }).nonzero(),
)

var tbitBlindParams = newTable("tbit blind", func(s *TbitBlindSection) *Kept { return &s.Kept },
	param[TbitBlindSection]{
		n: 1, name: "offset",
		read:   func(d *decoder, s *TbitBlindSection) { s.Offset = int32(d.u32()) },
		write:  func(e *body, s *TbitBlindSection) { e.u32(uint32(s.Offset)) },
		absent: func(s *TbitBlindSection) bool { return s.Offset == 0 },
	}.nonzero(),
	u8(2, "retransmissions", func(s *TbitBlindSection) *uint8 { return &s.Retx }).nonzero(),
)

var tbitHTTPParams = newTable("tbit http", func(s *TbitHTTPSection) *Kept { return &s.Kept },
	str(1, "host", func(s *TbitHTTPSection) *string { return &s.Host }),
	str(2, "file", func(s *TbitHTTPSection) *string { return &s.File }),
	u8(3, "scheme", func(s *TbitHTTPSection) *TbitHTTPScheme { return &s.Scheme }).nonzero(),
)

var tbitBGPParams = newTable("tbit bgp", func(s *TbitBGPSection) *Kept { return &s.Kept },
	u32(1, "asn", func(s *TbitBGPSection) *uint32 { return &s.ASN }).nonzero(),
)

// The sections at the end of a tbit: a 16-bit identifier, and a 32-bit length unless it is tbitSectionEnd.
const (
	tbitSectionEnd  = 0
	tbitSectionTest = 1
	tbitSectionApp  = 2
)

func (d *decoder) readTbit() *Tbit {
	rec := tbitRec{Tbit: &Tbit{TTL: 255}}
	t := rec.Tbit
	tbitParams.read(d, &rec)
	d.block = "tbit"
	switch {
	case d.err != nil:
	case !t.Src.IsValid():
		d.failAt(0, "tbit: source", errNoAddr)
	case !t.Dst.IsValid():
		d.failAt(0, "tbit: destination", errNoAddr)
	}
	n := d.count(rec.packets, packetMin)
	if d.err != nil {
		return t
	}
	t.Packets = make([]TbitPacket, n)
	for i := range t.Packets {
		readPacket(d, tbitPacketParams, &t.Packets[i], &t.Packets[i].Data)
	}
	d.readTbitSections(t)
	if d.err == nil {
		t.Kept.keepTrailing(d.buf[d.pos:])
	}
	return t
}

// readTbitSections decodes the sections up to their end.
func (d *decoder) readTbitSections(t *Tbit) {
	var seen []section
	usual := true
	for {
		at := d.pos
		kind := d.u16()
		if kind == tbitSectionEnd || d.err != nil {
			break
		}
		length := d.u32()
		if d.err == nil && (kind > tbitSectionApp || int64(length) > int64(d.left())) {
			d.failAt(at, "tbit section", errSection)
		}
		if d.err != nil {
			return
		}
		outer := d.end
		d.end = d.pos + int(length)
		s := section{kind: kind}
		known, twice := d.readTbitSection(t, kind)
		if twice {
			d.failAt(at, "tbit section", errDuplicate)
		}
		if !known {
			s.data = append([]byte{}, d.view(int(length))...)
		}
		if d.err != nil {
			return
		}
		d.end = outer
		usual = usual && known && (len(seen) == 0 || seen[len(seen)-1].kind < kind)
		seen = append(seen, s)
	}
	if !usual {
		t.Kept.extra().sections = seen
	}
}

// readTbitSection decodes the body of a section, if the test or application has one.
func (d *decoder) readTbitSection(t *Tbit, kind uint16) (known, twice bool) {
	if kind == tbitSectionTest {
		switch {
		case t.Test == TbitPMTUD:
			return true, readSection(d, tbitPMTUDParams, &t.PMTUD)
		case t.Test == TbitNull:
			return true, readSection(d, tbitNullParams, &t.Null)
		case t.Test == TbitICW:
			return true, readSection(d, tbitICWParams, &t.ICW)
		case t.Test.IsBlind():
			return true, readSection(d, tbitBlindParams, &t.Blind)
		}
		return false, false
	}
	switch t.App {
	case TbitAppHTTP:
		return true, readSection(d, tbitHTTPParams, &t.HTTP)
	case TbitAppBGP:
		return true, readSection(d, tbitBGPParams, &t.BGP)
	}
	return false, false
}

// readSection decodes the one block of a section into *field, unless the record had that section before.
func readSection[T any](d *decoder, t *table[T], field **T) (twice bool) {
	if *field != nil {
		return true
	}
	*field = new(T)
	t.read(d, *field)
	d.endSection(t.kept(*field))
	return false
}

func (e *body) writeTbit(t *Tbit) {
	if !t.Src.IsValid() || !t.Dst.IsValid() {
		e.fail("source or destination", errNeedsAddr)
	}
	tbitParams.write(e, &tbitRec{t, uint32(len(t.Packets))})
	for i := range t.Packets {
		writePacket(e, tbitPacketParams, &t.Packets[i], t.Packets[i].Data)
	}
	var done []uint16
	if t.Kept.more != nil {
		for _, s := range t.Kept.more.sections {
			if s.data != nil {
				e.u16(s.kind)
				e.u32(uint32(len(s.data)))
				e.bytes(s.data)
				continue
			}
			e.writeTbitSection(t, s.kind)
			done = append(done, s.kind)
		}
	}
	for _, kind := range []uint16{tbitSectionTest, tbitSectionApp} {
		if !slices.Contains(done, kind) {
			e.writeTbitSection(t, kind)
		}
	}
	e.u16(tbitSectionEnd)
	e.bytes(t.Kept.trailing())
}

// writeTbitSection appends a section if the record has it.
func (e *body) writeTbitSection(t *Tbit, kind uint16) {
	if kind == tbitSectionTest {
		switch {
		case t.Test == TbitPMTUD && t.PMTUD != nil:
			writeSection(e, kind, tbitPMTUDParams, t.PMTUD)
		case t.Test == TbitNull && t.Null != nil:
			writeSection(e, kind, tbitNullParams, t.Null)
		case t.Test == TbitICW && t.ICW != nil:
			writeSection(e, kind, tbitICWParams, t.ICW)
		case t.Test.IsBlind() && t.Blind != nil:
			writeSection(e, kind, tbitBlindParams, t.Blind)
		}
		return
	}
	switch {
	case t.App == TbitAppHTTP && t.HTTP != nil:
		writeSection(e, kind, tbitHTTPParams, t.HTTP)
	case t.App == TbitAppBGP && t.BGP != nil:
		writeSection(e, kind, tbitBGPParams, t.BGP)
	}
}

func writeSection[T any](e *body, kind uint16, t *table[T], s *T) {
	e.u16(kind)
	at := len(e.buf)
	e.u32(0)
	t.write(e, s)
	e.bytes(t.kept(s).trailing())
	binary.BigEndian.PutUint32(e.buf[at:], uint32(len(e.buf)-at-4))
}
