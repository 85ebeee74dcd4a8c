package netio

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A made-up header of 12 bytes: captured, size, header length.
func testRecord(b []byte) bpfRecord {
	return bpfRecord{
		stamp:    1,
		captured: binary.LittleEndian.Uint32(b), size: binary.LittleEndian.Uint32(b[4:]),
		headerLen: binary.LittleEndian.Uint16(b[8:]),
	}
}

func record(captured, size uint32, headerLen uint16, data string) []byte {
	b := make([]byte, 12, 64)
	binary.LittleEndian.PutUint32(b, captured)
	binary.LittleEndian.PutUint32(b[4:], size)
	binary.LittleEndian.PutUint16(b[8:], headerLen)
	return append(b, data...)
}

func TestNextRecord(t *testing.T) {
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for _, c := range []struct {
		name string
		b    []byte
		want []string
	}{
		{"empty", nil, nil},
		{"two, padded to four bytes", join(record(5, 5, 12, "hello\x00\x00\x00"), record(2, 90, 12, "ab")), []string{"hello", "ab"}},
		{"longer header", record(2, 2, 14, "..ab"), []string{"ab"}},
		{"header cut", record(0, 0, 12, "")[:11], nil},
		{"header length too small", record(2, 2, 11, "ab"), nil},
		{"data cut", record(3, 3, 12, "ab"), nil},
		{"length that overflows", record(0xffffffff, 1, 0xffff, "ab"), nil},
		{"no padding after the last", join(record(3, 3, 12, "abc")), []string{"abc"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for rest := c.b; ; {
				r, packet, after, ok := nextRecord(rest, 12, 4, testRecord)
				if !ok {
					break
				}
				if r.stamp != 1 {
					t.Errorf("stamp %d", r.stamp)
				}
				got, rest = append(got, string(packet)), after
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
