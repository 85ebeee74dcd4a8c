package text

import (
	"scamper/shared/render"
	"scamper/shared/warts"
)

// AppendTbit appends a tbit: two header lines, the URL, and a line for each packet.
func AppendTbit(b []byte, t *warts.Tbit) []byte {
	b = append(b, "tbit from "...)
	b = t.Src.AppendTo(b)
	b = append(b, " to "...)
	b = t.Dst.AppendTo(b)
	b = append(b, "\n server-mss "...)
	b = render.AppendUint(b, uint64(t.ServerMSS))
	b = append(b, ", result: "...)
	b = append(b, t.Result.String()...)
	b = append(b, '\n')
	if h := t.HTTP; h != nil {
		b = append(b, " app: http"...)
		switch {
		case h.Host != "" || h.Kept.Has(render.TbitHTTPHost):
			b = append(b, ", url: "...)
			b = append(b, render.TbitSchemeName(h.Scheme)...)
			b = append(b, "://"...)
			b = append(b, h.Host...)
			b = append(b, h.File...)
		case h.File != "" || h.Kept.Has(render.TbitHTTPFile):
			b = append(b, ", file: "...)
			b = append(b, h.File...)
		}
		b = append(b, '\n')
	}
	var isns render.ISNs
	for i := range t.Packets {
		packet := &t.Packets[i]
		p := render.Parse(packet.Data, render.WalkSome)
		if p.Version == 0 {
			continue
		}
		isns.Relearn(&p)
		b = render.AppendPacketTime(b, packet.Time, t.Start, render.TbitDirection(packet))
		b = appendTbitPacket(b, &p, packet.Dir == warts.TbitTX, &isns)
		b = append(b, '\n')
	}
	return b
}

func appendTbitPacket(b []byte, p *render.Packet, sent bool, isns *render.ISNs) []byte {
	start := len(b)
	switch {
	case p.FragOff != 0:
		b = render.Pad(b, start, 14)
		b = render.AppendSpacePadded(b, int64(p.Len), 4)
		b = append(b, 'F')
		b = render.Pad(b, len(b), 23)
		b = appendPacketID(b, p)
		return p.AppendFragment(b)
	case p.TCP:
		b = render.AppendFlagText(b, p.Flags)
		b = render.Pad(b, start, 13)
		b = append(b, ' ')
		b = render.AppendSpacePadded(b, int64(p.Len), 4)
		if p.Fragment {
			b = append(b, 'F')
		} else {
			b = append(b, ' ')
		}
		return appendSegment(b, p, sent, isns)
	}
	if mtu, ok := p.TooBigMTU(); ok {
		b = append(b, "PTB           "...)
		b = render.AppendSpacePadded(b, int64(p.Len), 4)
		b = append(b, "  mtu = "...)
		b = render.AppendInt(b, int64(mtu))
	}
	return b
}

// appendSegment appends sequence numbers, IP-ID and what else marks a TCP segment.
func appendSegment(b []byte, p *render.Packet, sent bool, isns *render.ISNs) []byte {
	field := len(b)
	seqBase, ackBase := isns.Bases(sent)
	b = append(b, " seq = "...)
	b = render.AppendUint(b, uint64(p.Seq-seqBase))
	b = append(b, ':')
	b = render.AppendUint(b, uint64(p.Ack-ackBase))
	if p.DataLen != 0 {
		b = append(b, '(')
		b = render.AppendUint(b, uint64(p.DataLen))
		b = append(b, ')')
	}
	b = p.AppendSACK(b, ackBase)
	b = render.Pad(b, field, 23)
	b = appendPacketID(b, p)
	b = p.AppendFragment(b)
	if p.Version == 4 && p.DF && p.DataLen > 0 {
		b = append(b, " DF"...)
	}
	switch p.ECN {
	case 3:
		b = append(b, " CE"...)
	case 1, 2:
		b = append(b, " ECT"...)
	}
	return b
}

// appendPacketID appends the IP-ID: that of IPv4 with a space in front, that of an IPv6 fragment without.
func appendPacketID(b []byte, p *render.Packet) []byte {
	switch {
	case p.Version == 4:
		return render.AppendHex(append(b, ' '), uint64(p.ID), 4)
	case p.HasID:
		return render.AppendHex(b, uint64(p.ID), 1)
	}
	return b
}
