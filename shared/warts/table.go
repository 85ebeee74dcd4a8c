package warts

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
)

// table describes the block of flags and parameters of which records are made: one row for each parameter serves
// reading, writing, error messages and [Reader.Trace].
//
// A block is: flag bytes, each with 7 flags from the lowest bit up and a bit 0x80 that says that another one follows;
// then, unless the first flag byte is 0, a 16-bit length and that many bytes, which hold a value for each flag set, in
// ascending order. A reader that meets a flag it doesn't know goes on at the end of the block.
type table[T any] struct {
	name   string
	rows   []param[T] // row i is parameter i+1
	kept   func(*T) *Kept
	known  uint64 // bit n-1: parameter n has a row
	always uint64 // those that every new record has
	never  uint64 // those that are read only
	conds  []cond[T]
	checks []cond[T]
}

// cond is a test that decides whether a parameter, given by its bit, is written. Tables have them apart from the rows
// because every record that is written goes through all of them.
type cond[T any] struct {
	bit  uint64
	test func(*T) bool
}

// param is a row of a table.
type param[T any] struct {
	n     int
	name  string
	read  func(*decoder, *T)
	write func(*body, *T)

	// absent reports whether the field has the value that a reader gives it when the parameter isn't there.
	absent func(*T) bool
	// when reports whether a new record has the parameter; nil means always. It must not if can doesn't.
	when func(*T) bool
	// can reports whether there is a value to write at all; nil means that there always is.
	can func(*T) bool
	// readOnly parameters are deprecated and never written.
	readOnly bool
}

// on makes the parameter one that new records have on a condition.
func (p param[T]) on(when func(*T) bool) param[T] {
	p.when = when
	return p
}

// nonzero makes the parameter one that new records have if a reader would not assume its value anyway.
func (p param[T]) nonzero() param[T] {
	absent := p.absent
	p.when = func(r *T) bool { return !absent(r) }
	return p
}

// otherwise replaces the test for the value that a reader assumes when the parameter isn't there.
func (p param[T]) otherwise(absent func(*T) bool) param[T] {
	p.absent = absent
	return p
}

// newTable makes a table. The rows must be numbered from 1 without gap.
func newTable[T any](name string, kept func(*T) *Kept, rows ...param[T]) *table[T] {
	t := &table[T]{name: name, rows: rows, kept: kept}
	for i, row := range rows {
		if row.n != i+1 {
			panic(fmt.Sprintf("warts: table %s: row %d is parameter %d", name, i+1, row.n))
		}
		bit := uint64(1) << i
		t.known |= bit
		switch {
		case row.readOnly:
			t.never |= bit
		case row.when == nil:
			t.always |= bit
		default:
			t.conds = append(t.conds, cond[T]{bit, row.when})
		}
		if row.can != nil {
			t.checks = append(t.checks, cond[T]{bit, row.can})
		}
	}
	return t
}

// read decodes a block into r.
func (t *table[T]) read(d *decoder, r *T) {
	if d.err != nil {
		return
	}
	outer := d.block
	d.block = t.name
	at := d.pos
	var mask uint64
	for i := uint(0); ; i++ {
		if d.pos >= d.end {
			d.fail(errShort)
			return
		}
		b := d.buf[d.pos]
		d.pos++
		if i < 9 {
			mask |= uint64(b&0x7f) << (7 * i)
		}
		if b&0x80 == 0 {
			break
		}
	}
	flags := d.buf[at:d.pos]
	k := t.kept(r)
	k.present = mask | keptRead
	if flags[0] == 0 {
		d.block = outer
		return
	}
	n := int(d.u16())
	if d.err == nil && n > d.left() {
		d.pos -= 2
		d.fail(errBlockLen)
	}
	if d.err != nil {
		return
	}
	end := d.end
	d.end = d.pos + n
	t.values(d, r, mask&t.known)
	if d.err != nil {
		return
	}
	if unknown := mask&^t.known != 0; unknown || len(flags) > flagBytes(mask) {
		k.extra().flags = bytes.Clone(flags)
	}
	if d.pos < d.end {
		if d.trace != nil {
			d.note(t.name, bits.TrailingZeros64(mask&^t.known)+1, "", d.pos, d.end)
		}
		k.extra().params = bytes.Clone(d.buf[d.pos:d.end])
	}
	d.pos, d.end = d.end, end
	d.block = outer
}

// values decodes the parameters of mask.
func (t *table[T]) values(d *decoder, r *T, mask uint64) {
	for ; mask != 0; mask &= mask - 1 {
		row := &t.rows[bits.TrailingZeros64(mask)]
		at := d.pos
		row.read(d, r)
		if d.err != nil {
			if d.where == t.name {
				d.where = t.name + ": " + row.name
			}
			return
		}
		if d.trace != nil {
			d.note(t.name, row.n, row.name, at, d.pos)
		}
	}
}

// note hands a parameter to d.trace.
func (d *decoder) note(block string, n int, name string, from, to int) {
	d.trace(Field{Offset: d.base + int64(from), Block: block, Number: n, Name: name, Bytes: d.buf[from:to]})
}

// flagBytes is the number of flag bytes that the flags of mask need.
func flagBytes(mask uint64) int {
	return max(1, (bits.Len64(mask)+6)/7)
}

// mask says which parameters r is written with: those that a new record has; or, if it was read, those that were there
// and those whose values a reader would not assume.
func (t *table[T]) mask(r *T, k *Kept) uint64 {
	if !k.read() {
		mask := t.always
		for i := range t.conds {
			if c := &t.conds[i]; c.test(r) {
				mask |= c.bit
			}
		}
		return mask
	}
	mask := k.present & t.known &^ t.never
	for m := t.known &^ t.never &^ mask; m != 0; m &= m - 1 {
		row := &t.rows[bits.TrailingZeros64(m)]
		if !row.absent(r) && (row.when == nil || row.when(r)) {
			mask |= m & -m
		}
	}
	for _, c := range t.checks {
		if mask&c.bit != 0 && !c.test(r) {
			mask &^= c.bit
		}
	}
	return mask
}

// write appends the block of r.
func (t *table[T]) write(e *body, r *T) {
	k := t.kept(r)
	mask := t.mask(r, k)
	n := flagBytes(mask)
	at := len(e.buf)
	if k.more != nil && len(k.more.flags) > 0 {
		e.unknownFlags(k.more.flags, mask, t.known)
	} else {
		for i := range n {
			e.buf = append(e.buf, byte(mask>>(7*i))|0x80)
		}
		e.buf[len(e.buf)-1] &^= 0x80
	}
	if e.buf[at] == 0 {
		return
	}
	e.u16(0)
	start := len(e.buf)
	for m := mask; m != 0; m &= m - 1 {
		row := &t.rows[bits.TrailingZeros64(m)]
		row.write(e, r)
		if e.err != nil {
			e.err = fmt.Errorf("%s: %s: %w", t.name, row.name, e.err)
			return
		}
	}
	if k.more != nil {
		e.bytes(k.more.params)
	}
	length := len(e.buf) - start
	if length > 0xffff {
		e.fail(t.name+" parameters", errTooLong)
	}
	binary.BigEndian.PutUint16(e.buf[start-2:], uint16(length))
}

// unknownFlags appends flag bytes that set the known flags of mask and the unknown ones of was, at least as many as was
// has.
func (e *body) unknownFlags(was []byte, mask, known uint64) {
	n := max(flagBytes(mask), len(was))
	for i := range n {
		var b byte
		if i < len(was) {
			b = was[i] & 0x7f
		}
		if i < 9 {
			b = b&^byte(known>>(7*i)) | byte(mask>>(7*i))&0x7f
		}
		if i < n-1 {
			b |= 0x80
		}
		e.buf = append(e.buf, b)
	}
}
