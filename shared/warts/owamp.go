package warts

import "time"

// OWAMPDirection says which way the test packets of an owamp went.
type OWAMPDirection uint8

// The directions.
const (
	OWAMPTX OWAMPDirection = 0
	OWAMPRX OWAMPDirection = 1
)

var owampDirections = [...]string{"tx", "rx"}

// String returns "tx", "rx" or a decimal number.
func (d OWAMPDirection) String() string { return token(owampDirections[:], int(d)) }

// OWAMPResult is how an owamp ended.
type OWAMPResult uint8

// The owamp results.
const (
	OWAMPNone        OWAMPResult = 0
	OWAMPDone        OWAMPResult = 1
	OWAMPHalted      OWAMPResult = 2
	OWAMPError       OWAMPResult = 3
	OWAMPNoConn      OWAMPResult = 4
	OWAMPNotAccepted OWAMPResult = 5
	OWAMPNoMode      OWAMPResult = 6
	OWAMPTimeout     OWAMPResult = 7
)

var owampResults = [...]string{"none", "done", "halted", "error", "noconn", "notaccepted", "nomode", "timeout"}

// String returns the token of the result, its decimal number if unknown.
func (r OWAMPResult) String() string { return token(owampResults[:], int(r)) }

// OWAMPFlags are the options of an owamp that are bits.
type OWAMPFlags uint16

// OWAMPZero means that packets are padded with zeros.
const OWAMPZero OWAMPFlags = 0x1

// OWAMP is the result of a one-way active measurement (RFC 4656).
type OWAMP struct {
	List       *List
	Cycle      *Cycle
	UserID     uint32
	Src        Addr   // zero if not known
	Dst        Addr   // zero if not known
	DstPort    uint16 // of the control connection; usually 861
	Flags      OWAMPFlags
	Start      Time
	StartAt    Time          // when the test packets begin; zero if not known
	Wait       time.Duration // for the last packets; stored with 32 bits of seconds
	Attempts   uint32        // packets asked for
	PacketSize uint16
	Dir        OWAMPDirection
	DSCP       uint8
	TTL        uint8
	HSRTT      time.Duration // from SYN to SYN/ACK; stored in microseconds, up to 4294.967295 s
	Result     OWAMPResult
	ErrMsg     string
	UDPSrcPort uint16
	UDPDstPort uint16
	Schedule   []OWAMPSlot
	TXs        []OWAMPSent
	Kept       Kept
}

// Type returns TypeOWAMP.
func (*OWAMP) Type() Type { return TypeOWAMP }

// OWAMPSlotType is how the gap of a slot is distributed.
type OWAMPSlotType uint8

// The slot types.
const (
	OWAMPFixed       OWAMPSlotType = 0
	OWAMPExponential OWAMPSlotType = 1
)

var owampSlotTypes = [...]string{"fixed", "exponential"}

// String returns the token of the type, its decimal number if unknown.
func (t OWAMPSlotType) String() string { return token(owampSlotTypes[:], int(t)) }

// OWAMPSlot is an entry of the schedule.
type OWAMPSlot struct {
	Interval time.Duration // or its mean; stored with 32 bits of seconds
	Type     OWAMPSlotType
	Kept     Kept
}

// OWAMPSentFlags tell what is known about a packet that was sent.
type OWAMPSentFlags uint8

// The flags of packets sent.
const (
	OWAMPNotSent    OWAMPSentFlags = 0x1
	OWAMPSentErrEst OWAMPSentFlags = 0x2 // ErrEst is valid
)

// OWAMPSent is a test packet.
type OWAMPSent struct {
	Scheduled Time
	Stamp     Time
	Seq       uint32
	ErrEst    uint16 // error estimate, RFC 4656 section 4.1.2; valid with OWAMPSentErrEst
	Flags     OWAMPSentFlags
	RXs       []OWAMPReceived // at most 255
	Kept      Kept
}

// OWAMPReceivedFlags tell what is known about a packet that was received.
type OWAMPReceivedFlags uint8

// The flags of packets received.
const (
	OWAMPReceivedDSCP   OWAMPReceivedFlags = 0x1 // DSCP is valid
	OWAMPReceivedTTL    OWAMPReceivedFlags = 0x2 // TTL is valid
	OWAMPReceivedErrEst OWAMPReceivedFlags = 0x4 // ErrEst is valid
)

// OWAMPReceived is a copy of a test packet that was received.
type OWAMPReceived struct {
	Stamp  Time
	ErrEst uint16
	Flags  OWAMPReceivedFlags
	DSCP   uint8
	TTL    uint8
	Kept   Kept
}
