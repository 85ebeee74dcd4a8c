package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"scamper/shared/warts"
)

// Input is a file of records that a command reads, or its standard input.
type Input struct {
	Name string
	// Arts tells that it is a file of skitter, whose records can't be taken apart without decoding them.
	Arts bool

	r     io.Reader
	close func() error
}

// artsMagic are the first bytes of an arts file.
const artsMagic = "\xdf\xb0"

// Open opens the file of that name; "-" is standard input. A regular file that is not of a format that can be read is
// refused here, an empty one included; anything else is looked at when it is read.
func (e *Env) Open(name string) (*Input, error) {
	in := &Input{Name: name}
	if name == "-" {
		in.r = e.Stdin
		in.close = func() error { return nil }
	} else {
		f, err := os.Open(name)
		if err != nil {
			return nil, Reason(err)
		}
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			if err := check(name); err != nil {
				f.Close()
				return nil, err
			}
		} else if err == nil && info.IsDir() {
			f.Close()
			return nil, errors.New("is a directory")
		}
		in.r, in.close = f, f.Close
	}
	br := bufio.NewReaderSize(in.r, 64<<10)
	head, _ := br.Peek(len(artsMagic)) // an error comes again where the bytes are needed
	in.Arts = string(head) == artsMagic
	in.r = br
	return in, nil
}

// check tells whether a regular file can be read.
func check(name string) error {
	f, err := warts.Open(name)
	if errors.Is(err, warts.ErrFormat) {
		return errors.New("unknown file type")
	}
	if err != nil {
		return Reason(err)
	}
	return f.Close()
}

// Close closes the file; standard input stays open.
func (in *Input) Close() error { return in.close() }

// Reader returns a reader of the input's records of the wanted types; none means all. What it returns is valid until
// the next record only.
func (in *Input) Reader(want ...warts.Type) *warts.Reader {
	r := warts.NewReader(in.r)
	r.Want = want
	r.Reuse = true
	return r
}

// ReadErrorLine is the line about a read error: that of the C tools, then the name of the file and what is wrong with it.
func ReadErrorLine(name string, err error) string {
	if name == "-" {
		name = "standard input"
	}
	var damage *warts.ReadError
	if errors.As(err, &damage) {
		return fmt.Sprintf("%s: %s: %v", damage.Line(), name, err)
	}
	return fmt.Sprintf("%s: %v", name, err)
}

// movedErrorLine is ReadErrorLine for an error that a reader of single records got. offset is that of the record in its
// file.
func movedErrorLine(name string, err error, offset int64, compressed bool) string {
	var damage *warts.ReadError
	if !errors.As(err, &damage) {
		return ReadErrorLine(name, err)
	}
	moved := *damage
	moved.Offset += offset - damage.Record
	moved.Record = offset
	counted := fmt.Sprintf("%08x", offset+warts.HeaderLen)
	if compressed {
		// The C tools don't count decompressed bytes, and cut the negative number that comes of it.
		counted = fmt.Sprintf("%016x", uint64(-int64(moved.Length)))[:13]
	}
	return fmt.Sprintf("off 0x%s magic 0x%04x type 0x%04x len 0x%08x: %s: %v",
		counted, moved.Magic, uint16(moved.Type), moved.Length, name, &moved)
}
