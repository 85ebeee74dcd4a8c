package warts

import "time"

// The kinds of parameters. Each takes the parameter's number and name, and a function that gives its field.

func u8[T any, V ~uint8](n int, name string, field func(*T) *V) param[T] {
	return param[T]{
		n: n, name: name,
		read:   func(d *decoder, r *T) { *field(r) = V(d.u8()) },
		write:  func(e *body, r *T) { e.u8(uint8(*field(r))) },
		absent: func(r *T) bool { return *field(r) == 0 },
	}
}

func u16[T any, V ~uint16](n int, name string, field func(*T) *V) param[T] {
	return param[T]{
		n: n, name: name,
		read:   func(d *decoder, r *T) { *field(r) = V(d.u16()) },
		write:  func(e *body, r *T) { e.u16(uint16(*field(r))) },
		absent: func(r *T) bool { return *field(r) == 0 },
	}
}

func u32[T any, V ~uint32](n int, name string, field func(*T) *V) param[T] {
	return param[T]{
		n: n, name: name,
		read:   func(d *decoder, r *T) { *field(r) = V(d.u32()) },
		write:  func(e *body, r *T) { e.u32(uint32(*field(r))) },
		absent: func(r *T) bool { return *field(r) == 0 },
	}
}

// moment is a [Time].
func moment[T any](n int, name string, field func(*T) *Time) param[T] {
	return param[T]{
		n: n, name: name,
		read:   func(d *decoder, r *T) { *field(r) = d.time() },
		write:  func(e *body, r *T) { e.time(*field(r)) },
		absent: func(r *T) bool { return *field(r) == Time{} },
	}
}

// timeval is a duration stored as a [Time].
func timeval[T any](n int, name string, field func(*T) *time.Duration) param[T] {
	return param[T]{
		n: n, name: name,
		read:   func(d *decoder, r *T) { *field(r) = time.Duration(d.time().UnixMicro()) * time.Microsecond },
		write:  func(e *body, r *T) { e.duration(name, *field(r)) },
		absent: func(r *T) bool { return *field(r) == 0 },
	}
}

// wait8, wait16 and wait32 are durations in whole units.

func wait8[T any](n int, name string, unit time.Duration, field func(*T) *time.Duration) param[T] {
	return param[T]{
		n: n, name: name,
		read:   func(d *decoder, r *T) { *field(r) = time.Duration(d.u8()) * unit },
		write:  func(e *body, r *T) { e.u8(uint8(e.units(name, *field(r), unit, 0xff))) },
		absent: func(r *T) bool { return *field(r)/unit == 0 },
	}
}

func wait16[T any](n int, name string, unit time.Duration, field func(*T) *time.Duration) param[T] {
	return param[T]{
		n: n, name: name,
		read:   func(d *decoder, r *T) { *field(r) = time.Duration(d.u16()) * unit },
		write:  func(e *body, r *T) { e.u16(uint16(e.units(name, *field(r), unit, 0xffff))) },
		absent: func(r *T) bool { return *field(r)/unit == 0 },
	}
}

func wait32[T any](n int, name string, unit time.Duration, field func(*T) *time.Duration) param[T] {
	return param[T]{
		n: n, name: name,
		read:   func(d *decoder, r *T) { *field(r) = time.Duration(d.u32()) * unit },
		write:  func(e *body, r *T) { e.u32(e.units(name, *field(r), unit, 0xffffffff)) },
		absent: func(r *T) bool { return *field(r)/unit == 0 },
	}
}

// rtt is a duration in microseconds that wraps modulo 2^32.
func rtt[T any](n int, name string, field func(*T) *time.Duration) param[T] {
	return param[T]{
		n: n, name: name,
		read:   func(d *decoder, r *T) { *field(r) = time.Duration(d.u32()) * time.Microsecond },
		write:  func(e *body, r *T) { e.u32(uint32(*field(r) / time.Microsecond)) },
		absent: func(r *T) bool { return *field(r)/time.Microsecond == 0 },
	}
}

// str is a string with a NUL at its end; "" is no string.
func str[T any](n int, name string, field func(*T) *string) param[T] {
	return param[T]{
		n: n, name: name,
		read:   func(d *decoder, r *T) { *field(r) = d.str() },
		write:  func(e *body, r *T) { e.str(*field(r)) },
		absent: func(r *T) bool { return *field(r) == "" },
	}.nonzero()
}

// addr is an embedded address; the zero Addr is no address.
func addr[T any](n int, name string, field func(*T) *Addr) param[T] {
	p := param[T]{
		n: n, name: name,
		read:   func(d *decoder, r *T) { *field(r) = d.addr() },
		write:  func(e *body, r *T) { e.addr(*field(r)) },
		absent: func(r *T) bool { return !field(r).IsValid() },
	}.nonzero()
	p.can = p.when
	return p
}

// staticAddr is an address that does not enter the table.
func staticAddr[T any](n int, name string, field func(*T) *Addr) param[T] {
	p := param[T]{
		n: n, name: name,
		read:   func(d *decoder, r *T) { *field(r) = d.staticAddr() },
		write:  func(e *body, r *T) { e.staticAddr(*field(r)) },
		absent: func(r *T) bool { return !field(r).IsValid() },
	}.nonzero()
	p.can = p.when
	return p
}

// gid is the number of an address record: deprecated, read only.
func gid[T any](n int, name string, field func(*T) *Addr) param[T] {
	return param[T]{
		n: n, name: name, readOnly: true,
		read: func(d *decoder, r *T) { *field(r) = d.gid() },
	}
}

// ifname is the name of an interface; "" is none.
func ifname[T any](n int, name string, field func(*T) *string) param[T] {
	return param[T]{
		n: n, name: name,
		read:   func(d *decoder, r *T) { *field(r) = d.ifname() },
		write:  func(e *body, r *T) { e.ifname(*field(r)) },
		absent: func(r *T) bool { return *field(r) == "" },
	}.nonzero()
}

// icmpExts are ICMP extensions.
func icmpExts[T any](n int, name string, field func(*T) *[]ICMPExt) param[T] {
	p := param[T]{
		n: n, name: name,
		read:   func(d *decoder, r *T) { *field(r) = d.exts() },
		write:  func(e *body, r *T) { e.exts(*field(r)) },
		absent: func(r *T) bool { return len(*field(r)) == 0 },
	}.nonzero()
	p.can = p.when
	return p
}

// icmpTypeCode are an ICMP type and code in two bytes.
func icmpTypeCode[T any](n int, typ, code func(*T) *uint8) param[T] {
	return param[T]{
		n: n, name: "icmp type and code",
		read:   func(d *decoder, r *T) { *typ(r), *code(r) = d.u8(), d.u8() },
		write:  func(e *body, r *T) { e.buf = append(e.buf, *typ(r), *code(r)) },
		absent: func(r *T) bool { return *typ(r) == 0 && *code(r) == 0 },
	}
}

// dataLen16 and data are the length of some bytes, and the bytes. If there are none, a new record has neither.

func dataLen16[T any](n int, name string, field func(*T) *[]byte) param[T] {
	return param[T]{
		n: n, name: name + " length",
		read:   func(d *decoder, r *T) { d.length = int(d.u16()) },
		write:  func(e *body, r *T) { e.length16(name, len(*field(r))) },
		absent: func(r *T) bool { return len(*field(r)) == 0 },
	}.nonzero()
}

func data[T any](n int, name string, field func(*T) *[]byte) param[T] {
	return param[T]{
		n: n, name: name,
		read: func(d *decoder, r *T) {
			*field(r) = d.bytes(d.length)
			d.length = 0
		},
		write:  func(e *body, r *T) { e.bytes(*field(r)) },
		absent: func(r *T) bool { return len(*field(r)) == 0 },
	}.nonzero()
}

// list and cycle are the file's numbers of the record's list and cycle.

func list[T any](n int, field func(*T) **List) param[T] {
	return param[T]{
		n: n, name: "list",
		read:   func(d *decoder, r *T) { *field(r) = d.list() },
		write:  func(e *body, r *T) { e.u32(e.listID) },
		absent: func(r *T) bool { return *field(r) == nil },
	}
}

func cycle[T any](n int, field func(*T) **Cycle) param[T] {
	return param[T]{
		n: n, name: "cycle",
		read:   func(d *decoder, r *T) { *field(r) = d.cycle() },
		write:  func(e *body, r *T) { e.u32(e.cycleID) },
		absent: func(r *T) bool { return *field(r) == nil },
	}
}
