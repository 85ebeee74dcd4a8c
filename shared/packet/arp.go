package packet

import (
	"fmt"
	"net/netip"
)

// MAC is an IEEE 802 48-bit address.
type MAC [6]byte

// Broadcast is the Ethernet broadcast address.
var Broadcast = MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// String returns the address in lower case hexadecimal with colons.
func (m MAC) String() string {
	const hex = "0123456789abcdef"
	b := make([]byte, 0, 17)
	for i, v := range m {
		if i > 0 {
			b = append(b, ':')
		}
		b = append(b, hex[v>>4], hex[v&15])
	}
	return string(b)
}

// ARP operations (RFC 826).
const (
	ARPRequest = 1
	ARPReply   = 2
)

// ARPLen is the length of an ARP message for IPv4 over Ethernet, in bytes.
const ARPLen = 28

// ARPFields is an ARP message for IPv4 over Ethernet to be built.
type ARPFields struct {
	Op                   uint16
	SenderMAC, TargetMAC MAC
	SenderIP, TargetIP   netip.Addr // IPv4
}

// Append appends the message. It returns b unchanged and [ErrFamily] if an address
// isn't IPv4.
func (f *ARPFields) Append(b []byte) ([]byte, error) {
	if !same4(f.SenderIP, f.TargetIP) {
		return b, fmt.Errorf("ARP message: %w", ErrFamily)
	}
	sender, target := f.SenderIP.As4(), f.TargetIP.As4()
	b = append(b, 0, 1, 0x08, 0x00, 6, 4)
	b = append16(b, f.Op)
	b = append(b, f.SenderMAC[:]...)
	b = append(b, sender[:]...)
	b = append(b, f.TargetMAC[:]...)
	return append(b, target[:]...), nil
}

// ARP is an ARP message for IPv4 over Ethernet as a view.
type ARP []byte

// ParseARP is the gate: the message is whole and about IPv4 over Ethernet. Errors:
// [ErrShort], [ErrType].
func ParseARP(b []byte) (ARP, error) {
	if len(b) < ARPLen {
		return nil, ErrShort
	}
	if u32(b, 0) != 0x00010800 || u16(b, 4) != 0x0604 {
		return nil, ErrType
	}
	return ARP(b[:ARPLen:ARPLen]), nil
}

// Op returns the operation.
func (a ARP) Op() uint16 { return u16(a, 6) }

// SenderMAC returns the sender's hardware address.
func (a ARP) SenderMAC() MAC { return mac(a, 8) }

// SenderIP returns the sender's protocol address.
func (a ARP) SenderIP() netip.Addr { return addr4(a, 14) }

// TargetMAC returns the target's hardware address.
func (a ARP) TargetMAC() MAC { return mac(a, 18) }

// TargetIP returns the target's protocol address.
func (a ARP) TargetIP() netip.Addr { return addr4(a, 24) }

func mac(b []byte, i int) MAC {
	if len(b) < i+6 {
		return MAC{}
	}
	return MAC(b[i:])
}
