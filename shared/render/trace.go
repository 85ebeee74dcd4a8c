package render

import (
	"math/bits"

	"scamper/shared/warts"
)

// TraceFlagNames are the names of the trace flags by bit number.
var TraceFlagNames = []string{
	"all-attempts", "pmtud", "dl", "ignorettldst", "doubletree", "icmp-csum-dport", "const-payload", "rxerr", "ptr",
	"raw", "back",
}

// TraceLastHop returns the hop at which a trace ends: the stop hop, if it has one within the hop count, else the hop
// count. Parallel probing goes beyond it.
func TraceLastHop(t *warts.Trace) int {
	if t.StopHop >= 1 && uint16(t.StopHop) <= t.HopCount {
		return int(t.StopHop)
	}
	return int(t.HopCount)
}

// TraceFirstHop returns the first hop of a trace, which old files write as 0 when it is 1.
func TraceFirstHop(t *warts.Trace) int { return max(int(t.FirstHop), 1) }

// HopCursor walks the probes of a trace, which are ordered by TTL, hop by hop.
type HopCursor struct{ rest []warts.TraceProbe }

// Hops starts at the first probe of a trace.
func Hops(t *warts.Trace) HopCursor { return HopCursor{t.Probes} }

// At returns the probes of a TTL. TTLs must be asked for in ascending order.
func (c *HopCursor) At(ttl int) []warts.TraceProbe {
	for len(c.rest) > 0 && int(c.rest[0].TTL) < ttl {
		c.rest = c.rest[1:]
	}
	n := 0
	for n < len(c.rest) && int(c.rest[n].TTL) == ttl {
		n++
	}
	hop := c.rest[:n]
	c.rest = c.rest[n:]
	return hop
}

// CountReplies returns how many replies the probes have together.
func CountReplies(probes []warts.TraceProbe) int {
	n := 0
	for i := range probes {
		n += len(probes[i].Replies)
	}
	return n
}

// FirstReply returns the first reply of the first answered probe, nil if there is none.
func FirstReply(probes []warts.TraceProbe) *warts.TraceReply {
	for i := range probes {
		if len(probes[i].Replies) > 0 {
			return &probes[i].Replies[0]
		}
	}
	return nil
}

// icmpMarks are the marks of traceroute behind a reply that is an unreachable, by its code; those that are missing are
// shown by number, and 3 (IPv4) and 4 (IPv6), port unreachable, is what the destination should say.
var (
	icmp4Marks = [...]string{0: " !N", 1: " !H", 2: " !P", 3: "", 4: " !F", 5: " !S", 13: " !X"}
	icmp6Marks = [...]string{0: " !N", 1: " !P", 2: " !S", 3: " !A", 4: ""}
)

// AppendICMPMark appends the mark of traceroute for an ICMP reply, with a space in front: nothing for the expected
// ones, " !H" for host unreachable, " !<10>" for an unreachable code without a letter, " !<5,1>" for other messages.
func AppendICMPMark(b []byte, r *warts.TraceReply) []byte {
	var marks []string
	var unreach uint8
	switch {
	case r.Addr.Is4():
		if r.ICMPType == 11 || r.ICMPType == 0 {
			return b
		}
		marks, unreach = icmp4Marks[:], 3
	case r.Addr.Is6():
		switch r.ICMPType {
		case 3, 129:
			return b
		case 2:
			return append(b, " !F"...)
		}
		marks, unreach = icmp6Marks[:], 1
	default:
		return b
	}
	if r.ICMPType != unreach {
		b = append(b, " !<"...)
		b = AppendUint(b, uint64(r.ICMPType))
		b = append(b, ',')
		b = AppendUint(b, uint64(r.ICMPCode))
		return append(b, '>')
	}
	code := int(r.ICMPCode)
	portUnreach := r.Addr.Is4() && code == 3 || r.Addr.Is6() && code == 4
	if portUnreach || code < len(marks) && marks[code] != "" {
		return append(b, marks[code]...)
	}
	b = append(b, " !<"...)
	b = AppendUint(b, uint64(code))
	return append(b, '>')
}

// commonPrefix returns the number of leading bits that two addresses of one IP family share, 0 for different families.
func commonPrefix(a, b warts.Addr) int {
	if a.Type() != b.Type() || !a.Is4() && !a.Is6() {
		return 0
	}
	var bufA, bufB [16]byte
	x, y := a.AppendBytes(bufA[:0]), b.AppendBytes(bufB[:0])
	for i := range x {
		if d := x[i] ^ y[i]; d != 0 {
			return 8*i + bits.LeadingZeros8(d)
		}
	}
	return 8 * len(x)
}

// sharesLink tells whether two addresses can be the ends of one link: they are in a /30, or a /126.
func sharesLink(a, b warts.Addr) bool {
	if a.Is4() {
		return commonPrefix(a, b) >= 30
	}
	return commonPrefix(a, b) >= 126
}

// TraceTCPFlags returns the TCP flags of a TCP reply. To scamper they and the ICMP type are one byte: a TCP reply in a
// file that has an ICMP type instead shows that.
func TraceTCPFlags(r *warts.TraceReply) uint8 {
	if r.TCPFlags == 0 {
		return r.ICMPType
	}
	return r.TCPFlags
}
