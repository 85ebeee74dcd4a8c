package packet

import (
	"fmt"
	"net/netip"
)

// ICMPHeaderLen is the length of the ICMP and ICMPv6 header in bytes: type, code,
// checksum, and four bytes whose meaning depends on the type.
const ICMPHeaderLen = 8

// ICMPChecksumAt is where in an ICMP or ICMPv6 header the checksum is, in bytes.
const ICMPChecksumAt = 2

// ICMPTimestampLen is the length of an ICMP timestamp message in bytes.
const ICMPTimestampLen = 20

// ICMP types (RFC 792).
const (
	ICMP4EchoReply        = 0
	ICMP4Unreach          = 3
	ICMP4SourceQuench     = 4
	ICMP4Redirect         = 5
	ICMP4Echo             = 8
	ICMP4TimeExceeded     = 11
	ICMP4ParamProblem     = 12
	ICMP4Timestamp        = 13
	ICMP4TimestampReply   = 14
	ICMP4UnreachHost      = 1 // code of ICMP4Unreach
	ICMP4UnreachProtocol  = 2
	ICMP4UnreachPort      = 3
	ICMP4UnreachNeedFrag  = 4  // next-hop MTU in the last two header bytes (RFC 1191)
	ICMP4UnreachFilter    = 13 // administratively prohibited (RFC 1812)
	ICMP4ExceededTransit  = 0  // code of ICMP4TimeExceeded
	ICMP4ExceededReassem  = 1
	ICMP6Unreach          = 1 // RFC 4443 from here
	ICMP6TooBig           = 2
	ICMP6TimeExceeded     = 3
	ICMP6ParamProblem     = 4
	ICMP6Echo             = 128
	ICMP6EchoReply        = 129
	ICMP6NeighbourSolicit = 135 // RFC 4861
	ICMP6NeighbourAdvert  = 136
	ICMP6UnreachNoRoute   = 0 // code of ICMP6Unreach
	ICMP6UnreachProhibit  = 1
	ICMP6UnreachAddr      = 3
	ICMP6UnreachPort      = 4
	ICMP6ExceededTransit  = 0 // code of ICMP6TimeExceeded
	ICMP6ExceededReassem  = 1
)

// ICMPFields is an ICMP or ICMPv6 message to be built.
type ICMPFields struct {
	Type, Code uint8
	Rest       uint32 // the last four header bytes, see EchoRest; MTU or pointer in errors
}

// EchoRest returns Rest of an echo or timestamp message.
func EchoRest(id, seq uint16) uint32 { return uint32(id)<<16 | uint32(seq) }

// Append appends header and body with the checksum computed from pseudo: 0 for
// ICMP, [PseudoSum] with ProtoICMPv6 for a length of ICMPHeaderLen+len(body) for
// ICMPv6.
func (f ICMPFields) Append(b, body []byte, pseudo Sum) []byte {
	start := len(b)
	b = f.AppendHeader(b)
	b = append(b, body...)
	put16(b, start+ICMPChecksumAt, pseudo.Bytes(b[start:]).Checksum())
	return b
}

// AppendHeader appends the header. The checksum, at ICMPChecksumAt, is 0.
func (f ICMPFields) AppendHeader(b []byte) []byte {
	b = append(b, f.Type, f.Code, 0, 0)
	return append32(b, f.Rest)
}

// ICMP is an ICMP or ICMPv6 message as a view.
type ICMP []byte

// ParseICMP is the gate: the header is there. Error: [ErrShort].
func ParseICMP(b []byte) (ICMP, error) {
	if len(b) < ICMPHeaderLen {
		return nil, ErrShort
	}
	return ICMP(b), nil
}

// Type returns the message type.
func (m ICMP) Type() uint8 { return u8(m, 0) }

// Code returns the message code.
func (m ICMP) Code() uint8 { return u8(m, 1) }

// Checksum returns the checksum field.
func (m ICMP) Checksum() uint16 { return u16(m, 2) }

// Rest returns the last four header bytes.
func (m ICMP) Rest() uint32 { return u32(m, 4) }

// ID returns the identifier of an echo or timestamp message.
func (m ICMP) ID() uint16 { return u16(m, 4) }

// Seq returns the sequence number of an echo or timestamp message.
func (m ICMP) Seq() uint16 { return u16(m, 6) }

// MTU4 returns the next-hop MTU of an ICMP "fragmentation needed" (RFC 1191
// section 4).
func (m ICMP) MTU4() uint16 { return u16(m, 6) }

// MTU6 returns the MTU of an ICMPv6 "packet too big" (RFC 4443 section 3.2).
func (m ICMP) MTU6() uint32 { return u32(m, 4) }

// Pointer4 returns the pointer of an ICMP parameter problem.
func (m ICMP) Pointer4() uint8 { return u8(m, 4) }

// Body returns what follows the header.
func (m ICMP) Body() []byte { return tail(m, ICMPHeaderLen) }

// Timestamps returns the three times of a timestamp message, in milliseconds since
// midnight UT if the high bit is clear (RFC 792). It is ok if they are there.
func (m ICMP) Timestamps() (originate, receive, transmit uint32, ok bool) {
	return u32(m, 8), u32(m, 12), u32(m, 16), len(m) >= ICMPTimestampLen
}

// ChecksumOK reports that the checksum is right. Pseudo is 0 for ICMP, and the sum
// for len(m) for ICMPv6.
func (m ICMP) ChecksumOK(pseudo Sum) bool {
	return len(m) >= ICMPHeaderLen && pseudo.Bytes(m).Checksum() == 0
}

// IsError4 reports that an ICMP type is an error that quotes a packet.
func IsError4(icmpType uint8) bool {
	switch icmpType {
	case ICMP4Unreach, ICMP4SourceQuench, ICMP4Redirect, ICMP4TimeExceeded, ICMP4ParamProblem:
		return true
	}
	return false
}

// IsError6 reports that an ICMPv6 type is an error that quotes a packet: by RFC
// 4443 section 2.1 all below 128 are; the four known ones are meant here.
func IsError6(icmpType uint8) bool {
	return icmpType >= ICMP6Unreach && icmpType <= ICMP6ParamProblem
}

// TooBigRest returns Rest of an ICMP "fragmentation needed".
func TooBigRest(mtu uint16) uint32 { return uint32(mtu) }

// Pointer4Rest returns Rest of an ICMP parameter problem.
func Pointer4Rest(pointer uint8) uint32 { return uint32(pointer) << 24 }

// AppendICMP4 appends a whole IPv4 packet with an ICMP message. The header's
// Protocol is set. Errors are those of [IPv4Fields.Append].
func AppendICMP4(b []byte, ip IPv4Fields, m ICMPFields, body []byte) ([]byte, error) {
	ip.Protocol = ProtoICMP
	b, err := ip.Append(b, ICMPHeaderLen+len(body))
	if err != nil {
		return b, fmt.Errorf("ICMP message: %w", err)
	}
	return m.Append(b, body, 0), nil
}

// AppendICMP6 appends a whole IPv6 packet with an ICMPv6 message. The header's
// NextHeader is set. Errors are those of [IPv6Fields.Append].
func AppendICMP6(b []byte, ip IPv6Fields, m ICMPFields, body []byte) ([]byte, error) {
	ip.NextHeader = ProtoICMPv6
	n := ICMPHeaderLen + len(body)
	b, err := ip.Append(b, n)
	if err != nil {
		return b, fmt.Errorf("ICMPv6 message: %w", err)
	}
	return m.Append(b, body, pseudo6(ip.Src, ip.Dst, n)), nil
}

func pseudo6(src, dst netip.Addr, n int) Sum { return PseudoSum(src, dst, ProtoICMPv6, n) }
