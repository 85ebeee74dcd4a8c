package warts

import "time"

var owampCodec = codec{
	read:  func(d *decoder) Record { return d.readOWAMP() },
	write: func(e *body, r Record) { e.writeOWAMP(r.(*OWAMP)) },
	group: func(r Record) (*List, *Cycle) { o := r.(*OWAMP); return o.List, o.Cycle },
}

// What an owamp record means when it doesn't say.
const (
	owampPort       = 861 // RFC 4656 section 3
	owampWait       = 2 * time.Second
	owampSlots      = 1
	owampAttempts   = 10
	owampPacketSize = 42
	owampTTL        = 255
)

// owampRec is an owamp with its numbers of slots and of packets.
type owampRec struct {
	*OWAMP
	slots, txs uint32
}

var owampParams = newTable("owamp", func(o *owampRec) *Kept { return &o.Kept },
	list(1, func(o *owampRec) **List { return &o.List }).nonzero(),
	cycle(2, func(o *owampRec) **Cycle { return &o.Cycle }).nonzero(),
	u32(3, "user id", func(o *owampRec) *uint32 { return &o.UserID }).nonzero(),
	staticAddr(4, "source", func(o *owampRec) *Addr { return &o.Src }),
	staticAddr(5, "destination", func(o *owampRec) *Addr { return &o.Dst }),
	u16(6, "destination port", func(o *owampRec) *uint16 { return &o.DstPort }).
		otherwise(func(o *owampRec) bool { return o.DstPort == owampPort }).nonzero(),
	u16(7, "flags", func(o *owampRec) *OWAMPFlags { return &o.Flags }).nonzero(),
	moment(8, "start", func(o *owampRec) *Time { return &o.Start }).nonzero(),
	moment(9, "start at", func(o *owampRec) *Time { return &o.StartAt }).nonzero(),
	timeval(10, "wait", func(o *owampRec) *time.Duration { return &o.Wait }).
		otherwise(func(o *owampRec) bool { return o.Wait.Truncate(time.Microsecond) == owampWait }).nonzero(),
	u32(11, "number of slots", func(o *owampRec) *uint32 { return &o.slots }).
		otherwise(func(o *owampRec) bool { return o.slots == owampSlots }).nonzero(),
	u32(12, "attempts", func(o *owampRec) *uint32 { return &o.Attempts }).
		otherwise(func(o *owampRec) bool { return o.Attempts == owampAttempts }).nonzero(),
	u16(13, "packet size", func(o *owampRec) *uint16 { return &o.PacketSize }).
		otherwise(func(o *owampRec) bool { return o.PacketSize == owampPacketSize }).nonzero(),
	u8(14, "direction", func(o *owampRec) *OWAMPDirection { return &o.Dir }).nonzero(),
	u8(15, "dscp", func(o *owampRec) *uint8 { return &o.DSCP }).nonzero(),
	u8(16, "ttl", func(o *owampRec) *uint8 { return &o.TTL }).
		otherwise(func(o *owampRec) bool { return o.TTL == owampTTL }).nonzero(),
	wait32(17, "hs-rtt", time.Microsecond, func(o *owampRec) *time.Duration { return &o.HSRTT }).nonzero(),
	u8(18, "result", func(o *owampRec) *OWAMPResult { return &o.Result }).nonzero(),
	str(19, "error message", func(o *owampRec) *string { return &o.ErrMsg }),
	u16(20, "udp source port", func(o *owampRec) *uint16 { return &o.UDPSrcPort }).nonzero(),
	u16(21, "udp destination port", func(o *owampRec) *uint16 { return &o.UDPDstPort }).nonzero(),
	u32(22, "number of packets", func(o *owampRec) *uint32 { return &o.txs }).nonzero(),
)

var owampSlotParams = newTable("owamp slot", func(s *OWAMPSlot) *Kept { return &s.Kept },
	timeval(1, "interval", func(s *OWAMPSlot) *time.Duration { return &s.Interval }).nonzero(),
	u8(2, "type", func(s *OWAMPSlot) *OWAMPSlotType { return &s.Type }).nonzero(),
)

// owampSentRec is a packet with the number of its receptions.
type owampSentRec struct {
	*OWAMPSent
	rxs uint8
}

var owampSentParams = newTable("owamp packet", func(s *owampSentRec) *Kept { return &s.Kept },
	moment(1, "scheduled", func(s *owampSentRec) *Time { return &s.Scheduled }).nonzero(),
	moment(2, "stamp", func(s *owampSentRec) *Time { return &s.Stamp }).nonzero(),
	u32(3, "sequence", func(s *owampSentRec) *uint32 { return &s.Seq }).nonzero(),
	u16(4, "error estimate", func(s *owampSentRec) *uint16 { return &s.ErrEst }).nonzero(),
	u8(5, "flags", func(s *owampSentRec) *OWAMPSentFlags { return &s.Flags }).nonzero(),
	u8(6, "number of receptions", func(s *owampSentRec) *uint8 { return &s.rxs }).nonzero(),
)

var owampReceivedParams = newTable("owamp reception", func(r *OWAMPReceived) *Kept { return &r.Kept },
	moment(1, "stamp", func(r *OWAMPReceived) *Time { return &r.Stamp }).nonzero(),
	u16(2, "error estimate", func(r *OWAMPReceived) *uint16 { return &r.ErrEst }).nonzero(),
	u8(3, "flags", func(r *OWAMPReceived) *OWAMPReceivedFlags { return &r.Flags }).nonzero(),
	u8(4, "dscp", func(r *OWAMPReceived) *uint8 { return &r.DSCP }).nonzero(),
	u8(5, "ttl", func(r *OWAMPReceived) *uint8 { return &r.TTL }).nonzero(),
)

func (d *decoder) readOWAMP() *OWAMP {
	rec := owampRec{slots: owampSlots, OWAMP: &OWAMP{
		DstPort: owampPort, Wait: owampWait, Attempts: owampAttempts, PacketSize: owampPacketSize, TTL: owampTTL,
	}}
	o := rec.OWAMP
	owampParams.read(d, &rec)
	d.block = "owamp"
	n := d.count(rec.slots, 1)
	if d.err != nil {
		return o
	}
	o.Schedule = make([]OWAMPSlot, n)
	for i := range o.Schedule {
		owampSlotParams.read(d, &o.Schedule[i])
	}
	n = d.count(rec.txs, 1)
	if d.err != nil {
		return o
	}
	o.TXs = make([]OWAMPSent, n)
	for i := range o.TXs {
		s := owampSentRec{OWAMPSent: &o.TXs[i]}
		owampSentParams.read(d, &s)
		rxs := d.count(uint32(s.rxs), 1)
		if d.err != nil {
			return o
		}
		if rxs > 0 {
			s.RXs = make([]OWAMPReceived, rxs)
		}
		for j := range s.RXs {
			owampReceivedParams.read(d, &s.RXs[j])
		}
	}
	if d.err == nil {
		o.Kept.keepTrailing(d.buf[d.pos:])
	}
	return o
}

func (e *body) writeOWAMP(o *OWAMP) {
	owampParams.write(e, &owampRec{o, uint32(len(o.Schedule)), uint32(len(o.TXs))})
	for i := range o.Schedule {
		owampSlotParams.write(e, &o.Schedule[i])
	}
	for i := range o.TXs {
		s := &o.TXs[i]
		if len(s.RXs) > 0xff {
			e.fail("receptions of a packet", errTooMany)
		}
		owampSentParams.write(e, &owampSentRec{s, uint8(len(s.RXs))})
		for j := range s.RXs {
			owampReceivedParams.write(e, &s.RXs[j])
		}
	}
	e.bytes(o.Kept.trailing())
}
