package route

import (
	"cmp"
	"encoding/binary"
	"math"
	"net/netip"
	"slices"

	"scamper/unpriv/loop"
)

// The copy of the kernel's routes of one family, for the question "which route is it, and
// does that route have only one source address?".
//
// The routes are laid out on the line of all addresses: where the answer changes, a new
// span begins. A lookup is a binary search for the span. Which route a span belongs to
// is worked out once: the longest prefix of table local (our own addresses), and if
// there is none, the longest of table main. Wherever the kernel might see it otherwise
// or the source might vary, the span says so, and the kernel is asked each time.
//
// The line has 64 bits: those of an IPv4 address with zeros behind, and the upper half of
// an IPv6 address. The kernel is asked about IPv6 addresses of whose /64 a part has a route
// of its own.

// kind says what sources a route's packets have.
type kind uint8

const (
	// kindVaries: several next hops, no next hop, or anything not understood.
	kindVaries kind = iota
	// kindOne: a next hop, and with it one source.
	kindOne
	// kindSelf: the destination is one of our IPv4 addresses, and the source is the route's
	// preferred one or, without one, the destination itself.
	kindSelf
)

// fibRoute is a route as read from the kernel.
type fibRoute struct {
	addr    uint64 // first address of the prefix
	bits    uint8  // length of the prefix, 0 to 64
	local   bool   // of table local, not main
	kind    kind
	metric  uint32
	prefSrc netip.Addr // preferred source, if it has one
	ifIndex int        // of the one next hop
	gateway netip.Addr // of the one next hop; invalid if destinations are on the link

	// yields says that the kernel passes the route over while its gateway is known not to
	// answer, if there is another route to the destination, be its prefix shorter or its
	// metric higher (IPv6, RFC 4191 section 3.2). It doesn't tell of that.
	yields bool
	until  loop.Mono // when the route may come to an end that the kernel doesn't tell of; 0: never
}

// last returns the last address of the route's prefix.
func (r *fibRoute) last() uint64 { return r.addr | hostMask(r.bits) }

func hostMask(bits uint8) uint64 { return math.MaxUint64 >> bits }

// place returns where an address is on the line.
func place(a netip.Addr) uint64 {
	if a.Is4() {
		b := a.As4()
		return uint64(binary.BigEndian.Uint32(b[:])) << 32
	}
	b := a.As16()
	return binary.BigEndian.Uint64(b[:])
}

// fibEntry is the memory of a route: its source, once known.
type fibEntry struct {
	src    netip.Addr // valid if the source is known
	want   netip.Addr // the route's preferred source; invalid if it has none
	mirror bool       // the source is the destination, whatever it is
	self   bool       // the source ought to be want, or else the destination
	varies bool       // it turned out not to be what was expected

	way      Route // that every destination has, once wayKnown; before, what is expected of the kernel's answer
	wayKnown bool

	until loop.Mono // when the entry ends; 0: with the copy
}

// varies is the entry number of spans for which the kernel is asked each time.
const varies = -1

// fib is the copy. The zero value answers varies for everything.
type fib struct {
	starts  []uint64 // first address of each span, ascending, beginning with 0
	spans   []int32  // entry number of each span, or varies
	entries []fibEntry
}

// lookup returns the entry number for an address.
func (f *fib) lookup(addr uint64) int32 {
	// Like sort.Search, written out: this is the hot path. low is the last span that
	// begins at addr or before.
	low, n := 0, len(f.starts)
	if n == 0 {
		return varies
	}
	for n > 1 {
		half := n >> 1
		if f.starts[low+half] <= addr {
			low += half
		}
		n -= half
	}
	return f.spans[low]
}

// newFIB builds the copy from routes of both tables, in any order. It reorders them.
func newFIB(routes []fibRoute) *fib {
	// A prefix comes before those within it, and its routes stand together, table local
	// first, lowest metric first.
	slices.SortFunc(routes, func(a, b fibRoute) int {
		return cmp.Or(
			cmp.Compare(a.addr, b.addr),
			cmp.Compare(a.bits, b.bits),
			-cmp.Compare(btoi(a.local), btoi(b.local)),
			cmp.Compare(a.metric, b.metric),
		)
	})
	f := &fib{}
	f.span(0, varies)

	// nest is the prefixes around the current place, outermost first.
	nest := []nested{{last: math.MaxUint64, local: noMatch, main: noMatch}}
	leave := func(until uint64, all bool) {
		for len(nest) > 1 && (all || nest[len(nest)-1].last < until) {
			end := nest[len(nest)-1].last
			nest = nest[:len(nest)-1]
			if end != math.MaxUint64 {
				f.span(end+1, nest[len(nest)-1].entry())
			}
		}
	}
	for i := 0; i < len(routes); {
		r := &routes[i]
		leave(r.addr, false)
		here := nest[len(nest)-1]
		here.last = r.last()
		for i < len(routes) && routes[i].addr == r.addr && routes[i].bits == r.bits {
			first := i
			for i++; i < len(routes) && routes[i].addr == r.addr && routes[i].bits == r.bits &&
				routes[i].local == routes[first].local; i++ {
			}
			same := routes[first:i]
			if same[0].local {
				here.local = match{int(r.bits), f.add(same, &chain{})}
			} else {
				here.chain.add(same)
				here.main = match{int(r.bits), f.add(same, &here.chain)}
			}
		}
		nest = append(nest, here)
		f.span(r.addr, here.entry())
	}
	leave(0, true)
	return f
}

// match is the longest prefix of a table that covers a place.
type match struct {
	bits  int
	entry int32
}

var noMatch = match{bits: -1, entry: varies}

// nested is a prefix, and what covers the addresses within it that no longer one does.
type nested struct {
	last        uint64
	local, main match
	chain       chain
}

// chain sums up the routes of table main to an address: of each prefix that contains it, and of each metric.
type chain struct {
	some    bool
	ifIndex int        // of them all, unless they differ
	gateway netip.Addr // likewise
	differ  bool
	until   loop.Mono // when the first of them may end; 0: never
}

func (c *chain) add(routes []fibRoute) {
	for i := range routes {
		r := &routes[i]
		if !c.some {
			c.some, c.ifIndex, c.gateway = true, r.ifIndex, r.gateway
		}
		if r.kind == kindVaries || r.ifIndex != c.ifIndex || r.gateway != c.gateway {
			c.differ = true
		}
		if c.until == 0 || r.until != 0 && r.until < c.until {
			c.until = r.until
		}
	}
}

// entry decides between the tables. A kernel whose rules were never touched keeps both
// in one trie, and lets a longer prefix of main win over one of local; a kernel whose
// rules once were doesn't. So nothing is said of that rare case.
func (n *nested) entry() int32 {
	switch {
	case n.local.bits < 0:
		return n.main.entry
	case n.main.bits > n.local.bits:
		return varies
	default:
		return n.local.entry
	}
}

// span begins a span at start, or changes the one that began there.
func (f *fib) span(start uint64, entry int32) {
	if n := len(f.starts); n > 0 && f.starts[n-1] == start {
		f.spans[n-1] = entry
		return
	}
	f.starts = append(f.starts, start)
	f.spans = append(f.spans, entry)
}

// add makes the entry for the routes to one prefix in one table, lowest metric first.
// The kernel uses the first, unless there is another of the same metric: then it may
// choose between them by the state of their neighbours. chain has these routes and those of
// shorter prefixes: what the kernel may fall back on.
func (f *fib) add(same []fibRoute, chain *chain) int32 {
	best := &same[0]
	if len(same) > 1 && same[1].metric == best.metric {
		return varies
	}
	for i := range same {
		if same[i].kind == kindVaries {
			return varies // a dead or otherwise special route, which may or may not count
		}
	}
	if best.yields && chain.differ {
		return varies
	}
	f.entries = append(f.entries, fibEntry{
		want: best.prefSrc, self: best.kind == kindSelf, way: Route{IfIndex: best.ifIndex, Gateway: best.gateway}, until: chain.until,
	})
	return int32(len(f.entries) - 1)
}

// source returns the source of an entry for dst, if it is known.
func (e *fibEntry) source(dst netip.Addr) (netip.Addr, bool) {
	if e.mirror {
		return dst, true
	}
	return e.src, e.src.IsValid()
}

// learn remembers that the kernel answered src for dst, if that is what was expected of
// such a route; otherwise it is never asked for again.
func (e *fibEntry) learn(dst, src netip.Addr) {
	switch {
	case e.want.IsValid() && src != e.want, e.self && !e.want.IsValid() && src != dst:
		e.varies = true
	case e.self && !e.want.IsValid():
		e.mirror = true
	default:
		e.src = src
	}
}

// learnWay remembers the kernel's answer for a destination, if that is what was expected of such a route. It may not be: for
// some destinations the kernel has been told of a better gateway (ICMP redirects). Frames to those go to the route's, which
// is as good.
func (e *fibEntry) learnWay(r Route) {
	if e.want.IsValid() && r.Src != e.want {
		return
	}
	if !e.self && !r.Local && r.IfIndex == e.way.IfIndex && r.Gateway == e.way.Gateway && r.MAC == nil {
		e.way, e.wayKnown = r, true
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
