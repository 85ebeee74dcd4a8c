package cli

import (
	"encoding/binary"
	"fmt"
	"io"
	"runtime"
	"sync/atomic"

	"scamper/shared/warts"
)

// Conversion is what most of the commands do: they read files and print something for each record, in order. Rendering
// a record must not depend on those before it.
//
// The records flow like this: a splitter finds where each of them begins and ends, without decoding them, and deals
// them out in batches to workers, one for each processor. A worker decodes and renders its batches, with a reader of its
// own; records that later ones refer to (lists, cycles, addresses) go to every worker, but only one renders them. The
// caller's goroutine writes what they rendered in the order of the batches. Buffers are used again, so that memory
// depends on the size of the largest records, not on that of the file. A batch ends before a read that may have to wait,
// so that nothing is held back while a pipe is silent.
type Conversion struct {
	Files  []string // standard input if there are none
	Want   []warts.Type
	Render func(b []byte, rec warts.Record) []byte

	// OpenFailed reports that a file can't be opened and returns whether to go on with the next one.
	OpenFailed func(name string, err error) (goOn bool)
}

// Limits of a batch. Depth is how many batches each worker may be ahead of the output.
const (
	batchBytes   = 256 << 10
	batchRecords = 4096
	batchDepth   = 2
)

// batch is a number of records of one file on their way from the splitter to the output.
type batch struct {
	file       int    // which of the files, from 0
	name       string // of the file
	compressed bool   // the file is
	recordList

	out    []byte // what they were rendered to
	err    error  // that ended the file, or kept it from being opened
	noOpen bool   // err is about opening it
	line   string // about err
	done   chan struct{}
}

type recordInfo struct {
	offset int64 // in its file
	shown  bool  // rendered by this worker
}

func (b *batch) reset(file int, name string) {
	b.clear()
	*b = batch{file: file, name: name, recordList: b.recordList, out: b.out[:0], done: make(chan struct{}, 1)}
}

// Convert runs the conversion and returns the exit status of the command: StatusDamaged if a file was damaged, which
// ends that file only.
func (e *Env) Convert(c Conversion) int {
	if len(c.Files) == 0 {
		c.Files = []string{"-"}
	}
	s := newSplitter(e, &c)
	go s.run()
	defer close(s.stop)

	status := StatusOK
	damaged := -1 // the file of which no more is printed
	for b := range s.ordered {
		<-b.done
		if b.file == damaged {
			s.free <- b
			continue
		}
		if len(b.out) > 0 {
			if _, err := e.Stdout.Write(b.out); err != nil {
				return e.WriteStatus(err)
			}
		}
		switch {
		case b.err == nil:
		case b.noOpen:
			if !c.OpenFailed(b.name, b.err) {
				return StatusFailed
			}
		default:
			e.Errorf("%s", b.line)
			status = StatusDamaged
			damaged = b.file
			s.damaged.Store(int64(b.file))
		}
		s.free <- b
	}
	return status
}

// splitter deals the records of the files out to the workers.
type splitter struct {
	env     *Env
	c       *Conversion
	workers []worker
	next    int // worker that gets the next batch

	ordered chan *batch
	free    chan *batch
	stop    chan struct{} // closed when nobody wants more
	damaged atomic.Int64  // number of the file of which no more is wanted

	cur *batch // being filled; nil between batches
}

type worker struct {
	in      chan *batch
	missing recordList // records that it has to know but has not been sent yet
}

// recordList is a number of records that follow each other, with their headers.
type recordList struct {
	raw  []byte
	recs []recordInfo
}

func (l *recordList) add(raw []byte, info recordInfo) {
	l.raw = append(l.raw, raw...)
	l.recs = append(l.recs, info)
}

func (l *recordList) clear() { l.raw, l.recs = l.raw[:0], l.recs[:0] }

func newSplitter(e *Env, c *Conversion) *splitter {
	n := max(1, min(runtime.GOMAXPROCS(0), 8))
	s := &splitter{
		env: e, c: c, workers: make([]worker, n),
		ordered: make(chan *batch, n*batchDepth),
		free:    make(chan *batch, n*(batchDepth+2)+2),
		stop:    make(chan struct{}),
	}
	s.damaged.Store(-1)
	for range cap(s.free) {
		s.free <- new(batch)
	}
	for i := range s.workers {
		s.workers[i] = worker{in: make(chan *batch, batchDepth)}
		go s.work(s.workers[i].in)
	}
	return s
}

func (s *splitter) run() {
	defer close(s.ordered)
	defer func() {
		for i := range s.workers {
			close(s.workers[i].in)
		}
	}()
	for file, name := range s.c.Files {
		if !s.file(file, name) {
			return
		}
	}
}

// file deals out one file. It returns false if no more is wanted.
func (s *splitter) file(file int, name string) bool {
	for i := range s.workers {
		s.workers[i].missing.clear()
	}
	in, err := s.env.Open(name)
	if err != nil {
		return s.fail(file, name, err, true)
	}
	defer in.Close()
	if in.Arts {
		return s.sequential(file, in)
	}
	r := warts.NewReader(&flushingReader{in.r, func() { s.flush() }})
	for {
		raw, err := r.NextRaw()
		if err == io.EOF {
			return s.flush()
		}
		if err != nil {
			return s.flush() && s.fail(file, name, err, false)
		}
		if s.damaged.Load() == int64(file) {
			return true
		}
		if !s.record(file, name, raw, r) {
			return false
		}
	}
}

// record puts a record into the batch at hand.
func (s *splitter) record(file int, name string, raw []byte, r *warts.Reader) bool {
	offset := r.Offset()
	t := warts.Type(binary.BigEndian.Uint16(raw[2:]))
	state := t <= warts.TypeAddress
	shown := s.wanted(t)
	if !state && !shown {
		return true
	}
	if s.cur == nil && !s.begin(file, name, r.Compressed()) {
		return false
	}
	s.cur.add(raw, recordInfo{offset, shown})
	if state {
		for i := range s.workers {
			if i != s.next {
				s.workers[i].missing.add(raw, recordInfo{offset, false})
			}
		}
	}
	if len(s.cur.raw) >= batchBytes || len(s.cur.recs) >= batchRecords {
		return s.flush()
	}
	return true
}

func (s *splitter) wanted(t warts.Type) bool {
	for _, w := range s.c.Want {
		if w == t {
			return true
		}
	}
	return len(s.c.Want) == 0
}

// begin begins a batch with what its worker has missed.
func (s *splitter) begin(file int, name string, compressed bool) bool {
	if s.cur = s.take(file, name); s.cur == nil {
		return false
	}
	s.cur.compressed = compressed
	m := &s.workers[s.next].missing
	s.cur.raw = append(s.cur.raw, m.raw...)
	s.cur.recs = append(s.cur.recs, m.recs...)
	m.clear()
	return true
}

// take waits for a batch to fill; nil if no more is wanted.
func (s *splitter) take(file int, name string) *batch {
	select {
	case b := <-s.free:
		b.reset(file, name)
		return b
	case <-s.stop:
		return nil
	}
}

// flush sends the batch at hand, if there is one, to the worker whose turn it is.
func (s *splitter) flush() bool {
	b := s.cur
	if b == nil {
		return true
	}
	s.cur = nil
	w := s.workers[s.next].in
	s.next = (s.next + 1) % len(s.workers)
	select {
	case w <- b:
	case <-s.stop:
		return false
	}
	return s.order(b)
}

func (s *splitter) order(b *batch) bool {
	select {
	case s.ordered <- b:
		return true
	case <-s.stop:
		return false
	}
}

// fail passes on that a file ended with an error, or could not be opened.
func (s *splitter) fail(file int, name string, err error, noOpen bool) bool {
	b := s.take(file, name)
	if b == nil {
		return false
	}
	b.err, b.noOpen, b.line = err, noOpen, ReadErrorLine(name, err)
	b.done <- struct{}{}
	return s.order(b)
}

// sequential renders an input here, record by record.
func (s *splitter) sequential(file int, in *Input) bool {
	r := in.Reader(s.c.Want...)
	for {
		b := s.take(file, in.Name)
		if b == nil {
			return false
		}
		var err error
		for len(b.out) < batchBytes {
			var rec warts.Record
			if rec, err = r.Next(); err != nil {
				break
			}
			b.out = s.c.Render(b.out, rec)
		}
		if err != nil && err != io.EOF {
			b.err, b.line = err, ReadErrorLine(in.Name, err)
		}
		b.done <- struct{}{}
		if !s.order(b) {
			return false
		}
		if err != nil {
			return true
		}
	}
}

// work renders the batches of a worker.
func (s *splitter) work(in <-chan *batch) {
	file := -1
	var r *warts.Reader
	feed := new(feeder)
	for b := range in {
		if b.file != file {
			file = b.file
			r = warts.NewReader(feed)
			r.Reuse = true
		}
		feed.data = b.raw
		s.render(r, b)
		b.done <- struct{}{}
	}
}

func (s *splitter) render(r *warts.Reader, b *batch) {
	for _, info := range b.recs {
		rec, err := r.Next()
		if err != nil {
			b.err, b.line = err, movedErrorLine(b.name, err, info.offset, b.compressed)
			return
		}
		if info.shown {
			b.out = s.c.Render(b.out, rec)
		}
	}
}

// feeder gives a worker's reader the records of the batch at hand. The reader never asks for more than is there.
type feeder struct{ data []byte }

func (f *feeder) Read(p []byte) (int, error) {
	if len(f.data) == 0 {
		return 0, fmt.Errorf("record behind the end of a batch: %w", io.ErrUnexpectedEOF)
	}
	n := copy(p, f.data)
	f.data = f.data[n:]
	return n, nil
}

// flushingReader sends what has been read on its way before it reads more.
type flushingReader struct {
	r     io.Reader
	flush func()
}

func (f *flushingReader) Read(p []byte) (int, error) {
	f.flush()
	return f.r.Read(p)
}
