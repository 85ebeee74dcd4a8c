package warts

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Writer writes records to a file: each one, with the records of its list and cycle that must come before it, in a
// single Write call. It does not buffer; an io.Writer that makes each Write call costly is better used through
// [Encoder].
//
// If a Write call fails after some bytes and the file is a regular one, the Writer cuts these bytes off, so that the
// file stays readable, and goes on to take records. If it can't, it refuses all further ones.
type Writer struct {
	enc    Encoder
	w      io.Writer
	buf    []byte
	broken error
}

// maxKeep is the largest buffer that a Writer keeps from one record to the next.
const maxKeep = 1 << 20

// NewWriter returns a Writer of a new warts file.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// NewAppender returns a Writer that goes on with an existing file: it reads all of it to learn the numbers of lists and
// of the cycles that are not stopped. An empty file is like a new one. The error is that of reading a damaged file
// (*[ReadError]), or of a file that can't seek, such as a pipe.
func NewAppender(f io.ReadWriteSeeker) (*Writer, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("warts: append: %w", err)
	}
	w := NewWriter(f)
	r := NewReader(f)
	for {
		raw, err := r.NextRaw()
		if err == nil && r.Compressed() {
			err = errors.New("file is compressed")
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("warts: append: %w", err)
		}
		if err := w.enc.Track(raw); err != nil {
			var e *ReadError
			if errors.As(err, &e) {
				e.Record += r.Offset()
				e.Offset += r.Offset()
			}
			return nil, fmt.Errorf("warts: append: %w", err)
		}
	}
	if _, err := f.Seek(0, io.SeekEnd); err != nil {
		return nil, fmt.Errorf("warts: append: %w", err)
	}
	return w, nil
}

// Write writes a record; see [Encoder.Append] for what goes before it. If the record can't be encoded, or isn't written
// for an error of the io.Writer, the Writer is as if the call had not been made.
func (w *Writer) Write(rec Record) error {
	if w.broken != nil {
		return w.broken
	}
	buf, err := w.enc.Append(w.buf[:0], rec)
	if err != nil {
		return err
	}
	return w.flush(buf)
}

// WriteRaw writes the bytes of a record, header included, as [Reader.Raw] gives them. The numbers in them are not
// changed: that is right for a file all of whose list, cycle and address records are passed on. Numbers of lists and
// cycles that don't fit what was written so far are an error.
func (w *Writer) WriteRaw(raw []byte) error {
	if w.broken != nil {
		return w.broken
	}
	if err := w.enc.Track(raw); err != nil {
		return err
	}
	return w.flush(append(w.buf[:0], raw...))
}

// flush writes buf in one call.
func (w *Writer) flush(buf []byte) error {
	w.buf = buf[:0]
	if cap(buf) > maxKeep {
		w.buf = nil
	}
	if len(buf) == 0 {
		return nil
	}
	n, err := w.w.Write(buf)
	if err == nil && n < len(buf) {
		err = io.ErrShortWrite
	}
	if err == nil {
		return nil
	}
	w.enc.rollback()
	if n > 0 {
		if cut := w.cut(int64(n)); cut != nil {
			w.broken = fmt.Errorf("warts: file ends inside a record: %w", err)
			return w.broken
		}
	}
	return fmt.Errorf("warts: %w", err)
}

// cut takes the last n bytes off the file.
func (w *Writer) cut(n int64) error {
	f, ok := w.w.(interface {
		io.Seeker
		Truncate(int64) error
	})
	if !ok {
		return errors.ErrUnsupported
	}
	if f, ok := w.w.(*os.File); ok {
		if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
			return errors.ErrUnsupported
		}
	}
	end, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	if err := f.Truncate(end - n); err != nil {
		return err
	}
	_, err = f.Seek(end-n, io.SeekStart)
	return err
}
