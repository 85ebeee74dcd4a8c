package packet

import (
	"fmt"
	"net/netip"
)

// FragmentHeaderLen is the length of the IPv6 fragment header in bytes.
const FragmentHeaderLen = 8

// maxExtensionHeaders bounds how many headers are walked over. RFC 8200 section 4.1
// knows seven, none of which has a reason to be there more than twice.
const maxExtensionHeaders = 16

// Fragment is an IPv6 fragment header (RFC 8200 section 4.5), to be built or parsed.
type Fragment struct {
	NextHeader uint8
	Offset     uint16 // in units of 8 bytes, 0-8191
	More       bool
	ID         uint32
}

// Append appends the header. It returns b unchanged and [ErrTooLong] if the offset
// doesn't fit into 13 bits.
func (f Fragment) Append(b []byte) ([]byte, error) {
	if f.Offset > 0x1fff {
		return b, fmt.Errorf("IPv6 fragment header: %w", ErrTooLong)
	}
	v := f.Offset << 3
	if f.More {
		v |= 1
	}
	b = append(b, f.NextHeader, 0)
	b = append16(b, v)
	return append32(b, f.ID), nil
}

// ParseFragment reads a fragment header. Error: [ErrShort].
func ParseFragment(b []byte) (Fragment, error) {
	if len(b) < FragmentHeaderLen {
		return Fragment{}, ErrShort
	}
	v := u16(b, 2)
	return Fragment{NextHeader: b[0], Offset: v >> 3, More: v&1 != 0, ID: u32(b, 4)}, nil
}

// Upper is what lies behind the extension headers of an IPv6 packet.
type Upper struct {
	Protocol    uint8    // of Payload
	Offset      int      // where Payload begins, in bytes behind the IPv6 header
	Payload     []byte   // the transport header and what follows; raw data in a fragment whose offset isn't 0
	HasFragment bool     // a fragment header was met
	Fragment    Fragment // the (first) one
}

// WalkExtensions walks from the first header behind an IPv6 header (its type in
// next) over hop-by-hop options, routing, destination options, authentication and
// fragment headers. It stops behind the header of a fragment that isn't the first:
// what follows there are data. It is ok if every header was whole and there were no
// more of them than is reasonable.
func WalkExtensions(next uint8, b []byte) (Upper, bool) {
	u := Upper{Protocol: next, Payload: b}
	for range maxExtensionHeaders {
		var n int
		switch u.Protocol {
		case ProtoHopByHop, ProtoRouting, ProtoDestOpts:
			n = (int(u8(u.Payload, 1)) + 1) * 8
		case ProtoAH:
			n = (int(u8(u.Payload, 1)) + 2) * 4 // RFC 4302 section 2.2
		case ProtoFragment:
			n = FragmentHeaderLen
		default:
			return u, true
		}
		if len(u.Payload) < n {
			return u, false
		}
		later := false
		if u.Protocol == ProtoFragment {
			f, _ := ParseFragment(u.Payload)
			later = f.Offset != 0
			if !u.HasFragment || later {
				u.Fragment = f
			}
			u.HasFragment = true
		}
		u.Protocol = u.Payload[0]
		u.Payload = tail(u.Payload, n)
		u.Offset += n
		if later {
			return u, true
		}
	}
	return u, false
}

// IPv6 option types (RFC 8200 section 4.2, RFC 2711).
const (
	OptionPad1        = 0
	OptionPadN        = 1
	OptionRouterAlert = 5
)

// IPv6Option is one option of a hop-by-hop or destination options header.
type IPv6Option struct {
	Type uint8
	Data []byte // 0-255 bytes
}

// AppendOptionsHeader appends a hop-by-hop or destination options header: the one
// or the other is told by the next-header field in front of it. It is padded to a
// multiple of 8 bytes. It returns b unchanged and [ErrTooLong] if the options don't
// fit.
func AppendOptionsHeader(b []byte, next uint8, options ...IPv6Option) ([]byte, error) {
	n := 2
	for _, o := range options {
		if len(o.Data) > 255 {
			return b, fmt.Errorf("IPv6 option %d: %w", o.Type, ErrTooLong)
		}
		n += 2 + len(o.Data)
	}
	total := max(8, (n+7)&^7)
	if total > 256*8 {
		return b, fmt.Errorf("IPv6 options header: %w", ErrTooLong)
	}
	b = append(b, next, uint8(total/8-1))
	for _, o := range options {
		b = append(b, o.Type, uint8(len(o.Data)))
		b = append(b, o.Data...)
	}
	switch pad := total - n; pad {
	case 0:
	case 1:
		b = append(b, OptionPad1)
	default:
		b = append(b, OptionPadN, uint8(pad-2))
		b = appendZeros(b, pad-2)
	}
	return b, nil
}

// NextIPv6Option cuts the first option off the data of an options header (what
// follows its first two bytes), padding included. It is not ok at the end and at an
// option that runs past the end.
func NextIPv6Option(b []byte) (o IPv6Option, rest []byte, ok bool) {
	if len(b) == 0 {
		return IPv6Option{}, nil, false
	}
	if b[0] == OptionPad1 {
		return IPv6Option{Type: OptionPad1}, b[1:], true
	}
	if len(b) < 2 || len(b) < 2+int(b[1]) {
		return IPv6Option{}, nil, false
	}
	n := 2 + int(b[1])
	return IPv6Option{Type: b[0], Data: b[2:n:n]}, b[n:], true
}

// AppendRoutingHeader appends a routing header (RFC 8200 section 4.4) of the given
// type with a list of addresses, in the layout that types 0 and 2 share: 4 reserved
// bytes, then the addresses. It returns b unchanged and [ErrTooLong] for more than
// 127 addresses, [ErrFamily] if one isn't IPv6.
func AppendRoutingHeader(b []byte, next, routingType, segmentsLeft uint8, addrs ...netip.Addr) ([]byte, error) {
	if len(addrs) > 127 {
		return b, fmt.Errorf("IPv6 routing header: %w", ErrTooLong)
	}
	for _, a := range addrs {
		if !a.Is6() {
			return b, fmt.Errorf("IPv6 routing header: %w", ErrFamily)
		}
	}
	b = append(b, next, uint8(2*len(addrs)), routingType, segmentsLeft, 0, 0, 0, 0)
	for _, a := range addrs {
		v := a.As16()
		b = append(b, v[:]...)
	}
	return b, nil
}
