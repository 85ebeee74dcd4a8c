package warts

import (
	"bytes"
	"time"
)

var stingCodec = codec{
	read:  func(d *decoder) Record { return d.readSting() },
	write: func(e *body, r Record) { e.writeSting(r.(*Sting)) },
	group: func(r Record) (*List, *Cycle) { s := r.(*Sting); return s.List, s.Cycle },
}

// stingRec is a sting with its number of packets.
type stingRec struct {
	*Sting
	packets uint32
}

var stingParams = newTable("sting", func(s *stingRec) *Kept { return &s.Kept },
	list(1, func(s *stingRec) **List { return &s.List }).nonzero(),
	cycle(2, func(s *stingRec) **Cycle { return &s.Cycle }).nonzero(),
	u32(3, "user id", func(s *stingRec) *uint32 { return &s.UserID }).nonzero(),
	addr(4, "source", func(s *stingRec) *Addr { return &s.Src }),
	addr(5, "destination", func(s *stingRec) *Addr { return &s.Dst }),
	u16(6, "source port", func(s *stingRec) *uint16 { return &s.SrcPort }),
	u16(7, "destination port", func(s *stingRec) *uint16 { return &s.DstPort }),
	u16(8, "count", func(s *stingRec) *uint16 { return &s.Count }),
	wait16(9, "mean", time.Millisecond, func(s *stingRec) *time.Duration { return &s.Mean }),
	wait16(10, "inter", time.Millisecond, func(s *stingRec) *time.Duration { return &s.Inter }),
	u8(11, "distribution", func(s *stingRec) *StingDistribution { return &s.Distribution }),
	u8(12, "syn retransmissions", func(s *stingRec) *uint8 { return &s.SynRetx }),
	u8(13, "data retransmissions", func(s *stingRec) *uint8 { return &s.DataRetx }),
	u8(14, "seqskip", func(s *stingRec) *uint8 { return &s.SeqSkip }),
	always(dataLen16(15, "data", func(s *stingRec) *[]byte { return &s.Data })),
	data(16, "data", func(s *stingRec) *[]byte { return &s.Data }),
	moment(17, "start", func(s *stingRec) *Time { return &s.Start }),
	timeval(18, "hs-rtt", func(s *stingRec) *time.Duration { return &s.HSRTT }),
	u16(19, "data acks", func(s *stingRec) *uint16 { return &s.DataAcks }),
	u16(20, "holes", func(s *stingRec) *uint16 { return &s.Holes }),
	u32(21, "number of packets", func(s *stingRec) *uint32 { return &s.packets }),
	u8(22, "result", func(s *stingRec) *StingResult { return &s.Result }).nonzero(),
	// scamper 20260420 counts the message in the length of the parameters without writing it: there may be any bytes.
	param[stingRec]{
		n: 23, name: "error message",
		read: func(d *decoder, s *stingRec) {
			if bytes.IndexByte(d.buf[d.pos:d.end], 0) < 0 {
				s.Kept.present &^= 1 << (23 - 1)
				return
			}
			s.ErrMsg = d.str()
		},
		write:  func(e *body, s *stingRec) { e.str(s.ErrMsg) },
		absent: func(s *stingRec) bool { return s.ErrMsg == "" },
	}.nonzero(),
)

// always makes a parameter one that every new record has.
func always[T any](p param[T]) param[T] {
	p.when = nil
	return p
}

var stingPacketParams = newTable("sting packet", func(p *StingPacket) *Kept { return &p.Kept },
	u8(1, "flags", func(p *StingPacket) *StingPacketFlags { return &p.Flags }),
	moment(2, "time", func(p *StingPacket) *Time { return &p.Time }),
	dataLen16(3, "packet", func(p *StingPacket) *[]byte { return &p.Data }),
	data(4, "packet", func(p *StingPacket) *[]byte { return &p.Data }),
)

func (d *decoder) readSting() *Sting {
	rec := stingRec{Sting: new(Sting)}
	s := rec.Sting
	stingParams.read(d, &rec)
	d.block = "sting"
	switch {
	case d.err != nil:
	case !s.Src.IsValid():
		d.failAt(0, "sting: source", errNoAddr)
	case !s.Dst.IsValid():
		d.failAt(0, "sting: destination", errNoAddr)
	}
	n := d.count(rec.packets, packetMin)
	if d.err != nil {
		return s
	}
	s.Packets = make([]StingPacket, n)
	for i := range s.Packets {
		readPacket(d, stingPacketParams, &s.Packets[i], &s.Packets[i].Data)
	}
	if d.err == nil {
		s.Kept.keepTrailing(d.buf[d.pos:])
	}
	return s
}

func (e *body) writeSting(s *Sting) {
	if !s.Src.IsValid() || !s.Dst.IsValid() {
		e.fail("source or destination", errNeedsAddr)
	}
	stingParams.write(e, &stingRec{s, uint32(len(s.Packets))})
	for i := range s.Packets {
		writePacket(e, stingPacketParams, &s.Packets[i], s.Packets[i].Data)
	}
	e.bytes(s.Kept.trailing())
}
