package probe

// Reason says why a received packet was not accepted.
type Reason uint8

// Reasons.
const (
	Accepted       Reason = iota
	LinkUnknown           // link type not known, or frame too short for its header
	EtherType             // neither IP nor ARP
	Short                 // the packet ends before a header that has to be there
	Malformed             // a version or length field is wrong
	Protocol              // transport that no probe uses
	ICMPType              // ICMP message that no probe asks for
	ICMPCode              // time exceeded, but not in transit
	QuoteShort            // error that quotes too little to tell whose packet it was
	QuoteMalformed        // the quoted header is wrong
	QuoteProtocol         // error about a packet with a transport that no probe uses
	NeighbourForm         // ARP or neighbour discovery message that isn't valid
	numReasons
)

var reasonNames = [numReasons]string{
	"accepted", "unknown link header", "other ethertype", "packet too short", "malformed header", "other protocol",
	"other ICMP type", "other ICMP code", "quote too short", "malformed quote", "other protocol quoted",
	"invalid neighbour message",
}

// String names the reason.
func (r Reason) String() string {
	if r < numReasons {
		return reasonNames[r]
	}
	return "unknown"
}

// Reasons is the number of reasons: for arrays of counters with one for each.
const Reasons = int(numReasons)

// Counts counts received packets by what became of them.
type Counts [Reasons]uint64

// Add counts one packet and returns whether it was accepted.
func (c *Counts) Add(r Reason) bool {
	if r < numReasons {
		c[r]++
	}
	return r == Accepted
}
