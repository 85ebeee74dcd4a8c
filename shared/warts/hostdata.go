package warts

var hostSOAParams = newTable("host soa", func(s *HostSOA) *Kept { return &s.Kept },
	always(str(1, "mname", func(s *HostSOA) *string { return &s.MName })),
	always(str(2, "rname", func(s *HostSOA) *string { return &s.RName })),
	u32(3, "serial", func(s *HostSOA) *uint32 { return &s.Serial }).nonzero(),
	u32(4, "refresh", func(s *HostSOA) *uint32 { return &s.Refresh }).nonzero(),
	u32(5, "retry", func(s *HostSOA) *uint32 { return &s.Retry }).nonzero(),
	u32(6, "expire", func(s *HostSOA) *uint32 { return &s.Expire }).nonzero(),
	u32(7, "minimum", func(s *HostSOA) *uint32 { return &s.Minimum }).nonzero(),
)

var hostMXParams = newTable("host mx", func(m *HostMX) *Kept { return &m.Kept },
	u16(1, "preference", func(m *HostMX) *uint16 { return &m.Preference }).nonzero(),
	always(str(2, "exchange", func(m *HostMX) *string { return &m.Exchange })),
)

// hostTXTParams: the first parameter is the number of strings in the second.
var hostTXTParams = newTable("host txt", func(t *HostTXT) *Kept { return &t.Kept },
	hostCount(1, "number of strings", func(t *HostTXT) int { return len(t.Strings) }),
	param[HostTXT]{
		n: 2, name: "strings",
		read: func(d *decoder, t *HostTXT) {
			n := d.count(uint32(d.length), 1)
			d.length = 0
			if n == 0 {
				return
			}
			t.Strings = make([]string, n)
			for i := range t.Strings {
				t.Strings[i] = string(d.view(int(d.u8())))
			}
		},
		write: func(e *body, t *HostTXT) {
			for _, s := range t.Strings {
				e.length8("string", len(s))
				e.buf = append(e.buf, s...)
			}
		},
		absent: func(t *HostTXT) bool { return len(t.Strings) == 0 },
	}.nonzero(),
)

var hostOPTParams = newTable("host opt", func(o *HostOPT) *Kept { return &o.Kept },
	hostCount(1, "number of elements", func(o *HostOPT) int { return len(o.Elements) }),
	hostKeyValues(2, "elements", func(o *HostOPT) *[]HostKeyValue { return &o.Elements }),
)

var hostSVCBParams = newTable("host svcb", func(s *HostSVCB) *Kept { return &s.Kept },
	u16(1, "priority", func(s *HostSVCB) *uint16 { return &s.Priority }).nonzero(),
	always(str(2, "target", func(s *HostSVCB) *string { return &s.Target })),
	hostCount(3, "number of parameters", func(s *HostSVCB) int { return len(s.Params) }),
	hostKeyValues(4, "parameters", func(s *HostSVCB) *[]HostKeyValue { return &s.Params }),
)

// hostCount is the number of things in the parameter after it.
func hostCount[T any](n int, name string, count func(*T) int) param[T] {
	return param[T]{
		n: n, name: name,
		read:   func(d *decoder, _ *T) { d.length = int(d.u16()) },
		write:  func(e *body, r *T) { e.length16(name, count(r)) },
		absent: func(r *T) bool { return count(r) == 0 },
	}.nonzero()
}

// hostKeyValues are pairs of a key and a value with its length, as many as the parameter before said.
func hostKeyValues[T any](n int, name string, field func(*T) *[]HostKeyValue) param[T] {
	const size = 4 // key and length
	return param[T]{
		n: n, name: name,
		read: func(d *decoder, r *T) {
			n := d.count(uint32(d.length), size)
			d.length = 0
			if n == 0 {
				return
			}
			list := make([]HostKeyValue, n)
			for i := range list {
				list[i].Key = d.u16()
				list[i].Value = d.bytes(int(d.u16()))
			}
			*field(r) = list
		},
		write: func(e *body, r *T) {
			for _, kv := range *field(r) {
				e.u16(kv.Key)
				e.length16("value", len(kv.Value))
				e.bytes(kv.Value)
			}
		},
		absent: func(r *T) bool { return len(*field(r)) == 0 },
	}.nonzero()
}

// readHostData decodes the data of a resource record.
func (d *decoder) readHostData(kind uint16) HostRRData {
	at := d.pos
	d.length = 0
	need := func(k *Kept, where string, params ...int) {
		for _, n := range params {
			if d.err == nil && !k.has(n) {
				d.failAt(at, where, errValue)
			}
		}
	}
	switch kind {
	case 1:
		return HostRRAddr{d.addr()}
	case 2:
		return HostRRName{d.str()}
	case 3:
		s := new(HostSOA)
		hostSOAParams.read(d, s)
		need(&s.Kept, "host soa: names", 1, 2)
		return s
	case 4:
		m := new(HostMX)
		hostMXParams.read(d, m)
		need(&m.Kept, "host mx: exchange", 2)
		return m
	case 5:
		t := new(HostTXT)
		hostTXTParams.read(d, t)
		return t
	case 6:
		o := new(HostOPT)
		hostOPTParams.read(d, o)
		return o
	}
	s := new(HostSVCB)
	hostSVCBParams.read(d, s)
	return s
}

// writeHostData appends the data of a resource record.
func (e *body) writeHostData(data HostRRData) {
	switch x := data.(type) {
	case HostRRAddr:
		if !x.Addr.IsValid() {
			e.fail("address", errNeedsAddr)
			return
		}
		e.addr(x.Addr)
	case HostRRName:
		e.str(x.Name)
	case *HostSOA:
		hostSOAParams.write(e, x)
	case *HostMX:
		hostMXParams.write(e, x)
	case *HostTXT:
		hostTXTParams.write(e, x)
	case *HostOPT:
		hostOPTParams.write(e, x)
	case *HostSVCB:
		hostSVCBParams.write(e, x)
	}
}
