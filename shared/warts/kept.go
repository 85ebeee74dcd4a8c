package warts

import (
	"bytes"
	"slices"
)

// Kept is what a record that was read remembers of the file beyond its fields: which parameters were there, and the
// bytes of those that this package doesn't know. With it a Writer gives back the same bytes. It is opaque; the zero Kept
// is right for a record that a program makes. A record read and then changed is written with its changes.
type Kept struct {
	present uint64 // bit n-1: parameter n was in the file; the highest bit: there was a file
	more    *keptMore
}

// keptRead marks a Kept that a reader filled in. Parameter numbers beyond 63 are in keptMore.flags alone.
const keptRead = 1 << 63

// keptMore holds the rare rest of a Kept.
type keptMore struct {
	flags    []byte    // flag bytes, if there were unknown flags or more bytes than needed
	params   []byte    // of the parameter block, after the last known parameter
	trailing []byte    // after the end of the record or the section
	sections []section // of a trace or a tbit, if they were not the usual ones in the usual order

	// What a reply says about its probe, if it isn't what the first reply to the same probe says.
	ping *PingProbe
	hop  *TraceProbe

	probe0 [2]uint16 // source port and number of replies of the first probe of a udpprobe that sent none
	probes uint32    // number of probes that a dealias of an unknown method has
}

// section is a section of a record: data is nil for a known type, whose contents are in the record.
type section struct {
	kind uint16
	data []byte
}

// has reports whether parameter n was in the file.
func (k *Kept) has(n int) bool { return k.present>>(n-1)&1 != 0 }

// Has reports whether the record was read from a file that has parameter n, which counts from 1 in the order of the
// format. Most values speak for themselves; what Has adds is the difference between an empty text and none.
func (k Kept) Has(n int) bool { return n >= 1 && n <= 63 && k.has(n) }

// FromFile reports whether the record was read from a file.
func (k Kept) FromFile() bool { return k.read() }

// read reports whether the record comes from a file.
func (k *Kept) read() bool { return k.present&keptRead != 0 }

// extra returns k.more for filling it in.
func (k *Kept) extra() *keptMore {
	if k.more == nil {
		k.more = new(keptMore)
	}
	return k.more
}

// keepTrailing remembers the bytes after the end of a record, if there are any.
func (k *Kept) keepTrailing(b []byte) {
	if len(b) > 0 {
		k.extra().trailing = bytes.Clone(b)
	}
}

// trailing returns the bytes after the end of a record.
func (k *Kept) trailing() []byte {
	if k.more == nil {
		return nil
	}
	return k.more.trailing
}

// Equal reports whether k and l remember the same.
func (k Kept) Equal(l Kept) bool {
	if k.present != l.present || (k.more == nil) != (l.more == nil) {
		return false
	}
	if k.more == nil {
		return true
	}
	a, b := k.more, l.more
	return bytes.Equal(a.flags, b.flags) && bytes.Equal(a.params, b.params) && bytes.Equal(a.trailing, b.trailing) &&
		slices.EqualFunc(a.sections, b.sections, func(s, t section) bool {
			return s.kind == t.kind && bytes.Equal(s.data, t.data)
		})
}
