// Package output writes results to files: what they are written as (warts, text, JSON), and a queue to a goroutine that
// does it, so that encoding and files never hold up the event loop.
package output

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"scamper/shared/pack"
	"scamper/shared/render/json"
	"scamper/shared/render/text"
	"scamper/shared/warts"
)

// Format is what results are written as.
type Format uint8

// The formats.
const (
	Text Format = iota + 1
	Warts
	JSON
	WartsGzip
	WartsBzip2
	WartsXz
)

// String returns the format's word for -O.
func (f Format) String() string {
	switch f {
	case Text:
		return "text"
	case Warts:
		return "warts"
	case JSON:
		return "json"
	case WartsGzip, WartsBzip2, WartsXz:
		return "warts." + f.packing().String()
	}
	return "unknown"
}

// packing is how files of the format are compressed.
func (f Format) packing() pack.Format {
	switch f {
	case WartsGzip:
		return pack.Gzip
	case WartsBzip2:
		return pack.Bzip2
	case WartsXz:
		return pack.Xz
	}
	return pack.None
}

// ParseFormat returns the format of a word of -O, which is not case-sensitive.
func ParseFormat(word string) (Format, bool) {
	for _, f := range []Format{Text, Warts, JSON, WartsGzip, WartsBzip2, WartsXz} {
		if strings.EqualFold(word, f.String()) {
			return f, true
		}
	}
	return 0, false
}

// maxBuffer is how much is collected before it is written; always whole records.
const maxBuffer = 64 << 10

// packFlush is how often a compressed file is made readable up to its last record: each time costs some bytes.
const packFlush = 10 * time.Second

// File is an open output file. Its methods are called by one goroutine at a time, the encoder's.
type File struct {
	name   string
	format Format
	w      io.WriteCloser
	pack   pack.Writer // compresses to w; nil if the format doesn't
	packed time.Time   // when pack was flushed last
	buf    []byte
	ends   []int // of the records in buf, for warts
	warts  *warts.Writer
	err    error // the first failure; nothing is written after it
}

// NewFile returns the file that writes records to w in a format. name is for messages.
//
// Of a compressed file all records up to the last are readable after Close. Before it, and so after a crash, those of
// [pack.Writer]: a flush of the compressor comes with the first records that are 10 seconds after the one before.
func NewFile(name string, format Format, w io.WriteCloser) (*File, error) {
	f := &File{name: name, format: format, w: w, buf: make([]byte, 0, maxBuffer+4096)}
	switch format {
	case Text, JSON:
	case Warts, WartsGzip, WartsBzip2, WartsXz:
		f.warts = warts.NewWriter(buffer{f})
		if p := format.packing(); p != pack.None {
			z, err := pack.NewWriter(w, p)
			if err != nil {
				return nil, fmt.Errorf("output file %s: %w", name, err)
			}
			f.pack, f.packed = z, time.Now()
		}
	default:
		return nil, fmt.Errorf("output file %s: unknown format %d", name, format)
	}
	return f, nil
}

// buffer is the File as the warts writer sees it.
type buffer struct{ f *File }

func (b buffer) Write(p []byte) (int, error) {
	b.f.buf = append(b.f.buf, p...)
	return len(p), nil
}

// Name returns the name that the file was opened by.
func (f *File) Name() string { return f.name }

// Format returns what records are written as.
func (f *File) Format() Format { return f.format }

// Write adds a record. Records that a format has no rendering for are left out, as are lists in text. An error is
// that of the file, once and for all, or says which record cannot be encoded; then nothing of that record is in the
// file.
func (f *File) Write(r warts.Record) error {
	if f.err != nil {
		return f.err
	}
	switch f.format {
	case Warts, WartsGzip, WartsBzip2, WartsXz:
		if err := f.warts.Write(r); err != nil {
			return err
		}
		f.ends = append(f.ends, len(f.buf))
	case Text:
		f.buf = text.Append(f.buf, r)
	case JSON:
		f.buf = json.Append(f.buf, r)
	}
	if len(f.buf) >= maxBuffer {
		return f.Flush()
	}
	return nil
}

// Flush hands what was collected to the system.
func (f *File) Flush() error {
	if f.err != nil {
		return f.err
	}
	if len(f.buf) == 0 {
		return nil
	}
	n, err := f.hand()
	if err != nil {
		f.mend(n)
		if p := (*fs.PathError)(nil); errors.As(err, &p) {
			err = p.Err // the file has a name already
		}
		f.err = err
	}
	f.buf, f.ends = f.buf[:0], f.ends[:0]
	return f.err
}

// hand writes what was collected.
func (f *File) hand() (int, error) {
	if f.pack == nil {
		return f.w.Write(f.buf)
	}
	n, err := f.pack.Write(f.buf)
	if now := time.Now(); err == nil && now.Sub(f.packed) >= packFlush {
		f.packed = now
		err = f.pack.Flush()
	}
	return n, err
}

// mend cuts a warts file off behind its last whole record, when n bytes of what was collected got into it. What is no
// regular file stays as it is.
func (f *File) mend(n int) {
	file, ok := f.w.(interface {
		io.Seeker
		Stat() (fs.FileInfo, error)
		Truncate(size int64) error
	})
	if !ok || f.format != Warts {
		return
	}
	whole := 0
	for _, end := range f.ends {
		if end <= n {
			whole = end
		}
	}
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return
	}
	if at, err := file.Seek(0, io.SeekCurrent); err == nil {
		_ = file.Truncate(at - int64(n-whole)) // the write's error is the one to tell
	}
}

// Close flushes and closes the file.
func (f *File) Close() error {
	err := f.Flush()
	if f.pack != nil && err == nil {
		err = f.pack.Close()
	}
	if cerr := f.w.Close(); err == nil {
		err = cerr
	}
	return err
}
