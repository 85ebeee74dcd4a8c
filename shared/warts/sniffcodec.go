package warts

import "time"

var sniffCodec = codec{
	read:  func(d *decoder) Record { return d.readSniff() },
	write: func(e *body, r Record) { e.writeSniff(r.(*Sniff)) },
	group: func(r Record) (*List, *Cycle) { s := r.(*Sniff); return s.List, s.Cycle },
}

// sniffRec is a sniff with its number of packets.
type sniffRec struct {
	*Sniff
	packets uint32
}

var sniffParams = newTable("sniff", func(s *sniffRec) *Kept { return &s.Kept },
	list(1, func(s *sniffRec) **List { return &s.List }).nonzero(),
	cycle(2, func(s *sniffRec) **Cycle { return &s.Cycle }).nonzero(),
	u32(3, "user id", func(s *sniffRec) *uint32 { return &s.UserID }).nonzero(),
	addr(4, "source", func(s *sniffRec) *Addr { return &s.Src }),
	moment(5, "start", func(s *sniffRec) *Time { return &s.Start }),
	moment(6, "finish", func(s *sniffRec) *Time { return &s.Finish }),
	u8(7, "stop reason", func(s *sniffRec) *SniffStop { return &s.StopReason }),
	u32(8, "packet limit", func(s *sniffRec) *uint32 { return &s.LimitPacket }),
	wait16(9, "time limit", time.Second, func(s *sniffRec) *time.Duration { return &s.LimitTime }),
	u32(10, "number of packets", func(s *sniffRec) *uint32 { return &s.packets }),
	u16(11, "icmp id", func(s *sniffRec) *uint16 { return &s.ICMPID }),
	str(12, "error message", func(s *sniffRec) *string { return &s.ErrMsg }),
)

var sniffPacketParams = newTable("sniff packet", func(p *SniffPacket) *Kept { return &p.Kept },
	moment(1, "time", func(p *SniffPacket) *Time { return &p.Time }),
	dataLen16(2, "packet", func(p *SniffPacket) *[]byte { return &p.Data }),
	data(3, "packet", func(p *SniffPacket) *[]byte { return &p.Data }),
)

// packetMin is the least number of bytes of a packet of a sniff, a sting or a tbit: flags (1), length (2), length of the
// data (2), data (1).
const packetMin = 6

func (d *decoder) readSniff() *Sniff {
	rec := sniffRec{Sniff: new(Sniff)}
	s := rec.Sniff
	sniffParams.read(d, &rec)
	d.block = "sniff"
	if d.err == nil && !s.Src.IsValid() {
		d.failAt(0, "sniff: source", errNoAddr)
	}
	n := d.count(rec.packets, packetMin)
	if d.err != nil {
		return s
	}
	s.Packets = make([]SniffPacket, n)
	for i := range s.Packets {
		readPacket(d, sniffPacketParams, &s.Packets[i], &s.Packets[i].Data)
	}
	if d.err == nil {
		s.Kept.keepTrailing(d.buf[d.pos:])
	}
	return s
}

// readPacket decodes a packet, which must not be empty.
func readPacket[T any](d *decoder, t *table[T], p *T, data *[]byte) {
	at := d.pos
	d.length = 0
	t.read(d, p)
	if d.err == nil && len(*data) == 0 {
		d.failAt(at, t.name, errEmpty)
	}
}

// writePacket appends a packet, which must not be empty.
func writePacket[T any](e *body, t *table[T], p *T, data []byte) {
	if len(data) == 0 {
		e.fail("packet", errEmpty)
	}
	t.write(e, p)
}

func (e *body) writeSniff(s *Sniff) {
	if !s.Src.IsValid() {
		e.fail("source", errNeedsAddr)
	}
	sniffParams.write(e, &sniffRec{s, uint32(len(s.Packets))})
	for i := range s.Packets {
		writePacket(e, sniffPacketParams, &s.Packets[i], s.Packets[i].Data)
	}
	e.bytes(s.Kept.trailing())
}
