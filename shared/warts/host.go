package warts

import "time"

// HostStop is the reason why a host ended.
type HostStop uint8

// The stop reasons of a host.
const (
	HostStopNone    HostStop = 0
	HostStopDone    HostStop = 1
	HostStopTimeout HostStop = 2
	HostStopHalted  HostStop = 3
	HostStopError   HostStop = 4
)

var hostStops = [...]string{"none", "done", "timeout", "halted", "error"}

// String returns the token of the reason in lower case, its decimal number if unknown.
func (r HostStop) String() string { return token(hostStops[:], int(r)) }

// HostFlags are the options of a host that are bits.
type HostFlags uint16

// The host flags.
const (
	HostNoRecurse HostFlags = 0x1
	HostTCP       HostFlags = 0x2
	HostNSID      HostFlags = 0x4
)

// Host is the result of a DNS query.
type Host struct {
	List       *List
	Cycle      *Cycle
	UserID     uint32
	Src        Addr // zero if not known
	Dst        Addr // the DNS server; must be known to be written
	Start      Time
	Flags      HostFlags
	Wait       time.Duration // for a reply; stored in milliseconds, up to 65.535 s
	StopReason HostStop
	Retries    uint8
	QType      uint16 // RR type asked for
	QClass     uint16
	QName      string
	ECS        string // EDNS client subnet ("192.0.2.0/24"); "" = none
	ErrMsg     string
	Queries    []HostQuery // sent; at most 255
	Kept       Kept
}

// Type returns TypeHost.
func (*Host) Type() Type { return TypeHost }

// HostReplyFlags are the flags in the header of a DNS reply.
type HostReplyFlags uint8

// The reply flags.
const (
	HostCD HostReplyFlags = 0x01
	HostAD HostReplyFlags = 0x02
	HostZ  HostReplyFlags = 0x04
	HostRA HostReplyFlags = 0x08
	HostRD HostReplyFlags = 0x10
	HostTC HostReplyFlags = 0x20
	HostAA HostReplyFlags = 0x40
)

// HostQuery is a query with its reply.
type HostQuery struct {
	TX    Time
	RX    Time // zero: no reply
	ID    uint16
	RCode uint8
	Flags HostReplyFlags
	An    []HostRR // answers; this and the following at most 65535
	Ns    []HostRR // authority records
	Ar    []HostRR // additional records
	Kept  Kept
}

// HostRR is a resource record.
type HostRR struct {
	Class uint16 // an OPT has its UDP size here
	Type  uint16
	Name  string // of the owner; may be "", as in an OPT
	TTL   uint32
	Data  HostRRData // nil if not decoded
	Kept  Kept
}

// HostRRData is the data of a resource record: [HostRRAddr], [HostRRName], *[HostSOA], *[HostMX], *[HostTXT],
// *[HostOPT] or *[HostSVCB].
type HostRRData interface {
	// kind is the number of the data type in the file.
	kind() uint16
}

// HostRRAddr is the data of an A or AAAA record of class IN.
type HostRRAddr struct{ Addr Addr }

// HostRRName is the data of an NS, CNAME or PTR record of class IN.
type HostRRName struct{ Name string }

// HostSOA is the data of an SOA record of class IN. The times are in seconds.
type HostSOA struct {
	MName   string
	RName   string
	Serial  uint32
	Refresh uint32
	Retry   uint32
	Expire  uint32
	Minimum uint32
	Kept    Kept
}

// HostMX is the data of an MX record of class IN.
type HostMX struct {
	Preference uint16
	Exchange   string
	Kept       Kept
}

// HostTXT is the data of a TXT record of class IN or CH.
type HostTXT struct {
	Strings []string // each at most 255 bytes
	Kept    Kept
}

// HostOPT is the data of an OPT record.
type HostOPT struct {
	Elements []HostKeyValue
	Kept     Kept
}

// HostSVCB is the data of an SVCB or HTTPS record of class IN.
type HostSVCB struct {
	Priority uint16
	Target   string
	Params   []HostKeyValue
	Kept     Kept
}

// HostKeyValue is an element of an OPT (code and data, RFC 6891) or a parameter of an SVCB (key and value, RFC 9460).
type HostKeyValue struct {
	Key   uint16
	Value []byte // at most 65535 bytes
}

func (HostRRAddr) kind() uint16 { return 1 }
func (HostRRName) kind() uint16 { return 2 }
func (*HostSOA) kind() uint16   { return 3 }
func (*HostMX) kind() uint16    { return 4 }
func (*HostTXT) kind() uint16   { return 5 }
func (*HostOPT) kind() uint16   { return 6 }
func (*HostSVCB) kind() uint16  { return 7 }
