package wartscat

import (
	"encoding/binary"
	"errors"

	"scamper/shared/warts"
	"scamper/tools/cli"
)

// measurements are the types that are copied record by record; cycles go the way of notes.
var measurements = copied[2:]

// join copies one file after the other, on all processors. The numbers of lists and cycles depend on the order of the
// records. So it is the numbering, which sees them in order, that makes the records of lists and cycles, and the
// workers, which encode the measurements, learn the numbers from these.
func (c *cat) join() int {
	n := &numbering{cat: c}
	return c.env.Convert(cli.Conversion{
		Inputs: c.opened(), Want: measurements, StopAtDamage: true, Out: c.out,
		Prepare:     n.prepare,
		NewRenderer: func() cli.Renderer { return newEncoder(c.out.Before) },
	})
}

// opened are the inputs, which are open to know that they all can be.
func (c *cat) opened() []*cli.Input {
	inputs := make([]*cli.Input, len(c.inputs))
	for i, in := range c.inputs {
		inputs[i] = in.in
	}
	return inputs
}

// numbering makes the list and cycle records of the output.
type numbering struct {
	*cat
	file   int // whose lists and cycles these are; from 1
	states *warts.Reader
	feed   oneRecord
	lists  []*warts.List  // by number in the file, from 1
	cycles []*warts.Cycle // of starts and defs, by number in the file, from 1
	last   membership
	note   []byte
}

// prepare returns the list and cycle records that must come before a record of the input, or instead of it. A record
// that can't be understood here is left to the worker that decodes it.
func (n *numbering) prepare(file int, raw []byte) []byte {
	if n.file != file+1 {
		n.file = file + 1
		n.states = warts.NewReader(&n.feed)
		n.lists, n.cycles = n.lists[:0], n.cycles[:0]
		n.last = membership{}
	}
	n.note = n.note[:0]
	if cli.RecordType(raw) <= warts.TypeAddress {
		n.state(raw)
	} else if m := memberOf(raw); m != n.last {
		n.last = m
		n.need(m)
	}
	return n.note
}

// state takes a list or cycle record of the input.
func (n *numbering) state(raw []byte) {
	n.feed.data = raw
	rec, err := n.states.Next()
	if err != nil {
		return
	}
	switch r := rec.(type) {
	case *warts.List:
		n.lists = append(n.lists, r)
	case *warts.Cycle:
		if r.Kind != warts.CycleStop {
			n.cycles = append(n.cycles, r)
		}
		if r.Kind != warts.CycleDef && n.needed(r) {
			n.add(r)
			n.last = membership{}
		}
	}
}

// need makes the records of the list and cycle of a measurement, if the output doesn't have them.
func (n *numbering) need(m membership) {
	if m.list > 0 && int64(m.list) <= int64(len(n.lists)) {
		n.add(n.lists[m.list-1])
	}
	if m.cycle > 0 && int64(m.cycle) <= int64(len(n.cycles)) {
		def := *n.cycles[m.cycle-1]
		def.Kind = warts.CycleDef
		n.add(&def)
	}
}

// add makes a record. What can't be made fails again with the first measurement that needs it, where it is reported.
func (n *numbering) add(rec warts.Record) {
	if note, err := n.out.Enc.Append(n.note, rec); err == nil {
		n.note = note
	}
}

// membership is the list and cycle that a measurement names, by their numbers in the file; 0 is none.
type membership struct{ list, cycle uint32 }

// memberOf looks at the first two parameters of a measurement, which are these numbers in all types.
func memberOf(raw []byte) (m membership) {
	const listFlag, cycleFlag = 0x01, 0x02
	body := raw[warts.HeaderLen:]
	if len(body) == 0 || body[0] == 0 {
		return m
	}
	flags := body[0]
	for len(body) > 0 && body[0]&0x80 != 0 {
		body = body[1:]
	}
	if len(body) < 3 {
		return m
	}
	body = body[3:] // the last flag byte, and the length of the parameters
	if flags&listFlag != 0 && len(body) >= 4 {
		m.list = binary.BigEndian.Uint32(body)
		body = body[4:]
	}
	if flags&cycleFlag != 0 && len(body) >= 4 {
		m.cycle = binary.BigEndian.Uint32(body)
	}
	return m
}

// encoder encodes the measurements of a worker.
type encoder struct{ warts.Encoder }

func newEncoder(before [][]byte) *encoder {
	e := new(encoder)
	for _, raw := range before {
		// The same has worked for the encoder of the output.
		_ = e.Track(raw)
	}
	return e
}

// Note learns the numbers of lists and cycles.
func (e *encoder) Note(b, note []byte, show bool) []byte {
	if show {
		b = append(b, note...)
	}
	for len(note) > 0 {
		n := cli.RecordLen(note)
		_ = e.Track(note[:n]) // made by an encoder of the same state
		note = note[n:]
	}
	return b
}

// Record encodes a measurement.
func (e *encoder) Record(b []byte, rec warts.Record) ([]byte, error) { return e.Append(b, rec) }

// oneRecord gives a reader one record after the other.
type oneRecord struct{ data []byte }

var errNoMore = errors.New("behind the end of a record")

func (o *oneRecord) Read(p []byte) (int, error) {
	if len(o.data) == 0 {
		return 0, errNoMore
	}
	n := copy(p, o.data)
	o.data = o.data[n:]
	return n, nil
}
