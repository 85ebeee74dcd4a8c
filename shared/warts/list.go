package warts

// List describes what a measurement was part of: a named list of targets. All records of a file that belong to one
// list have the same pointer.
//
// Two lists are the same list to a Writer if all fields are equal. The number by which a file refers to a list is not
// here: Reader and Writer keep it. A List must not be changed once a record that was written refers to it.
type List struct {
	ID          uint32 // a human's number for it, -L; for display only
	Name        string // -l; must not be empty to be written
	Description string // "" = none
	Monitor     string // name of the machine that measured, -M; "" = none
	Kept        Kept
}

// Type returns TypeList.
func (*List) Type() Type { return TypeList }

// CycleKind says which of the three records about a cycle a [Cycle] is.
type CycleKind uint8

// The kinds of cycle records.
const (
	CycleStart CycleKind = iota // this file holds the beginning of the cycle
	CycleDef                    // the cycle's start is in another file; this file has records of it
	CycleStop                   // the end of the cycle
)

// Cycle is one pass over a list. All records of a file that belong to one cycle have the same pointer, that of the start
// or def record; the stop record is a value of its own with the same fields, Stop filled in.
//
// Two cycles are the same cycle to a Writer if List (by value), ID, Start and HostName are equal. A Cycle must not be
// changed once a record that was written refers to it.
type Cycle struct {
	Kind     CycleKind
	List     *List
	ID       uint32 // a human's number for it, -C; for display only
	Start    uint32 // seconds since 1970-01-01 UTC
	Stop     uint32 // seconds since 1970-01-01 UTC; 0 = not known
	HostName string // of the machine, when the cycle started; "" = none
	Kept     Kept
}

// Type returns TypeCycleStart, TypeCycleDef or TypeCycleStop.
func (c *Cycle) Type() Type {
	switch c.Kind {
	case CycleDef:
		return TypeCycleDef
	case CycleStop:
		return TypeCycleStop
	}
	return TypeCycleStart
}

var listParams = newTable("list", func(l *List) *Kept { return &l.Kept },
	str(1, "description", func(l *List) *string { return &l.Description }),
	str(2, "monitor", func(l *List) *string { return &l.Monitor }),
)

var cycleParams = newTable("cycle", func(c *Cycle) *Kept { return &c.Kept },
	u32(1, "stop time", func(c *Cycle) *uint32 { return &c.Stop }).nonzero(),
	str(2, "host name", func(c *Cycle) *string { return &c.HostName }),
)

// cycleStopParams has no rows yet.
var cycleStopParams = newTable("cycle stop", func(c *Cycle) *Kept { return &c.Kept })

// readList decodes a list record and enters it.
func (d *decoder) readList() *List {
	d.block = "list"
	id := d.u32()
	l := &List{ID: d.u32(), Name: d.str()}
	listParams.read(d, l)
	if d.err != nil {
		return nil
	}
	l.Kept.keepTrailing(d.buf[d.pos:])
	if err := d.file.addList(id, l); err != nil {
		d.failAt(0, "list: id", err)
	}
	return l
}

// readCycle decodes a cycle start or def record and enters it.
func (d *decoder) readCycle(kind CycleKind) *Cycle {
	d.block = "cycle"
	id := d.u32()
	at := d.pos
	c := &Cycle{Kind: kind, List: d.list(), ID: d.u32(), Start: d.u32()}
	if c.List == nil && d.err == nil {
		d.failAt(at, "cycle: list", errListID)
	}
	cycleParams.read(d, c)
	if d.err != nil {
		return nil
	}
	c.Kept.keepTrailing(d.buf[d.pos:])
	if err := d.file.addCycle(id, c); err != nil {
		d.failAt(0, "cycle: id", err)
	}
	return c
}

// readCycleStop decodes a cycle stop record and removes the cycle.
func (d *decoder) readCycleStop() *Cycle {
	d.block = "cycle stop"
	id := d.u32()
	c := &Cycle{Kind: CycleStop, Stop: d.u32()}
	cycleStopParams.read(d, c)
	if d.err != nil {
		return nil
	}
	c.Kept.keepTrailing(d.buf[d.pos:])
	start := d.file.stopCycle(id)
	if start == nil {
		d.failAt(0, "cycle stop: id", errCycleID)
		return nil
	}
	c.List, c.ID, c.Start, c.HostName = start.List, start.ID, start.Start, start.HostName
	return c
}

// readAddress decodes an address record and enters it.
func (d *decoder) readAddress() *Address {
	d.block = "addr"
	id, t := d.u8(), AddrType(d.u8())
	a := &Address{Number: uint32(len(d.file.addrs)) + 1}
	switch {
	case d.err != nil:
	case uint32(id) != a.Number%255:
		d.failAt(0, "addr: id", errAddrID)
	case t.size() == 0:
		d.failAt(1, "addr: type", errAddrType)
	case d.left() != t.size():
		d.fail(errAddrLen)
	default:
		a.Addr = addrFromBytes(t, d.view(t.size()))
		d.file.addrs = append(d.file.addrs, a.Addr)
	}
	return a
}
