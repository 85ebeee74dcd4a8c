package tracediff

import (
	"context"
	"net"
	"strings"
	"time"

	"scamper/shared/render"
	"scamper/shared/warts"
)

// column is a trace as it is compared and shown: the first reply of each hop.
type column struct {
	*warts.Trace
	replies [256]*warts.TraceReply
	first   int
	last    int
}

func newColumn(t *warts.Trace) *column {
	c := &column{Trace: t, first: render.TraceFirstHop(t), last: min(int(t.HopCount), 255)}
	hops := render.Hops(t)
	for ttl := 1; ttl <= c.last; ttl++ {
		c.replies[ttl] = render.FirstReply(hops.At(ttl))
	}
	return c
}

// pathsDiffer tells whether two paths differ: at a hop where both have a reply, or because the longer one has replies beyond
// the end of the shorter one. A silent hop is no difference to any other.
func pathsDiffer(a, b *column) bool {
	common := min(a.last, b.last)
	for ttl := 1; ttl <= common; ttl++ {
		if a.replies[ttl] != nil && b.replies[ttl] != nil && a.replies[ttl].Addr != b.replies[ttl].Addr {
			return true
		}
	}
	for ttl := common + 1; ttl <= max(a.last, b.last); ttl++ {
		if a.replies[ttl] != nil || b.replies[ttl] != nil {
			return true
		}
	}
	return false
}

// appendPair appends two traces side by side. Both columns are as wide as the longest text of the first one.
func (d *differ) appendPair(b []byte, first, second *column) []byte {
	b = append(b, "traceroute"...)
	if first.Dst == second.Dst && first.Src.IsValid() {
		b = append(b, " from "...)
		b = first.Src.AppendTo(b)
	}
	b = append(b, " to "...)
	b = first.Dst.AppendTo(b)
	if name := d.names.of(first.Dst); name != "" {
		b = append(b, " ("...)
		b = append(b, name...)
		b = append(b, ')')
	}
	b = append(b, '\n')

	width := len("00:00:00")
	var scratch []byte
	for ttl := first.first; ttl <= first.last; ttl++ {
		scratch = d.appendHop(scratch[:0], first, ttl)
		width = max(width, len(scratch))
	}
	b = append(b, "  "...)
	for _, c := range [...]*column{first, second} {
		b = append(b, ' ')
		start := len(b)
		b = render.AppendClock(b, c.Start.Sec)
		b = render.Pad(b, start, width)
	}
	b = append(b, '\n')
	for ttl := min(first.first, second.first); ttl <= max(first.last, second.last); ttl++ {
		b = render.AppendSpacePadded(b, int64(ttl), 2)
		for _, c := range [...]*column{first, second} {
			b = append(b, ' ')
			start := len(b)
			b = d.appendHop(b, c, ttl)
			b = render.Pad(b, start, width)
		}
		b = append(b, '\n')
	}
	return b
}

// appendHop appends a hop: - outside of the trace, * for a silent one, else who replied and how.
func (d *differ) appendHop(b []byte, c *column, ttl int) []byte {
	if ttl < c.first || ttl > c.last {
		return append(b, '-')
	}
	r := c.replies[ttl]
	if r == nil {
		return append(b, '*')
	}
	if name := d.names.of(r.Addr); name != "" {
		b = append(b, name...)
	} else {
		b = r.Addr.AppendTo(b)
	}
	if !r.IsICMP() {
		return b
	}
	return render.AppendICMPMark(b, r)
}

// names looks up the names of addresses, each once. The nil names knows none.
type names struct{ known map[warts.Addr]string }

func newNames() *names { return &names{make(map[warts.Addr]string)} }

// lookupTime is how long the resolver may take for one name.
const lookupTime = 10 * time.Second

// of returns the name of an address, "" if it has none.
func (n *names) of(a warts.Addr) string {
	if n == nil || !a.IsValid() {
		return ""
	}
	name, ok := n.known[a]
	if ok {
		return name
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookupTime)
	defer cancel()
	found, err := net.DefaultResolver.LookupAddr(ctx, a.String())
	if err == nil && len(found) > 0 {
		name = strings.TrimSuffix(found[0], ".")
	}
	n.known[a] = name
	return name
}
