package packet

import "fmt"

// UDPHeaderLen is the length of a UDP header in bytes.
const UDPHeaderLen = 8

// UDPChecksumAt is where in a UDP header the checksum is, in bytes.
const UDPChecksumAt = 6

// UDPFields are the fields of a UDP header (RFC 768) to be built.
type UDPFields struct {
	SrcPort, DstPort uint16
}

// Append appends header and payload. The checksum is computed from pseudo, which
// is [PseudoSum] for a length of UDPHeaderLen+len(payload). It returns b unchanged
// and [ErrTooLong] if the payload doesn't fit.
func (f UDPFields) Append(b, payload []byte, pseudo Sum) ([]byte, error) {
	if len(payload) > 0xffff-UDPHeaderLen {
		return b, fmt.Errorf("UDP header: %w", ErrTooLong)
	}
	start := len(b)
	b = f.AppendHeader(b, len(payload))
	b = append(b, payload...)
	put16(b, start+UDPChecksumAt, pseudo.Bytes(b[start:]).UDPChecksum())
	return b, nil
}

// AppendHeader appends the header of a datagram with a payload of n bytes, 0 to 65527. The checksum, at UDPChecksumAt, is 0.
func (f UDPFields) AppendHeader(b []byte, n int) []byte {
	b = append16(b, f.SrcPort)
	b = append16(b, f.DstPort)
	b = append16(b, uint16(UDPHeaderLen+n))
	return append16(b, 0)
}

// UDP is a UDP datagram as a view.
type UDP []byte

// ParseUDP is the gate: the header is there. The length field isn't trusted, see
// [UDP.Payload]. Error: [ErrShort].
func ParseUDP(b []byte) (UDP, error) {
	if len(b) < UDPHeaderLen {
		return nil, ErrShort
	}
	return UDP(b), nil
}

// SrcPort returns the source port.
func (u UDP) SrcPort() uint16 { return u16(u, 0) }

// DstPort returns the destination port.
func (u UDP) DstPort() uint16 { return u16(u, 2) }

// Length returns the length field: header and payload, in bytes.
func (u UDP) Length() int { return int(u16(u, 4)) }

// Checksum returns the checksum field; 0 says that none was computed.
func (u UDP) Checksum() uint16 { return u16(u, 6) }

// Payload returns what follows the header, up to the length field if that is
// inside the bytes.
func (u UDP) Payload() []byte {
	if n := u.Length(); n >= UDPHeaderLen && n < len(u) {
		u = u[:n]
	}
	return tail(u, UDPHeaderLen)
}

// ChecksumOK reports that the checksum is right, or (with IPv4 only, which the
// caller has to know) that there is none. Pseudo is the sum for the length field.
func (u UDP) ChecksumOK(pseudo Sum) bool {
	n := u.Length()
	if n < UDPHeaderLen || n > len(u) {
		return false
	}
	return u.Checksum() == 0 || pseudo.Bytes(u[:n]).Checksum() == 0
}
