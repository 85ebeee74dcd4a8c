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

// NewWriter returns a writer that compresses to w. Closing it ends the compressed stream and leaves w open.
func NewWriter(w io.Writer, f Format) (io.WriteCloser, error) {
	switch f {
	case None:
		return nopCloser{w}, nil
	case Gzip:
		return gzip.NewWriter(w), nil
	case Bzip2:
		return newBzip2Writer(w), nil
	case Xz:
		z, err := xz.NewWriter(w)
		if err != nil {
			return nil, fmt.Errorf("xz: %w", err)
		}
		return z, nil
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
