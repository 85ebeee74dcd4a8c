package warts

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrDuplicateCycle is wrapped by the error for the start of a cycle that the file already has and that is not stopped.
var ErrDuplicateCycle = errors.New("cycle has already started")

// Encoder makes the bytes of a warts file, record by record, without writing them anywhere. It keeps the file's numbers
// of lists and cycles. [Writer] is an Encoder with an io.Writer.
//
// The zero Encoder begins a new file. An Encoder allocates nothing for a record once it has seen similar ones.
type Encoder struct {
	file   fileState
	lists  map[listKey]uint32
	cycles map[cycleKey]uint32 // those not stopped
	dec    *decoder            // of records given to Track

	list    *List // looked up last
	listID  uint32
	cycle   *Cycle
	cycleID uint32

	undo []func() // takes back what the last Append did to the state
	body body
}

// listKey is what makes two lists the same.
type listKey struct {
	id                         uint32
	name, description, monitor string
}

// cycleKey is what makes two cycles the same.
type cycleKey struct {
	list      listKey
	id, start uint32
	hostname  string
}

func (l *List) key() listKey {
	if l == nil {
		return listKey{}
	}
	return listKey{l.ID, l.Name, l.Description, l.Monitor}
}

func (c *Cycle) key() cycleKey { return cycleKey{c.List.key(), c.ID, c.Start, c.HostName} }

// Append appends rec to dst. Before it come the records of its list and cycle if the file doesn't have them yet: a list
// record, a cycle def record. A list that the file has, and the def of a cycle that it has, append nothing.
//
// If rec can't be encoded, the error says which part can't and why, and dst is returned as it was.
func (e *Encoder) Append(dst []byte, rec Record) ([]byte, error) {
	e.begin()
	out, err := e.record(dst, rec)
	if err != nil {
		e.rollback()
		return dst, fmt.Errorf("warts: %s record: %w", rec.Type(), err)
	}
	return out, nil
}

// begin makes e ready for a record.
func (e *Encoder) begin() {
	e.undo = e.undo[:0]
	if e.lists == nil {
		e.file.reset()
		e.lists, e.cycles = make(map[listKey]uint32), make(map[cycleKey]uint32)
	}
}

// rollback takes back what the last Append did to the numbers.
func (e *Encoder) rollback() {
	for i := len(e.undo) - 1; i >= 0; i-- {
		e.undo[i]()
	}
	e.undo = e.undo[:0]
	e.list, e.cycle = nil, nil
}

// record appends rec and what it needs.
func (e *Encoder) record(dst []byte, rec Record) ([]byte, error) {
	switch rec := rec.(type) {
	case *List:
		_, dst, err := e.listNumber(dst, rec)
		return dst, err
	case *Cycle:
		return e.cycleRecord(dst, rec)
	case *Address:
		return e.addressRecord(dst, rec)
	case *Unknown:
		if rec.RecordType <= TypeAddress {
			return dst, fmt.Errorf("type %d: %w", rec.RecordType, errValue)
		}
		return e.finish(append(header(dst, rec.RecordType), rec.Body...), len(dst))
	}
	c := codecOf(rec.Type())
	if c == nil || c.write == nil {
		return dst, errors.New("no such record type")
	}
	list, cycle := c.group(rec)
	at := len(dst)
	var err error
	if e.body.listID, dst, err = e.listNumber(dst, list); err != nil {
		return dst[:at], err
	}
	if e.body.cycleID, dst, err = e.cycleNumber(dst, cycle); err != nil {
		return dst[:at], err
	}
	start := len(dst)
	e.body.start(header(dst, rec.Type()))
	c.write(&e.body, rec)
	dst, e.body.buf = e.body.buf, nil
	if e.body.err != nil {
		return dst[:at], e.body.err
	}
	return e.finish(dst, start)
}

// header appends a record header whose length is to be filled in by finish.
func header(dst []byte, t Type) []byte {
	return append(dst, Magic>>8, Magic&0xff, byte(t>>8), byte(t), 0, 0, 0, 0)
}

// finish fills in the length of the record that starts at dst[start:] and goes up to the end.
func (e *Encoder) finish(dst []byte, start int) ([]byte, error) {
	n := uint64(len(dst) - start - HeaderLen)
	if n > 0xffffffff {
		return dst[:start], errTooLong
	}
	binary.BigEndian.PutUint32(dst[start+4:], uint32(n))
	return dst, nil
}

// listNumber returns the file's number of l, after appending its record if the file doesn't have it yet. nil is 0.
func (e *Encoder) listNumber(dst []byte, l *List) (uint32, []byte, error) {
	if l == nil {
		return 0, dst, nil
	}
	if l == e.list {
		return e.listID, dst, nil
	}
	key := l.key()
	id, ok := e.lists[key]
	if !ok {
		if l.Name == "" && !l.Kept.read() {
			return 0, dst, fmt.Errorf("list: %w", errNeedsName)
		}
		start := len(dst)
		id = e.file.listCount + 1
		b := &e.body
		b.start(header(dst, TypeList))
		b.u32(id)
		b.u32(l.ID)
		b.str(l.Name)
		listParams.write(b, l)
		b.bytes(l.Kept.trailing())
		if b.err != nil {
			return 0, dst, fmt.Errorf("list: %w", b.err)
		}
		dst, _ = e.finish(b.buf, start)
		_ = e.file.addList(id, l)
		e.enterList(key, id)
	}
	e.list, e.listID = l, id
	return id, dst, nil
}

// cycleNumber returns the file's number of c, after appending a def record if the file doesn't have it. nil is 0.
func (e *Encoder) cycleNumber(dst []byte, c *Cycle) (uint32, []byte, error) {
	if c == nil {
		return 0, dst, nil
	}
	if c == e.cycle {
		return e.cycleID, dst, nil
	}
	id, ok := e.cycles[c.key()]
	if !ok {
		var err error
		if id, dst, err = e.newCycle(dst, c, TypeCycleDef); err != nil {
			return 0, dst, err
		}
	}
	e.cycle, e.cycleID = c, id
	return id, dst, nil
}

// newCycle appends a start or def record.
func (e *Encoder) newCycle(dst []byte, c *Cycle, t Type) (uint32, []byte, error) {
	if c.List == nil {
		return 0, dst, errors.New("cycle: list required")
	}
	listID, dst, err := e.listNumber(dst, c.List)
	if err != nil {
		return 0, dst, fmt.Errorf("cycle: %w", err)
	}
	start := len(dst)
	id := e.file.cycleCount + 1
	b := &e.body
	b.start(header(dst, t))
	b.u32(id)
	b.u32(listID)
	b.u32(c.ID)
	b.u32(c.Start)
	if c.Kind == CycleStop { // its Kept is that of another kind of record
		cycleParams.write(b, &Cycle{HostName: c.HostName})
	} else {
		cycleParams.write(b, c)
		b.bytes(c.Kept.trailing())
	}
	if b.err != nil {
		return 0, dst, fmt.Errorf("cycle: %w", b.err)
	}
	dst, _ = e.finish(b.buf, start)
	_ = e.file.addCycle(id, c)
	e.enterCycle(c.key(), id)
	return id, dst, nil
}

// cycleRecord appends a cycle record.
func (e *Encoder) cycleRecord(dst []byte, c *Cycle) ([]byte, error) {
	key := c.key()
	id, ok := e.cycles[key]
	switch c.Kind {
	case CycleStart:
		if ok {
			return dst, fmt.Errorf("cycle %d of list %q: %w", c.ID, c.List.Name, ErrDuplicateCycle)
		}
		_, dst, err := e.newCycle(dst, c, TypeCycleStart)
		return dst, err
	case CycleDef:
		_, dst, err := e.cycleNumber(dst, c)
		return dst, err
	}
	at := len(dst)
	if !ok {
		var err error
		if id, dst, err = e.newCycle(dst, c, TypeCycleDef); err != nil {
			return dst[:at], err
		}
	}
	start := len(dst)
	b := &e.body
	b.start(header(dst, TypeCycleStop))
	b.u32(id)
	b.u32(c.Stop)
	cycleStopParams.write(b, c)
	b.bytes(c.Kept.trailing())
	if b.err != nil {
		return dst[:at], b.err
	}
	e.leaveCycle(key, id, e.file.stopCycle(id))
	return e.finish(b.buf, start)
}

// enterList notes the number of a list that e.file has now.
func (e *Encoder) enterList(key listKey, id uint32) {
	old, had := e.lists[key]
	e.lists[key] = id
	e.undo = append(e.undo, func() {
		delete(e.lists, key)
		if had {
			e.lists[key] = old
		}
		delete(e.file.lists, id)
		e.file.listCount--
		e.file.lastList, e.file.list = 0, nil
	})
}

// enterCycle notes the number of a cycle that e.file has now.
func (e *Encoder) enterCycle(key cycleKey, id uint32) {
	old, had := e.cycles[key]
	e.cycles[key] = id
	e.undo = append(e.undo, func() {
		delete(e.cycles, key)
		if had {
			e.cycles[key] = old
		}
		e.file.stopCycle(id)
		e.file.cycleCount--
	})
}

// leaveCycle notes that a cycle isn't in e.file any more.
func (e *Encoder) leaveCycle(key cycleKey, id uint32, c *Cycle) {
	had := e.cycles[key] == id
	if had {
		delete(e.cycles, key)
	}
	e.cycle = nil
	e.undo = append(e.undo, func() {
		if had {
			e.cycles[key] = id
		}
		e.file.cycles[id] = c
	})
}

// addressRecord appends an address record. Nothing that this package writes refers to one.
func (e *Encoder) addressRecord(dst []byte, a *Address) ([]byte, error) {
	if !a.Addr.IsValid() {
		return dst, errNeedsAddr
	}
	start := len(dst)
	e.file.addrs = append(e.file.addrs, a.Addr)
	dst = append(header(dst, TypeAddress), byte(len(e.file.addrs)%255), byte(a.Addr.typ))
	e.undo = append(e.undo, func() { e.file.addrs = e.file.addrs[:len(e.file.addrs)-1] })
	return e.finish(a.Addr.AppendBytes(dst), start)
}

// Track tells the Encoder that a record, given with its header, is in the file already: it learns the number of a list,
// cycle or address from it. Other types have no effect. For a record that is damaged or whose number is out of order the
// error is a *[ReadError] with offsets counted from its header.
func (e *Encoder) Track(raw []byte) error {
	e.begin()
	if len(raw) < HeaderLen || binary.BigEndian.Uint16(raw) != Magic ||
		uint64(binary.BigEndian.Uint32(raw[4:])) != uint64(len(raw)-HeaderLen) {
		return fmt.Errorf("warts: raw record: %w", errValue)
	}
	t := Type(binary.BigEndian.Uint16(raw[2:]))
	if t == 0 || t > TypeAddress {
		return nil
	}
	if e.dec == nil {
		e.dec = new(decoder)
	}
	d := e.dec
	d.file = &e.file
	d.start(raw[HeaderLen:])
	rec := d.decode(t)
	if d.err != nil {
		return &ReadError{
			Offset: int64(HeaderLen + d.errAt), Magic: Magic, Type: t, Length: uint32(len(d.buf)), Where: d.where,
			Err: d.err,
		}
	}
	switch c := rec.(type) {
	case *List:
		e.enterList(c.key(), e.file.listCount)
	case *Address:
		e.undo = append(e.undo, func() { e.file.addrs = e.file.addrs[:len(e.file.addrs)-1] })
	case *Cycle:
		if c.Kind != CycleStop {
			e.enterCycle(c.key(), e.file.cycleCount)
			break
		}
		e.leaveCycle(c.key(), binary.BigEndian.Uint32(d.buf), c)
	}
	return nil
}
