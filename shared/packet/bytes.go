package packet

import (
	"encoding/binary"
	"errors"
	"net/netip"
)

// Errors of the Parse and Append functions. They are returned as they are or
// wrapped: compare with errors.Is.
var (
	// ErrShort: the bytes end before the header does.
	ErrShort = errors.New("packet too short")
	// ErrVersion: the IP version isn't the one asked for.
	ErrVersion = errors.New("wrong IP version")
	// ErrLength: a length field in the packet contradicts itself or the rest.
	ErrLength = errors.New("bad length field")
	// ErrFamily: an address isn't of the family that the header needs.
	ErrFamily = errors.New("wrong address family")
	// ErrTooLong: what is to be built doesn't fit into its length field.
	ErrTooLong = errors.New("packet too long")
	// ErrType: a message is of another kind than the one asked for.
	ErrType = errors.New("wrong message type")
)

// The readers below are total: what lies past the end reads as zero. That is what
// lets getters be called on any bytes.

func u8(b []byte, i int) uint8 {
	if i < len(b) {
		return b[i]
	}
	return 0
}

func u16(b []byte, i int) uint16 {
	if len(b) < i+2 {
		return 0
	}
	return binary.BigEndian.Uint16(b[i:])
}

func u32(b []byte, i int) uint32 {
	if len(b) < i+4 {
		return 0
	}
	return binary.BigEndian.Uint32(b[i:])
}

func addr4(b []byte, i int) netip.Addr {
	if len(b) < i+4 {
		return netip.Addr{}
	}
	return netip.AddrFrom4([4]byte(b[i:]))
}

func addr16(b []byte, i int) netip.Addr {
	if len(b) < i+16 {
		return netip.Addr{}
	}
	return netip.AddrFrom16([16]byte(b[i:]))
}

// tail returns b from i on, capped, or nil if b is shorter.
func tail(b []byte, i int) []byte {
	if len(b) < i {
		return nil
	}
	return b[i:len(b):len(b)]
}

// put16 stores v at b[i:], or does nothing if that isn't inside b.
func put16(b []byte, i int, v uint16) {
	if len(b) >= i+2 {
		binary.BigEndian.PutUint16(b[i:], v)
	}
}

func append16(b []byte, v uint16) []byte { return binary.BigEndian.AppendUint16(b, v) }
func append32(b []byte, v uint32) []byte { return binary.BigEndian.AppendUint32(b, v) }

const zeros = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// appendZeros appends n zero bytes.
func appendZeros(b []byte, n int) []byte {
	for n >= len(zeros) {
		b = append(b, zeros...)
		n -= len(zeros)
	}
	if n > 0 {
		b = append(b, zeros[:n]...)
	}
	return b
}

// same4 reports that both addresses are plain IPv4 addresses.
func same4(a, b netip.Addr) bool { return a.Is4() && b.Is4() }

// same6 reports that both addresses are IPv6 addresses.
func same6(a, b netip.Addr) bool { return a.Is6() && b.Is6() }
