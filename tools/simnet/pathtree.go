package simnet

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
)

// PathTree is every way that packets from the monitor can take to one destination.
type PathTree struct {
	Destination netip.Addr `json:"destination"`
	Node        string     `json:"node"`   // who has it; empty: nobody
	Length      [2]int     `json:"length"` // TTL that reaches the destination: least and most; 0 if it is never reached
	Paths       uint64     `json:"paths"`  // how many ways there are
	Loop        bool       `json:"loop,omitempty"`
	MTU         int        `json:"mtu"`          // of the narrowest way
	Return      int        `json:"return-hops"`  // routers that a reply of the destination passes
	Hops        []Hop      `json:"hops"`         // in the order of their least TTL
	Narrow      []Narrow   `json:"narrow-links"` // links with a smaller MTU than everything before
	Diamonds    []Diamond  `json:"diamonds"`
}

// Hop is a router, or the destination, on the way.
type Hop struct {
	TTLs    []int      `json:"ttls"` // TTLs whose probes can expire here
	Node    string     `json:"node"`
	Address netip.Addr `json:"address"` // what answers with time exceeded, or would
	Answers bool       `json:"answers"`
	Balance string     `json:"balance,omitempty"` // if it has several next hops
	MPLS    bool       `json:"mpls,omitempty"`
	Next    []int      `json:"next,omitempty"` // indexes of the next hops
	MTU     []int      `json:"next-mtu,omitempty"`
	says    []string
	end     bool
}

// Narrow is a link whose MTU is smaller than everything before it.
type Narrow struct {
	From string `json:"from"`
	To   string `json:"to"`
	MTU  int    `json:"mtu"`
	Says string `json:"says"` // send, no-mtu, silent, or the MTU that is claimed
}

// Diamond is a place where paths part, up to where all of them have met again.
type Diamond struct {
	From     netip.Addr `json:"from"`
	To       netip.Addr `json:"to"` // invalid: they do not meet
	Balance  string     `json:"balance"`
	MinHops  int        `json:"min-hops"`
	MaxHops  int        `json:"max-hops"`
	MaxWidth int        `json:"max-width"` // most routers at the same distance
}

// maxHops bounds the hops of one PathTree.
const maxHops = 20000

// treeBuilder collects the hops of a path tree. A hop is where a packet is and how it came there.
type treeBuilder struct {
	n     *Net
	dst   netip.Addr
	class int32
	f     int
	hops  []Hop
	index map[[2]int64]int
}

func (n *Net) tree(dst netip.Addr) (*PathTree, error) {
	station := n.t.gatewayFor(dst)
	if station == nil {
		return nil, errors.New("the monitor has no gateway of this family")
	}
	b := &treeBuilder{n: n, dst: dst, class: n.t.classOf(dst), f: family(dst), index: map[[2]int64]int{}}
	p := &PathTree{Destination: dst, MTU: n.t.Monitor.MTU, Hops: []Hop{}, Narrow: []Narrow{}, Diamonds: []Diamond{}}
	if b.class >= 0 && n.t.classes[b.class].owner >= 0 {
		p.Node = n.t.nodes[n.t.classes[b.class].owner].name
	}
	first := n.t.faces[station.face].peer
	if s := n.station(0, dst); s != nil {
		first = n.t.faces[s.face].peer
	}
	if _, err := b.visit(n.t.faces[first].node, first); err != nil {
		return nil, err
	}
	p.Hops = b.hops
	p.finish(n, dst)
	return p, nil
}

func (t *Topology) gatewayFor(dst netip.Addr) *station {
	for i := range t.stations[0] {
		for _, a := range t.stations[0][i].addrs {
			if a.Is4() == dst.Is4() {
				return &t.stations[0][i]
			}
		}
	}
	return nil
}

// add makes a hop; the second result is false if it was known.
func (b *treeBuilder) add(k [2]int64, h Hop) (int, bool, error) {
	if i, known := b.index[k]; known {
		return i, false, nil
	}
	if len(b.hops) >= maxHops {
		return 0, false, fmt.Errorf("more than %d hops", maxHops)
	}
	b.index[k] = len(b.hops)
	b.hops = append(b.hops, h)
	return len(b.hops) - 1, true, nil
}

func (b *treeBuilder) link(from, to, mtu int, says string) {
	h := &b.hops[from]
	h.Next, h.MTU, h.says = append(h.Next, to), append(h.MTU, mtu), append(h.says, says)
}

// visit adds the hop at node u that is reached by face in, and all behind it. It returns the hop; inside a procedural
// prefix there may be several in parallel.
func (b *treeBuilder) visit(u, in int32) ([]int, error) {
	n := b.n
	node := &n.t.nodes[u]
	if node.kind == kindRegion {
		return b.region(u)
	}
	here := b.class >= 0 && n.t.classes[b.class].owner == u
	h := Hop{Node: node.name, MPLS: len(node.b.mpls) > 0, end: here || node.kind != kindRouter}
	if h.end {
		h.Address, h.Answers = b.dst, here && node.b.echo.kind == answerReply
	} else {
		a := n.actorAt(u, in)
		h.Address, h.Answers = n.errorSource(b.journey(), &a, true), node.b.timeExceeded
	}
	i, fresh, err := b.add([2]int64{int64(u), int64(in)}, h)
	if err != nil || !fresh || h.end {
		return []int{i}, err
	}
	id := n.fib.next(b.class, u)
	if id == noGroup {
		return []int{i}, nil
	}
	g := &n.fib.groups[id]
	if len(g.faces) > 1 {
		b.hops[i].Balance = g.balance.String()
	}
	for _, f := range g.faces {
		face := &n.t.faces[f]
		next, err := b.visit(n.t.faces[face.peer].node, face.peer)
		if err != nil {
			return nil, err
		}
		if len(next) > 1 {
			b.hops[i].Balance = balanceFlow.String()
		}
		for _, to := range next {
			b.link(i, to, face.mtu, face.tooBig.String())
		}
	}
	return []int{i}, nil
}

// journey is a probe to the destination, as far as the choice of an error's source needs one.
func (b *treeBuilder) journey() *journey {
	j := &journey{v6: b.dst.Is6(), dst: b.dst, class: b.class, srcClass: -1}
	for _, a := range b.n.t.Monitor.Addresses {
		if a.Addr().Is6() == j.v6 {
			j.src, j.srcClass = a.Addr(), b.n.t.classOf(a.Addr())
		}
	}
	return j
}

func (s tooBig) String() string {
	switch {
	case s.silent:
		return "silent"
	case s.mtu == 0:
		return "no-mtu"
	case s.mtu > 0:
		return fmt.Sprint(s.mtu)
	}
	return "send"
}

// region adds the hops inside a procedural prefix and returns those at its edge.
func (b *treeBuilder) region(u int32) ([]int, error) {
	node := &b.n.t.nodes[u]
	r := node.region
	var path [maxLevels]place
	found := r.locate(node.salt, b.dst, &path)
	var first, previous []int
	join := func(members []int) {
		for _, from := range previous {
			for _, to := range members {
				b.link(from, to, 65535, "send")
			}
			if len(members) > 1 {
				b.hops[from].Balance = balanceFlow.String()
			}
		}
		if first == nil {
			first = members
		}
		previous = members
	}
	for i := range found.path {
		p := &path[i]
		last := found.router && i == found.path-1
		if last && !found.exists {
			break
		}
		var members []int
		for m := range p.width {
			if last && m != path[i].member {
				continue
			}
			q := *p
			q.member = m
			beh := r.routers.pick(mix(mix(p.salt, uint64(m)+5), 1))
			k := [2]int64{-1 - int64(u), int64(q.offset) + int64(m)}
			h := Hop{Node: node.name, Address: r.routerAddr(b.f, &q), Answers: beh.timeExceeded, MPLS: len(beh.mpls) > 0, end: last}
			hop, _, err := b.add(k, h)
			if err != nil {
				return nil, err
			}
			members = append(members, hop)
		}
		join(members)
	}
	if found.exists && !found.router {
		hop, _, err := b.add([2]int64{-1 - int64(u), -1}, Hop{Node: node.name, Address: b.dst, Answers: true, end: true})
		if err != nil {
			return nil, err
		}
		join([]int{hop})
	}
	if first == nil { // nobody is there
		hop, _, err := b.add([2]int64{-1 - int64(u), -2}, Hop{Node: node.name, Address: b.dst})
		return []int{hop}, err
	}
	return first, nil
}

// finish derives everything else from the hops. Hop 0 is the first.
func (p *PathTree) finish(n *Net, dst netip.Addr) {
	p.distances()
	p.count()
	p.narrow()
	if !p.Loop {
		p.findDiamonds()
	}
	own := int32(-1)
	if c := n.t.classOf(dst); c >= 0 {
		own = n.t.classes[c].owner
	}
	if own >= 0 {
		p.Return = n.returnHops(own, dst)
	}
	order := make([]int, len(p.Hops))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := &p.Hops[a], &p.Hops[b]
		if len(x.TTLs) > 0 && len(y.TTLs) > 0 && x.TTLs[0] != y.TTLs[0] {
			return x.TTLs[0] - y.TTLs[0]
		}
		return x.Address.Compare(y.Address)
	})
	place := make([]int, len(order))
	sorted := make([]Hop, len(order))
	for at, i := range order {
		place[i] = at
	}
	for i, h := range p.Hops {
		for k := range h.Next {
			h.Next[k] = place[h.Next[k]]
		}
		sorted[place[i]] = h
	}
	p.Hops = sorted
}

// returnHops counts the routers that a packet from u to the monitor passes, by the first of several next hops.
func (n *Net) returnHops(u int32, dst netip.Addr) int {
	class := int32(-1)
	for _, a := range n.t.Monitor.Addresses {
		if a.Addr().Is4() == dst.Is4() {
			class = n.t.classOf(a.Addr())
		}
	}
	hops := 0
	if node := &n.t.nodes[u]; node.kind == kindRegion {
		var path [maxLevels]place
		found := node.region.locate(node.salt, dst, &path)
		hops = found.path
		if found.router && hops > 0 {
			hops--
		}
		hi, lo := key(dst)
		if node.region.extra > 0 && !found.router {
			hops += int(mix(mix(mix(node.salt, hi), lo), 6) % uint64(node.region.extra+1))
		}
		u = n.t.faces[n.t.faces[node.faces[0]].peer].node
		hops++
	}
	for range maxSteps {
		if n.t.nodes[u].kind == kindAttached {
			u = n.t.faces[n.t.faces[n.t.nodes[u].faces[0]].peer].node
			hops++
			continue
		}
		id := n.fib.next(class, u)
		if id == noGroup || len(n.fib.groups[id].faces) == 0 {
			return hops
		}
		u = n.t.faces[n.t.faces[n.fib.groups[id].faces[0]].peer].node
		if n.t.nodes[u].kind == kindRouter {
			hops++
		}
	}
	return hops
}
