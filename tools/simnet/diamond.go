package simnet

import (
	"math"
	"slices"
)

// distances fills in at which TTLs probes expire at each hop, up to 64, and whether the paths run in circles.
func (p *PathTree) distances() {
	const most = 64
	at := map[int]bool{0: true}
	for ttl := 1; ttl <= most && len(at) > 0; ttl++ {
		next := map[int]bool{}
		for i := range at {
			p.Hops[i].TTLs = append(p.Hops[i].TTLs, ttl)
			for _, k := range p.Hops[i].Next {
				next[k] = true
			}
		}
		at = next
	}
	color := make([]uint8, len(p.Hops)) // 1: on the way, 2: done
	var descend func(i int)
	descend = func(i int) {
		color[i] = 1
		for _, k := range p.Hops[i].Next {
			switch color[k] {
			case 0:
				descend(k)
			case 1:
				p.Loop = true
			}
		}
		color[i] = 2
	}
	if len(p.Hops) > 0 {
		descend(0)
	}
	for i := range p.Hops {
		if h := &p.Hops[i]; h.end && len(h.TTLs) > 0 {
			if p.Length[0] == 0 || h.TTLs[0] < p.Length[0] {
				p.Length[0] = h.TTLs[0]
			}
			p.Length[1] = max(p.Length[1], h.TTLs[len(h.TTLs)-1])
		}
	}
}

// count counts the ways from the first hop to any end; with loops there is no such number and 0 is said.
func (p *PathTree) count() {
	if p.Loop || len(p.Hops) == 0 {
		return
	}
	ways := make([]uint64, len(p.Hops))
	for _, i := range slices.Backward(p.order()) {
		if len(p.Hops[i].Next) == 0 {
			ways[i] = 1
		}
		for _, k := range p.Hops[i].Next {
			if ways[i] += ways[k]; ways[i] < ways[k] {
				ways[i] = math.MaxUint64
			}
		}
	}
	p.Paths = ways[0]
}

// order is a topological order of the hops; there must be no loop.
func (p *PathTree) order() []int {
	seen := make([]bool, len(p.Hops))
	var list []int
	var descend func(i int)
	descend = func(i int) {
		seen[i] = true
		for _, k := range p.Hops[i].Next {
			if !seen[k] {
				descend(k)
			}
		}
		list = append(list, i)
	}
	if len(p.Hops) > 0 {
		descend(0)
	}
	slices.Reverse(list)
	return list
}

// narrow lists the links that lower the MTU, walking hop by hop.
func (p *PathTree) narrow() {
	best := make([]int, len(p.Hops))
	for i := range best {
		best[i] = -1
	}
	if len(p.Hops) == 0 {
		return
	}
	best[0] = p.MTU
	for pending := []int{0}; len(pending) > 0; {
		i := pending[0]
		pending = pending[1:]
		h := &p.Hops[i]
		for k, to := range h.Next {
			mtu := min(best[i], h.MTU[k])
			if h.MTU[k] < best[i] {
				link := Narrow{From: h.Node, To: p.Hops[to].Node, MTU: h.MTU[k], Says: h.says[k]}
				if !slices.Contains(p.Narrow, link) {
					p.Narrow = append(p.Narrow, link)
				}
			}
			if mtu > best[to] {
				known := best[to] >= 0
				best[to] = mtu
				if !known {
					pending = append(pending, to)
				}
			}
			p.MTU = min(p.MTU, mtu)
		}
	}
}

// findDiamonds finds, for every hop with several next hops, the first hop that all ways from there share: the immediate
// post-dominator.
func (p *PathTree) findDiamonds() {
	order := p.order()
	rank := make([]int, len(p.Hops))
	for at, i := range order {
		rank[i] = at
	}
	const none = -1
	meet := make([]int, len(p.Hops)) // immediate post-dominator
	for _, i := range slices.Backward(order) {
		meet[i] = none
		h := &p.Hops[i]
		if len(h.Next) == 0 {
			continue
		}
		m := h.Next[0]
		for _, k := range h.Next[1:] {
			m = common(m, k, meet, rank)
		}
		meet[i] = m
		if different(h.Next) {
			d := Diamond{From: h.Address, Balance: h.Balance}
			if m != none {
				d.To = p.Hops[m].Address
			}
			d.MinHops, d.MaxHops, d.MaxWidth = p.measure(i, m)
			p.Diamonds = append(p.Diamonds, d)
		}
	}
	slices.Reverse(p.Diamonds)
}

func different(list []int) bool {
	for _, k := range list {
		if k != list[0] {
			return true
		}
	}
	return false
}

// common is the nearest hop that is a post-dominator of both, where meet holds those of all later hops.
func common(a, b int, meet, rank []int) int {
	for a != b {
		if a < 0 || b < 0 {
			return -1
		}
		if rank[a] < rank[b] {
			a = meet[a]
		} else {
			b = meet[b]
		}
	}
	return a
}

// measure walks from one hop to another, all ways at once.
func (p *PathTree) measure(from, to int) (least, most, width int) {
	at := map[int]bool{from: true}
	for steps := 1; len(at) > 0 && steps <= len(p.Hops); steps++ {
		next := map[int]bool{}
		for i := range at {
			for _, k := range p.Hops[i].Next {
				if k == to {
					if least == 0 {
						least = steps
					}
					most = steps
					continue
				}
				next[k] = true
			}
		}
		width = max(width, len(next))
		at = next
	}
	return least, most, width
}
