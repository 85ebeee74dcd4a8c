package warts

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// What can be wrong with a record. A [ReadError] wraps one of these, or an error of the reader below.
var (
	errMagic     = errors.New("wrong magic")
	errTypeZero  = errors.New("record type 0")
	errShort     = errors.New("value reaches beyond its end")
	errBlockLen  = errors.New("parameters reach beyond the record")
	errString    = errors.New("string without terminator")
	errAddrType  = errors.New("unknown address type")
	errAddrLen   = errors.New("address length does not fit its type")
	errAddrRef   = errors.New("reference to an address that is not in the table")
	errIfName    = errors.New("interface name out of order")
	errCount     = errors.New("count is more than the bytes that remain can hold")
	errExt       = errors.New("ICMP extensions do not fill their length")
	errNoAddr    = errors.New("address missing")
	errValue     = errors.New("invalid value")
	errListID    = errors.New("list id out of order or unknown")
	errCycleID   = errors.New("cycle id out of order, unknown or stopped")
	errAddrID    = errors.New("address id out of order or unknown")
	errSection   = errors.New("invalid section")
	errEmpty     = errors.New("empty packet")
	errDuplicate = errors.New("section repeated")
)

// decoder reads values from the body of one record. The first error sticks: everything read after it is zero.
type decoder struct {
	file *fileState // lists, cycles and addresses of the file

	buf []byte // the body
	pos int
	end int // where the values being read must end: the end of a parameter block, or of the body

	err   error
	errAt int    // position of the first error
	where string // block and parameter of the first error
	block string // being read

	addrs   []Addr   // the record's address table
	ifnames []string // the record's table of interface names
	length  int      // value of a length parameter that belongs to the parameter after it

	swapped bool // the number of excluded addresses has the wrong byte order

	alias bool      // byte slices of records may point into buf
	names nameCache // recent short strings

	trace func(Field) // if not nil, called for every parameter
	base  int64       // offset of the body in the file, for trace

	// What is being read, so that nothing need be allocated for it.
	ping pingReplyRec
	hop  traceReplyRec

	// Memory of the previous ping and trace, if the caller wants it reused.
	oldPing    *Ping
	oldReplies []PingReply
	oldTrace   *Trace
	oldHops    []TraceReply
	usedHops   int // of oldHops, by the trace being read
}

// start makes d ready for a body.
func (d *decoder) start(body []byte) {
	d.buf, d.pos, d.end = body, 0, len(body)
	d.err, d.errAt, d.where, d.block = nil, 0, "", ""
	d.addrs, d.ifnames = d.addrs[:0], d.ifnames[:0]
	d.length = 0
}

// fail notes the first error.
func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err, d.errAt, d.where = err, d.pos, d.block
	}
	d.end = d.pos
}

// left is the number of bytes up to d.end.
func (d *decoder) left() int { return d.end - d.pos }

func (d *decoder) u8() uint8 {
	if d.pos >= d.end {
		d.fail(errShort)
		return 0
	}
	v := d.buf[d.pos]
	d.pos++
	return v
}

func (d *decoder) u16() uint16 {
	if d.end-d.pos < 2 {
		d.fail(errShort)
		return 0
	}
	v := binary.BigEndian.Uint16(d.buf[d.pos:])
	d.pos += 2
	return v
}

func (d *decoder) u32() uint32 {
	if d.end-d.pos < 4 {
		d.fail(errShort)
		return 0
	}
	v := binary.BigEndian.Uint32(d.buf[d.pos:])
	d.pos += 4
	return v
}

func (d *decoder) time() Time { return Time{Sec: d.u32(), Usec: d.u32()} }

// view returns the next n bytes; they belong to d.buf.
func (d *decoder) view(n int) []byte {
	if d.end-d.pos < n {
		d.fail(errShort)
		return nil
	}
	v := d.buf[d.pos : d.pos+n : d.pos+n]
	d.pos += n
	return v
}

// bytes returns the next n bytes for a record to hold.
func (d *decoder) bytes(n int) []byte {
	v := d.view(n)
	if d.alias || v == nil {
		return v
	}
	return append(make([]byte, 0, n), v...)
}

// str reads a string up to its NUL.
func (d *decoder) str() string {
	n := bytes.IndexByte(d.buf[d.pos:d.end], 0)
	if n < 0 {
		d.fail(errString)
		return ""
	}
	s := d.names.get(d.buf[d.pos : d.pos+n])
	d.pos += n + 1
	return s
}

// addr reads an embedded address: a definition or a reference.
func (d *decoder) addr() Addr {
	if d.end-d.pos >= 6 && d.buf[d.pos] == 4 && d.buf[d.pos+1] == byte(AddrIPv4) { // most are
		a := Addr{lo: uint64(binary.BigEndian.Uint32(d.buf[d.pos+2:])), typ: AddrIPv4}
		d.pos += 6
		d.addrs = append(d.addrs, a)
		return a
	}
	if d.pos < d.end && d.buf[d.pos] == 0 {
		d.pos++
		i := d.u32()
		if d.err == nil && i >= uint32(len(d.addrs)) {
			d.pos -= 4
			d.fail(errAddrRef)
		}
		if d.err != nil {
			return Addr{}
		}
		return d.addrs[i]
	}
	a := d.staticAddr()
	if d.err == nil {
		d.addrs = append(d.addrs, a)
	}
	return a
}

// staticAddr reads a definition that does not enter the address table.
func (d *decoder) staticAddr() Addr {
	at := d.pos
	n, t := int(d.u8()), AddrType(d.u8())
	if d.err != nil {
		return Addr{}
	}
	if t.size() == 0 {
		d.pos = at
		d.fail(errAddrType)
		return Addr{}
	}
	if t.size() != n {
		d.pos = at
		d.fail(errAddrLen)
		return Addr{}
	}
	b := d.view(n)
	if b == nil {
		return Addr{}
	}
	return addrFromBytes(t, b)
}

// gid reads a global address id of old files. 0 is no address.
func (d *decoder) gid() Addr {
	at := d.pos
	id := d.u32()
	if d.err != nil || id == 0 {
		return Addr{}
	}
	if id > uint32(len(d.file.addrs)) {
		d.pos = at
		d.fail(errAddrID)
		return Addr{}
	}
	return d.file.addrs[id-1]
}

// ifname reads an interface name: a definition, or the number of an earlier one.
func (d *decoder) ifname() string {
	at := d.pos
	id := int(d.u8())
	switch {
	case d.err != nil:
		return ""
	case id == 0:
		return d.str()
	case id <= len(d.ifnames):
		return d.ifnames[id-1]
	case id == len(d.ifnames)+1 && id < 255:
		s := d.str()
		d.ifnames = append(d.ifnames, s)
		return s
	}
	d.pos = at
	d.fail(errIfName)
	return ""
}

// exts reads a block of ICMP extensions.
func (d *decoder) exts() []ICMPExt {
	at := d.pos
	total := int(d.u16())
	if d.err != nil {
		return nil
	}
	if total == 0 || total > d.left() {
		d.pos = at
		d.fail(errExt)
		return nil
	}
	outer := d.end
	d.end = d.pos + total
	var list []ICMPExt
	for d.err == nil && d.pos < d.end {
		n := int(d.u16())
		e := ICMPExt{Class: d.u8(), CType: d.u8()}
		e.Data = d.bytes(n)
		list = append(list, e)
	}
	if d.err != nil {
		return nil
	}
	d.end = outer
	return list
}

// count checks that n things of at least size bytes each can follow, before anything is allocated for them.
func (d *decoder) count(n uint32, size int) int {
	if int64(n)*int64(size) > int64(d.left()) {
		d.fail(errCount)
		return 0
	}
	return int(n)
}

// nameCache gives the same string for the same bytes, for the few short names that records repeat.
type nameCache struct {
	slots [64]string
}

func (c *nameCache) get(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if len(b) > 64 {
		return string(b)
	}
	h := uint32(2166136261) // FNV-1a
	for _, v := range b {
		h = (h ^ uint32(v)) * 16777619
	}
	slot := &c.slots[h%64]
	if *slot != string(b) {
		*slot = string(b)
	}
	return *slot
}

// Field is a parameter of a record in a file, as [Reader.Trace] gets it.
type Field struct {
	Offset int64  // of the value in the file, after decompression
	Block  string // part of the record: "ping", "ping reply"
	Number int    // of the parameter, from 1
	Name   string // of the parameter, "" if it is unknown
	Bytes  []byte // the value; valid during the call only
}

// String returns the field as a line: offset, block, number, name and the bytes in hexadecimal.
func (f Field) String() string {
	return fmt.Sprintf("%#08x %s %d %s: % x", f.Offset, f.Block, f.Number, f.Name, f.Bytes)
}
