package text

import (
	"scamper/shared/render"
	"scamper/shared/warts"
)

// AppendTracelb appends a tracelb: a header line, and for each node a line with the way to its next node, or a line for
// each of its next nodes.
func AppendTracelb(b []byte, t *warts.Tracelb) []byte {
	b = append(b, "tracelb"...)
	if t.Src.IsValid() {
		b = append(b, " from "...)
		b = t.Src.AppendTo(b)
	}
	if t.Dst.IsValid() {
		b = append(b, " to "...)
		b = t.Dst.AppendTo(b)
	}
	b = append(b, ", "...)
	b = render.AppendUint(b, uint64(len(t.Nodes)))
	b = append(b, " nodes, "...)
	b = render.AppendUint(b, uint64(len(t.Links)))
	b = append(b, " links, "...)
	b = render.AppendUint(b, uint64(t.ProbeCount))
	b = append(b, " probes, "...)
	b = render.AppendUint(b, uint64(t.Confidence))
	b = append(b, "%\n"...)

	var addrs []warts.Addr
	for node, links := range render.LinksByNode(t) {
		from := t.Nodes[node].Addr
		for _, link := range links {
			b = render.AppendAddrOrStar(b, from)
			b = append(b, " -> "...)
			if len(links) == 1 {
				b, addrs = appendLinkHops(b, t, link, addrs)
			} else {
				b = render.AppendAddrOrStar(b, render.LinkEnd(t, link))
			}
			b = append(b, '\n')
		}
	}
	return b
}

// appendLinkHops appends the hops of a link and the node it ends at. Where it doesn't end at a node, the last set of
// probes tells what answered there. addrs is scratch space.
func appendLinkHops(b []byte, t *warts.Tracelb, link *warts.TracelbLink, addrs []warts.Addr) ([]byte, []warts.Addr) {
	for i := range link.Sets {
		last := i == len(link.Sets)-1
		if last && link.To >= 0 {
			break
		}
		s := render.Summarize(&link.Sets[i], addrs)
		addrs = s.Addrs
		b = appendSummary(b, s)
		if last {
			return b, addrs
		}
		b = append(b, " -> "...)
	}
	return render.AppendAddrOrStar(b, render.LinkEnd(t, link)), addrs
}

func appendSummary(b []byte, s render.SetSummary) []byte {
	if len(s.Addrs) == 0 {
		return append(b, '*')
	}
	b = append(b, '(')
	for i, addr := range s.Addrs {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = addr.AppendTo(b)
	}
	if s.Silent > 0 {
		b = append(b, ", *"...)
	}
	return append(b, ')')
}
