package probe

import (
	"encoding/binary"

	"scamper/shared/packet"
)

// On some systems raw IPv4 sockets take and give headers whose total length and
// fragment field are in host byte order; rawHostOrder, in a file per system, says so.
// The list is that of golang.org/x/net/ipv4.

// rawReceived puts right, in place, what raw sockets do to the header of a received
// packet.
func rawReceived(b []byte) {
	if rawHostOrder {
		fromHostOrder(b)
	}
}

// RawOrder puts the IPv4 header of a packet that is about to be sent on a raw socket
// with header included into the byte order that this system wants, in place. Where
// that is network order, nothing changes.
func RawOrder(b []byte) {
	if rawHostOrder {
		toHostOrder(b)
	}
}

// fromHostOrder: the length is without the header, too. A raw socket gives whole
// packets, so the length is that of b.
func fromHostOrder(b []byte) {
	if len(b) < packet.IPv4HeaderLen || len(b) > 0xffff {
		return
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	binary.BigEndian.PutUint16(b[6:], binary.NativeEndian.Uint16(b[6:]))
}

func toHostOrder(b []byte) {
	if len(b) < packet.IPv4HeaderLen {
		return
	}
	binary.NativeEndian.PutUint16(b[2:], binary.BigEndian.Uint16(b[2:]))
	binary.NativeEndian.PutUint16(b[6:], binary.BigEndian.Uint16(b[6:]))
}
