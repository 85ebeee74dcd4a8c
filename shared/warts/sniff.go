package warts

import "time"

// SniffStop is the reason why a sniff ended.
type SniffStop uint8

// The stop reasons of a sniff.
const (
	SniffStopNone        SniffStop = 0
	SniffStopError       SniffStop = 1
	SniffStopLimitTime   SniffStop = 2
	SniffStopLimitPacket SniffStop = 3
	SniffStopHalted      SniffStop = 4
)

var sniffStops = [...]string{"none", "error", "limit-time", "limit-pktc", "halted"}

// String returns the token of the reason ("limit-pktc"), its decimal number if unknown.
func (r SniffStop) String() string { return token(sniffStops[:], int(r)) }

// Sniff is the result of listening for packets with an ICMP id.
type Sniff struct {
	List        *List
	Cycle       *Cycle
	UserID      uint32
	Src         Addr // to listen on; must be known to be written
	Start       Time
	Finish      Time
	StopReason  SniffStop
	LimitPacket uint32
	LimitTime   time.Duration // stored in whole seconds, up to 65535
	ICMPID      uint16        // looked for
	ErrMsg      string
	Packets     []SniffPacket
	Kept        Kept
}

// Type returns TypeSniff.
func (*Sniff) Type() Type { return TypeSniff }

// SniffPacket is a packet that was captured.
type SniffPacket struct {
	Time Time
	Data []byte // from the IP header on, 1 to 65535 bytes
	Kept Kept
}
