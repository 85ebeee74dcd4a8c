package simnet

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// Bounds of a topology, so that a file cannot make the simulator ask for more memory than it says.
const (
	maxNodes = 10000
	maxFaces = 100000
)

// parser turns a file into a topology.
type parser struct {
	*reader
	t          *Topology
	byName     map[string]int32
	behaviours map[string]*table
}

// Parse reads a topology; name is what mistakes call the file. The error is of type Mistakes and holds every mistake
// that was found, except that the first violation of TOML's own syntax ends the reading.
func Parse(name string, data []byte) (*Topology, error) {
	var root map[string]any
	if _, err := toml.Decode(string(data), &root); err != nil {
		return nil, syntax(name, data, err)
	}
	p := &parser{
		reader: &reader{file: name, pos: scan(string(data))},
		t: &Topology{
			Name: name, owners: map[netip.Addr]ownership{}, ownPfx: map[netip.Prefix]int32{},
		},
		byName:     map[string]int32{},
		behaviours: map[string]*table{},
	}
	top := p.reader.table("", "", root)
	p.t.Seed = uint64(top.integer("seed", 0, 1<<62, 1))
	p.readBehaviours(top)
	p.readMonitor(top)
	p.each(top, "router", p.readRouter)
	p.each(top, "host", p.readHost)
	p.each(top, "link", p.readLink)
	p.each(top, "chain", p.readChain)
	p.each(top, "gateway", p.readGateway)
	p.each(top, "neighbour", p.readNeighbour)
	p.each(top, "prefix", p.readPrefix)
	p.each(top, "attach", p.readAttach)
	p.each(top, "route", p.readRoute)
	top.done()
	for _, name := range sortedKeys(p.behaviours) {
		b := routerDefaults()
		readBehaviour(p.behaviours[name], &b)
		p.behaviours[name].done()
	}
	p.checkWhole()
	if err := p.err(); err != nil {
		return nil, err
	}
	p.t.buildClasses()
	return p.t, nil
}

// each calls read for every table of an array of tables.
func (p *parser) each(top *table, key string, read func(*table)) {
	v, ok := top.get(key)
	if !ok {
		return
	}
	list, ok := v.([]map[string]any)
	if !ok {
		if mixed, isList := v.([]any); isList {
			for _, one := range mixed {
				if m, isTable := one.(map[string]any); isTable {
					list = append(list, m)
				}
			}
			ok = len(list) == len(mixed)
		}
	}
	if !ok {
		p.mistake(key, "write [[%s]] for each %s", key, key)
		return
	}
	for i, m := range list {
		path := fmt.Sprintf("%s[%d]", key, i)
		what := key
		if name, isString := m["name"].(string); isString {
			what += " " + name
		}
		t := p.table(path, what, m)
		read(t)
		t.done()
	}
}

func (p *parser) readBehaviours(top *table) {
	m, ok := top.sub("behaviour")
	if !ok {
		return
	}
	for _, name := range sortedKeys(m) {
		inner, isTable := m[name].(map[string]any)
		if !isTable {
			p.mistake("behaviour."+name, "behaviour %s must be a table", name)
			continue
		}
		p.behaviours[name] = p.table("behaviour."+name, "behaviour "+name, inner)
	}
}

// behaviour is what t says over the named behaviour that it refers to over the defaults.
func (p *parser) behaviour(t *table, b behaviour) *behaviour {
	if name := t.str("behaviour", ""); name != "" {
		p.apply(t, "behaviour", name, &b)
	}
	readBehaviour(t, &b)
	return &b
}

// apply adds the keys of a named behaviour to b. Its own mistakes are reported once, when all behaviours are checked.
func (p *parser) apply(t *table, key, name string, b *behaviour) {
	named, known := p.behaviours[name]
	if !known {
		t.wrong(key, "there is no [behaviour.%s]", name)
		return
	}
	quiet := &reader{file: p.file, pos: p.pos}
	readBehaviour(quiet.table(named.path, named.what, named.m), b)
	b.name = name
}

// addNode adds a node under a name that nobody has yet.
func (p *parser) addNode(t *table, name string, n node) (int32, bool) {
	if name == "" || strings.ContainsAny(name, " \t\n\"") {
		t.wrong("name", "a name without blanks is missing")
		return 0, false
	}
	if _, taken := p.byName[name]; taken {
		t.wrong("name", "there is another node called %q", name)
		return 0, false
	}
	if len(p.t.nodes) >= maxNodes {
		t.wrong("name", "more than %d nodes", maxNodes)
		return 0, false
	}
	id := int32(len(p.t.nodes))
	n.name = name
	n.salt = mix(p.t.Seed, hashString(name))
	n.line = t.path
	p.byName[name] = id
	p.t.nodes = append(p.t.nodes, n)
	return id, true
}

func (p *parser) node(t *table, key, name string) (int32, bool) {
	id, known := p.byName[name]
	if !known {
		hint := ""
		names := map[string]bool{}
		for n := range p.byName {
			names[n] = true
		}
		if near := nearest(name, names); near != "" {
			hint = fmt.Sprintf("; did you mean %q?", near)
		}
		t.wrong(key, "%s: there is no router or host %q%s", plain(key), name, hint)
	}
	return id, known
}

// own gives an address to a node.
func (p *parser) own(t *table, key string, a netip.Addr, node, face int32) {
	if other, taken := p.t.owners[a]; taken {
		t.wrong(key, "%s: %v already belongs to %s", plain(key), a, p.t.nodes[other.node].name)
		return
	}
	p.t.owners[a] = ownership{node, face}
}

// ownPrefix sends everything in a prefix to a node.
func (p *parser) ownPrefix(t *table, key string, pfx netip.Prefix, node int32) {
	if other, taken := p.t.ownPfx[pfx]; taken {
		t.wrong(key, "%s: %v already belongs to %s", plain(key), pfx, p.t.nodes[other].name)
		return
	}
	p.t.ownPfx[pfx] = node
}

func (p *parser) readRouter(t *table) {
	names := t.strs("name")
	if len(names) == 0 {
		t.wrong("name", "a name is missing")
	}
	b := p.behaviour(t, routerDefaults())
	addrs := t.addrs("address", true)
	if len(addrs) > 0 && len(names) > 1 {
		t.wrong("address", "several routers cannot share addresses")
	}
	for _, name := range names {
		id, ok := p.addNode(t, name, node{kind: kindRouter, b: b, addrs: addrs})
		if !ok {
			continue
		}
		for i, a := range addrs {
			p.own(t, fmt.Sprintf("address[%d]", i), a, id, -1)
		}
	}
}

func (p *parser) readHost(t *table) {
	b := p.behaviour(t, hostDefaults())
	addrs := t.addrs("address", true)
	if len(addrs) == 0 {
		t.wrong("address", "an address is missing")
	}
	id, ok := p.addNode(t, t.str("name", ""), node{kind: kindHost, b: b, addrs: addrs})
	at := t.str("at", "")
	gateway := t.addrs("gateway", false)
	settings := readFace(t, "link-")
	if !ok {
		return
	}
	for i, a := range addrs {
		p.own(t, fmt.Sprintf("address[%d]", i), a, id, -1)
	}
	if at == "" {
		return // a [[link]] may connect it
	}
	router, ok := p.node(t, "at", at)
	if !ok {
		return
	}
	f := p.connect(t, router, id, settings)
	p.numberFace(t, "gateway", f, gateway)
	for _, a := range addrs { // the host's interface has the first address of each family
		if face := &p.t.faces[f+1]; !face.addr[family(a)].IsValid() {
			face.addr[family(a)] = a
		}
	}
}

// connect makes a link. The returned face is a's; b's is the next one.
func (p *parser) connect(t *table, a, b int32, settings face) int32 {
	f := int32(len(p.t.faces))
	if int(f)+2 > maxFaces {
		t.wrong("", "more than %d interfaces", maxFaces)
		return 0
	}
	for i, end := range []int32{a, b} {
		side := settings
		side.node, side.peer = end, f+1-int32(i)
		if i == 1 {
			side.sources = nil // a filter works in one direction
		}
		n := &p.t.nodes[end]
		n.faces = append(n.faces, f+int32(i))
		side.index = uint32(len(n.faces))
		side.name = fmt.Sprintf("ge-0/0/%d", side.index)
		p.t.faces = append(p.t.faces, side)
	}
	return f
}

func (p *parser) numberFace(t *table, key string, f int32, addrs []netip.Addr) {
	for i, a := range addrs {
		face := &p.t.faces[f]
		face.addr[family(a)] = a
		p.own(t, fmt.Sprintf("%s[%d]", key, i), a, face.node, f)
	}
}

// readFace reads the keys of a link; prefix is "" in [[link]] and "link-" where a link comes along with something else.
func readFace(t *table, prefix string) face {
	f := face{mtu: 1500, cost: 1, tooBig: tooBig{mtu: -1}}
	f.mtu = int(t.integer(prefix+"mtu", 68, 65535, int64(f.mtu)))
	f.delay = t.duration(prefix+"delay", 0)
	f.jitter = t.duration(prefix+"jitter", 0)
	f.loss = t.number(prefix+"loss", 0, 1, 0)
	f.cost = t.integer(prefix+"cost", 1, 1<<20, 1)
	f.sources = t.prefixes(prefix+"sources", false)
	if v, ok := t.get(prefix + "too-big"); ok {
		switch n, isNumber := v.(int64); {
		case v == "send":
		case v == "no-mtu":
			f.tooBig.mtu = 0
		case v == "silent":
			f.tooBig.silent = true
		case isNumber && n >= 0 && n <= 65535:
			f.tooBig.mtu = int(n)
		default:
			t.wrong(prefix+"too-big", "%stoo-big must be \"send\", \"no-mtu\", \"silent\", or the MTU that is claimed", prefix)
		}
	}
	return f
}

// checkWhole looks for what only the finished topology shows.
func (p *parser) checkWhole() {
	if len(p.mistakes) > 0 {
		return // follow-up mistakes would only confuse
	}
	for i := range p.t.nodes {
		n := &p.t.nodes[i]
		if n.kind != kindMonitor && len(n.faces) == 0 {
			p.mistake(n.line, "%s has no link", n.name)
		}
	}
	if len(p.mistakes) > 0 {
		return
	}
	reached := make([]bool, len(p.t.nodes))
	reached[0] = true // the monitor is the first node
	for pending := []int32{0}; len(pending) > 0; {
		u := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		for _, f := range p.t.nodes[u].faces {
			v := p.t.faces[p.t.faces[f].peer].node
			if !reached[v] {
				reached[v] = true
				if p.t.nodes[v].kind == kindRouter {
					pending = append(pending, v)
				}
			}
		}
	}
	for i := range p.t.nodes {
		if n := &p.t.nodes[i]; !reached[i] {
			p.mistake(n.line, "%s cannot be reached from the monitor", n.name)
		}
	}
}

// sortPrefixes orders prefixes for output.
func sortPrefixes(list []netip.Prefix) {
	slices.SortFunc(list, func(a, b netip.Prefix) int {
		if c := a.Addr().Compare(b.Addr()); c != 0 {
			return c
		}
		return a.Bits() - b.Bits()
	})
}
