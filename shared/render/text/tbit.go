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
	seqBase, ackBase := isns.Bases(sent)
	return p.AppendTbit(b, 23, " ", func(b []byte) []byte {
		b = append(b, " seq = "...)
		b = render.AppendUint(b, uint64(p.Seq-seqBase))
		b = append(b, ':')
		b = render.AppendUint(b, uint64(p.Ack-ackBase))
		if p.DataLen != 0 {
			b = append(b, '(')
			b = render.AppendUint(b, uint64(p.DataLen))
			b = append(b, ')')
		}
		return p.AppendSACK(b, ackBase)
	})
}
