package cli

import (
	"fmt"
	"io"
	"runtime"
	"sync/atomic"

	"scamper/shared/warts"
)

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
	missing recordList // what it has to know but has not been sent yet
}

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
		go s.work(s.workers[i].in, c.NewRenderer())
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
	for file, in := range s.c.Inputs {
		if !s.file(file, in) {
			return
		}
	}
	for file, name := range s.c.Files {
		if !s.open(file, name) {
			return
		}
	}
}

// open opens a file and deals it out. It returns false if no more is wanted.
func (s *splitter) open(file int, name string) bool {
	in, err := s.env.Open(name)
	if err != nil {
		return s.fail(file, name, err, notOpened)
	}
	defer in.Close()
	return s.file(file, in)
}

// file deals out one file. It returns false if no more is wanted.
func (s *splitter) file(file int, in *Input) bool {
	name := in.Name
	for i := range s.workers {
		s.workers[i].missing.forgetRecords()
	}
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
			return s.flush() && s.fail(file, name, err, damaged)
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
	t := RecordType(raw)
	state := t <= warts.TypeAddress
	shown := s.wanted(t)
	if !state && !shown {
		return true
	}
	if s.cur == nil && !s.begin(file, name, r.Compressed()) {
		return false
	}
	if s.c.Prepare != nil {
		if note := s.c.Prepare(file, raw); len(note) > 0 {
			s.cur.addNote(note, true)
			s.tellOthers(func(l *recordList) { l.addNote(note, false) })
		}
	}
	s.cur.addRecord(raw, offset, shown)
	if state {
		s.tellOthers(func(l *recordList) { l.addRecord(raw, offset, false) })
	}
	if len(s.cur.raw) >= batchBytes || len(s.cur.items) >= batchRecords {
		return s.flush()
	}
	return true
}

// tellOthers adds to what the workers miss that don't get the batch at hand.
func (s *splitter) tellOthers(add func(*recordList)) {
	for i := range s.workers {
		if i != s.next {
			add(&s.workers[i].missing)
		}
	}
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
	s.cur.addAll(m)
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
func (s *splitter) fail(file int, name string, err error, o outcome) bool {
	b := s.take(file, name)
	if b == nil {
		return false
	}
	b.outcome, b.err, b.line = o, err, ReadErrorLine(name, err)
	b.done <- struct{}{}
	return s.order(b)
}

// sequential renders an input here, record by record.
func (s *splitter) sequential(file int, in *Input) bool {
	r := in.Reader(s.c.Want...)
	render := s.c.NewRenderer()
	for {
		b := s.take(file, in.Name)
		if b == nil {
			return false
		}
		var err error
		for err == nil && len(b.out) < batchBytes {
			var rec warts.Record
			if rec, err = r.Next(); err == nil {
				b.render(render, rec)
			}
		}
		if err != nil && err != io.EOF {
			b.outcome, b.line = damaged, ReadErrorLine(in.Name, err)
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
func (s *splitter) work(in <-chan *batch, render Renderer) {
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
		b.work(r, render)
		b.done <- struct{}{}
	}
}

func (b *batch) work(r *warts.Reader, render Renderer) {
	notes := b.notes
	for _, it := range b.items {
		if it.note > 0 {
			b.out = render.Note(b.out, notes[:it.note], it.shown)
			notes = notes[it.note:]
			continue
		}
		if b.outcome != rendered {
			continue // the notes are needed nevertheless: they are about later files too
		}
		rec, err := r.Next()
		if err != nil {
			b.outcome, b.line = damaged, movedErrorLine(b.name, err, it.offset, b.compressed)
			continue
		}
		if it.shown {
			b.render(render, rec)
		}
	}
}

// render renders one record.
func (b *batch) render(render Renderer, rec warts.Record) {
	out, err := render.Record(b.out, rec)
	if err != nil {
		b.outcome, b.line = notRendered, fmt.Sprintf("could not write %s record from %s: %v", rec.Type(), b.name, err)
		return
	}
	b.out = out
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
