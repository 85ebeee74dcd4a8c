package packet

import "fmt"

// TCPHeaderLen is the length of a TCP header without options, in bytes.
const TCPHeaderLen = 20

// TCPChecksumAt is where in a TCP header the checksum is, in bytes.
const TCPChecksumAt = 16

// MaxTCPOptionsLen is the room for options in a TCP header, in bytes.
const MaxTCPOptionsLen = 40

// TCP flags (RFC 9293 section 3.1; ECE and CWR: RFC 3168).
const (
	FIN = 0x01
	SYN = 0x02
	RST = 0x04
	PSH = 0x08
	ACK = 0x10
	URG = 0x20
	ECE = 0x40
	CWR = 0x80
)

// TCPFields are the fields of a TCP header (RFC 9293 section 3.1) to be built.
type TCPFields struct {
	SrcPort, DstPort uint16
	Seq, Ack         uint32
	Flags            uint8
	Window           uint16
	Urgent           uint16
	Options          []byte // 0-40 bytes; filled up with zeros (end of list) to a multiple of 4
}

// HeaderLen returns the length of the header with its options, in bytes.
func (f *TCPFields) HeaderLen() int { return TCPHeaderLen + (len(f.Options)+3)&^3 }

// Append appends header and payload. The checksum is computed from pseudo, which
// is [PseudoSum] for a length of HeaderLen()+len(payload). It returns b unchanged
// and [ErrTooLong] if the options don't fit.
func (f *TCPFields) Append(b, payload []byte, pseudo Sum) ([]byte, error) {
	start := len(b)
	b, err := f.AppendHeader(b)
	if err != nil {
		return b, err
	}
	b = append(b, payload...)
	put16(b, start+TCPChecksumAt, pseudo.Bytes(b[start:]).Checksum())
	return b, nil
}

// AppendHeader appends the header with its options. The checksum, at TCPChecksumAt, is 0. It returns b unchanged and
// [ErrTooLong] if the options don't fit.
func (f *TCPFields) AppendHeader(b []byte) ([]byte, error) {
	hlen := f.HeaderLen()
	if hlen > TCPHeaderLen+MaxTCPOptionsLen {
		return b, fmt.Errorf("TCP header: %w", ErrTooLong)
	}
	b = append16(b, f.SrcPort)
	b = append16(b, f.DstPort)
	b = append32(b, f.Seq)
	b = append32(b, f.Ack)
	b = append(b, uint8(hlen/4)<<4, f.Flags)
	b = append16(b, f.Window)
	b = append16(b, 0)
	b = append16(b, f.Urgent)
	b = append(b, f.Options...)
	return appendZeros(b, hlen-TCPHeaderLen-len(f.Options)), nil
}

// TCP is a TCP segment as a view.
type TCP []byte

// ParseTCP is the gate: header and options are there. Errors: [ErrShort],
// [ErrLength].
func ParseTCP(b []byte) (TCP, error) {
	if len(b) < TCPHeaderLen {
		return nil, ErrShort
	}
	hlen := int(b[12]>>4) * 4
	if hlen < TCPHeaderLen {
		return nil, ErrLength
	}
	if len(b) < hlen {
		return nil, ErrShort
	}
	return TCP(b), nil
}

// SrcPort returns the source port.
func (t TCP) SrcPort() uint16 { return u16(t, 0) }

// DstPort returns the destination port.
func (t TCP) DstPort() uint16 { return u16(t, 2) }

// Seq returns the sequence number.
func (t TCP) Seq() uint32 { return u32(t, 4) }

// Ack returns the acknowledgement number, which means something only with ACK.
func (t TCP) Ack() uint32 { return u32(t, 8) }

// HeaderLen returns the length of header and options in bytes, as the header says.
func (t TCP) HeaderLen() int { return int(u8(t, 12)>>4) * 4 }

// Flags returns the eight flag bits, CWR to FIN.
func (t TCP) Flags() uint8 { return u8(t, 13) }

// Window returns the window field, not scaled.
func (t TCP) Window() uint16 { return u16(t, 14) }

// Checksum returns the checksum field.
func (t TCP) Checksum() uint16 { return u16(t, 16) }

// Urgent returns the urgent pointer.
func (t TCP) Urgent() uint16 { return u16(t, 18) }

// Options returns the option bytes behind the fixed header. See [NextTCPOption].
func (t TCP) Options() []byte {
	hlen := t.HeaderLen()
	if hlen <= TCPHeaderLen || hlen > len(t) {
		return nil
	}
	return t[TCPHeaderLen:hlen:hlen]
}

// Payload returns what follows the header.
func (t TCP) Payload() []byte {
	hlen := t.HeaderLen()
	if hlen < TCPHeaderLen {
		return nil
	}
	return tail(t, hlen)
}

// ChecksumOK reports that the checksum is right. Pseudo is the sum for len(t).
func (t TCP) ChecksumOK(pseudo Sum) bool {
	return len(t) >= TCPHeaderLen && pseudo.Bytes(t).Checksum() == 0
}
