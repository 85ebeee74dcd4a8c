package warts

import "time"

var httpCodec = codec{
	read:  func(d *decoder) Record { return d.readHTTP() },
	write: func(e *body, r Record) { e.writeHTTP(r.(*HTTP)) },
	group: func(r Record) (*List, *Cycle) { h := r.(*HTTP); return h.List, h.Cycle },
}

// httpRec is an http with its number of buffers.
type httpRec struct {
	*HTTP
	buffers uint32
}

var httpParams = newTable("http", func(h *httpRec) *Kept { return &h.Kept },
	list(1, func(h *httpRec) **List { return &h.List }).nonzero(),
	cycle(2, func(h *httpRec) **Cycle { return &h.Cycle }).nonzero(),
	u32(3, "user id", func(h *httpRec) *uint32 { return &h.UserID }).nonzero(),
	staticAddr(4, "source", func(h *httpRec) *Addr { return &h.Src }),
	staticAddr(5, "destination", func(h *httpRec) *Addr { return &h.Dst }),
	u16(6, "source port", func(h *httpRec) *uint16 { return &h.SrcPort }).nonzero(),
	u16(7, "destination port", func(h *httpRec) *uint16 { return &h.DstPort }).
		otherwise(func(h *httpRec) bool {
			return h.Scheme <= HTTPSchemeHTTP && h.DstPort == h.Scheme.port()
		}).nonzero(),
	moment(8, "start", func(h *httpRec) *Time { return &h.Start }).nonzero(),
	u8(9, "stop reason", func(h *httpRec) *HTTPStop { return &h.StopReason }).nonzero(),
	u8(10, "scheme", func(h *httpRec) *HTTPScheme { return &h.Scheme }).nonzero(),
	always(str(11, "host", func(h *httpRec) *string { return &h.Host })),
	always(str(12, "file", func(h *httpRec) *string { return &h.File })),
	param[httpRec]{
		n: 13, name: "headers",
		read: func(d *decoder, h *httpRec) {
			n := d.count(uint32(d.u8()), 1)
			h.Headers = make([]string, n)
			for i := range h.Headers {
				h.Headers[i] = d.str()
			}
		},
		write: func(e *body, h *httpRec) {
			e.length8("headers", len(h.Headers))
			for _, s := range h.Headers {
				e.str(s)
			}
		},
		absent: func(h *httpRec) bool { return len(h.Headers) == 0 },
	}.nonzero(),
	u32(14, "number of buffers", func(h *httpRec) *uint32 { return &h.buffers }).nonzero(),
	wait32(15, "hs-rtt", time.Microsecond, func(h *httpRec) *time.Duration { return &h.HSRTT }).nonzero(),
	u32(16, "flags", func(h *httpRec) *HTTPFlags { return &h.Flags }).nonzero(),
	timeval(17, "max time", func(h *httpRec) *time.Duration { return &h.MaxTime }).nonzero(),
	str(18, "error message", func(h *httpRec) *string { return &h.ErrMsg }),
	u8(19, "ech status", func(h *httpRec) *HTTPECHStatus { return &h.ECHStatus }).nonzero(),
	str(20, "ech outer sni", func(h *httpRec) *string { return &h.ECHSNI }),
)

// httpBufferSent is the bit that says that a buffer was sent, in one byte with its type.
const httpBufferSent = 0x80

var httpBufferParams = newTable("http buffer", func(b *HTTPBuffer) *Kept { return &b.Kept },
	param[HTTPBuffer]{
		n: 1, name: "direction and type",
		read: func(d *decoder, b *HTTPBuffer) {
			v := d.u8()
			b.Sent, b.Type = v&httpBufferSent != 0, HTTPBufferType(v&^httpBufferSent)
		},
		write: func(e *body, b *HTTPBuffer) {
			if b.Type >= httpBufferSent {
				e.fail("buffer type", errRange)
			}
			v := uint8(b.Type)
			if b.Sent {
				v |= httpBufferSent
			}
			e.u8(v)
		},
		absent: func(b *HTTPBuffer) bool { return !b.Sent && b.Type == 0 },
	}.nonzero(),
	moment(2, "time", func(b *HTTPBuffer) *Time { return &b.Time }).nonzero(),
	dataLen16(3, "data", func(b *HTTPBuffer) *[]byte { return &b.Data }),
	data(4, "data", func(b *HTTPBuffer) *[]byte { return &b.Data }),
)

// httpAttrHead is the number of bytes before the data of an attribute: its type (1) and length (4). Fewer bytes at the
// end of the record are not an attribute.
const httpAttrHead = 5

func (d *decoder) readHTTP() *HTTP {
	rec := httpRec{HTTP: new(HTTP)}
	h := rec.HTTP
	httpParams.read(d, &rec)
	d.block = "http"
	if !h.Kept.has(7) {
		if h.DstPort = h.Scheme.port(); h.DstPort == 0 && d.err == nil {
			d.failAt(0, "http: destination port", errValue)
		}
	}
	n := d.count(rec.buffers, 1)
	if d.err != nil {
		return h
	}
	h.Buffers = make([]HTTPBuffer, n)
	for i := range h.Buffers {
		d.length = 0
		httpBufferParams.read(d, &h.Buffers[i])
	}
	for d.err == nil && d.left() >= httpAttrHead {
		at := d.pos
		t, length := HTTPAttrType(d.u8()), d.u32()
		if int64(length) > int64(d.left()) {
			d.failAt(at, "http attribute", errSection)
			break
		}
		h.Attrs = append(h.Attrs, HTTPAttr{t, d.bytes(int(length))})
	}
	if d.err == nil {
		h.Kept.keepTrailing(d.buf[d.pos:])
	}
	return h
}

func (e *body) writeHTTP(h *HTTP) {
	httpParams.write(e, &httpRec{h, uint32(len(h.Buffers))})
	for i := range h.Buffers {
		httpBufferParams.write(e, &h.Buffers[i])
	}
	for _, a := range h.Attrs {
		if uint64(len(a.Data)) > 0xffffffff {
			e.fail("attribute", errRange)
		}
		e.u8(uint8(a.Type))
		e.u32(uint32(len(a.Data)))
		e.bytes(a.Data)
	}
	e.bytes(h.Kept.trailing())
}
