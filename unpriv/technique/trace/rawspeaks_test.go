package trace

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"time"

	"scamper/shared/warts"
	"scamper/unpriv/technique/virtual"
)

// What follows reads from the bytes of a packet of which probe it speaks, by code of its own: it shares nothing with what
// the program reads packets and finds probes by.

// asked is what the probes of a trace have in common.
type asked struct {
	method       string
	own, dst     netip.Addr
	sport, dport uint16
	offset       int
	constPayload bool
	datalink     bool // what is neither ICMP nor ICMPv6 is seen
}

// askedBy tells it from a record.
func askedBy(r *warts.Trace) asked {
	method := map[warts.TraceMethod]string{
		warts.TraceUDP: "udp", warts.TraceUDPParis: "udp-paris", warts.TraceICMPEcho: "icmp", warts.TraceICMPEchoParis: "icmp",
		warts.TraceTCP: "tcp", warts.TraceTCPAck: "tcp",
	}[r.Method]
	datalink := warts.TraceDL | warts.TracePMTUDFlag
	if r.Dst.IP().Is6() && r.Method == warts.TraceUDPParis {
		datalink |= warts.TraceConstPayload
	}
	return asked{
		method: method, own: r.Src.IP(), dst: r.Dst.IP(), sport: r.SrcPort, dport: r.DstPort, offset: int(r.Offset),
		constPayload: r.Flags&warts.TraceConstPayload != 0, datalink: method == "tcp" || r.Offset != 0 || r.Flags&datalink != 0,
	}
}

func be16(b []byte, at int) int {
	if at+2 > len(b) {
		return -1
	}
	return int(binary.BigEndian.Uint16(b[at:]))
}

func be32(b []byte, at int) int {
	if at+4 > len(b) {
		return -1
	}
	return int(binary.BigEndian.Uint32(b[at:]))
}

// inside is an IP packet taken apart, perhaps one that was cut.
type inside struct {
	version  int
	src, dst netip.Addr
	id       int // IPv4 identification
	label    int // IPv6 flow label
	proto    int
	offset   int // of a fragment, in units of 8 bytes
	fragID   int
	upper    []byte
}

func takeApart(b []byte) (p inside, ok bool) {
	switch {
	case len(b) >= 20 && b[0]>>4 == 4:
		p.version, p.id, p.offset, p.proto = 4, be16(b, 4), be16(b, 6)&0x1fff, int(b[9])
		p.src, _ = netip.AddrFromSlice(b[12:16])
		p.dst, _ = netip.AddrFromSlice(b[16:20])
		n := int(b[0]&15) * 4
		if n < 20 || n > len(b) {
			return p, false
		}
		p.upper = b[n:]
		return p, true
	case len(b) >= 40 && b[0]>>4 == 6:
		p.version, p.label, p.proto = 6, be32(b, 0)&0xfffff, int(b[6])
		p.src, _ = netip.AddrFromSlice(b[8:24])
		p.dst, _ = netip.AddrFromSlice(b[24:40])
		b = b[40:]
		for p.offset == 0 {
			n := 0
			switch p.proto {
			case 0, 43, 60:
				if len(b) < 8 {
					return p, false
				}
				n = 8 + 8*int(b[1])
			case 51:
				if len(b) < 8 {
					return p, false
				}
				n = 8 + 4*int(b[1])
			case 44:
				n = 8
				if len(b) < 8 {
					return p, false
				}
				p.offset, p.fragID = be16(b, 2)>>3, be32(b, 4)
			default:
				p.upper = b
				return p, true
			}
			if n > len(b) {
				return p, false
			}
			p.proto, b = int(b[0]), b[n:]
		}
		p.upper = b
		return p, true
	}
	return p, false
}

// speaksOf returns the number of the probe of which an IP packet speaks that came when so many were sent.
func (a asked) speaksOf(ip []byte, sent int) (n int, ok bool) {
	p, ok := takeApart(ip)
	if !ok || p.dst != a.own || p.offset != 0 {
		return 0, false
	}
	within := func(n int) (int, bool) { return n, n >= 0 && n < sent }
	u := p.upper
	fromTarget := p.src == a.dst
	swapped := be16(u, 0) == int(a.dport) && be16(u, 2) == int(a.sport)
	icmp := p.version == 4 && p.proto == 1 || p.version == 6 && p.proto == 58
	switch {
	case !icmp && !a.datalink:
		return 0, false
	case p.proto == 6:
		n, ok := within(sent - 1)
		return n, ok && a.method == "tcp" && fromTarget && swapped
	case p.proto == 17 && a.method == "udp":
		n, ok := within(be16(u, 0) - int(a.dport))
		return n, ok && fromTarget && be16(u, 2) == int(a.sport)
	case p.proto == 17:
		n, ok := within(sent - 1)
		return n, ok && a.method == "udp-paris" && fromTarget && swapped
	case !icmp || len(u) < 8:
		return 0, false
	}
	echoReply, unreachable, exceeded := byte(0), byte(3), byte(11)
	if p.version == 6 {
		echoReply, unreachable, exceeded = 129, 1, 3
	}
	switch {
	case u[0] == echoReply:
		n, ok := within(be16(u, 6))
		return n, ok && a.method == "icmp" && fromTarget && be16(u, 4) == int(a.sport)
	case u[0] == unreachable, u[0] == exceeded && u[1] == 0, p.version == 6 && u[0] == 2:
		q, ok := takeApart(u[8:])
		if !ok || q.version != p.version || q.dst != a.dst || q.offset != a.offset {
			return 0, false
		}
		n, ok := a.quoteSpeaksOf(q, sent)
		if !ok {
			return 0, false
		}
		return within(n)
	}
	return 0, false
}

// quoteSpeaksOf is speaksOf for what an error quotes of a probe.
func (a asked) quoteSpeaksOf(q inside, sent int) (n int, ok bool) {
	u := q.upper
	want := map[string]int{"udp": 17, "udp-paris": 17, "tcp": 6, "icmp": 1}[a.method]
	if want == 1 && q.version == 6 {
		want = 58
	}
	sport, dport := be16(u, 0) == int(a.sport), be16(u, 2) == int(a.dport)
	switch {
	case q.proto != want:
		return 0, false
	case a.offset != 0:
		return be16(u, 2), q.fragID>>16 == int(a.sport)
	case a.method == "icmp":
		return be16(u, 6), be16(u, 4) == int(a.sport)
	case a.method == "udp":
		return be16(u, 2) - int(a.dport), sport
	case !sport || !dport:
		return 0, false
	case q.version == 4:
		if a.method == "udp-paris" && q.id == be16(u, 6) {
			return q.id - 1, true
		}
		other := q.id>>8 | q.id&0xff<<8
		switch {
		case q.id == 0:
			return 0, false
		case q.id <= sent:
			return q.id - 1, true
		case q.id == sent+1: // something on the way has increased it
			return q.id - 2, true
		}
		return other - 1, true
	case a.method == "tcp" || a.constPayload:
		return q.label - 1, true
	}
	// The checksum of UDP over IPv6: what it has to be if all of the datagram is quoted, because it may be unfinished.
	length := be16(u, 4)
	sum := uint64(17 + length)
	add := func(b []byte) {
		for i, v := range b {
			sum += uint64(v) << (8 * ((i + 1) % 2))
		}
	}
	fold := func() int {
		for sum > 0xffff {
			sum = sum>>16 + sum&0xffff
		}
		return int(sum)
	}
	src, dst := q.src.As16(), q.dst.As16()
	add(src[:])
	add(dst[:])
	unfinished := fold()
	if length >= 8 && length <= len(u) {
		add(u[:6])
		add(u[8:length])
		if n := 0xffff - fold(); n >= 1 && n <= sent {
			return n - 1, true
		}
	}
	return be16(u, 6) - 1, be16(u, 6) != unfinished
}

// arrival is a packet that came.
type arrival struct {
	at   time.Duration // since the start
	sent int           // probes sent by then
	ip   []byte
}

// says reports whether the packet may be what is recorded as a reply to probe n, sent at some time.
func (a *arrival) says(by asked, n int, sentAt time.Duration, r *warts.TraceReply) bool {
	p, ok := takeApart(a.ip)
	took := max(a.at-sentAt, 0)
	if !ok || r.Addr.IP() != p.src || (r.RTT-took).Abs() > 10*time.Microsecond {
		return false
	}
	switch {
	case len(p.upper) < 8:
		return false
	case r.Flags&warts.TraceHopTCP != 0:
		if p.proto != 6 || len(p.upper) < 14 || r.TCPFlags != p.upper[13] {
			return false
		}
	case r.Flags&warts.TraceHopUDP != 0:
		if p.proto != 17 {
			return false
		}
	case p.proto != 1 && p.proto != 58 || r.ICMPType != p.upper[0] || r.ICMPCode != p.upper[1]:
		return false
	}
	for sent := a.sent; sent <= a.sent+1; sent++ { // one may have left before the program looked at what came
		if m, ok := by.speaksOf(a.ip, sent); ok && m == n {
			return true
		}
	}
	return false
}

// everyReplyCame holds that each reply of a record is a packet that came and speaks of the probe that it is recorded with,
// and that no packet is recorded twice.
func (w *world) everyReplyCame(t *testing.T, r *warts.Trace, came []arrival) {
	t.Helper()
	by := askedBy(r)
	list := slices.Clone(r.Probes)
	if r.LastDitch != nil {
		list = append(list, r.LastDitch.Probes...)
	}
	if r.PMTUD != nil {
		list = append(list, r.PMTUD.Probes...)
	}
	at := map[warts.Time]virtual.Packet{}
	for _, p := range w.Sent {
		at[warts.TimeOf(w.Start.Add(p.At))] = p
	}
	takenBy := map[int]int{} // number of a reply by that of the packet which it was
	var candidates [][]int   // packets that a reply may have been
	var find func(reply int, tried map[int]bool) bool
	find = func(reply int, tried map[int]bool) bool { // by augmenting paths, as of bipartite graphs
		for _, c := range candidates[reply] {
			if tried[c] {
				continue
			}
			tried[c] = true
			if other, taken := takenBy[c]; !taken || find(other, tried) {
				takenBy[c] = reply
				return true
			}
		}
		return false
	}
	for i := range list {
		p := &list[i]
		sent, ok := at[p.TX]
		if !ok || sent.TTL != int(p.TTL) || len(sent.IP) != int(p.Size) {
			t.Errorf("no packet with TTL %d and %d bytes was sent at %v", p.TTL, p.Size, p.TX)
			continue
		}
		delete(at, p.TX)
		for j := range p.Replies {
			var may []int
			for k := range came {
				if came[k].says(by, sent.N, sent.At, &p.Replies[j]) {
					may = append(may, k)
				}
			}
			candidates = append(candidates, may)
			if !find(len(candidates)-1, map[int]bool{}) {
				t.Errorf("probe %d, TTL %d: reply %d, from %s after %v, is no packet that came and speaks of it, or is recorded twice",
					sent.N, p.TTL, j, p.Replies[j].Addr, p.Replies[j].RTT)
			}
		}
	}
	for _, p := range at {
		t.Errorf("probe %d, TTL %d is not recorded", p.N, p.TTL)
	}
}
