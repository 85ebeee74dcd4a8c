package netio

import "encoding/binary"

// On some systems raw IPv4 sockets take and give headers whose total length and fragment field are in host byte order;
// rawHostOrder, in a file per system, says so. Ports hide that: outside of this package, headers are as on the wire.

// headerLen4 is the length of an IPv4 header without options, in bytes (RFC 791 section 3.1).
const headerLen4 = 20

// fromHostOrder puts the header of a received packet of size bytes right, in place. What the kernel gives as length is
// without the header, too; a raw socket gives whole packets, so the length is their size.
func fromHostOrder(b []byte, size int) {
	if len(b) < headerLen4 || size > 0xffff {
		return
	}
	binary.BigEndian.PutUint16(b[2:], uint16(size))
	binary.BigEndian.PutUint16(b[6:], binary.NativeEndian.Uint16(b[6:]))
}

// toHostOrder makes the header of a packet to be sent what the kernel wants, in place.
func toHostOrder(b []byte) {
	if len(b) < headerLen4 {
		return
	}
	binary.NativeEndian.PutUint16(b[2:], binary.BigEndian.Uint16(b[2:]))
	binary.NativeEndian.PutUint16(b[6:], binary.BigEndian.Uint16(b[6:]))
}
