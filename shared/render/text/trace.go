package text

import (
	"bytes"

	"scamper/shared/render"
	"scamper/shared/warts"
)

// AppendTrace appends a trace: a header line, and a line for each hop from 1 to the hop count.
func AppendTrace(b []byte, t *warts.Trace) []byte {
	b = append(b, "traceroute"...)
	if t.Src.IsValid() {
		b = append(b, " from "...)
		b = t.Src.AppendTo(b)
	}
	b = append(b, " to "...)
	b = t.Dst.AppendTo(b)
	if t.Router.IsValid() {
		b = append(b, " via "...)
		b = t.Router.AppendTo(b)
	}
	b = append(b, '\n')

	labels := render.MTULabels(t)
	hops := render.Hops(t)
	for ttl := 1; ttl <= int(t.HopCount); ttl++ {
		b = appendHop(b, t, ttl, hops.At(ttl))
		for _, label := range labels {
			if label.Hop == ttl {
				b = appendMTULabel(b, label)
			}
		}
		b = append(b, '\n')
	}
	return b
}

func appendHop(b []byte, t *warts.Trace, ttl int, probes []warts.TraceProbe) []byte {
	b = render.AppendSpacePadded(b, int64(ttl), 2)
	switch render.CountReplies(probes) {
	case 0:
		return appendSilent(b, t, ttl)
	case 1:
		b = append(b, "  "...)
		r := render.FirstReply(probes)
		b = r.Addr.AppendTo(b)
		b = append(b, "  "...)
		return appendRTT(b, r)
	}

	// The address is repeated only when it differs from the one printed before it on this line.
	b = append(b, "  "...)
	var printed warts.Addr
	for i := range probes {
		for j := range probes[i].Replies {
			r := &probes[i].Replies[j]
			if r.Addr != printed {
				b = r.Addr.AppendTo(b)
				b = append(b, "  "...)
				printed = r.Addr
			}
			b = appendRTT(b, r)
			b = append(b, "  "...)
		}
	}
	return bytes.TrimRight(b, " ")
}

// appendSilent appends the stars of a hop that nobody answered for: one, or one for each attempt if all had to be made.
// Beyond hop 99 the latter are one space nearer.
func appendSilent(b []byte, t *warts.Trace, ttl int) []byte {
	if t.Flags&warts.TraceAllAttempts == 0 {
		return append(b, "  *"...)
	}
	if ttl < 100 {
		b = append(b, ' ')
	}
	for range t.Attempts {
		b = append(b, " *"...)
	}
	return b
}

// appendRTT appends the round-trip time of a reply and the mark behind it.
func appendRTT(b []byte, r *warts.TraceReply) []byte {
	b = render.AppendMillis(b, uint32(r.RTT.Microseconds()))
	b = append(b, " ms"...)
	switch {
	case r.Flags&warts.TraceHopTCP != 0:
		return appendTCPMark(b, render.TraceTCPFlags(r))
	case r.IsICMP():
		return render.AppendICMPMark(b, r)
	}
	return b
}

// tcpMarkNames are the flags in the order in which the mark of an unexpected segment names them.
var tcpMarkNames = [...]struct {
	bit  uint8
	name string
}{
	{render.RST, " RST"},
	{render.SYN, " SYN"},
	{render.ACK, " ACK"},
	{render.PSH, " PSH"},
	{render.FIN, " FIN"},
	{render.URG, " URG"},
	{render.CWR, " CWR"},
	{render.ECE, " ECE"},
}

func appendTCPMark(b []byte, flags uint8) []byte {
	switch {
	case flags&render.RST != 0:
		return append(b, " [closed]"...)
	case flags&(render.SYN|render.ACK|render.ECE) == render.SYN|render.ACK|render.ECE:
		return append(b, " [open, ecn]"...)
	case flags&(render.SYN|render.ACK) == render.SYN|render.ACK:
		return append(b, " [open]"...)
	case flags == 0:
		return append(b, " [unknown, no flags]"...)
	}
	b = append(b, " [unknown,"...)
	for _, f := range tcpMarkNames {
		if flags&f.bit != 0 {
			b = append(b, f.name...)
		}
	}
	return append(b, ']')
}

func appendMTULabel(b []byte, l render.MTULabel) []byte {
	switch l.Kind {
	case render.Signalled:
		b = append(b, " [mtu: "...)
		b = render.AppendUint(b, uint64(l.MTU))
		return append(b, ']')
	case render.Inferred:
		b = append(b, " [*mtu: "...)
		b = render.AppendUint(b, uint64(l.MTU))
		return append(b, ']')
	case render.From:
		b = append(b, " ptb "...)
		return l.Addr.AppendTo(b)
	}
	b = append(b, " nhmtu "...)
	b = render.AppendUint(b, uint64(l.MTU))
	return append(b, '!')
}
