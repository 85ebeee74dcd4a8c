package simnet

import (
	"net/netip"
	"time"
)

// place is where routers of a procedural prefix stand: one, or several in parallel.
type place struct {
	salt   uint64
	offset uint64 // of the first one's address in the pool
	width  int
	member int // which of them a packet takes or took
}

// inside says what a region holds at an address.
type inside struct {
	path   int  // places in front of it, in the caller's array
	router bool // the last of them is the address itself
	exists bool // somebody has the address
}

// bitsOf are bits from..to of a 128-bit word, at most 32 of them, counted from the most significant.
func bitsOf(hi, lo uint64, from, to int) uint64 {
	if to <= 64 {
		hi, lo = 0, hi
		from, to = from+64, to+64
	}
	// the wanted bits end at bit 128-to of (hi,lo)
	shift := 128 - to
	v := lo >> shift
	if shift > 0 {
		v |= hi << (64 - shift)
	} else {
		v = lo
	}
	return v & (1<<(to-from) - 1)
}

// locate finds the places on the way to an address. Places are the same for all addresses that share the prefix bits
// down to them.
func (r *region) locate(salt uint64, a netip.Addr, path *[maxLevels]place) inside {
	for i := range r.prefixes {
		rp := &r.prefixes[i]
		if rp.prefix.Contains(a) {
			hi, lo := align(a)
			found := inside{exists: share(mix(mix(salt, hi), lo^0xdead)) >= r.dead}
			for k := range rp.levels {
				index := bitsOf(hi, lo, rp.prefix.Bits(), rp.levels[k].bits)
				if r.stand(salt, i, k, index, &path[found.path]) {
					found.path++
				}
			}
			return found
		}
	}
	return r.locateRouter(salt, a, path)
}

// align puts an address's most significant bit first.
func align(a netip.Addr) (hi, lo uint64) {
	hi, lo = key(a)
	if a.Is4() {
		return lo << 32, 0
	}
	return hi, lo
}

// stand fills in the place of prefix i, level k, subprefix index. It reports false if there is no router.
func (r *region) stand(salt uint64, i, k int, index uint64, p *place) bool {
	h := mix(mix(salt, uint64(i)<<8|uint64(k)), index)
	if share(mix(h, 1)) < r.skip {
		return false
	}
	*p = place{salt: h, offset: r.prefixes[i].levels[k].offset + index*uint64(r.width), width: 1}
	if r.width > 1 && share(mix(h, 2)) < r.wide {
		p.width = 2 + int(mix(h, 3)%uint64(r.width-1))
	}
	return true
}

// locateRouter finds the router that has an address of the pool.
func (r *region) locateRouter(salt uint64, a netip.Addr, path *[maxLevels]place) inside {
	pool := r.pools[family(a)]
	if !pool.IsValid() || !pool.Contains(a) {
		return inside{}
	}
	hi, lo := align(a)
	if bits := pool.Addr().BitLen() - pool.Bits(); bits > 40 {
		// Only the last 40 bits number routers; the rest must be zero.
		if a.Is6() && (lo>>40 != 0 || bits > 64 && bitsOf(hi, lo, max(pool.Bits(), 32), 64) != 0) {
			return inside{}
		}
	}
	offset := lo
	if a.Is4() {
		offset = hi >> 32
	}
	_, base := key(pool.Addr())
	offset -= base
	for i := range r.prefixes {
		rp := &r.prefixes[i]
		if family(rp.prefix.Addr()) != family(a) {
			continue
		}
		for k := range rp.levels {
			depth := rp.levels[k].bits - rp.prefix.Bits()
			at := offset - rp.levels[k].offset
			if offset < rp.levels[k].offset || at >= uint64(r.width)<<depth {
				continue
			}
			index := at / uint64(r.width)
			found := inside{router: true}
			for up := 0; up <= k; up++ {
				shift := rp.levels[k].bits - rp.levels[up].bits
				present := r.stand(salt, i, up, index>>shift, &path[found.path])
				if present {
					found.path++
				}
				found.exists = present
			}
			if found.exists {
				last := &path[found.path-1]
				last.member = int(at % uint64(r.width))
				found.exists = last.member < last.width
			}
			return found
		}
	}
	return inside{}
}

// routerAddr is the address of the member'th router at a place.
func (r *region) routerAddr(family int, p *place) netip.Addr {
	base := r.pools[family].Addr()
	v := p.offset + uint64(p.member)
	if family == 0 {
		b := base.As4()
		putBE32(b[:], be32(b[:])+uint32(v))
		return netip.AddrFrom4(b)
	}
	b := base.As16()
	putBE64(b[8:], be64(b[8:])+v)
	return netip.AddrFrom16(b)
}

func (r *region) hopDelay(p *place) time.Duration {
	if r.slowest == r.fastest {
		return r.fastest
	}
	return r.fastest + time.Duration(share(mix(p.salt, 4))*float64(r.slowest-r.fastest))
}

func (n *Net) virtualActor(b *behaviour, salt uint64, u, in int32, own netip.Addr, path []place) actor {
	return actor{b: b, state: &n.virtual[salt%virtualStates], salt: salt, node: u, in: in, virtual: true, own: own, path: path}
}

// enter takes a packet into a procedural prefix.
func (n *Net) enter(j *journey, u, in int32) {
	node := &n.t.nodes[u]
	r := node.region
	path := &n.paths[j.depth]
	found := r.locate(node.salt, j.dst, path)
	f := j.family()
	for i := range found.path {
		p := &path[i]
		last := found.router && i == found.path-1
		if !last {
			p.member = int(mix(j.flowHash(defaultHash), p.salt) % uint64(p.width))
		} else if !found.exists {
			break
		}
		salt := mix(p.salt, uint64(p.member)+5)
		a := n.virtualActor(r.routers.pick(mix(salt, 1)), salt, u, in, r.routerAddr(f, p), path[:i])
		if last {
			j.at += r.hopDelay(p)
			n.receive(j, &a)
			return
		}
		if j.options && a.b.optionMode == optionsDrop {
			n.drop(dropOptions)
			return
		}
		j.at += r.hopDelay(p)
		if j.ttl <= 1 && (!a.b.zeroTTL || j.ttl == 0) {
			n.expire(j, &a)
			return
		}
		j.ttl--
		if j.options && a.b.optionMode == optionsHonour {
			n.stamp(j, a.own)
		}
	}
	if !found.exists {
		n.absent(j, r, u, in, path, found)
		return
	}
	hi, lo := key(j.dst)
	salt := mix(mix(node.salt, hi), lo)
	a := n.virtualActor(r.hosts.pick(mix(salt, 2)), salt, u, in, j.dst, path[:found.path])
	n.receive(j, &a)
}

// absent is what is said about an address that nobody has: by the last router, or by the one at the edge.
func (n *Net) absent(j *journey, r *region, u, in int32, path *[maxLevels]place, found inside) {
	if found.router {
		found.path--
	}
	if r.absent.kind != answerUnreachable || j.made {
		n.drop(dropNobody)
		return
	}
	j.ttl++
	if found.path <= 0 {
		edge := n.t.faces[in].peer
		a := n.actorAt(n.t.faces[edge].node, j.before)
		if !a.b.unreachable {
			n.drop(dropSilent)
			return
		}
		n.sendUnreachable(j, &a, r.absent, true)
		return
	}
	p := &path[found.path-1]
	salt := mix(p.salt, uint64(p.member)+5)
	a := n.virtualActor(r.routers.pick(mix(salt, 1)), salt, u, in, r.routerAddr(j.family(), p), path[:found.path-1])
	if !a.b.unreachable {
		n.drop(dropSilent)
		return
	}
	n.sendUnreachable(j, &a, r.absent, true)
}

// leave takes a reply out of a procedural prefix, past the routers that the packet came by.
func (n *Net) leave(j *journey, a *actor) {
	r := n.t.nodes[a.node].region
	for i := len(a.path) - 1; i >= 0; i-- {
		if j.ttl <= 1 {
			n.drop(dropExpired)
			return
		}
		j.ttl--
		j.at += r.hopDelay(&a.path[i])
		if j.options {
			n.stamp(j, r.routerAddr(j.family(), &a.path[i]))
		}
	}
	if r.extra > 0 {
		j.ttl -= int(mix(a.salt, 6) % uint64(r.extra+1))
		if j.ttl < 1 {
			n.drop(dropExpired)
			return
		}
	}
	out := n.t.nodes[a.node].faces[0]
	if j.size() > n.t.faces[out].mtu && j.dontFrag {
		if j.heeds && !n.t.faces[out].tooBig.silent {
			n.notePMTU(j.salt, j.dst, n.t.faces[out].mtu, j.at)
		}
		n.drop(dropBlackHole)
		return
	} else if j.size() > n.t.faces[out].mtu {
		j.fragTo = n.t.faces[out].mtu
	}
	n.cross(j, out)
}
