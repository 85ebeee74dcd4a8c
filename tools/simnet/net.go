package simnet

import (
	"net/netip"
	"time"

	"scamper/shared/packet"
)

// Options of a Net.
type Options struct {
	// Start is the wall-clock time at which the Net's own time is zero: what routers put into timestamps.
	Start time.Time
}

// Net plays a topology. It is not safe for concurrent use.
//
// Times are durations since the Net began. They must not run backwards.
type Net struct {
	t              *Topology
	fib            *fib
	now            time.Duration
	midday         time.Duration // time of day, UTC, at time zero
	rnd            random
	wheel          wheel
	count          Counters
	states         []state         // by node
	virtual        []state         // of hosts and routers that exist by hash only
	classID        []uint32        // by class: packets sent from it, for per-interface counters
	perDestination []uint32        // fragments sent, by hash of the destination
	any            [][2]netip.Addr // some address of each node, by family
	macs           []packet.MAC    // of the machine at each port
	byMAC          []map[packet.MAC]int32
	info           map[infoKey][]byte
	objects        []byte
	paths          [maxDepth][maxLevels]place
	trips          [maxDepth]journey
	bufs           [maxDepth][]byte
	scratch        []byte
	pmtu           []pathMTU
	pieces         reassembly
	turns          []uint32 // by group: packets sent, for per-packet balancing
}

// maxDepth is how many packets can cause each other: a probe, its reply, and room to spare.
const maxDepth = 3

// virtualStates is the number of identifier counters and rate limits that all hosts of procedural prefixes share.
const virtualStates = 1 << 16

// New makes a Net that plays t.
func New(t *Topology, o Options) *Net {
	n := &Net{
		t: t, fib: newFIB(t), rnd: random{mix(t.Seed, 0x5eed)},
		states: make([]state, len(t.nodes)), classID: make([]uint32, len(t.classes)), perDestination: make([]uint32, 1<<12),
		any: make([][2]netip.Addr, len(t.nodes)), info: map[infoKey][]byte{},
		pmtu: make([]pathMTU, 1<<12), scratch: make([]byte, 0, 66<<10), objects: make([]byte, 0, 512),
	}
	n.wheel.init()
	utc := o.Start.UTC()
	n.midday = utc.Sub(time.Date(utc.Year(), utc.Month(), utc.Day(), 0, 0, 0, 0, time.UTC))
	for i := range n.bufs {
		n.bufs[i] = make([]byte, 0, 66<<10)
	}
	for u := range t.nodes {
		node := &t.nodes[u]
		if node.kind == kindRegion && n.virtual == nil {
			n.virtual = make([]state, virtualStates)
		}
		for _, a := range node.addrs {
			n.offer(u, a)
		}
		for _, f := range node.faces {
			n.offer(u, t.faces[f].addr[0])
			n.offer(u, t.faces[f].addr[1])
		}
	}
	for port, stations := range t.stations {
		byMAC := map[packet.MAC]int32{}
		for i := range stations {
			for _, mac := range stations[i].macs {
				byMAC[mac] = int32(i)
			}
		}
		n.byMAC = append(n.byMAC, byMAC)
		if port == 0 {
			n.macs = append(n.macs, t.Monitor.MAC)
		} else {
			n.macs = append(n.macs, t.Attached[port-1].MAC)
		}
	}
	return n
}

func (n *Net) offer(u int, a netip.Addr) {
	if a.IsValid() && !n.any[u][family(a)].IsValid() {
		n.any[u][family(a)] = a
	}
}

// Deliver calls send for every frame that is due by now, in the order of due times, and returns how many there were.
// The frame is valid only during the call. Send must not call the Net's methods.
func (n *Net) Deliver(now time.Duration, send func(port Port, frame []byte)) int {
	n.now = max(n.now, now)
	n.wheel.advance(n.now)
	sent := 0
	for i := n.wheel.pop(); i != noFrame; i = n.wheel.pop() {
		f := &n.wheel.frames[i]
		send(f.port, f.bytes[:f.n])
		n.wheel.release(i)
		sent++
	}
	return sent
}

// Next returns a time before which nothing becomes due: call Deliver then. Ok is false while nothing waits.
func (n *Net) Next() (due time.Duration, ok bool) { return n.wheel.next() }

// Reply is a packet that the simulation sent, for callers of Exchange.
type Reply struct {
	Port   Port
	Packet []byte // from the IP header on
	At     time.Duration
}

// Exchange sends one IP packet from the monitor through its gateway at time now and returns everything that comes of
// it, in the order of due times, however late. It is a convenience for tests and allocates; nothing else may be waiting in
// the Net. The next packet may be sent before the replies to this one are due.
func (n *Net) Exchange(ip []byte, now time.Duration) []Reply {
	etherType := uint16(packet.EtherIPv4)
	if len(ip) > 0 && ip[0]>>4 == 6 {
		etherType = packet.EtherIPv6
	}
	station := n.t.gatewayStation(etherType)
	eth := packet.EthernetFields{Src: n.t.Monitor.MAC, Dst: station, Type: etherType}
	n.Handle(0, append(eth.Append(nil), ip...), now)
	var replies []Reply
	n.wheel.drain()
	for i := n.wheel.pop(); i != noFrame; i = n.wheel.pop() {
		f := &n.wheel.frames[i]
		replies = append(replies, Reply{f.port, append([]byte(nil), f.bytes[packet.EthernetHeaderLen:f.n]...), f.due})
		n.wheel.release(i)
	}
	return replies
}

func (t *Topology) gatewayStation(etherType uint16) packet.MAC {
	for i := range t.stations[0] {
		s := &t.stations[0][i]
		for _, a := range s.addrs {
			if a.Is6() == (etherType == packet.EtherIPv6) {
				return s.macs[0]
			}
		}
	}
	if len(t.stations[0]) > 0 {
		return t.stations[0][0].macs[0]
	}
	return packet.Broadcast
}

// clock is the time of day in milliseconds since midnight UTC, as in RFC 791 and RFC 792 timestamps.
func (n *Net) clock(at time.Duration) uint32 {
	return uint32((n.midday + at) % (24 * time.Hour) / time.Millisecond)
}
