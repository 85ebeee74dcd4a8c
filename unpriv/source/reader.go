package source

import (
	"bufio"
	"bytes"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"

	"scamper/shared/option"
)

// This file is what happens on a reader's goroutine.

// counter counts the bytes that were read from a file.
type counter struct {
	io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}

// pass goes through the file once and hands over the batch that says so.
func (f *fileFeed) pass(file io.Reader) {
	l := liner{feed: f, batch: f.take()}
	if l.batch == nil {
		return
	}
	l.batch.size = sizeOf(file)
	err := l.all(file)
	if l.batch == nil {
		return
	}
	if err != nil {
		err = fmt.Errorf("after line %d: %w", l.batch.lines, err)
	}
	f.put(l.batch, true, err)
}

// take returns an empty batch, nil when reading is to end.
func (f *fileFeed) take() *batch {
	select {
	case b := <-f.free:
		return b
	case <-f.stop:
		return nil
	}
}

// put hands over a batch. It reports false when reading is to end.
func (f *fileFeed) put(b *batch, end bool, err error) bool {
	if b == nil {
		return false
	}
	b.end, b.err = end, err
	b.joined = string(b.text)
	if f.config.Form == Targets {
		at := 0
		for i := range b.items {
			it := &b.items[i]
			if it.err == nil {
				it.addr, _ = option.ParseAddr(b.joined[at:it.end])
				at = it.end
			}
		}
	}
	select {
	case f.full <- b:
	case <-f.stop:
		return false
	}
	if f.waiting.Swap(false) {
		f.wake()
	}
	return true
}

// liner cuts a file into lines and collects them in batches.
type liner struct {
	feed  *fileFeed
	batch *batch // being filled; nil when reading is to end
	raw   counter
	plain *bufio.Reader // in front of raw; nil when the file is packed
	line  int64
}

// all reads a file to its end. The batch that it leaves behind was not handed over.
func (l *liner) all(file io.Reader) error {
	l.raw.Reader = file
	in, err := l.unpacked()
	if err != nil {
		return err
	}
	buf := make([]byte, chunk)
	begin, end := 0, 0 // what was read and is not gone through
	tooLong := false   // the line that buf begins with is: it is dropped up to its end
	for {
		n, err := in.Read(buf[end:])
		end += n
		for {
			i := bytes.IndexByte(buf[begin:end], '\n')
			if i < 0 {
				break
			}
			if !l.take(buf[begin:begin+i], tooLong, int64(end-begin-i-1)) {
				return nil
			}
			begin += i + 1
			tooLong = false
		}
		if err != nil {
			if err != io.EOF {
				return err // what was read of a line may be half an address, which is another one
			}
			if (begin < end || tooLong) && !l.take(buf[begin:end], tooLong, 0) {
				return nil
			}
			return nil
		}
		if len(l.batch.items) > 0 && !l.flush() { // whoever types the lines waits for the results
			return nil
		}
		if end-begin > MaxLine+1 { // a carriage return may be at the end
			tooLong, begin, end = true, 0, 0
		}
		if begin > 0 {
			end = copy(buf, buf[begin:end])
			begin = 0
		}
		if end == len(buf) {
			buf = append(buf, make([]byte, len(buf))...)
		}
	}
}

// unpacked returns the contents of the file.
func (l *liner) unpacked() (io.Reader, error) {
	b := bufio.NewReaderSize(&l.raw, chunk)
	if magic, _ := b.Peek(2); len(magic) < 2 || magic[0] != 0x1f || magic[1] != 0x8b {
		l.plain = b
		return b, nil // an error of Peek comes again from Read
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		return nil, fmt.Errorf("gzip: %w", err)
	}
	return z, nil
}

// take adds a line, without its end, to the batch; after is how much was read behind it. It reports false when reading
// is to end.
func (l *liner) take(line []byte, tooLong bool, after int64) bool {
	b := l.batch
	l.line++
	b.lines = l.line
	b.read = l.raw.n
	if l.plain != nil {
		b.read -= after + int64(l.plain.Buffered())
	}
	it := item{line: l.line}
	var text []byte
	n := len(line)
	if n > 0 && line[n-1] == '\r' {
		n--
	}
	if tooLong || n > MaxLine {
		it.err = errTooLong
	} else {
		text, it.err = l.feed.config.Form.cutLine(line)
	}
	switch {
	case it.err != nil:
	case text == nil:
		return true
	case l.feed.config.Form == Timestamps:
		b.text, it.err = appendTimestamps(b.text, text)
	default:
		b.text = append(b.text, text...)
	}
	it.end = len(b.text)
	b.items = append(b.items, it)
	if len(b.items) == batchLines || len(b.text) >= batchBytes {
		return l.flush()
	}
	return true
}

// flush hands over the batch and takes another one.
func (l *liner) flush() bool {
	read := l.batch.read
	if !l.feed.put(l.batch, false, nil) {
		l.batch = nil
		return false
	}
	l.batch = l.feed.take()
	if l.batch == nil {
		return false
	}
	l.batch.lines, l.batch.read = l.line, read
	return true
}
