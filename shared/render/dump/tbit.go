package dump

import (
	"scamper/shared/render"
	"scamper/shared/warts"
)

// AppendTbit appends the dump of a tbit.
func AppendTbit(b []byte, t *warts.Tbit) []byte {
	b = appendFromTo(b, "tbit", t.Src, t.Dst)
	b = appendOrigin(b, t.List, t.Cycle, t.UserID)
	b = appendTime(b, " start: ", t.Start)
	b = appendNum(b, " sport: ", uint64(t.SrcPort))
	b = appendNum(b, ", dport: ", uint64(t.DstPort))
	b = appendNum(b, "\n client-mss: ", uint64(t.ClientMSS))
	b = appendNum(b, ", server-mss: ", uint64(t.ServerMSS))
	b = appendNum(b, ", ttl: ", uint64(t.TTL))
	if t.WScale != 0 {
		b = appendNum(b, ", wscale: ", uint64(t.WScale))
	}
	b = append(b, "\n type: "...)
	b = append(b, t.Test.String()...)
	b = append(b, ", result: "...)
	b = append(b, t.Result.String()...)
	b = append(b, '\n')
	b = appendBits(b, " options:", uint64(t.Options), render.TbitOptionNames)
	b = appendCookie(b, t.FOCookie)
	b = appendTbitTest(b, t)
	b = appendTbitApp(b, t)
	b = appendErrMsg(b, t.ErrMsg, t.Kept.Has(render.TbitErrMsg))
	var isns render.ISNs
	for i := range t.Packets {
		packet := &t.Packets[i]
		p := render.Parse(packet.Data, render.WalkSome)
		if p.Version == 0 {
			continue
		}
		isns.Learn(&p)
		b = render.AppendPacketTime(b, packet.Time, t.Start, render.TbitDirection(packet))
		b = appendTbitPacket(b, &p, packet.Dir == warts.TbitTX, &isns)
		b = append(b, '\n')
	}
	return append(b, '\n')
}

// appendBits appends a line with the names of the bits that are set, or their values; nothing if no bit is set.
func appendBits(b []byte, label string, flags uint64, names []string) []byte {
	if flags == 0 {
		return b
	}
	b = append(b, label...)
	for bit, sep := 0, " "; flags>>bit != 0; bit++ {
		if flags>>bit&1 == 0 {
			continue
		}
		b = append(b, sep...)
		sep = ", "
		if bit < len(names) {
			b = append(b, names[bit]...)
		} else {
			b = appendHex(b, "0x", 1<<bit, 1)
		}
	}
	return append(b, '\n')
}

func appendCookie(b, cookie []byte) []byte {
	if len(cookie) == 0 {
		return b
	}
	b = append(b, " fo-cookie: "...)
	b = render.AppendHexBytes(b, cookie)
	return append(b, '\n')
}

func appendTbitTest(b []byte, t *warts.Tbit) []byte {
	switch {
	case t.PMTUD != nil:
		b = appendNum(b, " mtu: ", uint64(t.PMTUD.MTU))
		b = appendNum(b, ", ptb-retx: ", uint64(t.PMTUD.PTBRetx))
		if t.PMTUD.PTBSrc.IsValid() {
			b = appendAddr(b, ", ptb-src: ", t.PMTUD.PTBSrc)
		}
		if t.PMTUD.Options&warts.TbitPMTUDBlackhole != 0 {
			b = append(b, ", blackhole"...)
		}
		return append(b, '\n')
	case t.Null != nil:
		b = appendBits(b, " null-options:", uint64(t.Null.Options), render.TbitNullOptionNames)
		b = appendBits(b, " results:", uint64(t.Null.Results), render.TbitNullResultNames)
		if t.Null.Results&warts.TbitNullFOOK != 0 {
			b = appendCookie(b, render.ServerCookie(t))
		}
	case t.ICW != nil && t.Result == warts.TbitResultICWSuccess:
		b = appendNum(b, " icw-start-seq: ", uint64(t.ICW.StartSeq))
		if size, ok := render.InitialWindow(t); ok {
			b = appendNum(b, ", icw-size: ", uint64(size))
			b = append(b, " bytes"...)
		}
		return append(b, '\n')
	case t.Blind != nil:
		b = append(b, " blind: offset "...)
		b = render.AppendInt(b, int64(t.Blind.Offset))
		b = appendNum(b, ", retx ", uint64(t.Blind.Retx))
		return append(b, '\n')
	}
	return b
}

func appendTbitApp(b []byte, t *warts.Tbit) []byte {
	switch h := t.HTTP; {
	case h != nil && (h.Host != "" || h.Kept.Has(render.TbitHTTPHost)):
		b = append(b, " app: http, url: "...)
		b = append(b, render.TbitSchemeName(h.Scheme)...)
		b = append(b, "://"...)
		b = append(b, h.Host...)
		b = append(b, h.File...)
		return append(b, '\n')
	case h != nil:
		b = append(b, " app: http, file: "...)
		if h.File == "" && !h.Kept.Has(render.TbitHTTPFile) {
			b = append(b, "(null)"...)
		}
		b = append(b, h.File...)
		return append(b, '\n')
	case t.BGP != nil:
		b = appendNum(b, " app: bgp, asn: ", uint64(t.BGP.ASN))
		return append(b, '\n')
	}
	return b
}

// sackColumns is what the dump shows of the text of a packet's SACK options; the rest is cut.
const sackColumns = 63

func appendTbitPacket(b []byte, p *render.Packet, sent bool, isns *render.ISNs) []byte {
	seqBase, ackBase := isns.Bases(sent)
	b = p.AppendTbit(b, 17, "", func(b []byte) []byte {
		seq := p.Seq - seqBase
		if !sent && p.Flags&render.RST != 0 && p.Seq == 0 {
			seq = 0
		}
		b = appendNum(b, " ", uint64(seq))
		if p.Flags&render.ACK != 0 {
			b = appendNum(b, ":", uint64(p.Ack-ackBase))
		}
		if p.DataLen != 0 {
			b = appendNum(b, "(", uint64(p.DataLen))
			b = append(b, ')')
		}
		return b
	})
	if !p.TCP || p.FragOff != 0 {
		return b
	}
	sack := len(b)
	b = p.AppendSACK(b, ackBase)
	return b[:min(len(b), sack+sackColumns)]
}
