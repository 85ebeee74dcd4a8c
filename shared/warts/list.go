package warts

// List describes what a measurement was part of: a named list of targets. All records of a file that belong to one
// list have the same pointer.
//
// Two lists are the same list to a Writer if all fields are equal. The number by which a file refers to a list is not
// here: Reader and Writer keep it.
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
// Two cycles are the same cycle to a Writer if List (by value), ID, Start and HostName are equal.
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
