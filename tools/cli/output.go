package cli

import (
	"errors"
	"fmt"
	"io"
	"os"

	"scamper/shared/pack"
	"scamper/shared/warts"
)

// Output is a warts file that a command writes.
type Output struct {
	w      *warts.Writer
	sink   *sink
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
		s := &sink{w: e.Stdout}
		return &Output{w: warts.NewWriter(s), sink: s}, nil
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
	if format != pack.None {
		z, err := pack.NewWriter(f, format)
		if err != nil {
			f.Close()
			return nil, err
		}
		s := &sink{w: z}
		return &Output{w: warts.NewWriter(s), sink: s, closer: []io.Closer{z, f}}, nil
	}
	s := &sink{w: f, file: f}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		s.file = nil // a pipe or device can't be gone on with, and needs not
		return &Output{w: warts.NewWriter(s), sink: s, closer: []io.Closer{f}}, nil
	}
	w, err := warts.NewAppender(s)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("could not append to %s: %w", name, err)
	}
	return &Output{w: w, sink: s, closer: []io.Closer{f}}, nil
}

// Write writes a record with what must come before it.
func (o *Output) Write(rec warts.Record) error { return o.w.Write(rec) }

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

// sink holds records back until there are some to write at once. Each Write call is a whole number of records; after an
// error a regular file is cut back to the last one that it has all of.
type sink struct {
	w    io.Writer
	file *os.File // the same, if it is a regular file
	buf  []byte
	ends []int // of the calls in buf
	err  error
}

const sinkSize = 64 << 10

func (s *sink) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	s.buf = append(s.buf, p...)
	s.ends = append(s.ends, len(s.buf))
	if len(s.buf) >= sinkSize {
		if err := s.flush(); err != nil {
			return 0, err
		}
	}
	return len(p), nil
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
	s.buf, s.ends = s.buf[:0], s.ends[:0]
	return err
}

// cut takes the part of a record off a file of which n bytes of the buffer were written.
func (s *sink) cut(n int) {
	if s.file == nil {
		return
	}
	whole := 0
	for _, end := range s.ends {
		if end <= n {
			whole = end
		}
	}
	if at, err := s.file.Seek(0, io.SeekCurrent); err == nil {
		// If this fails as well there is nothing left to try; the error of writing is reported.
		_ = s.file.Truncate(at - int64(n-whole))
	}
}

// Read and Seek are for going on with a file.
func (s *sink) Read(p []byte) (int, error) { return s.file.Read(p) }

func (s *sink) Seek(offset int64, whence int) (int64, error) { return s.file.Seek(offset, whence) }
