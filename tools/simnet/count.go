package simnet

import (
	"encoding/json"
	"fmt"
	"io"
)

// Counters say what became of every frame and packet.
//
// Every IP packet ends in exactly one way, so that
// PacketsIn + RepliesMade = ToMonitor + ToAttached + Answered + Absorbed + all of Dropped.
type Counters struct {
	FramesIn      uint64 // Ethernet frames handed to the simulation
	FramesOut     uint64 // frames that it sent
	FramesIgnored uint64 // neither ARP, nor neighbour discovery, nor IP to a station of the link
	Resolutions   uint64 // ARP requests and neighbour solicitations
	Advertised    uint64 // answers to them

	PacketsIn   uint64 // IP packets for a station of the link
	RepliesMade uint64 // IP packets that simulated routers and hosts made
	ToMonitor   uint64 // packets that reached the monitor
	ToAttached  uint64 // packets that reached an attached namespace
	Answered    uint64 // packets that caused a reply
	Absorbed    uint64 // packets that reached where they wanted to and needed no reply
	Copies      uint64 // further deliveries of the same packet, not counted above
	QueueFull   uint64 // frames that found no room to wait in

	TimeExceeded uint64 // replies by kind
	Unreachable  uint64
	TooBig       uint64 // fragmentation needed and packet too big
	Echo         uint64
	Timestamp    uint64
	UDP          uint64
	TCP          uint64

	Dropped [len(reasonNames)]uint64 // by Reason
}

// Reason is why a packet ended without reaching anything or being answered.
type Reason uint8

// Reasons.
const (
	dropMalformed Reason = iota
	dropChecksum
	dropLoss
	dropReplyLoss
	dropRate
	dropSilent
	dropFiltered
	dropBlackHole
	dropNoRoute
	dropOptions
	dropExpired
	dropNobody
	dropNoError
	dropNoAddress
	dropFragments
	dropQueue
)

var reasonNames = [...]string{
	dropMalformed: "malformed",
	dropChecksum:  "bad-checksum",
	dropLoss:      "lost-on-link",
	dropReplyLoss: "reply-lost",
	dropRate:      "rate-limited",
	dropSilent:    "silent",
	dropFiltered:  "source-filtered",
	dropBlackHole: "mtu-black-hole",
	dropNoRoute:   "no-route",
	dropOptions:   "options-dropped",
	dropExpired:   "reply-expired",
	dropNobody:    "nobody-there",
	dropNoError:   "no-error-about-errors",
	dropNoAddress: "router-without-address",
	dropFragments: "fragments-discarded",
	dropQueue:     "queue-full",
}

func (r Reason) String() string { return reasonNames[r] }

// Counters returns what has been counted so far.
func (n *Net) Counters() Counters { return n.count }

// drop counts the end of a packet.
func (n *Net) drop(why Reason) { n.count.Dropped[why]++ }

// Row is one counter with its name.
type Row struct {
	Name  string
	Value uint64
}

// Rows lists all counters in the order in which they should be read; dropped packets are named "dropped." and the reason.
func (c *Counters) Rows() []Row {
	rows := []Row{
		{"frames-in", c.FramesIn},
		{"frames-out", c.FramesOut},
		{"frames-ignored", c.FramesIgnored},
		{"resolutions", c.Resolutions},
		{"advertised", c.Advertised},
		{"packets-in", c.PacketsIn},
		{"replies-made", c.RepliesMade},
		{"to-monitor", c.ToMonitor},
		{"to-attached", c.ToAttached},
		{"answered", c.Answered},
		{"absorbed", c.Absorbed},
		{"copies", c.Copies},
		{"queue-full", c.QueueFull},
		{"made.time-exceeded", c.TimeExceeded},
		{"made.unreachable", c.Unreachable},
		{"made.too-big", c.TooBig},
		{"made.echo", c.Echo},
		{"made.timestamp", c.Timestamp},
		{"made.udp", c.UDP},
		{"made.tcp", c.TCP},
	}
	for i, v := range c.Dropped {
		rows = append(rows, Row{"dropped." + reasonNames[i], v})
	}
	return rows
}

// MarshalJSON writes the counters under the names of Rows.
func (c Counters) MarshalJSON() ([]byte, error) {
	m := map[string]uint64{}
	for _, row := range c.Rows() {
		m[row.Name] = row.Value
	}
	return json.Marshal(m)
}

// Print writes the counters that are not zero as a table.
func (c *Counters) Print(w io.Writer) error {
	for _, row := range c.Rows() {
		if row.Value == 0 {
			continue
		}
		if _, err := fmt.Fprintf(w, "%-32s %12d\n", row.Name, row.Value); err != nil {
			return err
		}
	}
	return nil
}
