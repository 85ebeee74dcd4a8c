// Package pack compresses output files: by gzip, bzip2, xz or zstd. Reading them is up to the warts package, which tells
// by content.
package pack

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// Format is a way to compress a file.
type Format uint8

// The formats.
const (
	None Format = iota
	Gzip
	Bzip2
	Xz
	Zstd
)

var suffixes = map[string]Format{".gz": Gzip, ".bz2": Bzip2, ".xz": Xz, ".zst": Zstd}

// ByName returns the format that the suffix of a file's name asks for, in capitals or not.
func ByName(name string) Format { return suffixes[strings.ToLower(filepath.Ext(name))] }

// String returns the suffix of the format without its dot; "" for None.
func (f Format) String() string {
	for suffix, format := range suffixes {
		if format == f {
			return suffix[1:]
		}
	}
	return ""
}

// xzBlock is how many bytes an xz writer puts into a block: enough to compress well, few enough to lose by a crash.
const xzBlock = 256 << 10

// Writer compresses what is written to it. Close ends the compressed stream and leaves the underlying writer open. Flush
// makes what was written so far readable, at the cost of a somewhat longer file: of a gzip or zstd file all of it, of a
// bzip2 file all but perhaps what came since the flush before. It does nothing for xz, whose blocks of 256 KiB become
// readable as they get full.
type Writer interface {
	io.WriteCloser
	Flush() error
}

// NewWriter returns a writer that compresses to w.
func NewWriter(w io.Writer, f Format) (Writer, error) {
	switch f {
	case None:
		return nopCloser{w}, nil
	case Gzip:
		return gzip.NewWriter(w), nil
	case Bzip2:
		return newBzip2Writer(w, bzip2Level), nil
	case Xz:
		z, err := xz.WriterConfig{BlockSize: xzBlock}.NewWriter(w)
		if err != nil {
			return nil, fmt.Errorf("xz: %w", err)
		}
		return unflushed{z}, nil
	case Zstd:
		z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
		if err != nil {
			return nil, fmt.Errorf("zstd: %w", err)
		}
		return z, nil
	}
	return nil, fmt.Errorf("compression format %d: not known", f)
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
func (nopCloser) Flush() error { return nil }

// unflushed is a writer that cannot flush.
type unflushed struct{ io.WriteCloser }

func (unflushed) Flush() error { return nil }
