package analysisdump

import (
	"scamper/shared/render"
	"scamper/shared/warts"
)

// path is a trace with what its line is made from.
type path struct {
	*warts.Trace
	hops [256][]warts.TraceProbe // by TTL
	last int                     // hop count

	dst      *warts.TraceReply // the destination's reply; nil if there is none
	dstProbe *warts.TraceProbe
}

// newPath returns nil for a trace that has no line.
func newPath(t *warts.Trace) *path {
	if t.HopCount > 255 || t.HopCount == 0 && t.StopReason == warts.TraceStopError {
		return nil
	}
	p := &path{Trace: t, last: int(t.HopCount)}
	cursor := render.Hops(t)
	for ttl := 1; ttl <= p.last; ttl++ {
		p.hops[ttl] = cursor.At(ttl)
	}
	if t.StopReason != warts.TraceStopError {
		p.findDst()
	}
	return p
}

// findDst looks for the reply that only the destination can have sent, from the last hop down.
func (p *path) findDst() {
	for ttl := p.last; ttl >= 1; ttl-- {
		for i := range p.hops[ttl] {
			probe := &p.hops[ttl][i]
			for j := range probe.Replies {
				if r := &probe.Replies[j]; isFinal(p.Method, r) {
					p.dst, p.dstProbe = r, probe
					return
				}
			}
		}
	}
}

// isFinal tells whether a reply is what a destination answers to probes of a method.
func isFinal(m warts.TraceMethod, r *warts.TraceReply) bool {
	switch m {
	case warts.TraceICMPEcho, warts.TraceICMPEchoParis:
		return r.IsICMP() && (r.Addr.Is4() && r.ICMPType == 0 || r.Addr.Is6() && r.ICMPType == 129)
	case warts.TraceTCP, warts.TraceTCPAck:
		if r.Flags&warts.TraceHopTCP != 0 {
			return true
		}
	case warts.TraceUDP, warts.TraceUDPParis:
	default:
		return false
	}
	return r.IsICMP() && (r.Addr.Is4() && r.ICMPType == 3 && r.ICMPCode == 3 ||
		r.Addr.Is6() && r.ICMPType == 1 && r.ICMPCode == 4)
}

// isComplete tells whether every hop up to the destination replied.
func (p *path) isComplete() bool {
	if p.dst == nil {
		return false
	}
	for ttl := 1; ttl <= int(p.dstProbe.TTL); ttl++ {
		if render.FirstReply(p.hops[ttl]) == nil {
			return false
		}
	}
	return true
}

// loopLength is how many hops a loop has: what the trace stored, or else the distance between the first reply whose
// address was seen at an earlier hop and that hop.
func (p *path) loopLength() int {
	if p.StopData != 0 {
		return int(p.StopData)
	}
	for ttl := 2; ttl <= p.last; ttl++ {
		for i := range p.hops[ttl] {
			for j := range p.hops[ttl][i].Replies {
				addr := p.hops[ttl][i].Replies[j].Addr
				for before := ttl - 1; before >= 1; before-- {
					if p.replied(before, addr) {
						return ttl - before
					}
				}
			}
		}
	}
	return 0
}

func (p *path) replied(ttl int, addr warts.Addr) bool {
	for i := range p.hops[ttl] {
		for j := range p.hops[ttl][i].Replies {
			if p.hops[ttl][i].Replies[j].Addr == addr {
				return true
			}
		}
	}
	return false
}

// appendLine appends the line of a trace.
func appendLine(b []byte, t *warts.Trace, c *columns) []byte {
	p := newPath(t)
	if p == nil {
		return b
	}
	if c.old {
		return appendOldLine(b, p, c)
	}
	b = append(b, 'T')
	if c.source {
		b = append(b, '\t')
		b = t.Src.AppendTo(b)
	}
	if c.destination {
		b = append(b, '\t')
		b = t.Dst.AppendTo(b)
	}
	if c.list {
		b = append(b, '\t')
		if t.List != nil {
			b = render.AppendSigned32(b, t.List.ID)
		} else {
			b = append(b, '0')
		}
	}
	if c.cycle {
		b = append(b, '\t')
		if t.Cycle != nil {
			b = render.AppendSigned32(b, t.Cycle.ID)
		} else {
			b = append(b, '0')
		}
	}
	if c.user {
		b = append(b, '\t')
		b = render.AppendSigned32(b, t.UserID)
	}
	if c.time {
		b = append(b, '\t')
		b = render.AppendUint(b, uint64(t.Start.Sec))
	}
	if c.reply {
		b = appendReply(b, p)
	}
	if c.halt {
		b = appendHalt(b, p)
	}
	if c.path {
		if p.isComplete() {
			b = append(b, "\tC"...)
		} else {
			b = append(b, "\tI"...)
		}
		b = appendPath(b, p, '\t', func(b []byte, probe *warts.TraceProbe, r *warts.TraceReply, first bool) []byte {
			if !first {
				b = append(b, ';')
			}
			return appendHop(b, probe, r, c)
		})
		b = appendDst(b, p, c)
	}
	return append(b, '\n')
}

func appendReply(b []byte, p *path) []byte {
	if p.dst == nil {
		return append(b, "\tN\t0\t0\t0"...)
	}
	b = append(b, "\tR\t"...)
	b = render.AppendMillis(b, uint32(p.dst.RTT.Microseconds()))
	b = append(b, '\t')
	b = render.AppendUint(b, uint64(p.dstProbe.TTL))
	b = append(b, '\t')
	return render.AppendUint(b, uint64(p.dst.TTL))
}

func appendHalt(b []byte, p *path) []byte {
	switch p.StopReason {
	case warts.TraceStopNone, warts.TraceStopCompleted:
		return append(b, "\tS\t0"...)
	case warts.TraceStopUnreach:
		b = append(b, "\tU\t"...)
		return render.AppendUint(b, uint64(p.StopData))
	case warts.TraceStopLoop:
		b = append(b, "\tL\t"...)
		return render.AppendInt(b, int64(p.loopLength()))
	case warts.TraceStopGapLimit:
		b = append(b, "\tG\t"...)
		return render.AppendUint(b, uint64(p.StopData))
	}
	return append(b, "\t?\t0"...)
}

// appendPath appends the hops, each behind sep, the replies of one by appendReply. Silent hops are a q if a later hop
// has something. The destination's reply is not shown here, nor are those to the same TTL behind it, if there are some
// before it.
func appendPath(b []byte, p *path, sep byte,
	appendReply func(b []byte, probe *warts.TraceProbe, r *warts.TraceReply, first bool) []byte,
) []byte {
	silent := 0
	for ttl := 1; ttl <= p.last; ttl++ {
		n, atDst := 0, false
	hop:
		for i := range p.hops[ttl] {
			probe := &p.hops[ttl][i]
			for j := range probe.Replies {
				r := &probe.Replies[j]
				if r == p.dst {
					atDst = true
					if n > 0 {
						break hop
					}
					continue
				}
				if n == 0 {
					for ; silent > 0; silent-- {
						b = append(b, sep, 'q')
					}
					b = append(b, sep)
				}
				b = appendReply(b, probe, r, n == 0)
				n++
			}
		}
		if n == 0 {
			if atDst {
				return b
			}
			silent++
		}
	}
	return b
}

func appendDst(b []byte, p *path, c *columns) []byte {
	if !c.dstAtEnd || p.dst == nil {
		return b
	}
	b = append(b, '\t')
	return appendHop(b, p.dstProbe, p.dst, c)
}

// appendHop appends what is known about a reply.
func appendHop(b []byte, probe *warts.TraceProbe, r *warts.TraceReply, c *columns) []byte {
	b = r.Addr.AppendTo(b)
	if c.rtt {
		b = append(b, ',')
		b = render.AppendMillis(b, uint32(r.RTT.Microseconds()))
		b = append(b, ',')
		b = render.AppendUint(b, uint64(render.Attempt(probe, r)))
	}
	if c.quoted && r.Quotes() {
		b = append(b, ",Q|"...)
		b = render.AppendUint(b, uint64(r.QuoTTL))
	}
	if c.replyTTL {
		b = append(b, ",T|"...)
		b = render.AppendUint(b, uint64(r.TTL))
	}
	if !c.mpls {
		return b
	}
	for _, ext := range r.Exts {
		for _, label := range ext.Labels() {
			b = append(b, ",M"...)
			for _, v := range [...]uint32{uint32(label.TTL), label.Label, uint32(label.Exp), uint32(label.S)} {
				b = append(b, '|')
				b = render.AppendUint(b, uint64(v))
			}
		}
	}
	return b
}

// appendOldLine appends a line of the old format, which shows how many replies each hop has, but not whose they are.
func appendOldLine(b []byte, p *path, c *columns) []byte {
	if p.dst != nil {
		b = append(b, "I "...)
	} else {
		b = append(b, "N "...)
	}
	b = p.Src.AppendTo(b)
	b = append(b, ' ')
	b = p.Dst.AppendTo(b)
	b = append(b, ' ')
	b = render.AppendUint(b, uint64(p.Start.Sec))
	b = append(b, ' ')
	if p.dst != nil {
		b = render.AppendMillis(b, uint32(p.dst.RTT.Microseconds()))
	}
	b = append(b, ' ')
	b = render.AppendInt(b, int64(p.last))
	b = appendPath(b, p, ' ', func(b []byte, _ *warts.TraceProbe, _ *warts.TraceReply, first bool) []byte {
		if first {
			return b
		}
		return append(b, ',')
	})
	b = appendDst(b, p, c)
	return append(b, '\n')
}
