package simnet

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// WriteDOT draws the truth for Graphviz: grey lines are links, coloured arrows are the ways to each destination.
func (t *Truth) WriteDOT(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "digraph simnet {\n\tlabel=%q; rankdir=LR; node [shape=box, fontname=\"sans\", fontsize=10]; edge [fontname=\"sans\", fontsize=8];\n", t.Topology)
	kinds := map[string]string{
		"router": "box", "host": "ellipse", "monitor": "house", "attachment": "component", "prefix": "folder",
	}
	for i := range t.Nodes {
		n := &t.Nodes[i]
		lines := []string{n.Name}
		for k, a := range n.Addresses {
			if k == 8 {
				lines = append(lines, fmt.Sprintf("and %d more", len(n.Addresses)-k))
				break
			}
			lines = append(lines, a.String())
		}
		for _, p := range t.Prefixes {
			if n.Kind == "prefix" && p.Node == n.Name {
				lines = append(lines, p.Prefix.String())
			}
		}
		fmt.Fprintf(b, "\t%q [shape=%s, label=%q];\n", n.Name, kinds[n.Kind], strings.Join(lines, "\n"))
	}
	for i := range t.Nodes {
		n := &t.Nodes[i]
		for _, l := range n.Interfaces {
			if n.Name > l.To {
				continue // the other end draws it
			}
			label := ""
			if l.MTU != 1500 {
				label = fmt.Sprintf(", label=\"MTU %d\"", l.MTU)
			}
			fmt.Fprintf(b, "\t%q -> %q [dir=none, color=grey%s];\n", n.Name, l.To, label)
		}
	}
	colors := []string{"firebrick", "royalblue", "forestgreen", "darkorange", "purple", "teal", "deeppink", "sienna"}
	for i := range t.Paths {
		p := &t.Paths[i]
		color := colors[i%len(colors)]
		drawn := map[string]bool{}
		if len(p.Hops) > 0 {
			fmt.Fprintf(b, "\t\"monitor\" -> %q [color=%s, label=%q];\n", p.Hops[0].Node, color, p.Destination)
		}
		for k := range p.Hops {
			h := &p.Hops[k]
			for _, next := range h.Next {
				line := fmt.Sprintf("\t%q -> %q [color=%s];\n", h.Node, p.Hops[next].Node, color)
				if !drawn[line] && h.Node != p.Hops[next].Node {
					drawn[line] = true
					b.WriteString(line)
				}
			}
		}
	}
	b.WriteString("}\n")
	return b.Flush()
}
