package warts

import "strconv"

// Magic is the number that every record of a warts file begins with.
const Magic = 0x1205

// HeaderLen is the number of bytes of a record's header: magic (2), type (2), length of the body (4).
const HeaderLen = 8

// Type is the type of a record. The values are those in the file.
type Type uint16

// The record types. 0 is invalid, those above TypeOWAMP are unknown.
const (
	TypeList          Type = 1
	TypeCycleStart    Type = 2
	TypeCycleDef      Type = 3
	TypeCycleStop     Type = 4
	TypeAddress       Type = 5 // deprecated, read only
	TypeTrace         Type = 6
	TypePing          Type = 7
	TypeTracelb       Type = 8
	TypeDealias       Type = 9
	TypeNeighbourdisc Type = 10
	TypeTbit          Type = 11
	TypeSting         Type = 12
	TypeSniff         Type = 13
	TypeHost          Type = 14
	TypeHTTP          Type = 15
	TypeUDPProbe      Type = 16
	TypeOWAMP         Type = 17
)

var typeNames = [...]string{
	TypeList: "list", TypeCycleStart: "cycle-start", TypeCycleDef: "cycle-def", TypeCycleStop: "cycle-stop",
	TypeAddress: "addr", TypeTrace: "trace", TypePing: "ping", TypeTracelb: "tracelb", TypeDealias: "dealias",
	TypeNeighbourdisc: "neighbourdisc", TypeTbit: "tbit", TypeSting: "sting", TypeSniff: "sniff", TypeHost: "host",
	TypeHTTP: "http", TypeUDPProbe: "udpprobe", TypeOWAMP: "owamp",
}

// String returns the name of the type as the tools use it ("cycle-start", "trace"), its decimal number if unknown.
func (t Type) String() string {
	if int(t) < len(typeNames) && typeNames[t] != "" {
		return typeNames[t]
	}
	return strconv.Itoa(int(t))
}

// Record is a record of a warts file: *[List], *[Cycle], *[Address], *[Trace], *[Ping], *[Tracelb], *[Dealias],
// *[Neighbourdisc], *[Tbit], *[Sting], *[Sniff], *[Host], *[HTTP], *[UDPProbe], *[OWAMP] or *[Unknown].
type Record interface {
	// Type returns the record's type in the file.
	Type() Type
}

// Unknown is a record of a type that this package doesn't know. A Writer writes it back as it was.
type Unknown struct {
	RecordType Type
	Body       []byte // without the header
}

// Type returns the record's type.
func (u *Unknown) Type() Type { return u.RecordType }

// Address is an address record, by which old files number addresses for all records that follow (deprecated: today
// each record has its own). The Reader uses them to fill in the addresses of old records, and yields them; no tool
// prints them.
type Address struct {
	// Number is the position among the address records of the file, from 1.
	Number uint32
	Addr   Addr
}

// Type returns TypeAddress.
func (*Address) Type() Type { return TypeAddress }
