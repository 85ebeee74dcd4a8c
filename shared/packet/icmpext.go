package packet

import (
	"fmt"
	"iter"
	"net/netip"
)

// Classes and types of ICMP extension objects.
const (
	ExtensionMPLS      = 1 // class; C-type 1 is the incoming label stack (RFC 4950)
	ExtensionInterface = 2 // class; the C-type is a bit field (RFC 5837)
)

// quoteMin is what comes at least before the extensions: 128 bytes of the original
// packet, filled up with zeros (RFC 4884 section 4.4; in the legacy form, section
// 5.1, exactly that many).
const quoteMin = 128

// extHeaderLen is the length of the extension structure's header: version, reserved
// bits, checksum.
const extHeaderLen = 4

// Extensions is the list of objects in the extension structure of an ICMP error,
// behind the structure's header, as a view. Those got from [ICMP.Extensions4] and
// [ICMP.Extensions6] come from a structure whose version and checksum hold.
type Extensions []byte

// Object is one extension object: MPLS labels, an interface, or something unknown.
type Object struct {
	Class, CType uint8
	Data         []byte
}

// Extensions4 looks for an extension structure in an ICMP error. Where the RFC 4884
// length field (in 32-bit words, of the original packet) is set, the structure lies
// behind that; else, and if there is none, behind 128 bytes of original packet, which
// is where routers older than the RFC put it. It has to have version 2 (also taken:
// a first byte of 2, written by some routers) and a checksum that is zero or right
// for all bytes to the end of the message. No other message but an unreachable, time
// exceeded or parameter problem is looked at.
func (m ICMP) Extensions4() (Extensions, bool) {
	switch m.Type() {
	case ICMP4Unreach, ICMP4TimeExceeded, ICMP4ParamProblem:
		return m.extensions(int(u8(m, 5))*4, true)
	}
	return nil, false
}

// Extensions6 is Extensions4 for ICMPv6, where the length field is in 64-bit words
// and is in use for unreachable and time exceeded. Packet too big and parameter
// problem have no length field: the structure is looked for behind 128 bytes.
func (m ICMP) Extensions6() (Extensions, bool) {
	switch m.Type() {
	case ICMP6Unreach, ICMP6TimeExceeded:
		return m.extensions(int(u8(m, 4))*8, false)
	case ICMP6TooBig, ICMP6ParamProblem:
		return m.extensions(0, false)
	}
	return nil, false
}

func (m ICMP) extensions(length int, v4 bool) (Extensions, bool) {
	body := m.Body()
	if length > quoteMin {
		if e, ok := extensionsAt(body, length, v4); ok {
			return e, true
		}
	}
	return extensionsAt(body, quoteMin, v4)
}

func extensionsAt(body []byte, at int, v4 bool) (Extensions, bool) {
	if len(body) <= at+extHeaderLen {
		return nil, false
	}
	s := tail(body, at)
	if s[0]>>4 != 2 && (!v4 || s[0] != 2) {
		return nil, false
	}
	if u16(s, 2) != 0 && Checksum(s) != 0 {
		return nil, false
	}
	return Extensions(s[extHeaderLen:]), true
}

// Next cuts the first object off. Objects without data (length below 8) are stepped
// over. It is not ok at the end, and at an object whose length is below 4 or beyond
// the end.
func (e Extensions) Next() (o Object, rest Extensions, ok bool) {
	for len(e) >= 4 {
		n := int(u16(e, 0))
		if n < 4 || n > len(e) {
			break
		}
		if n >= 8 {
			return Object{Class: e[2], CType: e[3], Data: e[4:n:n]}, e[n:], true
		}
		e = e[n:]
	}
	return Object{}, nil, false
}

// All ranges over the objects.
func (e Extensions) All() iter.Seq[Object] {
	return func(yield func(Object) bool) {
		for {
			o, rest, ok := e.Next()
			if !ok || !yield(o) {
				return
			}
			e = rest
		}
	}
}

// IsMPLS reports that the object is an MPLS label stack (RFC 4950).
func (o Object) IsMPLS() bool { return o.Class == ExtensionMPLS && o.CType == 1 }

// Labels returns the number of label stack entries of an MPLS object.
func (o Object) Labels() int { return len(o.Data) / 4 }

// Label returns entry i of an MPLS object, the zero value beyond the end.
func (o Object) Label(i int) MPLSLabel {
	if i < 0 || i >= o.Labels() {
		return MPLSLabel{}
	}
	v := u32(o.Data, 4*i)
	return MPLSLabel{Label: v >> 12, Exp: uint8(v>>9) & 7, Bottom: v&0x100 != 0, TTL: uint8(v)}
}

// MPLSLabel is an entry of an MPLS label stack (RFC 3032 section 2.1).
type MPLSLabel struct {
	Label  uint32 // 20 bits
	Exp    uint8  // 3 bits: traffic class
	Bottom bool   // the last entry of the stack
	TTL    uint8
}

func (l MPLSLabel) word() uint32 {
	v := l.Label<<12 | uint32(l.Exp&7)<<9 | uint32(l.TTL)
	if l.Bottom {
		v |= 0x100
	}
	return v
}

// AppendObject appends an object. Data that isn't a multiple of 4 bytes is filled up
// with zeros (RFC 4884 section 7.1). It returns b unchanged and [ErrTooLong] if the
// data don't fit.
func AppendObject(b []byte, class, ctype uint8, data []byte) ([]byte, error) {
	n := (len(data) + 3) &^ 3
	if n > 0xffff-4 {
		return b, fmt.Errorf("ICMP extension object: %w", ErrTooLong)
	}
	b = append16(b, uint16(4+n))
	b = append(b, class, ctype)
	b = append(b, data...)
	return appendZeros(b, n-len(data)), nil
}

// AppendMPLS appends an MPLS object with the given label stack.
func AppendMPLS(b []byte, stack ...MPLSLabel) ([]byte, error) {
	if len(stack) > (0xffff-4)/4 {
		return b, fmt.Errorf("MPLS label stack: %w", ErrTooLong)
	}
	b = append16(b, uint16(4+4*len(stack)))
	b = append(b, ExtensionMPLS, 1)
	for _, l := range stack {
		b = append32(b, l.word())
	}
	return b, nil
}

// InterfaceRole says which interface of the router an interface object is about
// (RFC 5837 section 4.2).
type InterfaceRole uint8

// Roles.
const (
	RoleIncoming    InterfaceRole = 0 // the one the packet came in by
	RoleIncomingSub InterfaceRole = 1 // a component of that one
	RoleOutgoing    InterfaceRole = 2 // the one it would have left by
	RoleNextHop     InterfaceRole = 3 // the next hop's address
)

// Interface is an interface information object (RFC 5837). What wasn't told is
// zero.
type Interface struct {
	Role  InterfaceRole
	Index uint32
	Addr  netip.Addr
	Name  string // at most 63 bytes
	MTU   uint32 // bytes
}

const (
	ifHasIndex = 0x08
	ifHasAddr  = 0x04
	ifHasName  = 0x02
	ifHasMTU   = 0x01
)

// Interface reads an interface information object. It is ok if the object is one and
// all that its C-type announces is there.
func (o Object) Interface() (Interface, bool) {
	if o.Class != ExtensionInterface {
		return Interface{}, false
	}
	f := Interface{Role: InterfaceRole(o.CType >> 6)}
	d := o.Data
	if o.CType&ifHasIndex != 0 {
		if len(d) < 4 {
			return Interface{}, false
		}
		f.Index, d = u32(d, 0), d[4:]
	}
	if o.CType&ifHasAddr != 0 {
		switch afi := u16(d, 0); {
		case afi == 1 && len(d) >= 8:
			f.Addr, d = addr4(d, 4), d[8:]
		case afi == 2 && len(d) >= 20:
			f.Addr, d = addr16(d, 4), d[20:]
		default:
			return Interface{}, false
		}
	}
	if o.CType&ifHasName != 0 {
		// The length byte counts itself and the padding, and is at most 64.
		n := int(u8(d, 0))
		if n < 1 || n > 64 || n > len(d) {
			return Interface{}, false
		}
		name := d[1:n]
		for len(name) > 0 && name[len(name)-1] == 0 {
			name = name[:len(name)-1]
		}
		f.Name, d = string(name), d[n:]
	}
	if o.CType&ifHasMTU != 0 {
		if len(d) < 4 {
			return Interface{}, false
		}
		f.MTU = u32(d, 0)
	}
	return f, true
}

// AppendInterface appends an interface information object with what isn't zero. It
// returns b unchanged and [ErrTooLong] if the name is longer than 63 bytes.
func AppendInterface(b []byte, f Interface) ([]byte, error) {
	if len(f.Name) > 63 {
		return b, fmt.Errorf("name in ICMP interface object: %w", ErrTooLong)
	}
	var d []byte
	ctype := uint8(f.Role&3) << 6
	if f.Index != 0 {
		ctype |= ifHasIndex
		d = append32(d, f.Index)
	}
	if f.Addr.Is4() {
		ctype |= ifHasAddr
		a := f.Addr.As4()
		d = append(append(d, 0, 1, 0, 0), a[:]...)
	} else if f.Addr.Is6() {
		ctype |= ifHasAddr
		a := f.Addr.As16()
		d = append(append(d, 0, 2, 0, 0), a[:]...)
	}
	if f.Name != "" {
		ctype |= ifHasName
		n := (1 + len(f.Name) + 3) &^ 3
		d = append(d, uint8(n))
		d = append(d, f.Name...)
		d = appendZeros(d, n-1-len(f.Name))
	}
	if f.MTU != 0 {
		ctype |= ifHasMTU
		d = append32(d, f.MTU)
	}
	return AppendObject(b, ExtensionInterface, ctype, d)
}

// ExtensionForm says how an ICMP error carries its extensions.
type ExtensionForm uint8

// Forms.
const (
	NoExtensions ExtensionForm = iota
	Legacy                     // behind exactly 128 bytes, no length field
	RFC4884                    // behind the quote, filled up to at least 128 bytes; its length is in the header
)

// ErrorFields is an ICMP or ICMPv6 error to be built.
type ErrorFields struct {
	Type, Code uint8
	Rest       uint32 // MTU or pointer; the length field is put in by Append
	Form       ExtensionForm
	Objects    []byte // encoded, see AppendMPLS and AppendObject; none is a structure of its header alone
}

// Append appends the message that quotes the packet quote. How much of the packet to
// quote is up to the caller: RFC 792 wants header and 8 bytes, RFC 1812 section
// 4.3.2.3 up to 576 bytes in all, RFC 4443 up to 1280. Src and dst are those of the
// packet that will carry an ICMPv6 error; with IPv4 addresses the error is ICMP. It
// returns b unchanged and [ErrTooLong] if the quote doesn't fit the length field,
// [ErrType] if a message of this type has no length field, [ErrFamily] if the
// addresses are of two families.
func (f *ErrorFields) Append(b, quote []byte, src, dst netip.Addr) ([]byte, error) {
	v4 := src.Is4()
	if !same4(src, dst) && !same6(src, dst) {
		return b, fmt.Errorf("ICMP error: %w", ErrFamily)
	}
	rest, padded := f.Rest, len(quote)
	switch f.Form {
	case NoExtensions:
	case Legacy:
		quote = quote[:min(len(quote), quoteMin)]
		padded = quoteMin
	default:
		unit, shift := 8, 24
		if v4 {
			unit, shift = 4, 16
		}
		if !hasLength(f.Type, v4) {
			return b, fmt.Errorf("ICMP error of type %d with length field: %w", f.Type, ErrType)
		}
		padded = max((len(quote)+unit-1)/unit*unit, quoteMin)
		if padded/unit > 255 {
			return b, fmt.Errorf("quote of an ICMP error with extensions: %w", ErrTooLong)
		}
		rest = rest&^(0xff<<shift) | uint32(padded/unit)<<shift
	}
	start := len(b)
	b = append(b, f.Type, f.Code, 0, 0)
	b = append32(b, rest)
	b = append(b, quote...)
	if f.Form != NoExtensions {
		b = appendZeros(b, padded-len(quote))
		s := len(b)
		b = append(b, 0x20, 0, 0, 0)
		b = append(b, f.Objects...)
		put16(b, s+2, Checksum(b[s:]))
	}
	var pseudo Sum
	if !v4 {
		pseudo = pseudo6(src, dst, len(b)-start)
	}
	put16(b, start+2, pseudo.Bytes(b[start:]).Checksum())
	return b, nil
}

// hasLength reports that errors of the type have an RFC 4884 length field.
func hasLength(icmpType uint8, v4 bool) bool {
	if v4 {
		return icmpType == ICMP4Unreach || icmpType == ICMP4TimeExceeded || icmpType == ICMP4ParamProblem
	}
	return icmpType == ICMP6Unreach || icmpType == ICMP6TimeExceeded
}
