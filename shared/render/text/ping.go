package text

import (
	"scamper/shared/render"
	"scamper/shared/warts"
)

// AppendPing appends a ping: a header line, a block for each reply, and the statistics.
func AppendPing(b []byte, p *warts.Ping) []byte {
	b = append(b, "ping"...)
	if p.Src.IsValid() {
		b = append(b, " from "...)
		b = p.Src.AppendTo(b)
	}
	b = append(b, " to "...)
	b = p.Dst.AppendTo(b)
	b = append(b, ": "...)
	b = render.AppendUint(b, uint64(p.Size))
	b = append(b, " byte packets\n"...)
	for i := range p.Probes {
		for j := range p.Probes[i].Replies {
			b = appendPingReply(b, p.Probes[i].ID, &p.Probes[i].Replies[j])
		}
	}
	return appendPingStats(b, p)
}

func appendPingReply(b []byte, id uint16, r *warts.PingReply) []byte {
	b = render.AppendUint(b, uint64(r.Size))
	b = append(b, " bytes from "...)
	b = r.Addr.AppendTo(b)
	b = append(b, ", seq="...)
	b = render.AppendUint(b, uint64(id))
	b = append(b, ' ')
	switch {
	case r.IsICMP() || r.IsUDP():
		b = appendTTLTime(b, r)
		if s := r.TSICMP; s != nil {
			b = append(b, " tso="...)
			b = render.AppendMidnight(b, s.Originate)
			b = append(b, " tsr="...)
			b = render.AppendMidnight(b, s.Receive)
			b = append(b, " tst="...)
			b = render.AppendMidnight(b, s.Transmit)
		}
	case r.IsTCP():
		b = append(b, "tcp="...)
		b = appendTCPState(b, r.TCPFlags)
		b = append(b, ' ')
		b = appendTTLTime(b, r)
	}
	b = append(b, '\n')

	for i, addr := range r.RR {
		b = appendOptionIndent(b, i, " RR: ")
		b = addr.AppendTo(b)
		b = append(b, '\n')
	}
	if r.TS != nil {
		for i, stamp := range r.TS.Stamps {
			b = appendOptionIndent(b, i, " TS: ")
			if i < len(r.TS.Addrs) {
				start := len(b)
				b = r.TS.Addrs[i].AppendTo(b)
				b = render.Pad(b, start, 15)
				b = append(b, ' ')
			}
			b = render.AppendUint(b, uint64(stamp))
			b = append(b, '\n')
		}
	}
	return b
}

// appendOptionIndent begins a line of an IPv4 option: its label on the first line, spaces below it.
func appendOptionIndent(b []byte, line int, label string) []byte {
	if line == 0 {
		return append(b, label...)
	}
	return append(b, "     "...)
}

func appendTTLTime(b []byte, r *warts.PingReply) []byte {
	b = append(b, "ttl="...)
	b = render.AppendUint(b, uint64(r.TTL))
	b = append(b, " time="...)
	b = render.AppendMillis(b, uint32(r.RTT.Microseconds()))
	return append(b, " ms"...)
}

// appendTCPState appends what the flags of a segment say about the port.
func appendTCPState(b []byte, flags uint8) []byte {
	switch {
	case flags&render.RST != 0:
		return append(b, "closed"...)
	case flags&(render.SYN|render.ACK|render.ECE) == render.SYN|render.ACK|render.ECE:
		return append(b, "open,ecn"...)
	case flags&(render.SYN|render.ACK) == render.SYN|render.ACK:
		return append(b, "open"...)
	}
	return render.AppendHex(append(b, "0x"...), uint64(flags), 2)
}

func appendPingStats(b []byte, p *warts.Ping) []byte {
	s := render.Statistics(p)
	b = append(b, "--- "...)
	b = p.Dst.AppendTo(b)
	b = append(b, " ping statistics ---\n"...)
	b = render.AppendUint(b, uint64(p.Sent))
	b = append(b, " packets transmitted, "...)
	b = render.AppendInt(b, int64(s.Replies))
	b = append(b, " packets received"...)
	for _, count := range [...]struct {
		n    int
		name string
	}{{s.Dups, " duplicates"}, {s.Errs, " errors"}, {s.Pending, " pending"}} {
		if count.n > 0 {
			b = append(b, ", +"...)
			b = render.AppendInt(b, int64(count.n))
			b = append(b, count.name...)
		}
	}
	if s.Total > 0 {
		b = append(b, ", "...)
		b = render.AppendInt(b, int64(s.Lost()*100/s.Total))
		b = append(b, "% packet loss"...)
	}
	b = append(b, '\n')
	if s.Replies == 0 {
		return b
	}
	b = append(b, "round-trip min/avg/max/stddev = "...)
	b = render.AppendMillis(b, s.Min)
	b = append(b, '/')
	b = render.AppendMillis(b, s.Avg)
	b = append(b, '/')
	b = render.AppendMillis(b, s.Max)
	b = append(b, '/')
	b = render.AppendMillis(b, s.StdDev)
	return append(b, " ms\n"...)
}
