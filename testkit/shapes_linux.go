package testkit

import (
	"fmt"
	"net/netip"
)

// ChainConfig describes a chain.
type ChainConfig struct {
	Routers int                // between prober and target; 0 puts both on one link
	MTU     map[int]int        // octets, by link number from 1 (next to the prober)
	Link    map[int]LinkConfig // other properties of links, likewise; MTU above wins
}

// Chain is prober - r1 - r2 - ... - target, with routes both ways.
type Chain struct {
	Prober  *Namespace
	Routers []*Namespace
	Target  *Namespace
	Links   []*Link // Links[0] is the prober's, Links[len(Routers)] the target's
}

// Chain adds namespaces called prober, r1, r2, ... and target. The prober's side is
// side A of each link. Routers answer from the interface that faces the prober.
func (n *Net) Chain(config ChainConfig) *Chain {
	n.t.Helper()
	c := &Chain{Prober: n.Namespace("prober"), Target: n.Namespace("target")}
	for i := range config.Routers {
		c.Routers = append(c.Routers, n.Router(fmt.Sprintf("r%d", i+1)))
	}
	line := c.line()
	for i := range len(line) - 1 {
		link := config.Link[i+1]
		if mtu := config.MTU[i+1]; mtu != 0 {
			link.MTU = mtu
		}
		c.Links = append(c.Links, n.Link(line[i], line[i+1], link))
	}
	for i, s := range line {
		for k, link := range c.Links {
			switch {
			case k > i: // further away; the next machine is on Links[i]
				s.Route(link.Prefix4, c.Links[i].B.Addr4)
				s.Route(link.Prefix6, c.Links[i].B.Addr6)
			case k < i-1:
				s.Route(link.Prefix4, c.Links[i-1].A.Addr4)
				s.Route(link.Prefix6, c.Links[i-1].A.Addr6)
			}
		}
	}
	return c
}

func (c *Chain) line() []*Namespace {
	return append(append([]*Namespace{c.Prober}, c.Routers...), c.Target)
}

// RoutePrefix leads packets to prefix from the prober along the chain to the target,
// which answers only if it has such addresses (see AnswerPrefix).
func (c *Chain) RoutePrefix(prefix netip.Prefix) {
	line := c.line()
	for i, link := range c.Links {
		line[i].Route(prefix, pick(link.B, prefix.Addr()))
	}
}

// Source4 and Source6 are the prober's own addresses.
func (c *Chain) Source4() netip.Addr { return c.Links[0].A.Addr4 }

// Source6 is Source4 for IPv6.
func (c *Chain) Source6() netip.Addr { return c.Links[0].A.Addr6 }

// Target4 is the target's address on the last link.
func (c *Chain) Target4() netip.Addr { return c.Links[len(c.Links)-1].B.Addr4 }

// Target6 is Target4 for IPv6.
func (c *Chain) Target6() netip.Addr { return c.Links[len(c.Links)-1].B.Addr6 }

// Hops4 is what a traceroute to Target4 sees: one address per router, then the target.
func (c *Chain) Hops4() []netip.Addr {
	var hops []netip.Addr
	for _, link := range c.Links {
		hops = append(hops, link.B.Addr4)
	}
	return hops
}

// Hops6 is Hops4 for IPv6.
func (c *Chain) Hops6() []netip.Addr {
	var hops []netip.Addr
	for _, link := range c.Links {
		hops = append(hops, link.B.Addr6)
	}
	return hops
}

// Diamond is prober - split - {m1 ... mW} - join - target: flows divide over W paths
// of equal length by their 5-tuple, in both directions.
type Diamond struct {
	Prober, Split, Join, Target *Namespace
	Middle                      []*Namespace

	ProberLink, TargetLink *Link
	SplitLinks, JoinLinks  []*Link // by middle router; side A faces the prober
}

// Diamond adds the namespaces of a diamond with the given number of middle routers.
func (n *Net) Diamond(width int) *Diamond {
	n.t.Helper()
	d := &Diamond{
		Prober: n.Namespace("prober"), Split: n.Router("split"),
		Join: n.Router("join"), Target: n.Namespace("target"),
	}
	d.ProberLink = n.Link(d.Prober, d.Split, LinkConfig{})
	for i := range width {
		m := n.Router(fmt.Sprintf("m%d", i+1))
		d.Middle = append(d.Middle, m)
		d.SplitLinks = append(d.SplitLinks, n.Link(d.Split, m, LinkConfig{}))
		d.JoinLinks = append(d.JoinLinks, n.Link(m, d.Join, LinkConfig{}))
	}
	d.TargetLink = n.Link(d.Join, d.Target, LinkConfig{})

	for _, v4 := range []bool{true, false} {
		of := func(e End) netip.Addr {
			if v4 {
				return e.Addr4
			}
			return e.Addr6
		}
		prefix := func(l *Link) netip.Prefix {
			if v4 {
				return l.Prefix4
			}
			return l.Prefix6
		}
		all := netip.MustParsePrefix("::/0")
		if v4 {
			all = netip.MustParsePrefix("0.0.0.0/0")
		}
		d.Prober.Route(all, of(d.ProberLink.B))
		d.Target.Route(all, of(d.TargetLink.A))
		var forth, back []netip.Addr
		for i, m := range d.Middle {
			forth = append(forth, of(d.SplitLinks[i].B))
			back = append(back, of(d.JoinLinks[i].A))
			m.Route(prefix(d.ProberLink), of(d.SplitLinks[i].A))
			m.Route(all, of(d.JoinLinks[i].B))
			d.Split.Route(prefix(d.JoinLinks[i]), of(d.SplitLinks[i].B))
			d.Join.Route(prefix(d.SplitLinks[i]), of(d.JoinLinks[i].A))
		}
		d.Split.Route(all, forth...)
		d.Join.Route(prefix(d.ProberLink), back...)
	}
	return d
}

// RoutePrefix leads packets to prefix to the target, over all paths.
func (d *Diamond) RoutePrefix(prefix netip.Prefix) {
	d.Join.Route(prefix, pick(d.TargetLink.B, prefix.Addr()))
}

// pick returns an end's address of the same family as like.
func pick(e End, like netip.Addr) netip.Addr {
	if like.Is4() {
		return e.Addr4
	}
	return e.Addr6
}
