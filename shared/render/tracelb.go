package render

import (
	"cmp"
	"encoding/binary"
	"slices"

	"scamper/shared/warts"
)

// SetSummary is what a set of tracelb probes found out about its hop.
type SetSummary struct {
	Addrs  []warts.Addr // that replied, each once, in the order of the format
	Silent int          // flows to which nobody replied
}

// Summarize computes the summary of a set of probes. The array of addrs, which may be nil, is used for the result.
//
// Consecutive probes of one flow are attempts: the flow is silent if none of them has a reply.
func Summarize(set *warts.TracelbSet, addrs []warts.Addr) SetSummary {
	s := SetSummary{Addrs: addrs[:0]}
	for i := 0; i < len(set.Probes); {
		flow := set.Probes[i].FlowID
		answered := false
		for ; i < len(set.Probes) && set.Probes[i].FlowID == flow; i++ {
			for j := range set.Probes[i].Replies {
				s.Addrs = append(s.Addrs, set.Probes[i].Replies[j].Addr)
				answered = true
			}
		}
		if !answered {
			s.Silent++
		}
	}
	slices.SortFunc(s.Addrs, compareMachine)
	s.Addrs = slices.Compact(s.Addrs)
	return s
}

// compareMachine orders addresses as scamper does on little-endian machines: IPv4 before IPv6, and inside a family by
// the bytes read as little-endian words of 32 bits (IPv4) and 64 bits (IPv6), so that the last octet of an IPv4 address
// counts most. The order is visible in text and JSON.
func compareMachine(a, b warts.Addr) int {
	if a.Type() != b.Type() {
		return cmp.Compare(a.Type(), b.Type())
	}
	var bufA, bufB [16]byte
	x, y := a.AppendBytes(bufA[:0]), b.AppendBytes(bufB[:0])
	if len(x) == 4 {
		return cmp.Compare(binary.LittleEndian.Uint32(x), binary.LittleEndian.Uint32(y))
	}
	if len(x) != 16 {
		return a.Compare(b)
	}
	return cmp.Or(
		cmp.Compare(binary.LittleEndian.Uint64(x), binary.LittleEndian.Uint64(y)),
		cmp.Compare(binary.LittleEndian.Uint64(x[8:]), binary.LittleEndian.Uint64(y[8:])),
	)
}

// LinksByNode returns, for each node of a tracelb, the links that begin at it, in the record's order.
func LinksByNode(t *warts.Tracelb) [][]*warts.TracelbLink {
	byNode := make([][]*warts.TracelbLink, len(t.Nodes))
	counts := make([]int, len(t.Nodes))
	total := 0
	for i := range t.Links {
		if from := int(t.Links[i].From); from < len(counts) {
			counts[from]++
			total++
		}
	}
	all := make([]*warts.TracelbLink, total)
	for node, n := range counts {
		byNode[node], all = all[:0:n], all[n:]
	}
	for i := range t.Links {
		if from := int(t.Links[i].From); from < len(byNode) {
			byNode[from] = append(byNode[from], &t.Links[i])
		}
	}
	return byNode
}

// LinkEnd returns the address of the node that a link leads to; the zero Addr if it has no such node, or the node no
// address.
func LinkEnd(t *warts.Tracelb, l *warts.TracelbLink) warts.Addr {
	if l.To < 0 || l.To >= len(t.Nodes) {
		return warts.Addr{}
	}
	return t.Nodes[l.To].Addr
}

// AppendAddrOrStar appends an address, or a star for an unknown one.
func AppendAddrOrStar(b []byte, a warts.Addr) []byte {
	if !a.IsValid() {
		return append(b, '*')
	}
	return a.AppendTo(b)
}

// TracelbQuotes tells whether a reply is an unreachable or a time exceeded, whose quoted TTL is shown.
func TracelbQuotes(r *warts.TracelbReply) bool {
	if r.IsTCP() {
		return false
	}
	if r.Addr.Is4() {
		return r.ICMPType == 3 || r.ICMPType == 11
	}
	return r.Addr.Is6() && (r.ICMPType == 1 || r.ICMPType == 3)
}
