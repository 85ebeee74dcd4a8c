package warts

// fileState holds what a file has said so far that later records refer to by number.
type fileState struct {
	lists  map[uint32]*List
	cycles map[uint32]*Cycle // those not stopped
	addrs  []Addr            // of address records; entry i is number i+1

	listCount  uint32 // numbers given so far; they are given in order and never again
	cycleCount uint32

	// loose accepts any number for a new list or cycle, and measurements of an unknown one have none: after damage,
	// records that were lost are missed.
	loose bool

	lastList  uint32 // the list and cycle looked up last
	list      *List
	lastCycle uint32
	cycle     *Cycle
}

// reset forgets everything, as at the beginning of another file.
func (f *fileState) reset() {
	*f = fileState{lists: make(map[uint32]*List), cycles: make(map[uint32]*Cycle), loose: f.loose}
}

// addList enters a list under the number that its record has.
func (f *fileState) addList(id uint32, l *List) error {
	if id != f.listCount+1 && !f.loose || id == 0 {
		return errListID
	}
	f.listCount = id
	f.lists[id] = l
	f.lastList, f.list = id, l
	return nil
}

// addCycle enters a cycle under the number that its record has.
func (f *fileState) addCycle(id uint32, c *Cycle) error {
	if id != f.cycleCount+1 && !f.loose || id == 0 {
		return errCycleID
	}
	f.cycleCount = id
	f.cycles[id] = c
	f.lastCycle, f.cycle = id, c
	return nil
}

// stopCycle removes a cycle and returns it, nil if there is none.
func (f *fileState) stopCycle(id uint32) *Cycle {
	c := f.cycles[id]
	delete(f.cycles, id)
	f.lastCycle, f.cycle = 0, nil
	return c
}

// list reads the number of a list. 0 is none.
func (d *decoder) list() *List {
	at := d.pos
	id := d.u32()
	f := d.file
	if id == 0 {
		return nil
	}
	if id == f.lastList {
		return f.list
	}
	l := f.lists[id]
	if l == nil {
		if !f.loose {
			d.pos = at
			d.fail(errListID)
		}
		return nil
	}
	f.lastList, f.list = id, l
	return l
}

// cycle reads the number of a cycle. 0 is none.
func (d *decoder) cycle() *Cycle {
	at := d.pos
	id := d.u32()
	f := d.file
	if id == 0 {
		return nil
	}
	if id == f.lastCycle {
		return f.cycle
	}
	c := f.cycles[id]
	if c == nil {
		if !f.loose {
			d.pos = at
			d.fail(errCycleID)
		}
		return nil
	}
	f.lastCycle, f.cycle = id, c
	return c
}

// failAt notes an error of the value at position at.
func (d *decoder) failAt(at int, where string, err error) {
	if d.err == nil {
		d.pos, d.block = at, where
		d.fail(err)
	}
}
