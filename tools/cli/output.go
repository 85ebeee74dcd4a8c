package cli

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"scamper/shared/pack"
	"scamper/shared/warts"
)

// Output is a warts file that a command writes.
type Output struct {
	// Enc makes the bytes of records for this file. It knows what the file has already.
	Enc warts.Encoder
	// Before are the list, cycle and address records that the file has already, with their headers.
	Before [][]byte

	sink   sink
	buf    []byte
	closer []io.Closer // in the order of closing
}

// OutputMode says what becomes of a file that is there already.
type OutputMode uint8

// The modes.
const (
	Append   OutputMode = iota // go on behind its records; a compressed file can't be gone on with
	Truncate                   // begin again
)

// ErrTerminal is the error for an output that is a terminal.
var ErrTerminal = errors.New("is a terminal")

// CreateOutput opens an output file, or standard output if the name is "" or "-". The suffixes .gz, .bz2, .xz and .zst
// ask for compression.
func (e *Env) CreateOutput(name string, mode OutputMode) (*Output, error) {
	if name == "" || name == "-" {
		if e.StdoutIsTerminal() {
			return nil, ErrTerminal
		}
		return &Output{sink: sink{w: e.Stdout}}, nil
	}
	format := pack.ByName(name)
	flags := os.O_RDWR | os.O_CREATE
	switch {
	case mode == Truncate:
		flags |= os.O_TRUNC
	case format != pack.None:
		flags |= os.O_EXCL
	}
	f, err := os.OpenFile(name, flags, 0o644)
	if errors.Is(err, os.ErrExist) && format != pack.None {
		return nil, fmt.Errorf("cannot write to %s: cannot append to warts.%s file", name, format)
	}
	if err != nil {
		return nil, fmt.Errorf("could not open %s: %w", name, Reason(err))
	}
	o := &Output{sink: sink{w: f, file: f}, closer: []io.Closer{f}}
	if format != pack.None {
		z, err := pack.NewWriter(f, format)
		if err != nil {
			f.Close()
			return nil, err
		}
		o.sink = sink{w: z}
		o.closer = []io.Closer{z, f}
		return o, nil
	}
	if info, err := f.Stat(); err == nil && !info.Mode().IsRegular() {
		o.sink.file = nil // a pipe or device has nothing that could be gone on with
		return o, nil
	}
	if err := o.learn(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("could not append to %s: %w", name, err)
	}
	return o, nil
}

// learn reads what the file has, up to its end.
func (o *Output) learn(f *os.File) error {
	r := warts.NewReader(f)
	for {
		raw, err := r.NextRaw()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if r.Compressed() {
			return errors.New("file is compressed")
		}
		if err := o.Enc.Track(raw); err != nil {
			return err
		}
		if RecordType(raw) <= warts.TypeAddress {
			o.Before = append(o.Before, slices.Clone(raw))
		}
	}
	_, err := f.Seek(0, io.SeekEnd)
	return err
}

// RecordType is the type in the header of a record.
func RecordType(raw []byte) warts.Type { return warts.Type(binary.BigEndian.Uint16(raw[2:])) }

// RecordLen is the length of the record that b begins with, with its header; 0 if b has not even that.
func RecordLen(b []byte) int {
	if len(b) < warts.HeaderLen {
		return 0
	}
	return warts.HeaderLen + int(binary.BigEndian.Uint32(b[4:]))
}

// Record writes a record with what must come before it. It may be held back until Flush or Close.
func (o *Output) Record(rec warts.Record) error {
	buf, err := o.Enc.Append(o.buf[:0], rec)
	if err != nil {
		return err
	}
	o.buf = buf
	_, err = o.sink.Write(buf)
	return err
}

// Write writes records that were encoded by Enc, or as Enc does it, at once. They must be whole.
func (o *Output) Write(records []byte) (int, error) {
	if _, err := o.sink.Write(records); err != nil {
		return 0, err
	}
	return len(records), o.sink.flush()
}

// Flush writes what was held back.
func (o *Output) Flush() error { return o.sink.flush() }

// Close writes what was held back and ends the file. It returns the first error.
func (o *Output) Close() error {
	err := o.sink.flush()
	for _, c := range o.closer {
		err = errors.Join(err, c.Close())
	}
	return err
}

// sink holds records back until there are some to write at once. After an error a regular file is cut back to the last
// record that it has all of.
type sink struct {
	w    io.Writer
	file *os.File // the same, if it is a regular file
	buf  []byte
	err  error
}

const sinkSize = 64 << 10

func (s *sink) Write(records []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	s.buf = append(s.buf, records...)
	if len(s.buf) >= sinkSize {
		if err := s.flush(); err != nil {
			return 0, err
		}
	}
	return len(records), nil
}

func (s *sink) flush() error {
	if s.err != nil || len(s.buf) == 0 {
		return s.err
	}
	n, err := s.w.Write(s.buf)
	if err == nil && n < len(s.buf) {
		err = io.ErrShortWrite
	}
	if err != nil {
		s.err = err
		s.cut(n)
	}
	s.buf = s.buf[:0]
	return err
}

// cut takes the part of a record off a file of which n bytes of the buffer were written.
func (s *sink) cut(n int) {
	if s.file == nil {
		return
	}
	part := s.buf[:n]
	for len(part) > 0 {
		length := RecordLen(part)
		if length == 0 || length > len(part) {
			break
		}
		part = part[length:]
	}
	if at, err := s.file.Seek(0, io.SeekCurrent); err == nil {
		// If this fails as well there is nothing left to try; the error of writing is reported.
		_ = s.file.Truncate(at - int64(len(part)))
	}
}
