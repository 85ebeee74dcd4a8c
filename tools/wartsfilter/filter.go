package wartsfilter

import (
	"net/netip"

	"scamper/shared/warts"
)

// filter says which records pass.
type filter struct {
	prefixes []netip.Prefix // of which one must have an address of the record; none: all records pass
	hops     bool           // look at hops too
}

func (f *filter) has(a warts.Addr) bool {
	ip := a.IP()
	for _, p := range f.prefixes {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

func (f *filter) passes(rec warts.Record) bool {
	if len(f.prefixes) == 0 {
		return true
	}
	switch r := rec.(type) {
	case *warts.Ping:
		return f.has(r.Dst)
	case *warts.Tbit:
		return f.has(r.Dst)
	case *warts.Trace:
		return f.has(r.Dst) || f.hops && f.traceHops(r)
	case *warts.Tracelb:
		return f.has(r.Dst) || f.hops && f.tracelbHops(r)
	case *warts.Dealias:
		return f.dealias(r)
	}
	return false
}

// dealias looks at what was probed. Bump and midar never pass.
func (f *filter) dealias(d *warts.Dealias) bool {
	if d.Mercator == nil && d.Ally == nil && d.RadarGun == nil && d.PrefixScan == nil {
		return false
	}
	for i := range d.ProbeDefs {
		if f.has(d.ProbeDefs[i].Dst) {
			return true
		}
	}
	return false
}

func (f *filter) traceHops(t *warts.Trace) bool {
	for i := range t.Probes {
		for j := range t.Probes[i].Replies {
			if f.has(t.Probes[i].Replies[j].Addr) {
				return true
			}
		}
	}
	return false
}

// tracelbHops looks at the nodes, which are the ends of the links too, and at the hops between them.
func (f *filter) tracelbHops(t *warts.Tracelb) bool {
	for i := range t.Nodes {
		if f.has(t.Nodes[i].Addr) {
			return true
		}
	}
	for i := range t.Links {
		sets := t.Links[i].Sets
		for j := range sets[:max(len(sets)-1, 0)] {
			for k := range sets[j].Probes {
				for _, r := range sets[j].Probes[k].Replies {
					if f.has(r.Addr) {
						return true
					}
				}
			}
		}
	}
	return false
}
