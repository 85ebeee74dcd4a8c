package cli

import (
	"io"
	"slices"

	"scamper/shared/warts"
)

// Conversion is what most of the commands do: they read files and print something for each record, in order. Rendering
// a record must not depend on those before it, save by notes.
//
// The records flow like this: a splitter finds where each of them begins and ends, without decoding them, and deals
// them out in batches to workers, one for each processor. A worker decodes and renders its batches, with a reader of its
// own; records that later ones refer to (lists, cycles, addresses) go to every worker, but only one renders them. The
// caller's goroutine writes what they rendered in the order of the batches. Buffers are used again, so that memory
// depends on the size of the largest records, not on that of the file. A batch ends before a read that may have to wait,
// so that nothing is held back while a pipe is silent.
type Conversion struct {
	Files  []string // standard input if there are none
	Inputs []*Input // that are open already; instead of Files
	Want   []warts.Type
	Render func(b []byte, rec warts.Record) []byte

	// NewRenderer makes the renderer of a worker, which may remember things; instead of Render.
	NewRenderer func() Renderer

	// Prepare, if not nil, is called for every record that is wanted or that others refer to, in order, before it is
	// rendered. What it returns is a note to all renderers.
	Prepare func(file int, raw []byte) (note []byte)

	// OpenFailed reports that a file can't be opened and returns whether to go on with the next one.
	OpenFailed func(name string, err error) (goOn bool)

	Out          io.Writer // nil: standard output
	StopAtDamage bool      // the first damaged file ends the command, with StatusFailed
}

// Renderer renders the records of a worker.
type Renderer interface {
	// Note takes note of what Prepare returned, before any record that comes after it. Each renderer gets every note;
	// one of them is told to show it.
	Note(b, note []byte, show bool) []byte
	// Record renders a record. An error ends the command with StatusFailed.
	Record(b []byte, rec warts.Record) ([]byte, error)
}

// plain is the Renderer of a function.
type plain func(b []byte, rec warts.Record) []byte

func (p plain) Note(b, _ []byte, _ bool) []byte                   { return b }
func (p plain) Record(b []byte, rec warts.Record) ([]byte, error) { return p(b, rec), nil }

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

	out     []byte // what they were rendered to
	outcome outcome
	line    string // for standard error
	err     error  // of opening the file
	done    chan struct{}
}

// outcome is what became of a batch.
type outcome uint8

const (
	rendered outcome = iota
	notOpened
	damaged
	notRendered
)

// recordList is a number of records that follow each other, with their headers, and of notes between them.
type recordList struct {
	raw   []byte
	notes []byte
	items []item
}

// item is a record or a note.
type item struct {
	offset int64 // of a record in its file
	note   int   // length of a note; 0 for a record
	shown  bool  // by this worker
}

func (l *recordList) addRecord(raw []byte, offset int64, shown bool) {
	l.raw = append(l.raw, raw...)
	l.items = append(l.items, item{offset: offset, shown: shown})
}

func (l *recordList) addNote(note []byte, shown bool) {
	l.notes = append(l.notes, note...)
	l.items = append(l.items, item{note: len(note), shown: shown})
}

func (l *recordList) addAll(m *recordList) {
	l.raw = append(l.raw, m.raw...)
	l.notes = append(l.notes, m.notes...)
	l.items = append(l.items, m.items...)
}

func (l *recordList) clear() { l.raw, l.notes, l.items = l.raw[:0], l.notes[:0], l.items[:0] }

// forgetRecords keeps the notes only.
func (l *recordList) forgetRecords() {
	l.raw = l.raw[:0]
	l.items = slices.DeleteFunc(l.items, func(i item) bool { return i.note == 0 })
}

func (b *batch) reset(file int, name string) {
	b.clear()
	*b = batch{file: file, name: name, recordList: b.recordList, out: b.out[:0], done: make(chan struct{}, 1)}
}

// Convert runs the conversion and returns the exit status of the command: StatusDamaged if a file was damaged, which
// ends that file only.
func (e *Env) Convert(c Conversion) int {
	if len(c.Files) == 0 && len(c.Inputs) == 0 {
		c.Files = []string{"-"}
	}
	if c.NewRenderer == nil {
		c.NewRenderer = func() Renderer { return plain(c.Render) }
	}
	if c.Out == nil {
		c.Out = e.Stdout
	}
	s := newSplitter(e, &c)
	go s.run()
	defer close(s.stop)

	status := StatusOK
	skip := -1 // the file of which no more is printed
	for b := range s.ordered {
		<-b.done
		if b.file == skip {
			s.free <- b
			continue
		}
		if len(b.out) > 0 {
			if _, err := c.Out.Write(b.out); err != nil {
				return e.WriteStatus(err)
			}
		}
		switch b.outcome {
		case notOpened:
			if !c.OpenFailed(b.name, b.err) {
				return StatusFailed
			}
		case damaged:
			e.Errorf("%s", b.line)
			if c.StopAtDamage {
				return StatusFailed
			}
			status = StatusDamaged
			skip = b.file
			s.damaged.Store(int64(b.file))
		case notRendered:
			e.Errorf("%s", b.line)
			return StatusFailed
		}
		s.free <- b
	}
	return status
}
