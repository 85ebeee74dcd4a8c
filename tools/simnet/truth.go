package simnet

import (
	"fmt"
	"net/netip"
	"slices"
)

// Truth is what is really there, for comparison with what a tool concluded.
type Truth struct {
	Topology  string     `json:"topology"`
	Seed      uint64     `json:"seed"`
	Monitor   []string   `json:"monitor"`
	Nodes     []Node     `json:"nodes"`
	Prefixes  []Prefix   `json:"prefixes,omitempty"`
	Paths     []PathTree `json:"paths"`
	Neighbour []Link     `json:"link"` // who is on the monitor's link
}

// Node is a router, host or attachment. Its addresses are aliases of each other.
type Node struct {
	Name       string       `json:"name"`
	Kind       string       `json:"kind"`
	Addresses  []netip.Addr `json:"addresses"`
	Interfaces []NodeLink   `json:"interfaces,omitempty"`
	IPID       string       `json:"ipid"`
}

// NodeLink is an interface of a node.
type NodeLink struct {
	Index     uint32       `json:"index"`
	Name      string       `json:"name"`
	To        string       `json:"to"`
	Addresses []netip.Addr `json:"addresses,omitempty"`
	MTU       int          `json:"mtu"`
}

// Link is a station on the monitor's link.
type Link struct {
	Name      string       `json:"name"`
	Addresses []netip.Addr `json:"addresses"`
	MACs      []string     `json:"macs"`
	Silent    bool         `json:"silent,omitempty"`
}

// Prefix is where a whole prefix goes.
type Prefix struct {
	Prefix netip.Prefix `json:"prefix"`
	Node   string       `json:"node"`
}

// Truth describes the topology, with the paths to the given destinations; without any, to every address of hosts and
// attachments.
func (t *Topology) Truth(destinations ...netip.Addr) (*Truth, error) {
	truth := &Truth{Topology: t.Name, Seed: t.Seed}
	for _, a := range t.Monitor.Addresses {
		truth.Monitor = append(truth.Monitor, a.String())
	}
	for u := range t.nodes {
		truth.Nodes = append(truth.Nodes, t.describe(int32(u)))
	}
	for pfx, u := range t.ownPfx {
		truth.Prefixes = append(truth.Prefixes, Prefix{pfx, t.nodes[u].name})
	}
	slices.SortFunc(truth.Prefixes, func(a, b Prefix) int { return a.Prefix.Addr().Compare(b.Prefix.Addr()) })
	for i := range t.stations[0] {
		s := &t.stations[0][i]
		l := Link{Name: s.name, Addresses: s.addrs, Silent: s.silent}
		for _, mac := range s.macs {
			l.MACs = append(l.MACs, mac.String())
		}
		truth.Neighbour = append(truth.Neighbour, l)
	}
	if len(destinations) == 0 {
		for a, own := range t.owners {
			if kind := t.nodes[own.node].kind; own.face < 0 && (kind == kindHost || kind == kindAttached) {
				destinations = append(destinations, a)
			}
		}
		slices.SortFunc(destinations, netip.Addr.Compare)
	}
	n := New(t, Options{})
	for _, dst := range destinations {
		tree, err := n.tree(dst)
		if err != nil {
			return nil, fmt.Errorf("path to %v: %w", dst, err)
		}
		truth.Paths = append(truth.Paths, *tree)
	}
	return truth, nil
}

var kindNames = [...]string{
	kindRouter: "router", kindHost: "host", kindMonitor: "monitor", kindAttached: "attachment", kindRegion: "prefix",
}

var idNames = [...]string{idCounter: "counter", idInterface: "interface", idRandom: "random", idZero: "zero", idEcho: "echo"}

func (t *Topology) describe(u int32) Node {
	n := &t.nodes[u]
	d := Node{Name: n.name, Kind: kindNames[n.kind], IPID: idNames[n.b.ipid]}
	if n.b.ipid == idCounter && n.b.ipidSwap {
		d.IPID = "swapped"
	}
	for a, own := range t.owners {
		if own.node == u {
			d.Addresses = append(d.Addresses, a)
		}
	}
	slices.SortFunc(d.Addresses, netip.Addr.Compare)
	for _, f := range n.faces {
		face := &t.faces[f]
		l := NodeLink{Index: face.index, Name: face.name, To: t.nodes[t.faces[face.peer].node].name, MTU: face.mtu}
		for _, a := range face.addr {
			if a.IsValid() {
				l.Addresses = append(l.Addresses, a)
			}
		}
		d.Interfaces = append(d.Interfaces, l)
	}
	return d
}
