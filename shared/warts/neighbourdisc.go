package warts

import "time"

// NeighbourdiscMethod is the protocol of a neighbour discovery.
type NeighbourdiscMethod uint8

// The methods of neighbour discovery.
const (
	NeighbourdiscARP    NeighbourdiscMethod = 1
	NeighbourdiscNDNSol NeighbourdiscMethod = 2 // IPv6 neighbour solicitation
)

var neighbourdiscMethods = [...]string{"", "arp", "nd-nsol"}

// String returns the token of the method ("nd-nsol"), its decimal number if unknown.
func (m NeighbourdiscMethod) String() string { return token(neighbourdiscMethods[:], int(m)) }

// NeighbourdiscFlags are the options of a neighbour discovery that are bits.
type NeighbourdiscFlags uint8

// The neighbourdisc flags.
const (
	NeighbourdiscAllAttempts   NeighbourdiscFlags = 0x01 // -Q
	NeighbourdiscFirstResponse NeighbourdiscFlags = 0x02 // -F
)

// Neighbourdisc is the result of looking for the link-layer address of a neighbour.
type Neighbourdisc struct {
	List     *List
	Cycle    *Cycle
	UserID   uint32
	IfName   string // "" if unknown
	Start    Time
	Method   NeighbourdiscMethod
	Wait     time.Duration // between attempts; stored in milliseconds, up to 65.535 s
	Flags    NeighbourdiscFlags
	Attempts uint16
	Wanted   uint16 // replies after which to stop; 0 = no limit
	SrcIP    Addr   // this and the following are zero if not known
	SrcMAC   Addr
	DstIP    Addr
	DstMAC   Addr // the result: the first learnt
	ErrMsg   string
	Probes   []NeighbourdiscProbe // at most 65535
	Kept     Kept
}

// Type returns TypeNeighbourdisc.
func (*Neighbourdisc) Type() Type { return TypeNeighbourdisc }

// NeighbourdiscProbe is a request with its replies.
type NeighbourdiscProbe struct {
	TX      Time
	Replies []NeighbourdiscReply // at most 65535
	Kept    Kept
}

// NeighbourdiscReply is an answer to a request.
type NeighbourdiscReply struct {
	RX   Time
	MAC  Addr // must be known to be written
	Kept Kept
}
