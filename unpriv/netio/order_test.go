package netio

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// A header as a kernel of host order gives it comes out as it was on the wire, and one that is put into its order holds
// the values in host order.
func TestHostOrder(t *testing.T) {
	wire := make([]byte, 300)
	copy(wire, []byte{0x45, 0, 300 >> 8, 300 & 0xff, 0x12, 0x34, 0x40, 0x03, 64, 1})
	given := bytes.Clone(wire)
	binary.NativeEndian.PutUint16(given[2:], 280)
	binary.NativeEndian.PutUint16(given[6:], 0x4003)
	if fromHostOrder(given, len(given)); !bytes.Equal(given, wire) {
		t.Errorf("received\n got % x\nwant % x", given[:20], wire[:20])
	}
	toHostOrder(given)
	if n, f := binary.NativeEndian.Uint16(given[2:]), binary.NativeEndian.Uint16(given[6:]); n != 300 || f != 0x4003 {
		t.Errorf("to send: length %d, fragment field %#x", n, f)
	}
	for _, b := range [][]byte{nil, make([]byte, 19), make([]byte, 65536)} {
		before := bytes.Clone(b)
		if fromHostOrder(b, len(b)); !bytes.Equal(b, before) {
			t.Errorf("%d bytes were changed", len(b))
		}
	}
	toHostOrder(make([]byte, 19))
}
