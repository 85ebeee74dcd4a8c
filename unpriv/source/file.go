package source

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"sync"
	"sync/atomic"
)

// FileConfig is what is to be read.
type FileConfig struct {
	Name string // for messages
	// File is read from where it stands. It is closed when the source ends; a Read that is under way is then expected to
	// return. What gzip wrote is recognised by its first bytes and unpacked.
	File io.ReadCloser
	Form Form

	// Cycles is how often the file is gone through; 0 is without end.
	Cycles uint32
	// AutoReload opens the file again for each cycle after the first. Otherwise File is read again from its beginning
	// and must be an io.Seeker for that.
	AutoReload bool
	// Open opens the file again; nil if that cannot be done. It is called on a goroutine of its own.
	Open func() (io.ReadCloser, error)
}

// Progress is how far a source has come with its file.
type Progress struct {
	Read   int64 // bytes of the file, packed if it is, that the lines handed out took, about
	Size   int64 // bytes of the file; -1 if unknown (a pipe)
	Lines  int64 // lines gone through in this cycle
	Usable int64 // of those, lines that were handed out as commands
}

// Fraction returns how much of the file was gone through, from 0 to 1; ok is false if its size is not known.
func (p Progress) Fraction() (f float64, ok bool) {
	if p.Size <= 0 {
		return 0, false
	}
	return min(1, float64(p.Read)/float64(p.Size)), true
}

const (
	batchLines = 256      // lines in a batch at most
	batchBytes = 64 << 10 // text after which a batch is full
	batchQueue = 3        // batches that wait to be used
	chunk      = 64 << 10 // bytes read at once, unless a line is longer
)

// batch is what a reader hands over: some lines, or news about the end.
type batch struct {
	text   []byte // of all items, joined
	items  []item
	joined string // text, once the batch is full
	lines  int64  // number of the last line gone through
	read   int64  // bytes of the file up to there
	size   int64  // of the file, if it was found out in this pass; else -1
	end    bool   // of a pass
	err    error  // why it ended early
}

func (b *batch) reset() {
	*b = batch{text: b.text[:0], items: b.items[:0], size: -1}
}

// item is one usable line, or what is wrong with one.
type item struct {
	end  int // of its text in batch.text; it begins where the one before ended
	line int64
	addr netip.Addr
	err  error
}

// fileFeed reads a file on a goroutine of its own, a few batches ahead. The goroutine ends with each pass.
type fileFeed struct {
	config FileConfig
	left   uint32 // cycles to come, the current one included; not used without end

	wake    func()
	waiting atomic.Bool // next found nothing
	full    chan *batch
	free    chan *batch
	stop    chan struct{} // closed by close

	mu     sync.Mutex
	file   io.ReadCloser // nil while it is opened again
	closed bool

	cur      *batch
	i, at    int   // next item, and the beginning of its text
	base     int64 // bytes of the file read before cur
	progress Progress
}

// NewFile returns a source that is read from a file. Its kind is TSPS for the form Timestamps, else File.
func NewFile(c Config, f FileConfig) *Source {
	feed := &fileFeed{
		config: f, left: f.Cycles, file: f.File, full: make(chan *batch, batchQueue), free: make(chan *batch, batchQueue+2),
		stop: make(chan struct{}), progress: Progress{Size: sizeOf(f.File)},
	}
	for range batchQueue + 2 { // those that wait, the one in use and the one being filled
		feed.free <- &batch{items: make([]item, 0, batchLines), size: -1}
	}
	kind := File
	if f.Form == Timestamps {
		kind = TSPS
	}
	return newSource(c, kind, feed)
}

// sizeOf returns the size of a regular file, else -1.
func sizeOf(f io.Reader) int64 {
	if s, ok := f.(interface{ Stat() (fs.FileInfo, error) }); ok {
		if info, err := s.Stat(); err == nil && info.Mode().IsRegular() {
			return info.Size()
		}
	}
	return -1
}

// Progress returns how far a source has come with its file; ok is false if it has none.
func (s *Source) Progress() (p Progress, ok bool) {
	f, ok := s.feed.(*fileFeed)
	if !ok {
		return Progress{}, false
	}
	return f.progress, true
}

// Fraction returns how much of the source was handed out, from 0 to 1; ok is false if that is not known. Of a file it is
// the current cycle.
func (s *Source) Fraction() (f float64, ok bool) {
	switch feed := s.feed.(type) {
	case *fileFeed:
		return feed.progress.Fraction()
	case *words:
		if feed.total == 0 {
			return 0, false
		}
		return 1 - float64(len(feed.list))/float64(feed.total), true
	}
	return 0, false
}

// FileName returns the name of the file, or nothing.
func (s *Source) FileName() string { return s.file() }

// Cycles returns how many cycles are to come, the current one included, and whether there is no end to them.
func (s *Source) Cycles() (left uint32, endless bool) {
	if f, ok := s.feed.(*fileFeed); ok {
		return f.left, f.config.Cycles == 0
	}
	return 0, false
}

// SetCycles sets how many cycles are to come, the current one included; 0 is without end. It reports whether the source
// has cycles that can be counted.
func (s *Source) SetCycles(n uint32) bool {
	f, ok := s.feed.(*fileFeed)
	if ok {
		f.left, f.config.Cycles = n, n
	}
	return ok
}

// AutoReload reports whether the file is opened again for each cycle.
func (s *Source) AutoReload() bool {
	f, ok := s.feed.(*fileFeed)
	return ok && f.config.AutoReload
}

// SetAutoReload sets whether the file is opened again for each cycle. It reports whether the source has a file.
func (s *Source) SetAutoReload(on bool) bool {
	f, ok := s.feed.(*fileFeed)
	if ok {
		f.config.AutoReload = on
	}
	return ok
}

func (f *fileFeed) start(wake func()) {
	f.wake = wake
	go f.pass(f.file)
}

func (f *fileFeed) more() bool {
	if f.config.Cycles == 0 {
		return true
	}
	if f.left > 0 {
		f.left--
	}
	return f.left > 0
}

func (f *fileFeed) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	f.closed = true
	close(f.stop)
	if f.file != nil {
		f.file.Close() // nothing was written to it
	}
}

// again reads the file once more. The goroutine of the pass before has ended: it handed over the batch that said so.
func (f *fileFeed) again() {
	f.progress, f.base = Progress{Size: f.progress.Size}, 0
	reload, open := f.config.AutoReload, f.config.Open
	go func() {
		file, err := f.rewind(reload, open)
		if err != nil {
			f.put(f.take(), true, err)
			return
		}
		f.pass(file)
	}()
}

// errNoReplay is what a second cycle of standard input meets.
var errNoReplay = errors.New("cannot be read a second time")

// rewind returns the file at its beginning.
func (f *fileFeed) rewind(reload bool, open func() (io.ReadCloser, error)) (io.Reader, error) {
	if !reload {
		seeker, ok := f.file.(io.Seeker)
		if !ok {
			return nil, errNoReplay
		}
		if _, err := seeker.Seek(0, io.SeekStart); err != nil {
			return nil, fmt.Errorf("%w: %w", errNoReplay, err)
		}
		return f.file, nil
	}
	if open == nil {
		return nil, errNoReplay
	}
	f.mu.Lock()
	old := f.file
	f.file = nil
	f.mu.Unlock()
	if old != nil {
		old.Close() // nothing was written to it
	}
	file, err := open()
	if err != nil {
		return nil, fmt.Errorf("open again: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		file.Close()
		return nil, fs.ErrClosed
	}
	f.file = file
	return file, nil
}

// next is called on the loop's goroutine.
func (f *fileFeed) next(c *Command) (supply, *Problem) {
	for {
		if f.cur == nil && !f.receive() {
			return nothingNow, nil
		}
		b := f.cur
		if f.i < len(b.items) {
			it := &b.items[f.i]
			f.i++
			f.progress.Lines = it.line
			f.progress.Read = f.base + (b.read-f.base)*int64(f.i)/int64(len(b.items)) // about
			if it.err != nil {
				return something, &Problem{File: f.config.Name, Line: it.line, Err: it.err}
			}
			*c = Command{
				Text: b.joined[f.at:it.end], Target: f.config.Form == Targets, Addr: it.addr, Line: it.line,
			}
			f.at = it.end
			f.progress.Usable++
			return something, nil
		}
		f.progress.Lines, f.progress.Read, f.base = b.lines, b.read, b.read
		if b.size >= 0 {
			f.progress.Size = b.size
		}
		f.cur = nil
		end, err := b.end, b.err
		b.reset()
		f.free <- b // there is room for all that exist
		switch {
		case end && err != nil:
			return nothingEver, &Problem{File: f.config.Name, Err: err}
		case end:
			return nothingEver, nil
		}
	}
}

// receive makes the next batch the current one; it reports false if there is none yet, and then wake will be called.
func (f *fileFeed) receive() bool {
	for range 2 {
		select {
		case f.cur = <-f.full:
			f.waiting.Store(false)
			f.i, f.at = 0, 0
			return true
		default:
			// The reader may have put one between the look and this mark: look again.
			f.waiting.Store(true)
		}
	}
	return false
}
