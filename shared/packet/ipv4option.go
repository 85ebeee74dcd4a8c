package packet

import (
	"fmt"
	"net/netip"
)

// IPv4 option types (IANA "IP Option Numbers").
const (
	IPOptionEnd         = 0
	IPOptionNOP         = 1
	IPOptionRecordRoute = 7  // RFC 791 section 3.1
	IPOptionQuickStart  = 25 // RFC 4782 section 3.1
	IPOptionTimestamp   = 68 // RFC 791 section 3.1
)

// Flags of the timestamp option (RFC 791 section 3.1).
const (
	TimestampOnly    = 0 // stamps alone
	TimestampAndAddr = 1 // pairs of address and stamp
	TimestampPrespec = 3 // only the given addresses stamp
)

// MaxRecordRoute is the number of addresses a record route option has room for.
const MaxRecordRoute = 9

// AppendRecordRoute appends an empty record route option with room for n addresses,
// 1-9: 3 bytes and 4 for each. It returns b unchanged and [ErrTooLong] for other n.
func AppendRecordRoute(b []byte, n int) ([]byte, error) {
	if n < 1 || n > MaxRecordRoute {
		return b, fmt.Errorf("record route option: %w", ErrTooLong)
	}
	b = append(b, IPOptionRecordRoute, uint8(3+4*n), 4)
	return appendZeros(b, 4*n), nil
}

// AppendTimestampOption appends an empty timestamp option with room for n entries:
// 1-9 with flag [TimestampOnly], 1-4 with [TimestampAndAddr]. It returns b
// unchanged and [ErrTooLong] for other n, [ErrType] for another flag.
func AppendTimestampOption(b []byte, flag uint8, n int) ([]byte, error) {
	size := 4
	switch flag {
	case TimestampOnly:
	case TimestampAndAddr:
		size = 8
	default:
		return b, fmt.Errorf("timestamp option with flag %d: %w", flag, ErrType)
	}
	if n < 1 || n > 36/size {
		return b, fmt.Errorf("timestamp option: %w", ErrTooLong)
	}
	b = append(b, IPOptionTimestamp, uint8(4+size*n), 5, flag)
	return appendZeros(b, size*n), nil
}

// AppendTimestampPrespec appends a timestamp option that asks 1-4 given addresses
// for their stamps. It returns b unchanged and [ErrTooLong] or [ErrFamily].
func AppendTimestampPrespec(b []byte, addrs []netip.Addr) ([]byte, error) {
	if len(addrs) < 1 || len(addrs) > 4 {
		return b, fmt.Errorf("timestamp option: %w", ErrTooLong)
	}
	for _, a := range addrs {
		if !a.Is4() {
			return b, fmt.Errorf("timestamp option: %w", ErrFamily)
		}
	}
	b = append(b, IPOptionTimestamp, uint8(4+8*len(addrs)), 5, TimestampPrespec)
	for _, a := range addrs {
		v := a.As4()
		b = append(b, v[:]...)
		b = append(b, 0, 0, 0, 0)
	}
	return b, nil
}

// AppendQuickStart appends a quick-start rate request, 8 bytes. The rate is 0-15;
// the nonce has 30 bits, which are put above the two reserved ones.
func AppendQuickStart(b []byte, rate, ttl uint8, nonce uint32) []byte {
	return append32(append(b, IPOptionQuickStart, 8, rate&0x0f, ttl), nonce<<2)
}

// NextIPv4Option cuts the first option, with its type and length bytes, off an
// option list, stepping over no-operations. It is not ok at the end of the list,
// and at an option whose length is wrong.
func NextIPv4Option(b []byte) (option, rest []byte, ok bool) {
	for len(b) > 0 && b[0] == IPOptionNOP {
		b = b[1:]
	}
	if len(b) < 2 || b[0] == IPOptionEnd {
		return nil, nil, false
	}
	n := int(b[1])
	if n < 2 || n > len(b) {
		return nil, nil, false
	}
	return b[:n:n], b[n:], true
}

// findIPv4Option returns the first option of a type that has at least size bytes.
func findIPv4Option(options []byte, typ uint8, size int) ([]byte, bool) {
	for len(options) > 0 {
		o, rest, ok := NextIPv4Option(options)
		if !ok {
			break
		}
		if o[0] == typ && len(o) >= size {
			return o, true
		}
		options = rest
	}
	return nil, false
}

// RecordRoute is a record route option as a view, from its type byte on.
type RecordRoute []byte

// FindRecordRoute looks for the option in the options of a header.
func FindRecordRoute(options []byte) (RecordRoute, bool) {
	o, ok := findIPv4Option(options, IPOptionRecordRoute, 3)
	return RecordRoute(o), ok
}

// Len returns how many addresses were recorded: pointer/4 - 1 if the pointer is a
// multiple of 4 and at least 8, bounded by the option's length.
func (r RecordRoute) Len() int {
	p := int(u8(r, 2))
	if p%4 != 0 || p < 8 {
		return 0
	}
	return min(p/4-1, (len(r)-3)/4)
}

// At returns recorded address i, or the invalid address if there isn't one.
func (r RecordRoute) At(i int) netip.Addr {
	if i < 0 || i >= r.Len() {
		return netip.Addr{}
	}
	return addr4(r, 3+4*i)
}

// Record writes an address into the next free place, as a router does that forwards
// the packet. It reports whether there was one; the header checksum then has to be
// computed anew.
func (r RecordRoute) Record(a netip.Addr) bool {
	p := int(u8(r, 2))
	if p < 4 || p-1+4 > len(r) || !a.Is4() {
		return false
	}
	v := a.As4()
	copy(r[p-1:], v[:])
	r[2] += 4
	return true
}

// TimestampOption is a timestamp option as a view, from its type byte on.
type TimestampOption []byte

// FindTimestampOption looks for the option in the options of a header.
func FindTimestampOption(options []byte) (TimestampOption, bool) {
	o, ok := findIPv4Option(options, IPOptionTimestamp, 4)
	return TimestampOption(o), ok
}

// Flag returns the kind of entries, [TimestampOnly] and so on.
func (t TimestampOption) Flag() uint8 { return u8(t, 3) & 0x0f }

// Overflow returns how many routers had no room for their stamp, 0-15.
func (t TimestampOption) Overflow() uint8 { return u8(t, 3) >> 4 }

// entrySize is 4 for stamps alone, 8 for pairs, 0 for an unknown flag.
func (t TimestampOption) entrySize() int {
	switch t.Flag() {
	case TimestampOnly:
		return 4
	case TimestampAndAddr, TimestampPrespec:
		return 8
	}
	return 0
}

// Len returns how many entries were filled in: those in the pointer - 5 bytes in
// use. A pointer of 1 stands for a whole option in use.
func (t TimestampOption) Len() int {
	size := t.entrySize()
	if size == 0 {
		return 0
	}
	room := max(len(t)-4, 0)
	switch p := int(u8(t, 2)); {
	case p == 1:
		return room / size
	case p < 5:
		return 0
	default:
		return min(p-5, room) / size
	}
}

// At returns entry i: its address (invalid with [TimestampOnly]) and the time in
// milliseconds since midnight UT, or in the router's own measure if the high bit is
// set. Entries of a prespecified list behind Len are those not yet filled in; beyond
// the option, both are zero.
func (t TimestampOption) At(i int) (netip.Addr, uint32) {
	size := t.entrySize()
	if size == 0 || i < 0 || i >= (len(t)-4)/size {
		return netip.Addr{}, 0
	}
	if size == 4 {
		return netip.Addr{}, u32(t, 4+4*i)
	}
	return addr4(t, 4+8*i), u32(t, 8+8*i)
}

// Record does what a router at address a does that forwards the packet at time ms:
// it fills in the next entry, or counts an overflow if there is no room. It reports
// whether the option was changed; the header checksum then has to be computed anew.
func (t TimestampOption) Record(a netip.Addr, ms uint32) bool {
	size := t.entrySize()
	p := int(u8(t, 2))
	if size == 0 || p < 5 || len(t) < 4 || !a.Is4() {
		return false
	}
	if p-1+size > len(t) {
		if t.Flag() == TimestampPrespec || t.Overflow() == 15 {
			return false
		}
		t[3] += 0x10
		return true
	}
	at := t[p-1:]
	if size == 8 {
		if t.Flag() == TimestampPrespec && addr4(at, 0) != a {
			return false
		}
		v := a.As4()
		copy(at, v[:])
		at = at[4:]
	}
	put16(at, 0, uint16(ms>>16))
	put16(at, 2, uint16(ms))
	t[2] += uint8(size)
	return true
}
