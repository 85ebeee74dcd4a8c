package warts

import "time"

var hostCodec = codec{
	read:  func(d *decoder) Record { return d.readHost() },
	write: func(e *body, r Record) { e.writeHost(r.(*Host)) },
	group: func(r Record) (*List, *Cycle) { h := r.(*Host); return h.List, h.Cycle },
}

// hostRec is a host with its number of queries.
type hostRec struct {
	*Host
	queries uint8
}

var hostParams = newTable("host", func(h *hostRec) *Kept { return &h.Kept },
	list(1, func(h *hostRec) **List { return &h.List }).nonzero(),
	cycle(2, func(h *hostRec) **Cycle { return &h.Cycle }).nonzero(),
	u32(3, "user id", func(h *hostRec) *uint32 { return &h.UserID }).nonzero(),
	addr(4, "source", func(h *hostRec) *Addr { return &h.Src }),
	addr(5, "destination", func(h *hostRec) *Addr { return &h.Dst }),
	moment(6, "start", func(h *hostRec) *Time { return &h.Start }),
	u16(7, "flags", func(h *hostRec) *HostFlags { return &h.Flags }).nonzero(),
	wait16(8, "wait", time.Millisecond, func(h *hostRec) *time.Duration { return &h.Wait }).nonzero(),
	u8(9, "stop reason", func(h *hostRec) *HostStop { return &h.StopReason }).nonzero(),
	u8(10, "retries", func(h *hostRec) *uint8 { return &h.Retries }).nonzero(),
	u16(11, "query type", func(h *hostRec) *uint16 { return &h.QType }).nonzero(),
	u16(12, "query class", func(h *hostRec) *uint16 { return &h.QClass }).nonzero(),
	str(13, "query name", func(h *hostRec) *string { return &h.QName }),
	u8(14, "number of queries", func(h *hostRec) *uint8 { return &h.queries }).nonzero(),
	str(15, "client subnet", func(h *hostRec) *string { return &h.ECS }),
	str(16, "error message", func(h *hostRec) *string { return &h.ErrMsg }),
)

// hostQueryRec is a query with its numbers of resource records.
type hostQueryRec struct {
	*HostQuery
	an, ns, ar uint16
}

var hostQueryParams = newTable("host query", func(q *hostQueryRec) *Kept { return &q.Kept },
	moment(1, "tx", func(q *hostQueryRec) *Time { return &q.TX }).nonzero(),
	moment(2, "rx", func(q *hostQueryRec) *Time { return &q.RX }).nonzero(),
	u16(3, "id", func(q *hostQueryRec) *uint16 { return &q.ID }).nonzero(),
	u16(4, "number of answers", func(q *hostQueryRec) *uint16 { return &q.an }).nonzero(),
	u16(5, "number of authority records", func(q *hostQueryRec) *uint16 { return &q.ns }).nonzero(),
	u16(6, "number of additional records", func(q *hostQueryRec) *uint16 { return &q.ar }).nonzero(),
	u8(7, "rcode", func(q *hostQueryRec) *uint8 { return &q.RCode }).nonzero(),
	u8(8, "flags", func(q *hostQueryRec) *HostReplyFlags { return &q.Flags }).nonzero(),
)

var hostRRParams = newTable("host rr", func(r *HostRR) *Kept { return &r.Kept },
	u16(1, "class", func(r *HostRR) *uint16 { return &r.Class }).nonzero(),
	u16(2, "type", func(r *HostRR) *uint16 { return &r.Type }).nonzero(),
	always(str(3, "name", func(r *HostRR) *string { return &r.Name })),
	u32(4, "ttl", func(r *HostRR) *uint32 { return &r.TTL }).nonzero(),
	hostRRData(5),
)

// hostRRData is the data of a resource record.
func hostRRData(n int) param[HostRR] {
	p := param[HostRR]{
		n: n, name: "data",
		read: func(d *decoder, r *HostRR) {
			at := d.pos
			kind := d.u16()
			if d.err == nil && (kind == 0 || kind != hostDataKind(r.Class, r.Type)) {
				d.pos = at
				d.fail(errValue)
			}
			if d.err == nil {
				r.Data = d.readHostData(kind)
			}
		},
		write: func(e *body, r *HostRR) {
			if r.Data.kind() != hostDataKind(r.Class, r.Type) {
				e.fail("does not fit class and type", errValue)
				return
			}
			e.u16(r.Data.kind())
			e.writeHostData(r.Data)
		},
		absent: func(r *HostRR) bool { return r.Data == nil },
	}.nonzero()
	p.can = p.when
	return p
}

// hostDataKind is the number of the data type that belongs to a class and type of resource record, 0 if none does.
func hostDataKind(class, typ uint16) uint16 {
	const (
		in, ch                                           = 1, 3
		a, ns, cname, soa, ptr, mx, txt, aaaa, opt, svcb = 1, 2, 5, 6, 12, 15, 16, 28, 41, 64
		https                                            = 65
	)
	switch {
	case typ == opt:
		return (*HostOPT)(nil).kind()
	case typ == txt && (class == in || class == ch):
		return (*HostTXT)(nil).kind()
	case class != in:
		return 0
	}
	switch typ {
	case a, aaaa:
		return HostRRAddr{}.kind()
	case ns, cname, ptr:
		return HostRRName{}.kind()
	case soa:
		return (*HostSOA)(nil).kind()
	case mx:
		return (*HostMX)(nil).kind()
	case svcb, https:
		return (*HostSVCB)(nil).kind()
	}
	return 0
}

// The least number of bytes of a resource record: flags (1), length (2), the NUL of its name (1).
const hostRRMin = 4

func (d *decoder) readHost() *Host {
	rec := hostRec{Host: new(Host)}
	h := rec.Host
	hostParams.read(d, &rec)
	d.block = "host"
	if d.err == nil && !h.Dst.IsValid() {
		d.failAt(0, "host: destination", errNoAddr)
	}
	n := d.count(uint32(rec.queries), 1)
	if d.err != nil {
		return h
	}
	h.Queries = make([]HostQuery, n)
	for i := range h.Queries {
		q := hostQueryRec{HostQuery: &h.Queries[i]}
		hostQueryParams.read(d, &q)
		if d.count(uint32(q.an)+uint32(q.ns)+uint32(q.ar), hostRRMin); d.err != nil {
			return h
		}
		q.An, q.Ns, q.Ar = d.readHostRRs(q.an), d.readHostRRs(q.ns), d.readHostRRs(q.ar)
	}
	if d.err == nil {
		h.Kept.keepTrailing(d.buf[d.pos:])
	}
	return h
}

// readHostRRs decodes n resource records.
func (d *decoder) readHostRRs(n uint16) []HostRR {
	if n == 0 || d.err != nil {
		return nil
	}
	list := make([]HostRR, n)
	for i := range list {
		at := d.pos
		hostRRParams.read(d, &list[i])
		if d.err == nil && !list[i].Kept.has(3) {
			d.failAt(at, "host rr: name", errValue)
		}
	}
	return list
}

func (e *body) writeHost(h *Host) {
	if !h.Dst.IsValid() {
		e.fail("destination", errNeedsAddr)
	}
	if len(h.Queries) > 0xff {
		e.fail("queries", errTooMany)
	}
	hostParams.write(e, &hostRec{h, uint8(len(h.Queries))})
	for i := range h.Queries {
		q := &h.Queries[i]
		if len(q.An) > 0xffff || len(q.Ns) > 0xffff || len(q.Ar) > 0xffff {
			e.fail("resource records", errTooMany)
		}
		hostQueryParams.write(e, &hostQueryRec{q, uint16(len(q.An)), uint16(len(q.Ns)), uint16(len(q.Ar))})
		for _, list := range [][]HostRR{q.An, q.Ns, q.Ar} {
			for j := range list {
				hostRRParams.write(e, &list[j])
			}
		}
	}
	e.bytes(h.Kept.trailing())
}
