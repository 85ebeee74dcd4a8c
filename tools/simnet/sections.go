package simnet

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"scamper/shared/packet"
)

// readMonitor reads [monitor]. The monitor is always node 0.
func (p *parser) readMonitor(top *table) {
	m, ok := top.sub("monitor")
	if !ok && !top.has("monitor") {
		p.mistake("", "there is no [monitor]")
	}
	t := p.table("monitor", "monitor", m)
	b := hostDefaults()
	id, _ := p.addNode(t, "monitor", node{kind: kindMonitor, b: &b})
	mon := Monitor{MTU: int(t.integer("mtu", 576, 65521, 1500)), MAC: deriveMAC(p.t.Seed, "monitor")}
	if list := p.macs(t, "mac"); len(list) > 0 {
		mon.MAC = list[0]
	}
	mon.Addresses = t.prefixes("address", true)
	p.onLink(t, "address", id, mon.Addresses, ok)
	p.t.Monitor = mon
	p.t.stations = append(p.t.stations, nil)
	t.done()
}

// onLink gives a machine with a real stack its addresses and the prefixes that they are in.
func (p *parser) onLink(t *table, key string, id int32, addrs []netip.Prefix, required bool) {
	if len(addrs) == 0 && required {
		t.wrong(key, "an address such as 192.0.2.2/24 is missing")
	}
	var families [2]int
	for i, a := range addrs {
		place := fmt.Sprintf("%s[%d]", key, i)
		if families[family(a.Addr())]++; families[family(a.Addr())] > 1 {
			t.wrong(place, "%s: more than one address of a family", key)
			continue
		}
		if a.IsSingleIP() {
			t.wrong(place, "%s: %v leaves no room for a gateway", key, a)
			continue
		}
		p.own(t, place, a.Addr(), id, -1)
		p.ownPrefix(t, place, a.Masked(), id)
	}
}

func (p *parser) macs(t *table, key string) []packet.MAC {
	var list []packet.MAC
	for _, s := range t.strs(key) {
		hw, err := net.ParseMAC(s)
		if err != nil || len(hw) != 6 || hw[0]&1 != 0 {
			t.wrong(key, "%s: %q is not the Ethernet address of a station", key, s)
			continue
		}
		list = append(list, packet.MAC(hw))
	}
	return list
}

// deriveMAC makes a locally administered address.
func deriveMAC(seed uint64, name string) packet.MAC {
	h := mix(seed, hashString(name+" mac"))
	return packet.MAC{0x02, byte(h >> 32), byte(h >> 24), byte(h >> 16), byte(h >> 8), byte(h)}
}

// readStation reads how somebody on the link answers ARP and neighbour discovery.
func (p *parser) readStation(t *table, name string, addrs []netip.Addr, face int32) station {
	s := station{name: name, addrs: addrs, face: face}
	s.macs = p.macs(t, "mac")
	if len(s.macs) == 0 {
		s.macs = []packet.MAC{deriveMAC(p.t.Seed, name)}
	}
	s.delay = t.duration("resolve-delay", 0)
	s.silent = t.boolean("resolve-silent", false)
	return s
}

// onSegment reports addresses that are not in the prefix of the link that they should be on.
func (p *parser) onSegment(t *table, key string, on []netip.Prefix, addrs []netip.Addr) {
	for i, a := range addrs {
		inside := false
		for _, pfx := range on {
			inside = inside || pfx.Contains(a)
		}
		if !inside && len(on) > 0 {
			t.wrong(fmt.Sprintf("%s[%d]", key, i), "%s: %v is not in the prefix of the link", key, a)
		}
	}
}

func (p *parser) readGateway(t *table) {
	addrs := t.addrs("address", false)
	if len(addrs) == 0 {
		t.wrong("address", "an address is missing")
	}
	p.onSegment(t, "address", p.t.Monitor.Addresses, addrs)
	settings := readFace(t, "link-")
	if !t.has("link-mtu") {
		settings.mtu = p.t.Monitor.MTU
	}
	router := t.str("router", "")
	t.what = "gateway " + router
	s := p.readStation(t, router, addrs, 0)
	id, ok := p.node(t, "router", router)
	if !ok {
		return
	}
	if p.t.nodes[id].kind != kindRouter {
		t.wrong("router", "%s is not a router", router)
		return
	}
	s.face = p.connect(t, 0, id, settings)
	p.numberFace(t, "address", s.face+1, addrs)
	p.monitorFace(s.face)
	p.t.stations[0] = append(p.t.stations[0], s)
	for _, a := range addrs {
		known := false
		for _, g := range p.t.Monitor.Gateways {
			known = known || family(g) == family(a)
		}
		if !known {
			p.t.Monitor.Gateways = append(p.t.Monitor.Gateways, a)
		}
	}
}

func (p *parser) monitorFace(f int32) {
	for _, a := range p.t.Monitor.Addresses {
		p.t.faces[f].addr[family(a.Addr())] = a.Addr()
	}
}

func (p *parser) readNeighbour(t *table) {
	addrs := t.addrs("address", true)
	if len(addrs) == 0 {
		t.wrong("address", "an address is missing")
	}
	p.onSegment(t, "address", p.t.Monitor.Addresses, addrs)
	name := t.str("name", "")
	b := p.behaviour(t, hostDefaults())
	settings := readFace(t, "link-")
	s := p.readStation(t, name, addrs, 0)
	id, ok := p.addNode(t, name, node{kind: kindHost, b: b, addrs: addrs})
	if !ok {
		return
	}
	s.face = p.connect(t, 0, id, settings)
	p.monitorFace(s.face)
	for i, a := range addrs {
		p.own(t, fmt.Sprintf("address[%d]", i), a, id, s.face+1)
		if f := &p.t.faces[s.face+1]; !f.addr[family(a)].IsValid() {
			f.addr[family(a)] = a
		}
	}
	p.t.stations[0] = append(p.t.stations[0], s)
}

// readLink reads [[link]]: between two nodes, numbered from prefixes or with given addresses.
func (p *parser) readLink(t *table) {
	ends := t.strs("between")
	prefixes := t.prefixes("prefix", false)
	first, second := t.addrs("first", false), t.addrs("second", false)
	settings := readFace(t, "")
	backCost := t.integer("back-cost", 1, 1<<20, settings.cost)
	if len(ends) != 2 {
		t.wrong("between", "between must name the two ends")
		return
	}
	t.what = "link " + ends[0] + " - " + ends[1]
	a, ok1 := p.node(t, "between[0]", ends[0])
	b, ok2 := p.node(t, "between[1]", ends[1])
	if !ok1 || !ok2 {
		return
	}
	if a == b {
		t.wrong("between", "both ends are %s", ends[0])
		return
	}
	if p.t.nodes[a].kind != kindRouter && p.t.nodes[b].kind != kindRouter {
		t.wrong("between", "one end at least must be a router")
		return
	}
	f := p.connect(t, a, b, settings)
	p.t.faces[f+1].cost = backCost
	for i, pfx := range prefixes {
		lo, hi, ok := linkAddrs(pfx)
		if !ok {
			t.wrong(fmt.Sprintf("prefix[%d]", i), "prefix: %v has no room for two addresses", pfx)
			continue
		}
		first, second = append(first, lo), append(second, hi)
	}
	p.numberFace(t, "first", f, first)
	p.numberFace(t, "second", f+1, second)
}

// linkAddrs are the addresses of the two ends of a link: the first two that hosts may have, or both of a /31 or /127.
func linkAddrs(pfx netip.Prefix) (first, second netip.Addr, ok bool) {
	a := pfx.Addr()
	switch pfx.Addr().BitLen() - pfx.Bits() {
	case 0:
		return a, a, false
	case 1:
		return a, a.Next(), true
	}
	return a.Next(), a.Next().Next(), true
}

// readChain reads [[chain]]: links between routers in a row, numbered one after the other from a pool.
func (p *parser) readChain(t *table) {
	through := t.strs("through")
	pools := t.prefixes("prefix", false)
	settings := readFace(t, "")
	if len(through) < 2 {
		t.wrong("through", "through must name at least two routers")
		return
	}
	t.what = "chain " + through[0] + " ..."
	for i := range through[1:] {
		a, ok1 := p.node(t, fmt.Sprintf("through[%d]", i), through[i])
		b, ok2 := p.node(t, fmt.Sprintf("through[%d]", i+1), through[i+1])
		if !ok1 || !ok2 || a == b {
			return
		}
		if p.t.nodes[a].kind != kindRouter && p.t.nodes[b].kind != kindRouter {
			t.wrong("through", "one end of every link must be a router")
			return
		}
		f := p.connect(t, a, b, settings)
		for k, pool := range pools {
			pfx, ok := subnet(pool, i)
			if !ok {
				t.wrong(fmt.Sprintf("prefix[%d]", k), "prefix: %v is too small for %d links", pool, len(through)-1)
				return
			}
			lo, hi, _ := linkAddrs(pfx)
			p.numberFace(t, fmt.Sprintf("prefix[%d]", k), f, []netip.Addr{lo})
			p.numberFace(t, fmt.Sprintf("prefix[%d]", k), f+1, []netip.Addr{hi})
		}
	}
}

// subnet is the i-th /30 or /64 of a pool.
func subnet(pool netip.Prefix, i int) (netip.Prefix, bool) {
	bits := 30
	if pool.Addr().Is6() {
		bits = 64
	}
	room := bits - pool.Bits()
	if room < 0 || (room < 31 && i >= 1<<room) {
		return netip.Prefix{}, false
	}
	if pool.Addr().Is4() {
		a := pool.Addr().As4()
		v := be32(a[:]) + uint32(i)<<2
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}), bits), true
	}
	a := pool.Addr().As16()
	v := be64(a[:8]) + uint64(i)
	putBE64(a[:8], v)
	return netip.PrefixFrom(netip.AddrFrom16(a), bits), true
}

func (p *parser) readAttach(t *table) {
	at := Attachment{Name: t.str("name", ""), Addresses: t.prefixes("address", true), Prefixes: t.prefixes("prefix", false)}
	at.Gateways = t.addrs("gateway", false)
	p.onSegment(t, "gateway", at.Addresses, at.Gateways)
	settings := readFace(t, "link-")
	at.MTU = int(t.integer("mtu", 576, 65521, int64(max(settings.mtu, 576))))
	at.MAC = deriveMAC(p.t.Seed, at.Name)
	at.Serve = t.strs("serve")
	for i, s := range at.Serve {
		if err := checkService(s); err != nil {
			t.wrong(fmt.Sprintf("serve[%d]", i), "serve: %v", err)
		}
	}
	if m, ok := t.sub("sysctl"); ok {
		at.Sysctl = map[string]string{}
		for _, k := range sortedKeys(m) {
			if !strings.HasPrefix(k, "net.") || strings.ContainsAny(k, "/ ") {
				t.wrong("sysctl."+k, "sysctl: %q is not the name of a network setting such as \"net.ipv4.tcp_ecn\"", k)
				continue
			}
			at.Sysctl[k] = fmt.Sprint(m[k])
		}
	}
	b := hostDefaults()
	id, ok := p.addNode(t, at.Name, node{kind: kindAttached, b: &b, port: Port(len(p.t.Attached) + 1)})
	router, found := p.node(t, "at", t.str("at", ""))
	if !ok || !found {
		return
	}
	p.onLink(t, "address", id, at.Addresses, true)
	for i, pfx := range at.Prefixes {
		p.ownPrefix(t, fmt.Sprintf("prefix[%d]", i), pfx, id)
	}
	f := p.connect(t, id, router, settings)
	for _, a := range at.Addresses {
		p.t.faces[f].addr[family(a.Addr())] = a.Addr()
	}
	p.numberFace(t, "gateway", f+1, at.Gateways)
	p.t.stations = append(p.t.stations, []station{{
		name: p.t.nodes[router].name, addrs: at.Gateways, face: f,
		macs: []packet.MAC{deriveMAC(p.t.Seed, at.Name+" gateway")},
	}})
	p.t.Attached = append(p.t.Attached, at)
}

// readRoute reads [[route]]: what a router does with a prefix instead of taking the shortest path.
func (p *parser) readRoute(t *table) {
	prefixes := t.prefixes("prefix", false)
	if len(prefixes) == 0 && !t.has("prefix") {
		t.wrong("prefix", "a prefix is missing")
	}
	via := t.strs("via")
	balance := word(t, "balance", balanceFlow, balanceWords)
	hash := readHash(t, defaultHash)
	rejecting := t.has("reject")
	reject := word(t, "reject", answer{}, otherWords)
	if rejecting == (len(via) > 0) {
		t.wrong("via", "a route needs either via or reject")
	}
	for _, name := range t.strs("at") {
		at, ok := p.node(t, "at", name)
		if !ok {
			continue
		}
		if p.t.nodes[at].kind != kindRouter {
			t.wrong("at", "at: %s is not a router", name)
			continue
		}
		r := route{at: at, balance: balance, hash: hash, reject: reject, path: t.path}
		for i, hop := range via {
			next, ok := p.node(t, fmt.Sprintf("via[%d]", i), hop)
			if !ok {
				continue
			}
			before := len(r.faces)
			for _, f := range p.t.nodes[at].faces {
				if p.t.faces[p.t.faces[f].peer].node == next {
					r.faces = append(r.faces, f)
				}
			}
			if len(r.faces) == before {
				t.wrong(fmt.Sprintf("via[%d]", i), "via: there is no link from %s to %s", name, hop)
			}
		}
		for _, pfx := range prefixes {
			r.prefix = pfx
			p.t.routes = append(p.t.routes, r)
		}
	}
	if !t.has("at") {
		t.wrong("at", "at must name the router")
	}
}
