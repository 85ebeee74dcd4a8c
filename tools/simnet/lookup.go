package simnet

import (
	"container/heap"
	"encoding/binary"
	"net/netip"
	"slices"
)

// class is a set of addresses that every router treats alike: those whose most specific known prefix is the same.
type class struct {
	prefix netip.Prefix
	owner  int32   // node that these addresses belong to; -1: nobody
	face   int32   // interface that has the address, if it is one; else -1
	routes []int32 // routes that apply, at most one for each node
}

// lookup finds the class of an address by longest prefix. Keys are masked addresses.
type lookup struct {
	lengths []lookupLength // longest first
}

type lookupLength struct {
	bits int
	hi   uint64 // mask
	lo   uint64
	rows map[[2]uint64]int32
}

func (l *lookup) add(pfx netip.Prefix, class int32) {
	bits := pfx.Bits()
	if pfx.Addr().Is4() {
		bits += 96
	}
	i, found := slices.BinarySearchFunc(l.lengths, bits, func(e lookupLength, bits int) int { return bits - e.bits })
	if !found {
		e := lookupLength{bits: bits, rows: map[[2]uint64]int32{}}
		e.hi = ^uint64(0) << (64 - min(bits, 64)) // a shift by 64 gives 0
		e.lo = ^uint64(0) << (128 - max(bits, 64))
		l.lengths = slices.Insert(l.lengths, i, e)
	}
	hi, lo := key(pfx.Addr())
	l.lengths[i].rows[[2]uint64{hi & l.lengths[i].hi, lo & l.lengths[i].lo}] = class
}

func (l *lookup) find(hi, lo uint64) int32 {
	for i := range l.lengths {
		e := &l.lengths[i]
		if c, ok := e.rows[[2]uint64{hi & e.hi, lo & e.lo}]; ok {
			return c
		}
	}
	return -1
}

// key is an address as two words; IPv4 addresses are in the low 32 bits.
func key(a netip.Addr) (hi, lo uint64) {
	if a.Is4() {
		b := a.As4()
		return 0, uint64(be32(b[:]))
	}
	b := a.As16()
	return be64(b[:8]), be64(b[8:])
}

func (t *Topology) classOf(a netip.Addr) int32 {
	hi, lo := key(a)
	return t.lookup[family(a)].find(hi, lo)
}

// buildClasses collects every prefix that means something and what it means.
func (t *Topology) buildClasses() {
	prefixes := map[netip.Prefix]bool{
		netip.PrefixFrom(netip.IPv4Unspecified(), 0): true,
		netip.PrefixFrom(netip.IPv6Unspecified(), 0): true,
	}
	for a := range t.owners {
		prefixes[netip.PrefixFrom(a, a.BitLen())] = true
	}
	for pfx := range t.ownPfx {
		prefixes[pfx] = true
	}
	for i := range t.routes {
		prefixes[t.routes[i].prefix] = true
	}
	list := make([]netip.Prefix, 0, len(prefixes))
	for pfx := range prefixes {
		list = append(list, pfx)
	}
	sortPrefixes(list)
	for _, pfx := range list {
		c := class{prefix: pfx, owner: -1, face: -1}
		if own, ok := t.owners[pfx.Addr()]; ok && pfx.IsSingleIP() {
			c.owner, c.face = own.node, own.face
		} else {
			for bits := pfx.Bits(); bits >= 0 && c.owner < 0; bits-- {
				if n, ok := t.ownPfx[netip.PrefixFrom(pfx.Addr(), bits).Masked()]; ok {
					c.owner = n
				}
			}
		}
		best := map[int32]int32{}
		for i := range t.routes {
			r := &t.routes[i]
			if r.prefix.Bits() > pfx.Bits() || !r.prefix.Contains(pfx.Addr()) {
				continue
			}
			if old, ok := best[r.at]; !ok || t.routes[old].prefix.Bits() < r.prefix.Bits() {
				best[r.at] = int32(i)
			}
		}
		for _, i := range best {
			c.routes = append(c.routes, i)
		}
		slices.Sort(c.routes)
		t.lookup[family(pfx.Addr())].add(pfx, int32(len(t.classes)))
		t.classes = append(t.classes, c)
	}
}

// group is a set of next hops.
type group struct {
	faces   []int32
	balance balanceMode
	hash    hashFields
	reject  answer
}

const noGroup = -1

// fib holds, for every class that has been asked for, each node's next hops.
type fib struct {
	t      *Topology
	groups []group
	tables [][]int32
	byKey  map[string]int32
	shared map[string]int32 // groups of shortest paths, which most tables have in common
	table  []int32          // class -> table, -1 until asked for
}

func newFIB(t *Topology) *fib {
	f := &fib{t: t, byKey: map[string]int32{}, shared: map[string]int32{}, table: make([]int32, len(t.classes))}
	for i := range f.table {
		f.table[i] = -1
	}
	return f
}

// next is the group of next hops of node u toward class c, or noGroup.
func (f *fib) next(c, u int32) int32 {
	if c < 0 {
		return noGroup
	}
	id := f.table[c]
	if id < 0 {
		id = f.build(c)
	}
	return f.tables[id][u]
}

func (f *fib) build(c int32) int32 {
	cl := &f.t.classes[c]
	k := words(cl.owner, cl.routes)
	id, ok := f.byKey[k]
	if !ok {
		id = int32(len(f.tables))
		f.tables = append(f.tables, f.compute(cl))
		f.byKey[k] = id
	}
	f.table[c] = id
	return id
}

// compute finds shortest paths from everywhere to the owner of a class, then lets the routes override them.
func (f *fib) compute(cl *class) []int32 {
	t := f.t
	table := make([]int32, len(t.nodes))
	for i := range table {
		table[i] = noGroup
	}
	targets := []int32{cl.owner}
	if cl.owner < 0 { // an address that nobody has leads to the nearest router that has something to say about it
		targets = nil
		for _, i := range cl.routes {
			targets = append(targets, t.routes[i].at)
		}
	}
	if len(targets) > 0 {
		dist := t.distances(targets...)
		for u := range t.nodes {
			n := &t.nodes[u]
			if dist[u] == 0 || dist[u] == unreachableCost || n.kind == kindMonitor {
				continue
			}
			g := group{balance: n.b.balance, hash: n.b.hash}
			for _, face := range n.faces {
				v := t.faces[t.faces[face].peer].node
				if (v == cl.owner || t.nodes[v].kind == kindRouter) && dist[v] != unreachableCost &&
					t.faces[face].cost+dist[v] == dist[u] {
					g.faces = append(g.faces, face)
				}
			}
			if g.balance == balanceNone {
				g.faces = g.faces[:1]
			}
			table[u] = f.intern(int32(u), g)
		}
	}
	for _, i := range cl.routes {
		r := &t.routes[i]
		if r.at == cl.owner {
			continue
		}
		table[r.at] = f.add(group{faces: r.faces, balance: r.balance, hash: r.hash, reject: r.reject})
	}
	return table
}

// words makes a map key of numbers.
func words(first int32, rest []int32) string {
	k := make([]byte, 0, 4+4*len(rest))
	k = binary.BigEndian.AppendUint32(k, uint32(first))
	for _, v := range rest {
		k = binary.BigEndian.AppendUint32(k, uint32(v))
	}
	return string(k)
}

// intern finds or adds the group of a node's shortest paths. How these are balanced is the node's own, so that its next
// hops say all.
func (f *fib) intern(u int32, g group) int32 {
	k := words(u, g.faces)
	id, known := f.shared[k]
	if !known {
		id = f.add(g)
		f.shared[k] = id
	}
	return id
}

func (f *fib) add(g group) int32 {
	f.groups = append(f.groups, g)
	return int32(len(f.groups) - 1)
}

const unreachableCost = int64(1) << 60

// distances are the costs of the shortest paths from every node to the nearest target. Only routers pass packets on.
func (t *Topology) distances(targets ...int32) []int64 {
	dist := make([]int64, len(t.nodes))
	for i := range dist {
		dist[i] = unreachableCost
	}
	pending := &distanceHeap{}
	for _, u := range targets {
		dist[u] = 0
		heap.Push(pending, nodeDistance{u, 0})
	}
	for pending.Len() > 0 {
		at := heap.Pop(pending).(nodeDistance)
		if at.cost > dist[at.node] || (at.cost > 0 && t.nodes[at.node].kind != kindRouter) {
			continue
		}
		for _, face := range t.nodes[at.node].faces {
			back := t.faces[face].peer // packets come the other way
			u := t.faces[back].node
			if cost := at.cost + t.faces[back].cost; cost < dist[u] {
				dist[u] = cost
				heap.Push(pending, nodeDistance{u, cost})
			}
		}
	}
	return dist
}

type nodeDistance struct {
	node int32
	cost int64
}

type distanceHeap []nodeDistance

func (h distanceHeap) Len() int           { return len(h) }
func (h distanceHeap) Less(i, j int) bool { return h[i].cost < h[j].cost }
func (h distanceHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *distanceHeap) Push(x any)        { *h = append(*h, x.(nodeDistance)) }
func (h *distanceHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
