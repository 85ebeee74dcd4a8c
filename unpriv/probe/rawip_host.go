//go:build darwin || dragonfly || netbsd

package probe

import "encoding/binary"

// rawReceived puts right what this system's raw sockets do to the IPv4 header of a
// received packet: total length and fragment field are in host order, and the length
// is without the header. A raw socket gives whole packets, so the length is that of b.
func rawReceived(b []byte) {
	if len(b) < 20 || len(b) > 0xffff {
		return
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	binary.BigEndian.PutUint16(b[6:], binary.NativeEndian.Uint16(b[6:]))
}

// RawOrder puts the IPv4 header of a packet that is about to be sent on a raw socket
// with header included into the byte order that this system wants, in place: host
// order for total length and fragment field (as x/net/ipv4 does it).
func RawOrder(b []byte) {
	if len(b) < 20 {
		return
	}
	binary.NativeEndian.PutUint16(b[2:], binary.BigEndian.Uint16(b[2:]))
	binary.NativeEndian.PutUint16(b[6:], binary.BigEndian.Uint16(b[6:]))
}
