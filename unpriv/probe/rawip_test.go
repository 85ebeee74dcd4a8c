package probe

import (
	"bytes"
	"encoding/binary"
	"testing"

	"scamper/shared/packet"
)

// TestHostOrder: a header as such a system's kernel gives it comes out as it was on
// the wire, and one that is put into its order holds the values in host order.
func TestHostOrder(t *testing.T) {
	wire := probe4(t)
	given := bytes.Clone(wire)
	binary.NativeEndian.PutUint16(given[2:], uint16(len(wire)-packet.IPv4HeaderLen))
	binary.NativeEndian.PutUint16(given[6:], 0x4000)
	if fromHostOrder(given); !bytes.Equal(given, wire) {
		t.Errorf("received\n got % x\nwant % x", given, wire)
	}
	toHostOrder(given)
	if n, f := binary.NativeEndian.Uint16(given[2:]), binary.NativeEndian.Uint16(given[6:]); int(n) != len(wire) || f != 0x4000 {
		t.Errorf("to send: length %d, fragment field %#x", n, f)
	}
	for _, b := range [][]byte{nil, make([]byte, 19), make([]byte, 65536)} {
		before := bytes.Clone(b)
		if fromHostOrder(b); !bytes.Equal(b, before) {
			t.Errorf("%d bytes were changed", len(b))
		}
	}
	toHostOrder(make([]byte, 19))

	b := bytes.Clone(wire)
	if RawOrder(b); bytes.Equal(b, wire) == rawHostOrder && binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		t.Errorf("RawOrder gives % x, host order %v", b, rawHostOrder)
	}
}
