package warts

import (
	"errors"
	"io"
)

// source gives bytes of a stream to look at before they are taken. Its buffer grows only with bytes that have arrived,
// whatever length a record claims.
type source struct {
	r    io.Reader
	buf  []byte
	from int   // of the bytes not yet taken in buf
	to   int   // their end
	off  int64 // position in the stream of buf[from]
	err  error // of r, io.EOF included
}

const (
	sourceSize    = 64 << 10 // of the buffer at first
	sourceEmpties = 100      // reads that give nothing in a row, after which it is io.ErrNoProgress
)

// peek returns the next n bytes without taking them; fewer, and the error of the stream, if there are not as many. The
// bytes are valid until the next call.
func (s *source) peek(n int64) ([]byte, error) {
	for empties := 0; int64(s.to-s.from) < n; {
		if s.err != nil {
			return s.buf[s.from:s.to], s.err
		}
		if s.to == len(s.buf) || int64(len(s.buf)-s.from) < n && s.from > 0 {
			s.room(n)
		}
		got, err := s.r.Read(s.buf[s.to:])
		if got < 0 || got > len(s.buf)-s.to {
			err = errors.New("reader returned an impossible count")
			got = 0
		}
		s.to += got
		s.err = err
		if got > 0 {
			empties = 0
		} else if empties++; empties == sourceEmpties && err == nil {
			s.err = io.ErrNoProgress
		}
	}
	return s.buf[s.from : s.from+int(n) : s.from+int(n)], nil
}

// room makes room behind the bytes not yet taken: by moving them to the front, else by doubling the buffer.
func (s *source) room(n int64) {
	if s.from > 0 {
		copy(s.buf, s.buf[s.from:s.to])
		s.to -= s.from
		s.from = 0
		if s.to < len(s.buf) {
			return
		}
	}
	size := int64(max(sourceSize, 2*len(s.buf)))
	if len(s.buf) > 0 {
		size = min(size, max(n, sourceSize))
	}
	size = max(size, int64(len(s.buf))+1)
	buf := make([]byte, size)
	copy(buf, s.buf[:s.to])
	s.buf = buf
}

// take takes n bytes that peek has returned.
func (s *source) take(n int) {
	s.from += n
	s.off += int64(n)
	if s.from == s.to {
		s.from, s.to = 0, 0
	}
}

// skip takes n bytes and returns how many there were.
func (s *source) skip(n int64) (int64, error) {
	var done int64
	for done < n {
		have := min(int64(s.to-s.from), n-done)
		s.take(int(have))
		done += have
		if done == n {
			break
		}
		if _, err := s.peek(1); err != nil {
			return done, err
		}
	}
	return done, nil
}
