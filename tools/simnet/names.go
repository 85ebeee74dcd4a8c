package simnet

import (
	"net/netip"
	"strings"
)

// Zone is the domain that the names of simulated routers and hosts are in.
const Zone = "sim."

// NameOf is the DNS name of an address of the simulated Internet: interface and node for interfaces, the node for other
// addresses, a name made from the address inside procedural prefixes. Ok is false if nobody has the address. Names end
// with a dot.
func (t *Topology) NameOf(a netip.Addr) (name string, ok bool) {
	if own, known := t.owners[a]; known {
		node := dnsLabel(t.nodes[own.node].name)
		if own.face >= 0 {
			return dnsLabel(t.faces[own.face].name) + "." + node + "." + Zone, true
		}
		return node + "." + Zone, true
	}
	c := t.classOf(a)
	if c < 0 || t.classes[c].owner < 0 {
		return "", false
	}
	u := t.classes[c].owner
	kind := "host-"
	switch node := &t.nodes[u]; node.kind {
	case kindRegion:
		var path [maxLevels]place
		found := node.region.locate(node.salt, a, &path)
		if !found.exists {
			return "", false
		}
		if found.router {
			kind = "router-"
		}
	case kindAttached:
	default:
		return "", false
	}
	return kind + strings.NewReplacer(".", "-", ":", "-").Replace(a.StringExpanded()) + "." + dnsLabel(t.nodes[u].name) + "." + Zone, true
}

func dnsLabel(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '-'
	}, s)
}

// Addresses are the addresses that a name of NameOf stands for; none if there is no such name. Case does not matter.
func (t *Topology) Addresses(name string) (list []netip.Addr) {
	name = strings.ToLower(name)
	for a := range t.owners {
		if own, _ := t.NameOf(a); strings.ToLower(own) == name {
			list = append(list, a)
		}
	}
	if len(list) > 0 {
		return list
	}
	first, _, _ := strings.Cut(name, ".")
	_, digits, found := strings.Cut(first, "-")
	if !found {
		return nil
	}
	for _, separator := range []string{".", ":"} {
		if a, err := netip.ParseAddr(strings.ReplaceAll(digits, "-", separator)); err == nil {
			if own, ok := t.NameOf(a); ok && strings.ToLower(own) == name {
				return []netip.Addr{a}
			}
		}
	}
	return nil
}
