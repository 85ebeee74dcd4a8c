package simnet

import (
	"net/netip"
	"time"

	"scamper/shared/packet"
)

// reassembly puts packets together that came in fragments. Its memory is bounded: a new packet takes the place of the
// one that has waited longest.
type reassembly struct {
	slots []partial
}

const (
	reassemblySlots = 16
	// reassemblyTime is how long fragments wait for each other: 60 seconds, RFC 8200 section 4.5.
	reassemblyTime = 60 * time.Second
	maxPieces      = 64
)

type partial struct {
	used     bool
	src, dst netip.Addr
	id       uint32
	proto    uint8
	since    time.Duration
	header   []byte // of the first fragment: IP header alone
	data     []byte
	have     [maxPieces][2]int // byte ranges
	ranges   int
	total    int // -1 until the last fragment came
}

// reassemble adds a fragment. It reports whether the packet is whole now; then j is the whole packet.
func (n *Net) reassemble(j *journey, a *actor) bool {
	if j.made { // packets of simulated hosts are delivered to each other whole
		return true
	}
	if !j.later && !j.fragment.More { // an atomic fragment (RFC 6946)
		j.piece = false
		return true
	}
	p := n.pieces.find(j)
	begin := int(j.fragment.Offset) * 8
	data := j.b[min(j.header, len(j.b)):]
	end := begin + len(data)
	if end > 65535 || (j.fragment.More && len(data)%8 != 0) || p.ranges == maxPieces || p.overlaps(begin, end) {
		p.used = false
		n.drop(dropFragments)
		return false
	}
	if cap(p.data) < end {
		grown := make([]byte, 65536)
		copy(grown, p.data)
		p.data = grown
	}
	p.data = p.data[:cap(p.data)]
	copy(p.data[begin:], data)
	p.have[p.ranges] = [2]int{begin, end}
	p.ranges++
	if !j.fragment.More {
		p.total = end
	}
	if begin == 0 {
		p.header = append(p.header[:0], j.b[:j.headerOnly()]...)
	}
	sum := 0
	for _, r := range p.have[:p.ranges] {
		sum += r[1] - r[0]
	}
	if p.total < 0 || sum < p.total || len(p.header) == 0 {
		n.count.Absorbed++
		return false
	}
	p.used = false
	if len(p.header)+p.total > 65535 {
		n.drop(dropFragments)
		return false
	}
	b := append(n.bufs[0][:0], p.header...)
	b = append(b, p.data[:p.total]...)
	if j.v6 {
		b[6] = j.fragment.NextHeader
		putBE16(b[4:], uint16(p.total))
	} else {
		putBE16(b[2:], uint16(len(b)))
		putBE16(b[6:], 0)
		j.dirty = true
	}
	j.b, j.header, j.proto = b, len(p.header), j.fragment.NextHeader
	j.piece, j.later = false, false
	return true
}

func (p *partial) overlaps(begin, end int) bool {
	for _, r := range p.have[:p.ranges] {
		if begin < r[1] && r[0] < end {
			return true
		}
	}
	return p.total >= 0 && end > p.total
}

func (r *reassembly) find(j *journey) *partial {
	if r.slots == nil {
		r.slots = make([]partial, reassemblySlots)
	}
	oldest := &r.slots[0]
	for i := range r.slots {
		p := &r.slots[i]
		if p.used && j.at-p.since > reassemblyTime {
			p.used = false
		}
		if p.used && p.src == j.src && p.dst == j.dst && p.id == j.fragment.ID && p.proto == j.fragment.NextHeader {
			return p
		}
		if oldest.used && (!p.used || p.since < oldest.since) {
			oldest = p
		}
	}
	*oldest = partial{
		used: true, src: j.src, dst: j.dst, id: j.fragment.ID, proto: j.fragment.NextHeader, since: j.at, total: -1,
		header: oldest.header[:0], data: oldest.data,
	}
	return oldest
}

// fitPath fragments a reply that is larger than its sender's own link, or than the path MTU that the sender was told.
func (n *Net) fitPath(r *journey, a *actor) {
	mtu := 0
	if a.b.heedPMTU {
		mtu = n.knownPMTU(a.salt, r.dst, r.at)
	}
	if r.v6 {
		if mtu > 0 && mtu < 1280 {
			r.atomic = a.b.atomic
			mtu = 1280 // RFC 8200 section 5
		}
		if len(r.b) > 1280 {
			if own := n.linkMTU(r, a); own > 0 && (mtu == 0 || own < mtu) {
				mtu = max(own, 1280)
			}
		}
	}
	if mtu == 0 {
		return
	}
	if len(r.b) > mtu {
		r.fragTo = mtu
	}
	if r.v6 && (r.fragTo > 0 || r.atomic) {
		r.fragID = n.fragmentID(a, r.dst, r.at)
	}
}

// linkMTU is the MTU of the link that a reply leaves its sender by; 0 if there is none.
func (n *Net) linkMTU(r *journey, a *actor) int {
	if a.virtual {
		return n.t.faces[n.t.nodes[a.node].faces[0]].mtu
	}
	id := n.fib.next(r.class, a.node)
	if id == noGroup || len(n.fib.groups[id].faces) == 0 {
		return 0
	}
	return n.t.faces[n.fib.groups[id].faces[0]].mtu
}

// toPort delivers a packet to the machine at a port.
func (n *Net) toPort(j *journey, port Port, in int32) {
	if port == 0 {
		n.count.ToMonitor++
	} else {
		n.count.ToAttached++
	}
	n.restore(j)
	i := n.stationBehind(port, in)
	mac := n.t.stations[port][i].macs[0]
	for k := range j.copies {
		if k > 0 {
			n.count.Copies++
		}
		n.emit(j, port, mac, j.at+time.Duration(k)*j.copyGap)
	}
}

// stationBehind is the station whose link a packet came in by.
func (n *Net) stationBehind(port Port, in int32) int {
	for i := range n.t.stations[port] {
		if n.t.stations[port][i].face == in {
			return i
		}
	}
	return 0
}

// restore writes what changed on the way back into the packet, in a buffer of its own.
func (n *Net) restore(j *journey) {
	if !j.made && !j.dirty && len(j.b) > 0 {
		n.scratch = append(n.scratch[:0], j.b...) // the caller's bytes stay as they are
		j.b = n.scratch
	}
	if j.v6 {
		packet.IPv6(j.b).SetHopLimit(uint8(j.ttl))
		return
	}
	packet.IPv4(j.b).SetTTL(uint8(j.ttl))
	if j.dirty {
		packet.IPv4(j.b).UpdateChecksum()
	}
}

// emit queues the frames of a packet: one, or its fragments.
func (n *Net) emit(j *journey, port Port, src packet.MAC, due time.Duration) {
	etherType := uint16(packet.EtherIPv4)
	if j.v6 {
		etherType = packet.EtherIPv6
	}
	if j.fragTo == 0 && !j.atomic {
		n.frame(port, src, n.macs[port], etherType, j.b, due)
		return
	}
	headers := j.headerOnly()
	room := (j.fragTo - headers) &^ 7
	if j.v6 {
		room = (j.fragTo - headers - packet.FragmentHeaderLen) &^ 7
	}
	if j.fragTo == 0 || room <= 0 {
		room = 65528
	}
	for at := headers; at < len(j.b); at += room {
		end := min(at+room, len(j.b))
		last := end == len(j.b)
		i := n.wheel.take(packet.EthernetHeaderLen + headers + packet.FragmentHeaderLen + end - at)
		if i == noFrame {
			n.count.QueueFull++
			return
		}
		eth := packet.EthernetFields{Src: src, Dst: n.macs[port], Type: etherType}
		b := eth.Append(n.wheel.frames[i].bytes[:0])
		b = append(b, j.b[:headers]...)
		ip := b[packet.EthernetHeaderLen:]
		offset := uint16(at-headers) / 8
		if j.v6 {
			putBE16(ip[4:], uint16(packet.FragmentHeaderLen+end-at))
			next := ip[6]
			ip[6] = packet.ProtoFragment
			b, _ = packet.Fragment{NextHeader: next, Offset: offset, More: !last, ID: j.fragID}.Append(b)
		} else {
			base := be16(ip[6:]) // a fragment that is fragmented again keeps its own place
			putBE16(ip[2:], uint16(headers+end-at))
			more := uint16(0)
			if !last || base&0x2000 != 0 {
				more = 0x2000
			}
			putBE16(ip[6:], more|(base&0x1fff+offset))
			packet.IPv4(ip).UpdateChecksum()
		}
		b = append(b, j.b[at:end]...)
		n.wheel.frames[i].n = len(b)
		n.wheel.add(i, port, due, n.now)
		n.count.FramesOut++
	}
}

func jitter(r *random, most time.Duration) time.Duration {
	return time.Duration(r.share() * float64(most))
}
