package simnet

import (
	"fmt"
	"net/netip"
	"sort"
	"time"
)

// region is a prefix full of hosts that are derived from a hash of their addresses, and optionally the tree of routers
// in front of them, so that millions of targets cost no memory.
type region struct {
	prefixes []regionPrefix
	pools    [2]netip.Prefix // the routers' addresses
	hosts    mixture
	routers  mixture
	dead     float64 // share of addresses where nobody is
	absent   answer  // what the last router says about those
	skip     float64 // share of routers of the tree that are not there
	width    int     // most parallel routers at one place
	wide     float64 // share of places that have more than one
	extra    int     // most additional hops on the way back
	slowest  time.Duration
	fastest  time.Duration
}

type regionPrefix struct {
	prefix netip.Prefix
	levels []level
}

// level is one step of the tree: a place for routers for every subprefix of this length.
type level struct {
	bits   int
	offset uint64 // of the first router's address in the pool
}

// mixture is a weighted choice of behaviours.
type mixture struct {
	list  []*behaviour
	edges []float64 // cumulative shares; the last is 1
}

func (m *mixture) pick(h uint64) *behaviour {
	if len(m.list) == 1 {
		return m.list[0]
	}
	x := share(h)
	for i, edge := range m.edges {
		if x < edge {
			return m.list[i]
		}
	}
	return m.list[len(m.list)-1]
}

// readPrefix reads [[prefix]].
func (p *parser) readPrefix(t *table) {
	base := p.behaviour(t, hostDefaults())
	r := &region{width: 1}
	prefixes := t.prefixes("prefix", false)
	if len(prefixes) == 0 && !t.has("prefix") {
		t.wrong("prefix", "a prefix is missing")
	}
	r.hosts = p.mixture(t, "mix", base)
	r.dead = t.number("dead", 0, 1, 0)
	r.absent = word(t, "dead-answer", answer{}, otherWords)
	r.skip = t.number("skip", 0, 1, 0)
	r.width = int(t.integer("width", 1, 16, 1))
	r.wide = t.number("wide", 0, 1, 1)
	r.extra = int(t.integer("return-extra", 0, 64, 0))
	r.fastest = t.duration("hop-delay", 0)
	r.slowest = t.duration("hop-delay-most", r.fastest)
	if r.slowest < r.fastest {
		t.wrong("hop-delay-most", "hop-delay-most is less than hop-delay")
	}
	plain := routerDefaults()
	r.routers = p.mixture(t, "router-mix", &plain)
	for _, pool := range t.prefixes("routers", false) {
		r.pools[family(pool.Addr())] = pool
	}
	levels := readLevels(t)
	gateway := t.addrs("gateway", false)
	settings := readFace(t, "link-")
	name := t.str("name", "")
	if name == "" && len(prefixes) > 0 {
		name = prefixes[0].String()
	}
	id, ok := p.addNode(t, name, node{kind: kindRegion, b: base, region: r})
	router, found := p.node(t, "at", t.str("at", ""))
	if !ok || !found {
		return
	}
	var used [2]uint64
	for i, pfx := range prefixes {
		p.ownPrefix(t, fmt.Sprintf("prefix[%d]", i), pfx, id)
		r.prefixes = append(r.prefixes, r.place(t, pfx, levels, &used))
	}
	for _, pool := range r.pools {
		if pool.IsValid() {
			p.ownPrefix(t, "routers", pool, id)
		}
	}
	f := p.connect(t, router, id, settings)
	p.numberFace(t, "gateway", f, gateway)
}

func readLevels(t *table) [2][]int {
	var levels [2][]int
	for f, key := range []string{"levels", "levels6"} {
		v, ok := t.get(key)
		if !ok {
			continue
		}
		list, ok := v.([]any)
		if !ok || len(list) > maxLevels {
			t.wrong(key, "%s must be a list of at most %d prefix lengths", key, maxLevels)
			continue
		}
		for _, one := range list {
			n, ok := one.(int64)
			if !ok || n < 1 || n > int64(32+96*f) {
				t.wrong(key, "%s: %v is not a prefix length", key, one)
				continue
			}
			levels[f] = append(levels[f], int(n))
		}
		if !sort.IntsAreSorted(levels[f]) {
			t.wrong(key, "%s must be in ascending order", key)
		}
	}
	return levels
}

// maxLevels is the most routers in a row that a procedural prefix can have.
const maxLevels = 32

// place lays a prefix's tree of routers into the pool of router addresses.
func (r *region) place(t *table, pfx netip.Prefix, levels [2][]int, used *[2]uint64) regionPrefix {
	f := family(pfx.Addr())
	rp := regionPrefix{prefix: pfx}
	if len(levels[f]) == 0 {
		return rp
	}
	pool := r.pools[f]
	if !pool.IsValid() {
		t.wrong("routers", "levels need routers: a pool of addresses for the routers")
		return rp
	}
	room := uint64(1) << min(pool.Addr().BitLen()-pool.Bits(), 40)
	for i, bits := range levels[f] {
		depth := bits - pfx.Bits()
		if depth < 0 || depth > 32 {
			t.wrong([]string{"levels", "levels6"}[f], "a level of /%d does not fit in %v", bits, pfx)
			return rp
		}
		count := uint64(r.width) << depth
		if used[f]+count > room {
			t.wrong("routers", "routers: %v has %d addresses; the first %d levels need %d", pool, room, i+1, used[f]+count)
			return rp
		}
		rp.levels = append(rp.levels, level{bits: bits, offset: used[f]})
		used[f] += count
	}
	return rp
}

// mixture reads {behaviour = weight, ...}; without any it is def alone.
func (p *parser) mixture(t *table, key string, def *behaviour) mixture {
	names, weights := t.weights(key)
	if len(names) == 0 {
		return mixture{list: []*behaviour{def}, edges: []float64{1}}
	}
	var m mixture
	total, sum := 0.0, 0.0
	for _, w := range weights {
		total += w
	}
	for i, name := range names {
		b := *def
		p.apply(t, key+"."+name, name, &b)
		sum += weights[i]
		m.list = append(m.list, &b)
		m.edges = append(m.edges, sum/total)
	}
	return m
}
