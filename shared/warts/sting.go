package warts

import "time"

// StingDistribution is how the gaps between the packets of a sting are distributed.
type StingDistribution uint8

// The distributions.
const (
	StingExponential StingDistribution = 1
	StingPeriodic    StingDistribution = 2
	StingUniform     StingDistribution = 3
)

var stingDistributions = [...]string{"", "exponential", "periodic", "uniform"}

// String returns the token of the distribution, its decimal number if unknown.
func (d StingDistribution) String() string { return token(stingDistributions[:], int(d)) }

// StingResult is how a sting ended.
type StingResult uint8

// The sting results.
const (
	StingNone      StingResult = 0
	StingCompleted StingResult = 1
	StingError     StingResult = 2
)

var stingResults = [...]string{"none", "completed", "error"}

// String returns the token of the result, its decimal number if unknown.
func (r StingResult) String() string { return token(stingResults[:], int(r)) }

// Sting is the result of measuring one-way loss with TCP.
type Sting struct {
	List         *List
	Cycle        *Cycle
	UserID       uint32
	Src          Addr // must be known to be written
	Dst          Addr // must be known to be written
	SrcPort      uint16
	DstPort      uint16
	Count        uint16        // samples
	Mean         time.Duration // between packets; stored in milliseconds, up to 65.535 s
	Inter        time.Duration // between phases; stored in milliseconds, up to 65.535 s
	Distribution StingDistribution
	SynRetx      uint8  // limit of SYN retransmissions
	DataRetx     uint8  // limit of data retransmissions
	SeqSkip      uint8  // size of the initial hole
	Data         []byte // the request; of no meaning in files that scamper 20260420 wrote. At most 65535 bytes
	Start        Time
	HSRTT        time.Duration // from SYN to SYN/ACK
	DataAcks     uint16        // received in the seeding phase
	Holes        uint16        // filled: forward losses
	Result       StingResult
	ErrMsg       string
	Packets      []StingPacket
	Kept         Kept
}

// Type returns TypeSting.
func (*Sting) Type() Type { return TypeSting }

// StingPacketFlags tell what a packet of a sting was.
type StingPacketFlags uint8

// The packet flags.
const (
	StingPacketTX   StingPacketFlags = 0x01 // sent
	StingPacketRX   StingPacketFlags = 0x02 // received
	StingPacketData StingPacketFlags = 0x04 // of the data phase
	StingPacketHole StingPacketFlags = 0x08 // was a hole
)

// StingPacket is a packet of a sting.
type StingPacket struct {
	Flags StingPacketFlags
	Time  Time
	Data  []byte // from the IP header on, 1 to 65535 bytes
	Kept  Kept
}
