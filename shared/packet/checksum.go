package packet

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// Sum is a partial Internet checksum (RFC 1071): the ones-complement sum of 16-bit
// words in network order, not yet complemented. The zero value is the sum of
// nothing. Parts are summed apart and put together:
//
//	PseudoSum(src, dst, ProtoUDP, n).Bytes(header).Bytes(payload).Checksum()
//
// A part of odd length counts as if a zero byte followed it, so only the last part
// of a packet may be odd.
type Sum uint32

// Bytes adds the words of b.
func (s Sum) Bytes(b []byte) Sum { return s.fold() + Sum(sum16(b)) }

// Word adds one 16-bit word.
func (s Sum) Word(v uint16) Sum { return s.fold() + Sum(v) }

// Long adds a 32-bit field, that is two words.
func (s Sum) Long(v uint32) Sum { return s.fold() + Sum(v>>16) + Sum(v&0xffff) }

// Plus adds another partial sum.
func (s Sum) Plus(t Sum) Sum { return s.fold() + t.fold() }

// fold brings the sum down to 16 bits. It is zero only for a sum of zeros.
func (s Sum) fold() Sum {
	s = s>>16 + s&0xffff
	return s>>16 + s&0xffff
}

// Value returns the folded sum, not complemented.
func (s Sum) Value() uint16 { return uint16(s.fold()) }

// Checksum returns the complement of the sum: what the checksum field of IPv4,
// TCP, ICMP and ICMPv6 holds, and 0 for a packet whose checksum field was summed
// along and is right. For UDP see [Sum.UDPChecksum].
func (s Sum) Checksum() uint16 { return ^uint16(s.fold()) }

// UDPChecksum is Checksum with 0 replaced by 0xffff, as in UDP a field of 0 says
// that no checksum was computed (RFC 768; RFC 8200 section 8.1).
func (s Sum) UDPChecksum() uint16 {
	if c := s.Checksum(); c != 0 {
		return c
	}
	return 0xffff
}

// Checksum returns the Internet checksum of b.
func Checksum(b []byte) uint16 { return Sum(0).Bytes(b).Checksum() }

// PseudoSum returns the sum of the pseudo header in front of a transport header:
// of IPv4 (RFC 768, RFC 9293 section 3.1) if src is an IPv4 address, else of IPv6
// (RFC 8200 section 8.1). The length, in bytes, is that of transport header and
// payload. Zones are ignored. ICMP over IPv4 has no pseudo header: its sum starts
// at 0.
func PseudoSum(src, dst netip.Addr, proto uint8, length int) Sum {
	s := Sum(0).Long(uint32(length)).Word(uint16(proto))
	if src.Is4() {
		a, b := src.As4(), dst.As4()
		return s.Long(binary.BigEndian.Uint32(a[:])).Long(binary.BigEndian.Uint32(b[:]))
	}
	if !src.IsValid() || !dst.IsValid() {
		return s
	}
	a, b := src.As16(), dst.As16()
	return s.Bytes(a[:]).Bytes(b[:])
}

// Adjust returns the checksum after one 16-bit word of what it covers changed from
// old to new: the sum by difference of RFC 1624 (equation 3). The field of a UDP
// header needs the caller's care: one that was 0 stays 0, and a result of 0 is
// written as 0xffff.
func Adjust(checksum, old, new uint16) uint16 {
	return ^Sum(^checksum).Word(^old).Word(new).Value()
}

// Craft returns the value of a free 16-bit word that makes the checksum of a packet
// come out as want. The sum is that of everything the checksum covers (with pseudo
// header) while the free word and the checksum field are zero; the free word must
// lie at an even offset. This is how Paris traceroute keeps a flow constant, or an
// identity in the checksum, while other fields vary. The result is never 0 but
// 0xffff, which sums the same.
//
// A checksum of 0xffff exists only for a packet of zeros: asked for it, Craft makes
// the packet sum to 0, for which UDP puts 0xffff on the wire, ICMP 0.
func Craft(sum Sum, want uint16) uint16 {
	if c := sum.Word(want).Checksum(); c != 0 {
		return c
	}
	return 0xffff
}

// sum16 is the ones-complement sum of the big-endian words of b, folded to 16 bits.
//
// Ones-complement addition doesn't care about byte order or word size as long as
// carries are brought back around (RFC 1071 section 2), so the loop adds eight bytes
// at a time and the bytes are put in order at the end.
func sum16(b []byte) uint16 {
	var acc, c uint64
	for len(b) >= 32 {
		acc, c = bits.Add64(acc, binary.LittleEndian.Uint64(b), c)
		acc, c = bits.Add64(acc, binary.LittleEndian.Uint64(b[8:]), c)
		acc, c = bits.Add64(acc, binary.LittleEndian.Uint64(b[16:]), c)
		acc, c = bits.Add64(acc, binary.LittleEndian.Uint64(b[24:]), c)
		b = b[32:]
	}
	for len(b) >= 8 {
		acc, c = bits.Add64(acc, binary.LittleEndian.Uint64(b), c)
		b = b[8:]
	}
	if len(b) >= 4 {
		acc, c = bits.Add64(acc, uint64(binary.LittleEndian.Uint32(b)), c)
		b = b[4:]
	}
	if len(b) >= 2 {
		acc, c = bits.Add64(acc, uint64(binary.LittleEndian.Uint16(b)), c)
		b = b[2:]
	}
	if len(b) == 1 {
		acc, c = bits.Add64(acc, uint64(b[0]), c)
	}
	// This can't overflow: a carry leaves all ones behind only if there was one before.
	acc += c
	acc = acc>>32 + acc&0xffffffff
	acc = acc>>32 + acc&0xffffffff
	acc = acc>>16 + acc&0xffff
	acc = acc>>16 + acc&0xffff
	return bits.ReverseBytes16(uint16(acc))
}
