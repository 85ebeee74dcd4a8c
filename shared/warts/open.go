package warts

import (
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// formats are what the first bytes of a file can say.
var formats = []struct {
	name  string
	magic []byte
	open  func(io.Reader) (r io.Reader, close func(), err error)
}{
	{"gzip", []byte{0x1f, 0x8b}, func(r io.Reader) (io.Reader, func(), error) {
		z, err := gzip.NewReader(r)
		return z, nil, err
	}},
	{"bzip2", []byte("BZ"), func(r io.Reader) (io.Reader, func(), error) { return bzip2.NewReader(r), nil, nil }},
	{"xz", []byte("\xfd7zXZ\x00"), func(r io.Reader) (io.Reader, func(), error) {
		z, err := xz.NewReader(r)
		return z, nil, err
	}},
	{"zstd", []byte{0x28, 0xb5, 0x2f, 0xfd}, func(r io.Reader) (io.Reader, func(), error) {
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(zstdWindow))
		if err != nil {
			return nil, nil, err
		}
		return z, z.Close, nil
	}},
}

// Limits on the memory that a compressed file can ask for, well above what the xz and zstd commands ask for at their
// highest levels (64 MB and 128 MB).
const (
	xzDict     = 256 << 20
	zstdWindow = 128 << 20
)

// open makes the reader ready for its first record.
func (r *Reader) open() error {
	r.opened = true
	r.file.reset()
	r.dec.file = &r.file
	r.dec.alias = r.Reuse
	r.dec.trace = r.Trace
	return r.detect()
}

// detect looks at the first bytes and puts a decompressor in front if they are those of a compressed file.
func (r *Reader) detect() error {
	if r.detected {
		return nil
	}
	r.detected = true
	r.src.r = r.in
	head, _ := r.src.peek(6) // an error comes again where the bytes are needed
	if len(head) >= 2 && head[0] == artsMagic>>8 && head[1] == artsMagic&0xff {
		r.arts = true
		return nil
	}
	for _, f := range formats {
		if !bytes.HasPrefix(head, f.magic) {
			continue
		}
		if f.name == "xz" {
			if err := r.src.checkXZ(); err != nil {
				return fmt.Errorf("warts: xz: %w", err)
			}
		}
		z, closer, err := f.open(&rest{r.src})
		if err != nil {
			return fmt.Errorf("warts: %s: %w", f.name, unexpected(err))
		}
		r.src = source{r: z}
		r.close = closer
		r.compressed = true
		return nil
	}
	return nil
}

// checkXZ refuses an xz file whose first block wants a dictionary of more than xzDict bytes. After a stream header of 12
// bytes comes the block header: its size, flags, up to two optional numbers, then for LZMA2 its filter id 0x21, the
// number 1, and the size of the dictionary as an exponent (the xz file format, sections 3.1 and 5.3.1).
func (s *source) checkXZ() error {
	const streamHeader, filterLZMA2 = 12, 0x21
	b, _ := s.peek(streamHeader + 2 + 2*9 + 3)
	if len(b) < streamHeader+2 {
		return nil
	}
	flags := b[streamHeader+1]
	b = b[streamHeader+2:]
	for _, bit := range []byte{0x40, 0x80} { // sizes: 7 bits a byte, the highest bit means more
		if flags&bit == 0 {
			continue
		}
		n := slices.IndexFunc(b, func(c byte) bool { return c < 0x80 })
		b = b[n+1:]
	}
	if len(b) < 3 || b[0] != filterLZMA2 || b[2] > 40 {
		return nil
	}
	bits := uint64(b[2])
	if size := (2 | bits&1) << (bits/2 + 11); size > xzDict {
		return fmt.Errorf("dictionary of %d bytes: %w", size, errTooLong)
	}
	return nil
}

// rest reads what a source has.
type rest struct{ source }

func (r *rest) Read(b []byte) (int, error) {
	if r.from < r.to {
		n := copy(b, r.buf[r.from:r.to])
		r.take(n)
		return n, nil
	}
	if r.err != nil {
		return 0, r.err
	}
	return r.r.Read(b)
}

// File is a Reader of a file that it closes.
type File struct {
	*Reader
	f io.Closer
}

// Close closes the file.
func (f *File) Close() error {
	if f.close != nil {
		f.close()
		f.close = nil
	}
	return f.f.Close()
}

// Open opens a file for reading. A regular file must hold at least 6 bytes, of which the first, after decompression, are
// those of warts or arts; if not, the error wraps [ErrFormat]. Other files, such as pipes, are looked at when they are
// read.
func Open(name string) (*File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	r := NewReader(f)
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		if err := r.recognise(); err != nil {
			f.Close()
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return &File{Reader: r, f: f}, nil
}

// recognise looks at the first bytes; the error wraps [ErrFormat] if they are not those of a file that can be read.
func (r *Reader) recognise() error {
	if err := r.detect(); err != nil {
		return errors.Join(ErrFormat, err)
	}
	if r.arts {
		return nil
	}
	need := int64(6)
	if r.compressed {
		need = 2
	}
	head, err := r.src.peek(need)
	switch {
	case err != nil && err != io.EOF:
		return err
	case err != nil, head[0] != Magic>>8, head[1] != Magic&0xff:
		return ErrFormat
	}
	return nil
}
