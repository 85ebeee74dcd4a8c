package warts

import (
	"fmt"
)

// ErrFormat is wrapped by the error for a file whose first bytes are of no format that can be read.
var ErrFormat = fmt.Errorf("not a warts file")

// ReadError says where a file is damaged and how. Offsets are those of the decompressed bytes.
type ReadError struct {
	// Offset is that of the byte where reading failed.
	Offset int64
	// Record is the offset of the record's header.
	Record int64
	// Magic, Type and Length are those of the record's header, 0 if the file ends inside it.
	Magic  uint16
	Type   Type
	Length uint32
	// Where is the part of the record and its parameter ("ping reply: rtt"), "" if it isn't inside a record.
	Where string
	// Err is what is wrong: io.ErrUnexpectedEOF for a file that was cut, an error of the reader below, or what the
	// record has that it must not have.
	Err error

	counted int64 // what scamper's tools count as the offset
}

// Error returns a line that names the offset, the record and the parameter.
func (e *ReadError) Error() string {
	what := "record header"
	switch {
	case e.Magic == Magic:
		what = e.Type.String() + " record"
	case e.Magic == artsMagic:
		what = "arts object"
	}
	if e.Where != "" {
		what += ": " + e.Where
	}
	return fmt.Sprintf("warts: offset %d: %s: %v", e.Offset, what, e.Err)
}

// Unwrap returns e.Err.
func (e *ReadError) Unwrap() error { return e.Err }

// Line returns the line, without newline, by which scamper's tools tell of the error. The offset in it is that of the
// record's body if the body can't be decoded; in other cases it is a smaller number with less meaning, which may be
// negative and then shows as the beginning of a 64-bit number.
func (e *ReadError) Line() string {
	off := fmt.Sprintf("%08x", uint64(e.counted))
	if e.counted < 0 && len(off) > 15 {
		off = off[:15]
	}
	return fmt.Sprintf("off 0x%s magic 0x%04x type 0x%04x len 0x%08x", off, e.Magic, uint16(e.Type), e.Length)
}
