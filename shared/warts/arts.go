package warts

import (
	"encoding/binary"
	"io"
	"slices"
	"time"
)

// arts is the format of skitter, scamper's predecessor. Only its traces are read; they become [Trace] records.
//
// An object is a header of 20 bytes (magic; object id and version; flags; number of attributes; length of attributes;
// length of data), the attributes, the data.
const (
	artsMagic  = 0xdfb0
	artsHeader = 20
	artsTrace  = 0x3000

	artsAttrCreation = 2 // with format 13: time of creation
	artsFormatTime   = 13

	artsFlagRTT = 0x01 // of the object: hops have an RTT and a number of tries
)

// artsCycle is a cycle's key.
type artsCycle struct{ list, id uint32 }

// nextArts reads the next object; both results are nil if it isn't a trace or not wanted.
func (r *Reader) nextArts() (Record, error) {
	r.start = r.src.off
	r.raw = nil
	head, err := r.src.peek(artsHeader)
	if err == io.EOF && len(head) == 0 {
		return nil, io.EOF
	}
	fail := func(at int64, err error) (Record, error) {
		e := &ReadError{Offset: r.start + at, Record: r.start, Err: err}
		if len(head) >= artsHeader {
			e.Magic = binary.BigEndian.Uint16(head)
			e.Length = binary.BigEndian.Uint32(head[16:])
		}
		return nil, e
	}
	if err != nil {
		return fail(int64(len(head)), unexpected(err))
	}
	if binary.BigEndian.Uint16(head) != artsMagic {
		return fail(0, errMagic)
	}
	object := binary.BigEndian.Uint32(head[2:])
	attrs, data := int64(binary.BigEndian.Uint32(head[12:])), int64(binary.BigEndian.Uint32(head[16:]))
	if data == 0 {
		return fail(16, errValue)
	}
	length := artsHeader + attrs + data
	if object>>4 != artsTrace || len(r.Want) > 0 && !slices.Contains(r.Want, TypeTrace) {
		if n, err := r.src.skip(length); err != nil {
			return fail(n, unexpected(err))
		}
		return nil, nil
	}
	raw, err := r.src.peek(length)
	head = raw
	if err != nil {
		return fail(int64(len(raw)), unexpected(err))
	}
	r.raw = raw
	d := &r.dec
	d.start(raw)
	d.base = r.start
	d.pos, d.block = artsHeader, "arts trace"
	t := &Trace{Method: TraceICMPEcho, ProbeSize: 40}
	d.end = artsHeader + int(attrs)
	d.artsAttrs(t)
	d.end = len(raw)
	r.artsData(t, object&0xf, binary.BigEndian.Uint32(raw[6:]))
	if d.err != nil {
		rec, err := fail(int64(d.errAt), d.err)
		err.(*ReadError).Where = d.where
		r.raw = nil
		return rec, err
	}
	r.src.take(len(raw))
	return t, nil
}

// artsAttrs reads the attributes of a trace, of which one is its start.
func (d *decoder) artsAttrs(t *Trace) {
	for d.err == nil && d.left() > 0 {
		at := d.pos
		kind, n := d.u32(), d.u32()
		if d.err == nil && (n < 8 || int64(n)-8 > int64(d.left())) {
			d.failAt(at, d.block, errValue)
		}
		if d.err != nil {
			return
		}
		next := d.pos + int(n) - 8
		if kind == artsAttrCreation<<8|artsFormatTime {
			t.Start.Sec = d.u32()
		}
		d.pos = next
	}
}

// The halt reasons of arts, as stop reasons of a trace.
var artsHalts = [...]TraceStop{TraceStopNone, TraceStopUnreach, TraceStopLoop, TraceStopGapLimit}

// artsData reads the data of a trace.
func (r *Reader) artsData(t *Trace, version, flags uint32) {
	d := &r.dec
	t.Src, t.Dst = d.artsAddr(), d.artsAddr()
	if version >= 3 {
		r.artsGroup(t, d.u32(), d.u32())
	}
	dst := TraceReply{Addr: t.Dst}
	if version < 2 {
		dst.RTT = time.Duration(d.time().UnixMicro()) * time.Microsecond
	} else {
		dst.RTT = time.Duration(d.u32()) * time.Microsecond
	}
	distance := d.u8()
	b := d.u8()
	replied, hops := b&0x80 != 0, int(b&0x7f)
	switch {
	case version > 1 || version == 1 && replied:
		at := d.pos
		halt := d.u8()
		if int(halt) >= len(artsHalts) {
			d.failAt(at, "arts trace: halt reason", errValue)
			return
		}
		t.StopReason, t.StopData = artsHalts[halt], d.u8()
	case replied:
		t.StopReason = TraceStopCompleted
	}
	if !replied && hops == 0 || d.err != nil {
		return
	}
	if version >= 2 {
		dst.TTL, dst.Flags = d.u8(), TraceHopTTL
	}
	d.artsHops(t, hops, version <= 1 || flags&artsFlagRTT != 0)
	if d.err == nil && d.left() != 0 {
		d.fail(errValue)
	}
	if replied && d.err == nil {
		probe := TraceProbe{TTL: max(distance, 1), ID: 255, Replies: []TraceReply{dst}}
		i := 0
		for i < len(t.Probes) && t.Probes[i].TTL < probe.TTL {
			i++
		}
		t.Probes = slices.Insert(t.Probes, i, probe)
		t.HopCount = uint16(distance)
	}
	t.HopCount = max(t.HopCount, uint16(t.highestTTL()))
}

// artsHopMin is the least number of bytes of a hop: TTL (1), address (4).
const artsHopMin = 5

// artsHops reads n hops, with their times if they have some.
func (d *decoder) artsHops(t *Trace, n int, timed bool) {
	n = d.count(uint32(n), artsHopMin)
	if d.err != nil {
		return
	}
	replies := make([]TraceReply, n)
	t.Probes = make([]TraceProbe, n, n+1) // and the destination
	for i := range replies {
		at := d.pos
		p, r := &t.Probes[i], &replies[i]
		p.TTL, p.ID = d.u8(), 255
		r.Addr = d.artsAddr()
		if timed {
			r.RTT = time.Duration(d.u32()) * time.Microsecond
			p.ID = d.u8() - 1
		}
		if p.TTL == 0 && d.err == nil {
			d.failAt(at, "arts trace: hop ttl", errValue)
		}
		r.ICMPType = 11
		p.Replies = replies[i : i+1 : i+1]
	}
	if n > 0 && t.StopReason == TraceStopUnreach {
		replies[n-1].ICMPType, replies[n-1].ICMPCode = 3, t.StopData
	}
	slices.SortStableFunc(t.Probes, func(a, b TraceProbe) int { return int(a.TTL) - int(b.TTL) })
}

func (d *decoder) artsAddr() Addr { return Addr{lo: uint64(d.u32()), typ: AddrIPv4} }

// artsGroup gives a trace its list and cycle. They have no names.
func (r *Reader) artsGroup(t *Trace, list, cycle uint32) {
	if r.artsLists == nil {
		r.artsLists, r.artsCycles = make(map[uint32]*List), make(map[artsCycle]*Cycle)
	}
	l := r.artsLists[list]
	if l == nil {
		l = &List{ID: list}
		r.artsLists[list] = l
	}
	key := artsCycle{list, cycle}
	c := r.artsCycles[key]
	if c == nil {
		c = &Cycle{Kind: CycleDef, List: l, ID: cycle}
		r.artsCycles[key] = c
	}
	t.List, t.Cycle = l, c
}
