package warts

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
)

// errors that a record can't be written with.
var (
	errTooLong   = errors.New("longer than 65535 bytes")
	errTooMany   = errors.New("more than the format can count")
	errRange     = errors.New("out of the format's range")
	errNUL       = errors.New("string contains a NUL")
	errNeedsAddr = errors.New("address required")
	errNeedsName = errors.New("name required")
)

// body appends the encoding of one record's body. The first error sticks.
type body struct {
	buf []byte
	err error

	listID, cycleID uint32

	addrs   []Addr
	index   map[Addr]uint32 // of addrs, once there are many
	ifnames []string

	ping pingReplyRec
	hop  traceReplyRec
}

// addrsLinear is how many addresses are looked up without a map.
const addrsLinear = 16

// start makes e ready for a body that is appended to buf.
func (e *body) start(buf []byte) {
	e.buf, e.err = buf, nil
	if len(e.addrs) > addrsLinear {
		clear(e.index)
	}
	e.addrs, e.ifnames = e.addrs[:0], e.ifnames[:0]
}

// fail notes the first error, with what it is about.
func (e *body) fail(what string, err error) {
	if e.err == nil {
		e.err = fmt.Errorf("%s: %w", what, err)
	}
}

func (e *body) u8(v uint8)   { e.buf = append(e.buf, v) }
func (e *body) u16(v uint16) { e.buf = binary.BigEndian.AppendUint16(e.buf, v) }
func (e *body) u32(v uint32) { e.buf = binary.BigEndian.AppendUint32(e.buf, v) }

func (e *body) time(t Time) {
	e.u32(t.Sec)
	e.u32(t.Usec)
}

func (e *body) bytes(b []byte) { e.buf = append(e.buf, b...) }

func (e *body) str(s string) {
	if strings.IndexByte(s, 0) >= 0 {
		e.fail("string", errNUL)
	}
	e.buf = append(append(e.buf, s...), 0)
}

// length16 appends the length of something that has 16 bits for it.
func (e *body) length16(what string, n int) {
	if n > 0xffff {
		e.fail(what, errTooMany)
	}
	e.u16(uint16(n))
}

// length8 appends the length of something that has 8 bits for it.
func (e *body) length8(what string, n int) {
	if n > 0xff {
		e.fail(what, errTooMany)
	}
	e.u8(uint8(n))
}

// addr appends an embedded address: a definition at its first use in the record, then a reference.
func (e *body) addr(a Addr) {
	if i, ok := e.lookup(a); ok {
		e.u8(0)
		e.u32(i)
		return
	}
	e.staticAddr(a)
	e.addrs = append(e.addrs, a)
	if len(e.addrs) <= addrsLinear {
		return
	}
	if e.index == nil {
		e.index = make(map[Addr]uint32)
	}
	if len(e.addrs) == addrsLinear+1 {
		for i, b := range e.addrs[:addrsLinear] {
			e.index[b] = uint32(i)
		}
	}
	e.index[a] = uint32(len(e.addrs) - 1)
}

func (e *body) lookup(a Addr) (uint32, bool) {
	if len(e.addrs) > addrsLinear {
		i, ok := e.index[a]
		return i, ok
	}
	for i, b := range e.addrs {
		if a == b {
			return uint32(i), true
		}
	}
	return 0, false
}

// forget takes back the addresses defined after the first n.
func (e *body) forget(n int) {
	if len(e.addrs) > addrsLinear {
		for _, a := range e.addrs[n:] {
			delete(e.index, a)
		}
		if n <= addrsLinear {
			clear(e.index)
		}
	}
	e.addrs = e.addrs[:n]
}

// staticAddr appends a definition that does not enter the address table.
func (e *body) staticAddr(a Addr) {
	if !a.IsValid() {
		e.fail("address", errNeedsAddr)
		return
	}
	e.buf = append(e.buf, byte(a.typ.size()), byte(a.typ))
	e.buf = a.AppendBytes(e.buf)
}

// ifname appends an interface name: a definition at its first use in the record, then its number.
func (e *body) ifname(name string) {
	for i, s := range e.ifnames {
		if s == name {
			e.u8(uint8(i + 1))
			return
		}
	}
	if len(e.ifnames) == 254 {
		e.u8(0)
	} else {
		e.ifnames = append(e.ifnames, name)
		e.u8(uint8(len(e.ifnames)))
	}
	e.str(name)
}

// exts appends a block of ICMP extensions.
func (e *body) exts(list []ICMPExt) {
	at := len(e.buf)
	e.u16(0)
	for _, x := range list {
		e.length16("ICMP extension", len(x.Data))
		e.u8(x.Class)
		e.u8(x.CType)
		e.bytes(x.Data)
	}
	n := len(e.buf) - at - 2
	if n > 0xffff {
		e.fail("ICMP extensions", errTooLong)
	}
	binary.BigEndian.PutUint16(e.buf[at:], uint16(n))
}

// units is a duration in whole units; it must not be negative nor exceed max.
func (e *body) units(what string, d, unit time.Duration, max uint64) uint32 {
	v := d / unit
	if v < 0 || uint64(v) > max {
		e.fail(what, errRange)
	}
	return uint32(v)
}

// duration appends seconds and microseconds.
func (e *body) duration(what string, d time.Duration) {
	e.u32(e.units(what, d, time.Second, 0xffffffff))
	e.u32(uint32(d % time.Second / time.Microsecond))
}
